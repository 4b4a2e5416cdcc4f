import { expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { elapsed } from './elapsed.ts';

test('ends with the time, with the signal, and at once where that has aborted before', async () => {
  const clock = new FakeClock();
  const told: string[] = [];
  const waiting = new AbortController();
  const wait = (name: string, signal: AbortSignal): Promise<void> =>
    elapsed(clock, 1_000, signal).then(() => void told.push(name));
  const gone = new AbortController();
  gone.abort();
  await wait('gone', gone.signal);
  const timed = wait('timed', new AbortController().signal);
  const stopped = wait('stopped', waiting.signal);
  waiting.abort();
  await stopped;
  clock.advance(1_000);
  await timed;
  expect(told).toEqual(['gone', 'stopped', 'timed']);
});
