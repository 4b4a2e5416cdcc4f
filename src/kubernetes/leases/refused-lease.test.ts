import { expect, test } from 'vitest';
import { Copy, LeaseServer, TrueTime } from '../../../test/kit/lease-world.ts';
import { silentLog } from '../../base/log.ts';
import { SallyportError } from '../../base/error.ts';

test('why a Lease cannot be taken is said once, and anew when it is so again', async () => {
  const lines: string[] = [];
  const log = { ...silentLog, warn: (_: object, message: string) => void lines.push(message) };
  const time = new TrueTime();
  const server = new LeaseServer();
  let isEnding = true;
  const answer = server.answer.bind(server);
  server.answer = (request) => {
    if (isEnding && request.method === 'POST') throw new SallyportError('API_FORBIDDEN', 'the namespace is going');
    return answer(request);
  };
  const copy = new Copy('copy-0', time, server, { log });
  copy.copies.want(new Map([['edge-1', 'edge-1']]));
  const refused = (): number => lines.filter((line) => line.startsWith('the Lease of a firewall')).length;
  await time.run(60_000, () => undefined);
  expect([refused(), copy.writes('edge-1')]).toEqual([1, false]);
  isEnding = false;
  await time.run(70_000, () => undefined);
  expect([refused(), copy.writes('edge-1')]).toEqual([1, true]);
  // Taken away, and not to be had again.
  isEnding = true;
  server.objects.clear();
  await time.run(130_000, () => undefined);
  expect([refused(), copy.writes('edge-1')]).toEqual([2, false]);
});
