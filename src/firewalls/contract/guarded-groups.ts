import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { PATIENCE_MS } from '../../../test/kit/runs.ts';
import { passing, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { silentLog } from '../../base/log.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import type { WorkerSettings } from '../worker/course.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';
import { type DriverHarness, behaviourNow } from './harness.ts';

const LIMIT = { percent: 25, atLeast: 3, percentPerHour: 50 };
const settings: WorkerSettings = {
  mode: 'Enforce',
  approve: 'Rules',
  drift: 'Repair',
  guard: { removals: LIMIT, gains: LIMIT, quiet: [], after: [] },
};
const PODS = Array.from({ length: 12 }, (_, at) => `10.0.0.${at + 1}`);

/** The guard and AddressGroups that rules of others name (design invariant 4), on one kind of device. */
export function guardedGroups(name: string, make: () => Promise<DriverHarness>): void {
  describe.each(['Allow', 'Deny'] as const)(`${name}: a group whose members rules of others treat: %s`, (use) => {
    let harness: DriverHarness;
    let worker: Worker;
    /** Another process, to which nobody says what was confirmed. */
    const start = (): void => {
      const surroundings = { clock: new FakeClock(), log: silentLog, lock: soleWriter };
      worker = new Worker({ cluster: 'lab', firewall: 'edge-1', driver: harness.connect(), settings, ...surroundings });
      worker.start();
    };
    beforeEach(async () => {
      harness = await make();
      start();
      await wish(PODS, PODS);
      await until(() => expect(worker.status().conditions[0]).toMatchObject({ type: 'Ready', status: true }));
    });
    afterEach(async () => {
      await worker.stop();
      await harness.close();
    });

    const rulesetOf = (living: readonly string[], members: readonly string[] | 'held'): Ruleset => {
      const group: Group = {
        id: 'web',
        kind: 'AddressGroup',
        family: 4,
        deviceName: 'web',
        resource: 'AddressGroup/web',
        use,
        members: BucketMap.from((members === 'held' ? [] : members).map((address) => [address, true as const])),
        ...(members === 'held' ? { held: true as const } : {}),
      };
      const places = Object.fromEntries(living.map((address) => [address, 'all']));
      return world(places, [passing('all')], { groups: new Map([[group.id, group]]) });
    };
    const wish = async (
      living: readonly string[],
      members: readonly string[] | 'held',
      heirs: readonly string[] = [],
    ): Promise<void> => {
      const ownerOf = (address: string): string => `a/${heirs.includes(address) ? 'heir' : 'pod'}-${address}`;
      const owners = BucketMap.from(living.map((address) => [address, ownerOf(address)]));
      worker.desire({ kind: 'ruleset', ruleset: rulesetOf(living, members), owners });
      await worker.settled();
    };
    /** Devices tell of changes, and commits end, when they please. */
    const until = async (expectation: () => void): Promise<void> => {
      const look = async (): Promise<void> => {
        await worker.settled();
        try {
          expectation();
        } catch (thrown) {
          worker.nudge();
          throw thrown;
        }
      };
      await vi.waitFor(look, { timeout: 60_000, interval: 20 });
    };
    /** Who is in the group, as a new process reads it. */
    const inside = async (): Promise<readonly string[]> => {
      const { inGroup } = await behaviourNow(harness.connect());
      return [...(inGroup?.('web') ?? [])].toSorted();
    };
    const waits = (): string => worker.status().waiting?.reasons.join('; ') ?? '';

    const agreed = (): Promise<void> =>
      until(() => expect([waits(), worker.status().conditions[0]?.status]).toEqual(['', true]));
    const emptied = use === 'Allow' ? /lose traffic by the list "web"/ : /gain traffic by the list "web"/;

    const all = PODS.toSorted();
    const others = PODS.slice(1).toSorted();
    // To leave a Deny is to gain, and of a group that stays as it is nobody leaves: whoever has the address next is denied until then.
    test.each([
      ['', others, () => Promise.resolve()],
      [
        ', also by whoever does not know what was confirmed',
        use === 'Allow' ? others : all,
        async (): Promise<void> => {
          await worker.stop();
          start();
        },
      ],
      [
        ', also when its object was broken meanwhile',
        all,
        async (): Promise<void> => {
          await wish(PODS, 'held');
          await agreed();
        },
      ],
    ] as const)(
      'that everybody would leave at once stays, but for addresses that were given up, until somebody says yes%s',
      async (_, staying, before) => {
        await before();
        await wish(others, []);
        await until(() => expect(waits()).toMatch(emptied));
        await vi.waitFor(async () => expect(await inside()).toEqual(staying), { timeout: 60_000, interval: 20 });
        worker.approve(worker.status().waiting?.digest ?? '');
        await agreed();
        expect(await inside()).toEqual([]);
      },
      PATIENCE_MS,
    );

    test(
      'is left by an address that went to somebody else, though nobody knows what was confirmed',
      async () => {
        await worker.stop();
        start();
        await wish(PODS, []);
        await until(() => expect(waits()).toMatch(emptied));
        expect(await inside()).toEqual(all);
        await wish(PODS, [], PODS.slice(0, 1));
        await until(() => expect(waits()).toMatch(emptied));
        const staying = use === 'Allow' ? others : all;
        await vi.waitFor(async () => expect(await inside()).toEqual(staying), { timeout: 60_000, interval: 20 });
      },
      PATIENCE_MS,
    );

    test(
      'follows a few, and pods that come',
      async () => {
        const living = [...PODS, '10.0.0.99'];
        await wish(living, living.slice(2));
        await agreed();
        expect(await inside()).toEqual(living.slice(2).toSorted());
      },
      PATIENCE_MS,
    );
  });
}
