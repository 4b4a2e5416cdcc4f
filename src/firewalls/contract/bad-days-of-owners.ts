import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { PATIENCE_MS } from '../../../test/kit/runs.ts';
import { silentLog } from '../../base/log.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import type { WorkerSettings } from '../worker/course.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';
import type { BadDaysHarness } from './bad-days-harness.ts';
import { type AnyDriver, bring, stepsOf } from './harness.ts';

/** What the days of a suite have in common. */
export interface OwnersDays {
  readonly harness: () => BadDaysHarness;
  /** What is ours once the device holds `after`, and what is not. */
  readonly goal: () => string;
  readonly foreign: () => string;
  readonly before: Ruleset;
  readonly after: Ruleset;
}

const signal = new AbortController().signal;
/** An error that somebody has to mend is tried again by then. */
const TRIED_AGAIN_MS = 600_000;
const all = { percent: 100, atLeast: 1_000, percentPerHour: 100 };
const settings: WorkerSettings = {
  mode: 'Enforce',
  approve: 'Rules',
  drift: 'Repair',
  guard: { removals: all, gains: all, quiet: [], after: [] },
};

/** Days that whoever owns the device makes: what he does is right, and may be meant. */
export function ownersDays({ harness, goal, foreign, before, after }: OwnersDays): void {
  const named = addressGroups(after);
  test.each([...named.keys()])(
    'an administrator renames our group %s, which a rule of his names',
    async (name) => {
      const { administrator } = harness();
      const [members, next] = [addressGroups(before).get(name) ?? [], named.get(name) ?? []];
      const kept = members.filter((address) => next.includes(address));
      const expectMet = (addresses: readonly string[], is: boolean, when: string): void => {
        for (const address of addresses)
          expect({ when, address, met: [...new Set(administrator.meets(address))] }).toEqual({
            when,
            address,
            met: [is],
          });
      };
      await bring(harness().connect(), before);
      await administrator.denies(name);
      const driver = harness().connect();
      await bring(driver, before);
      expectMet(members, true, 'he denies');
      await administrator.renames(name, `${name}-by-hand`);
      const theirs = harness().foreign();
      // What a device loses of a list by renaming it is not ours to keep.
      const met = kept.filter((address) => administrator.meets(address).every((is) => is));
      const { drift } = await driver.observe(signal);
      expect(drift.map(({ object, what }) => `${object}: ${what}`)).toContain(
        `${name}: the group was renamed to ${name}-by-hand`,
      );
      // To empty it would open what he closes by it.
      for (let round = 0; round < 6; round++)
        for (const step of await stepsOf(driver, after)) {
          await driver.apply(step, signal);
          expectMet(met, true, step.title);
        }
      expect(await stepsOf(harness().connect(), after)).toEqual([]);
      expectMet(next, true, 'in the end');
      expectMet(
        members.filter((address) => !next.includes(address)),
        false,
        'in the end',
      );
      expect(harness().foreign()).toBe(theirs);
      await administrator.forgets();
      await bring(harness().connect(), after);
      expect(harness().ours()).toBe(goal());
      expect(harness().foreign()).toBe(foreign());
    },
    PATIENCE_MS,
  );

  test('the certificate of the device changes under a running worker', async () => {
    const { administrator } = harness();
    const connect = (): AnyDriver => harness().connect();
    await bring(connect(), before);
    const clock = new FakeClock();
    const worker = new Worker({
      cluster: 'lab',
      firewall: 'edge-1',
      driver: connect(),
      settings,
      clock,
      log: silentLog,
      lock: soleWriter,
    });
    const wish = async (ruleset: Ruleset): Promise<readonly string[]> => {
      worker.desire({ kind: 'ruleset', ruleset });
      await worker.settled();
      return worker.status().conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
    };
    worker.start();
    try {
      expect(await wish(before)).toEqual(['Ready true Confirmed']);
      await administrator.shows('another');
      const held = harness().ours();
      const asked = administrator.asked();
      await wish(after);
      // A connection that stood was verified; that it is cut is found in the moment it is used.
      clock.advance(1_000);
      await worker.settled();
      expect(await wish(after)).toContain('Stalled true DEVICE_CERTIFICATE');
      for (let round = 0; round < 3; round++) {
        clock.advance(TRIED_AGAIN_MS);
        await worker.settled();
      }
      expect(worker.status().conditions[0]).toMatchObject({ status: false, reason: 'DEVICE_CERTIFICATE' });
      expect(administrator.asked()).toBe(asked);
      expect(harness().ours()).toBe(held);
      await administrator.shows('its own');
      // A socket that was closed may take a moment to be open again.
      for (let round = 0; round < 1_000 && worker.status().conditions[0]?.status === false; round++) {
        clock.advance(TRIED_AGAIN_MS);
        await worker.settled();
        await setTimeout(10);
      }
      expect(worker.status().conditions).toMatchObject([{ type: 'Ready', status: true }]);
    } finally {
      await worker.stop();
    }
    await bring(connect(), after);
    expect(harness().ours()).toBe(goal());
    expect(harness().foreign()).toBe(foreign());
  });
}

/** Who is in each AddressGroup. */
function addressGroups({ groups }: Ruleset): ReadonlyMap<string, readonly string[]> {
  const isNamed = (group: Group): group is Extract<Group, { kind: 'AddressGroup' }> => group.kind === 'AddressGroup';
  return new Map([...groups.values()].filter(isNamed).map((group) => [group.deviceName, [...group.members.keys()]]));
}
