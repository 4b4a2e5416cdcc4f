import { expect, test } from 'vitest';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { Approvals } from '../guard/approvals.ts';
import { Guard } from '../guard/guard.ts';
import type { GuardMemory } from '../guard/guard-memory.ts';
import { WorkerMemory } from './worker-memory.ts';

const [FIRST, SECOND] = ['a'.repeat(64), 'b'.repeat(64)];

test('a yes that comes while another one is being kept is kept too', async () => {
  const clock = new FakeClock();
  const approvals = new Approvals(clock);
  const kept: string[][] = [];
  let answer: () => void = () => undefined;
  const place = {
    load: () => Promise.resolve(undefined),
    keep: ({ yeses }: GuardMemory): Promise<void> => {
      kept.push(yeses.map(([digest]) => digest));
      return new Promise((resolve) => (answer = resolve));
    },
  };
  const memory = new WorkerMemory(place, new Guard(clock), approvals, silentLog, 'edge-1');
  approvals.give(FIRST);
  memory.changed();
  const first = memory.settle();
  await turns();
  approvals.give(SECOND);
  memory.changed();
  answer();
  await first;
  const second = memory.settle();
  await turns();
  answer();
  await second;
  expect(kept).toEqual([[FIRST], [FIRST, SECOND]]);
  await memory.settle();
  expect(kept).toHaveLength(2);
});
