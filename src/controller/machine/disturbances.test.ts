import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Transport } from '../../firewalls/nftables/reach/transport.ts';
import { Disturbances } from './disturbances.ts';
import { KernelTable } from './kernel-table.ts';
import { RuleWriter } from './rule-writer.ts';

/** As if something small had been loaded, so that to listen is worth it. */
class SmallTable extends KernelTable {
  override get isSmall(): boolean {
    return true;
  }
}

test('of many who changed something the first are told, and how many there are besides', async () => {
  const clock = new FakeClock();
  const stdout = new PassThrough();
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const transport: Transport = {
    name: 'fake',
    run: () => Promise.resolve({ code: 0, stdout: '0 12 1 00000040 0 0 0 2 0 0\n', stderr: '' }),
    runWithFile: () => Promise.reject(new Error('not here')),
    start: () => ({
      pid: 1,
      stdin: new PassThrough(),
      stdout,
      stderr: new PassThrough(),
      ended,
      onEnd: () => {},
      stop: () => end(),
    }),
  };
  const kernel = new SmallTable(transport, clock);
  const writer = new RuleWriter({ kernel, baseFile: '/nowhere', log: silentLog });
  const stop = new AbortController();
  const disturbances = new Disturbances({ kernel, writer, wake: () => {}, clock, log: silentLog });
  const running = disturbances.run(stop.signal);
  await expect.poll(() => disturbances.due).toBe(0);
  expect(await disturbances.tend(stop.signal)).toEqual({ by: '' });
  for (let n = 1; n <= 500; n++)
    stdout.write(`add rule inet firewall forward accept\n# new generation ${n} by process ${n} (nft)\n`);
  let by = '';
  await expect
    .poll(async () => {
      clock.advance(100);
      by = (await disturbances.tend(stop.signal))?.by ?? by;
      return by;
    })
    .toMatch(/^process \d+ \(nft\); .* and \d+ more$/);
  expect(by.length).toBeLessThan(300);
  stop.abort();
  await running;
});
