import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Confirmed } from '../../firewalls/worker/course.ts';
import { Metrics } from '../metrics.ts';
import { Releases } from './releases.ts';
import { tries } from '../../../test/kit/runs.ts';

type Table = Readonly<Record<string, string>>;

const rulesetOf = (addresses: readonly string[]): Ruleset =>
  ({ members: BucketMap.from(addresses.map((address) => [address, 'class'] as const)) }) as unknown as Ruleset;
const tableOf = (owners: Table): BucketMap<string> => BucketMap.from(Object.entries(owners));
/** A firewall that was read back with all that was wanted while addresses were so. */
const heldFor = (owners: Table): Confirmed =>
  ({ ruleset: rulesetOf(Object.keys(owners)), owners: tableOf(owners) }) as unknown as Confirmed;

describe('addresses that are given up', () => {
  let clock: FakeClock;
  let metrics: Metrics;
  let releases: Releases;
  let told: number[];
  let now: Table;
  let confirmed: Confirmed | undefined;

  beforeEach(() => {
    clock = new FakeClock();
    metrics = new Metrics();
    told = [];
    now = {};
    confirmed = undefined;
    releases = new Releases(clock, metrics, (_, ms) => void told.push(ms));
  });

  function become(owners: Table): void {
    const wanted = rulesetOf(Object.keys(now));
    releases.changed(
      tableOf(now).difference(tableOf(owners)),
      new Map([['edge', { wanted, confirmed }]]),
      clock.monotonic(),
    );
    now = owners;
  }
  function read(owners: Table = now): void {
    confirmed = heldFor(owners);
    releases.looked('edge', confirmed);
  }
  const numbers = async (): Promise<readonly (number | undefined)[]> =>
    Promise.all([metrics.reuses, metrics.releasesOpen].map(async (one) => (await one.get()).values[0]?.value));

  test('count from the delivery to the reading without them', async () => {
    become({ '10.0.0.1': 'pod:a' });
    read();
    become({});
    clock.advance(3_000);
    read({ '10.0.0.1': 'pod:a' });
    expect([told, await numbers()]).toEqual([[], [undefined, 1]]);
    clock.advance(2_000);
    read({});
    expect([told, await numbers()]).toEqual([[5_000], [undefined, 0]]);
  });

  test('count until no list that rules go by was seen with them', async () => {
    become({ '10.0.0.1': 'pod:a' });
    read();
    become({});
    clock.advance(1_000);
    const keeps = new Set(['10.0.0.1']);
    confirmed = { ...heldFor({}), behind: [{ keeps, isUsed: true }] } as unknown as Confirmed;
    releases.looked('edge', confirmed);
    expect([told, await numbers()]).toEqual([[], [undefined, 1]]);
    clock.advance(300_000);
    read({});
    expect([told, await numbers()]).toEqual([[301_000], [undefined, 0]]);
  });

  test('count until they are there for the next owner, and each such owner once', async () => {
    become({ '10.0.0.1': 'pod:a' });
    read();
    become({ '10.0.0.1': 'pod:b' });
    clock.advance(1_000);
    read({ '10.0.0.1': 'pod:a' });
    become({});
    become({ '10.0.0.1': 'pod:b' });
    become({ '10.0.0.1': 'pod:c' });
    expect(await numbers()).toEqual([2, 1]);
    clock.advance(1_000);
    read({ '10.0.0.1': 'pod:c' });
    expect([told, await numbers()]).toEqual([
      [2_000, 1_000],
      [2, 0],
    ]);
  });

  test('do not count where the owner has them again', async () => {
    become({ '10.0.0.1': 'pod:a' });
    read();
    become({});
    become({ '10.0.0.1': 'pod:a' });
    expect([told, await numbers()]).toEqual([[], [undefined, 0]]);
  });

  test('of several owners each counts for itself, and one that stays makes no reuse', async () => {
    become({ '10.9.0.1': 'node n pod:a' });
    read();
    become({ '10.9.0.1': 'node n pod:b' });
    clock.advance(500);
    read();
    expect([told, await numbers()]).toEqual([[500], [undefined, 0]]);
  });

  test('of a node count once, and a node that follows another one is a reuse', async () => {
    become({ '10.9.0.1': 'node n', '10.9.0.2': 'node m' });
    read();
    become({ '10.9.0.1': 'node o' });
    expect(await numbers()).toEqual([1, 2]);
    clock.advance(500);
    read();
    expect([told, await numbers()]).toEqual([
      [500, 500],
      [1, 0],
    ]);
  });

  test('any walk: as many are open as were given up, and are held', async () => {
    const owner = fc.constantFrom('', 'pod:a', 'pod:b', 'pod:c');
    const state = fc.record({ '10.0.0.1': owner, '10.0.0.2': owner });
    const step = fc.record({ owners: state, reads: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        metrics = new Metrics();
        releases = new Releases(clock, metrics, () => undefined);
        now = {};
        confirmed = undefined;
        read();
        let held: Table = {};
        for (const { owners, reads } of steps) {
          become(Object.fromEntries(Object.entries(owners).filter(([, text]) => text !== '')));
          if (reads) {
            read();
            held = now;
          }
          // What was read back for another owner than the present one is at least open; nothing is, once all was read back.
          const stale = Object.entries(held).filter(([address, text]) => now[address] !== text);
          const [, open = 0] = await numbers();
          expect(open).toBeGreaterThanOrEqual(stale.length);
          if (reads) expect(open).toBe(0);
        }
      }),
      tries(50),
    );
  });
});
