import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PanOs } from '../../../../simulators/panos/index.ts';
import { enforce } from '../../../../test/kit/worker-on-memory.ts';
import { crowd, world } from '../../../../test/kit/worlds.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { AnyDriver } from '../../contract/harness.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { Worker } from '../../worker/worker.ts';
import { soleWriter } from '../../writer-lock.ts';
import { until, wish } from '../change/committing.fixture.ts';
import { ACCOUNT, FULL, byHand, commitByHand, furnish, loseRegistered, registeredOn } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';
import { commitOn, connectToBorder, editGroup, pushFrom, startBorder } from '../panorama/lab.fixture.ts';

// What others changed is shown and not repaired, where their owner says nothing else. What a device lost by itself nobody changed.

const { keep, connect, border } = closedAfterEach();
const before = world(crowd(3, 'bank'));
const after = world(crowd(4, 'bank'));

/** What happens to one of them. */
interface Subject {
  readonly driver: AnyDriver;
  /** Whoever has traffic. */
  readonly carries: () => readonly PanOs[];
  readonly lose: () => void;
  /** Somebody deletes the first of our rules. */
  readonly deleteRule: () => Promise<void>;
  readonly hasRule: () => boolean;
}

const FIRST = /name="(sp-[^"]+)"/;
const ruleIn = (dump: string): string => FIRST.exec(/<security>.*<\/security>/s.exec(dump)?.[0] ?? '')?.[1] ?? '';

async function deleteRule(device: PanOs): Promise<void> {
  device.accounts.put({ name: 'alice', password: 'x', role: 'superuser' });
  byHand(device, 'delete', `/rulebase/security/rules/entry[@name='${ruleIn(device.dump())}']`);
  await commitByHand(device);
}

async function firewall(): Promise<Subject> {
  const device = await border();
  return {
    driver: connect(device) as unknown as AnyDriver,
    carries: () => [device],
    lose: () => loseRegistered(device),
    deleteRule: () => deleteRule(device),
    hasRule: () => ruleIn(device.dump()) !== '',
  };
}

async function pair(): Promise<Subject> {
  const both = await PanOs.startPair({ accounts: [ACCOUNT], zones: ['k8s', 'internet'], commitMs: 0 });
  for (const one of both) keep(one);
  const [one, two] = both;
  await furnish(one);
  const peer = { address: two.url, pin: two.fingerprint ?? '' };
  return {
    driver: connect(one, { ...FULL, peer }) as unknown as AnyDriver,
    carries: () => both.filter(({ ha }) => ha.carries),
    lose: () => {
      two.clearRegistered();
      one.failOver();
    },
    deleteRule: () => deleteRule(two),
    hasRule: () => ruleIn(two.dump()) !== '',
  };
}

async function panorama(): Promise<Subject> {
  const at = keep(await startBorder());
  return {
    driver: keep(connectToBorder(at, FULL, { write: writeAtOnce })) as unknown as AnyDriver,
    carries: () => at.firewalls,
    lose: () => at.firewalls.forEach(loseRegistered),
    deleteRule: async () => {
      const rule = ruleIn(at.panorama.dump());
      editGroup(at.panorama, 'delete', `/pre-rulebase/security/rules/entry[@name='${rule}']`);
      await commitOn(at.panorama);
      await pushFrom(at.panorama);
    },
    hasRule: () => ruleIn(at.panorama.dump()) !== '',
  };
}

test.each([
  ['a firewall that lost its registered addresses', firewall],
  ['one that took over without those of the other', pair],
  ['firewalls behind a Panorama that lost them', panorama],
] as const)('%s: they come back without a yes, and what somebody deletes afterwards is shown', async (_, start) => {
  const { driver, carries, lose, deleteRule: remove, hasRule } = await start();
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver,
    settings: { ...enforce, drift: 'Show' },
    clock: systemClock,
    log: silentLog,
    lock: soleWriter,
  });
  keep({ close: () => worker.stop() });
  const members = (): readonly number[] => carries().map((one) => registeredOn(one, true).length);
  const isDrifted = (): boolean => worker.status().conditions.find(({ type }) => type === 'Drifted')?.status === true;
  worker.start();
  worker.desire(wish(before));
  while (worker.confirmed()?.ruleset !== before) {
    const digest = worker.status().waiting?.digest;
    if (digest !== undefined) worker.approve(digest);
    await setTimeout(5);
  }
  await worker.settled();
  lose();
  expect(members()).not.toContain(3);
  worker.nudge();
  await until(() => members().every((count) => count === 3));
  worker.desire(wish(after));
  await until(() => worker.confirmed()?.ruleset === after);
  expect(isDrifted()).toBe(false);
  await worker.settled();
  expect(hasRule()).toBe(true);
  await remove();
  worker.nudge();
  await until(isDrifted);
  await worker.settled();
  expect(isDrifted()).toBe(true);
});
