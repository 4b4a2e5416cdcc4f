import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { tries } from '../../../test/kit/runs.ts';
import { GuardHour } from './guard-hour.ts';
import { HOUR_MS, readMemory, writeMemory } from './guard-memory.ts';

const OF = { cluster: 'lab', firewall: 'edge-1' };
const moment = fc.integer({ min: 0, max: 4_102_444_800_000 });
const counts = fc.array(fc.tuple(moment, fc.integer({ min: 1, max: 100_000 })), { maxLength: 61 });
const memories = fc.record({
  hour: fc.array(fc.record({ list: fc.string(), gained: counts, lost: counts }), { maxLength: 5 }),
  yeses: fc.array(fc.tuple(fc.stringMatching(/^[0-9a-f]{64}$/), moment), { maxLength: 5 }),
  unsureUntil: moment,
});

test('what is written is read; of another owner, cut or lengthened it is nothing', () => {
  fc.assert(
    fc.property(memories, fc.nat(), (memory, at) => {
      const text = writeMemory(memory, OF);
      expect(readMemory(text, OF)).toEqual(memory);
      expect(readMemory(text, { ...OF, cluster: 'prod' })).toBeUndefined();
      expect(readMemory(text, { ...OF, firewall: 'edge-2' })).toBeUndefined();
      expect(readMemory(text.slice(0, at % text.length), OF)).toBeUndefined();
      expect(readMemory(`${text}${text}`, OF)).toBeUndefined();
    }),
    tries(100),
  );
});

test.each([
  '',
  '{}\n',
  'null\n',
  '{"version":2,"cluster":"lab","firewall":"edge-1","hour":[],"yeses":[],"unsureUntil":0}\n',
  '{"version":1,"cluster":"lab","firewall":"edge-1","hour":[],"yeses":[],"unsureUntil":0,"more":1}\n',
  '{"version":1,"cluster":"lab","firewall":"edge-1","hour":[],"yeses":[["yes",1]],"unsureUntil":0}\n',
  '{"version":1,"cluster":"lab","firewall":"edge-1","hour":[{"list":"","gained":[[1,-5]],"lost":[]}],"yeses":[],"unsureUntil":0}\n',
  `{"version":1,"cluster":"lab","firewall":"edge-1","hour":[],"yeses":[],"unsureUntil":0${' '.repeat(300_000)}}\n`,
])('%.90s is no memory', (text) => {
  expect(readMemory(text, OF)).toBeUndefined();
});

test('more lists than there is room for make whoever reads it unsure for an hour', () => {
  const hour = Array.from({ length: 600 }, (_, at) => ({
    list: `list-${at}`,
    gained: [[1_000_000 + at, 1] as [number, number]],
    lost: [],
  }));
  const read = readMemory(writeMemory({ hour, yeses: [], unsureUntil: 0 }, OF), OF);
  expect([read?.hour.length, read?.unsureUntil]).toEqual([500, 1_000_599 + HOUR_MS]);
});

test('an hour that is handed over never counts fewer, and never longer than a minute more', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 20 * 60_000 }), fc.nat(20)), { maxLength: 30 }),
      fc.nat(30),
      (changes, handOver) => {
        const clock = new FakeClock();
        const whole = new GuardHour(clock);
        let parts = new GuardHour(clock);
        const later: { readonly at: number; readonly owner: string }[] = [];
        for (const [index, [pause, owner]] of changes.entries()) {
          clock.advance(pause);
          const owners = new Set([`pod-${owner}`]);
          whole.add(owners);
          parts.add(owners);
          later.push({ at: clock.monotonic(), owner: `pod-${owner}` });
          if (index === handOver) {
            const next = new GuardHour(clock);
            next.takeOver(parts.counts());
            parts = next;
          }
          expect(parts.with(new Set())).toBeGreaterThanOrEqual(whole.with(new Set()));
          const most = later.filter(({ at }) => at > clock.monotonic() - HOUR_MS - 60_000).length;
          expect(parts.with(new Set())).toBeLessThanOrEqual(most);
        }
      },
    ),
    tries(200),
  );
});
