/** What devices call the writes that stand in an audit trail, against what they themselves remember. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { allowing, world } from '../../../test/kit/worlds.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type AnyDriver, bring } from '../../firewalls/contract/harness.ts';
import { RULES } from '../../firewalls/fortigate/contract.fixture.ts';
import { closedAfterEach } from '../../firewalls/panos/firewall/opened.fixture.ts';
import { ACCOUNT } from '../../firewalls/panos/lab.fixture.ts';
import { connectToBorder, startBorder } from '../../firewalls/panos/panorama/lab.fixture.ts';
import { type AuditWrite, historyOf } from '../../insight/audit/history.ts';
import { AuditTrail } from '../../insight/audit/trail.ts';
import { audited } from './audited-driver.ts';

const { border, connect, keep } = closedAfterEach();
const ALL = { since: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY, last: 100 };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-audited-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (port: number, ...addresses: readonly string[]): Ruleset =>
  world(Object.fromEntries(addresses.map((address) => [address, 'bank'])), [allowing('bank', '203.0.113.0/24', port)]);

/** What is written to bring rules, other rules, and one more member. */
async function writesBy(driver: AnyDriver): Promise<readonly AuditWrite[]> {
  const trail = new AuditTrail({ folder, firewall: 'edge-1', clock: systemClock, log: silentLog });
  const written = audited(driver, trail, 'controller a') as AnyDriver;
  for (const ruleset of [at(443, '10.0.0.1'), at(8443, '10.0.0.1'), at(8443, '10.0.0.1', '10.0.0.2')])
    await bring(written, ruleset);
  return (await historyOf(folder, 'edge-1', ALL)).writes;
}
const named = (writes: readonly AuditWrite[]): readonly string[] => writes.flatMap(({ device = [] }) => device);

test('commits of PAN-OS are known by their jobs', async () => {
  const device = await border();
  const writes = await writesBy(connect(device));
  const jobs = JSON.stringify(device.byHand({ type: 'op', cmd: '<show><jobs><all/></jobs></show>' }, ACCOUNT.name));
  const names = named(writes);
  expect(names.length).toBeGreaterThanOrEqual(2);
  expect(names).toHaveLength(device.served.filter(({ parameters }) => parameters['type'] === 'commit').length);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(jobs).toContain(`"${name.replace(/^job /, '')}"`);
  // Registered addresses are no jobs.
  expect(writes.some(({ step, device: none }) => step === 'Members' && none === undefined)).toBe(true);
});

test('commits and pushes of a Panorama are known by their jobs', async () => {
  await using at = await startBorder();
  const names = named(await writesBy(keep(connectToBorder(at))));
  const commits = at.panorama.served.filter(({ parameters }) => parameters['type'] === 'commit');
  expect(commits.some(({ parameters }) => parameters['action'] === 'all')).toBe(true);
  expect(names).toHaveLength(commits.length);
  expect(new Set(names).size).toBe(names.length);
});

test('changes of a FortiGate are known by their transactions', async () => {
  await using simulated = await SimulatedDevice.start();
  const names = named(await writesBy(simulated.connect(RULES)));
  expect(names.length).toBeGreaterThanOrEqual(2);
  expect(new Set(names).size).toBe(names.length);
  expect(names.join()).toMatch(/^transaction \d+(,transaction \d+)*$/);
});
