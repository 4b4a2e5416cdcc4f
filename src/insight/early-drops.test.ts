import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { type EarlyDrops, EarlyDropTally } from './early-drops.ts';

const AT = '10.1.0.1';

describe('packets of unknown senders', () => {
  let clock: FakeClock;
  let owners: Map<string, string>;
  let told: EarlyDrops[];
  let counts: { early: number; nobody: number };
  let tally: EarlyDropTally;

  beforeEach(() => {
    clock = new FakeClock();
    owners = new Map();
    told = [];
    counts = { early: 0, nobody: 0 };
    tally = new EarlyDropTally({
      clock,
      ownerOf: (_, address) => owners.get(address),
      tell: (drops) => void told.push(drops),
      count: (_, sender, packets) => void (counts[sender] += packets),
    });
  });

  function become(address: string, owner: string): void {
    const old = owners.get(address) ?? '';
    if (owner === '') owners.delete(address);
    else owners.set(address, owner);
    tally.moved(address, old, owner);
  }
  const words = (): readonly string[] =>
    told
      .splice(0)
      .map(({ owner, packets, from, to, before = '' }) => `${owner} ${packets} in ${to - from} ms ${before}`.trim());

  test('get the name of who gets the address within a minute, once they cease', () => {
    tally.dropped('edge', AT);
    clock.advance(1_000);
    tally.dropped('edge', AT);
    clock.advance(50_000);
    expect([words(), counts]).toEqual([[], { early: 0, nobody: 0 }]);
    become(AT, 'pod:shop/till-1');
    clock.advance(1_000);
    expect([words(), counts]).toEqual([['pod:shop/till-1 2 in 1000 ms'], { early: 2, nobody: 0 }]);
    clock.advance(600_000);
    expect([words(), tally.size]).toEqual([[], 0]);
  });

  test('came for as long as they did, though the wall clock is set back meanwhile', () => {
    become(AT, 'pod:shop/till-1');
    tally.dropped('edge', AT);
    clock.advance(1_000);
    clock.setWall(-3_600_000);
    tally.dropped('edge', AT);
    clock.advance(3_000);
    expect(words()).toEqual(['pod:shop/till-1 2 in 1000 ms']);
  });

  test('are those of who has the address already, and that a slow firewall does not know', () => {
    become(AT, 'pod:shop/till-1');
    for (const _ of [1, 2, 3]) tally.dropped('edge', AT);
    expect(counts).toEqual({ early: 3, nobody: 0 });
    clock.advance(3_000);
    expect(words()).toEqual(['pod:shop/till-1 3 in 0 ms']);
  });

  test('are nobody’s after a minute of silence', () => {
    tally.dropped('edge', AT);
    clock.advance(61_000);
    become(AT, 'pod:shop/till-1');
    clock.advance(60_000);
    expect([words(), counts]).toEqual([[], { early: 0, nobody: 1 }]);
  });

  test('that go on are told ever more seldom, with all that came so far', () => {
    become(AT, 'pod:shop/till-1');
    for (let second = 0; second < 120; second++) {
      tally.dropped('edge', AT);
      clock.advance(1_000);
    }
    expect(words()).toEqual([15, 30, 60, 120].map((n) => `pod:shop/till-1 ${n} in ${n - 1}000 ms`));
  });

  test('of who has left are told with his name, and the next one’s may be his for a while', () => {
    become(AT, 'pod:shop/old');
    tally.dropped('edge', AT);
    become(AT, '');
    expect(words()).toEqual(['pod:shop/old 1 in 0 ms']);
    clock.advance(30_000);
    tally.dropped('edge', AT);
    become(AT, 'pod:shop/new');
    clock.advance(5_000);
    expect(words()).toEqual(['pod:shop/new 1 in 0 ms pod:shop/old']);
    clock.advance(3_600_000);
    tally.dropped('edge', AT);
    clock.advance(5_000);
    expect(words()).toEqual(['pod:shop/new 1 in 0 ms']);
  });

  test('of each firewall count for themselves; what is left of one is told when it goes', () => {
    become(AT, 'pod:shop/till-1');
    tally.dropped('edge-1', AT);
    tally.dropped('edge-2', AT);
    tally.forget('edge-1');
    expect(told.splice(0).map(({ firewall }) => firewall)).toEqual(['edge-1']);
    clock.advance(3_000);
    expect(told.map(({ firewall }) => firewall)).toEqual(['edge-2']);
  });

  test('of 200,000 invented addresses take no room, and hide nobody who sends meanwhile', () => {
    for (let n = 0; n < 200_000; n++) {
      tally.dropped('edge', `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
      if (n % 2_000 === 0) tally.dropped('edge', 'fd00::1');
    }
    expect(tally.size).toBe(16_384);
    become('fd00::1', 'pod:shop/till-1');
    clock.advance(3_000);
    expect(words()).toEqual(['pod:shop/till-1 100 in 0 ms']);
    clock.advance(61_000);
    expect([counts, tally.size]).toEqual([{ early: 100, nobody: 200_000 }, 0]);
  });

  test('any walk: each is counted once, as somebody’s or nobody’s, and all of somebody’s are told', () => {
    const step = fc.oneof(
      fc.record({ does: fc.constant('drop' as const), at: fc.nat(3), of: fc.nat(1) }),
      fc.record({ does: fc.constant('move' as const), at: fc.nat(3), to: fc.constantFrom('', 'pod:s/a', 'pod:s/b') }),
      fc.record({ does: fc.constant('wait' as const), ms: fc.constantFrom(500, 5_000, 30_000, 90_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        owners = new Map();
        [told, counts] = [[], { early: 0, nobody: 0 }];
        let sent = 0;
        for (const one of steps) {
          // What is told again of the same packets begins at the same moment, and nothing else does.
          clock.advance(1);
          if (one.does === 'wait') clock.advance(one.ms);
          else if (one.does === 'move') become(String(one.at), one.to);
          else {
            sent += 1;
            tally.dropped(`edge-${one.of}`, String(one.at));
          }
        }
        clock.advance(3_600_000);
        expect(counts.early + counts.nobody).toBe(sent);
        const last = new Map(
          told.map((one) => [[one.firewall, one.address, one.owner, one.from].join(' '), one.packets]),
        );
        expect([...last.values()].reduce((sum, packets) => sum + packets, 0)).toBe(counts.early);
      }),
      tries(300, 60),
    );
  });
});
