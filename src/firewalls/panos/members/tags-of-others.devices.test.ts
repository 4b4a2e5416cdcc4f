import { describe, expect, test } from 'vitest';
import { PanOs } from '../../../../simulators/panos/index.ts';
import { PATIENCE_MS } from '../../../../test/kit/runs.ts';
import { enforce } from '../../../../test/kit/worker-on-memory.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { notHeld } from '../../../controller/readiness/held.ts';
import { type AnyDriver, bring, stepsOf, translationOf } from '../../contract/harness.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { Worker } from '../../worker/worker.ts';
import { soleWriter } from '../../writer-lock.ts';
import { committing, holds, isCommitting, until, wish } from '../change/committing.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';
import { ACCOUNT, FULL, furnish, passingOn, registeredOn } from '../lab.fixture.ts';
import { connectToBorder, startBorder } from '../panorama/lab.fixture.ts';

const { border, connect, keep } = closedAfterEach();
const signal = new AbortController().signal;
const CROWDED = '10.0.0.3';

/** What somebody else registers, or takes away again: so many tags of one address. */
function byOthers(device: PanOs, verb: 'register' | 'unregister', address: string, count: number, letter = 'l'): void {
  const tags = Array.from({ length: count }, (_, at) => `<member>${letter}${at}</member>`).join('');
  device.byHand({
    type: 'user-id',
    cmd: `<uid-message><version>2.0</version><type>update</type><payload><${verb}><entry ip="${address}"><tag>${tags}</tag></entry></${verb}></payload></uid-message>`,
  });
}

function groupOf(name: string, members: readonly string[]): readonly [string, Group] {
  const resource = `AddressGroup/${name}`;
  const own = BucketMap.from(members.map((one) => [one, true as const]));
  return [name, { id: name, kind: 'AddressGroup', family: 4, deviceName: name, resource, use: 'Allow', members: own }];
}

const ours = (device: PanOs): readonly string[] => registeredOn(device, true).map((line) => line.split(' ')[0] ?? '');
const tagsOf = (device: PanOs, address: string): readonly string[] =>
  registeredOn(device, true).flatMap((line) => (line.startsWith(`${address} `) ? [line] : []));

function passes(device: PanOs, source: string, destinationPort: number): boolean | undefined {
  const packet = { family: 4, source, destination: '203.0.113.9', protocol: 6, sourcePort: 40_000 } as const;
  return passingOn(device)({ ...packet, destinationPort });
}

async function behindOf(driver: AnyDriver, ruleset: Ruleset): Promise<readonly string[]> {
  const wanted = await translationOf(driver, ruleset);
  return (driver.behind?.(await driver.observe(signal), wanted) ?? []).map(({ text }) => text);
}

describe('a firewall by itself', () => {
  test(
    'an address with all of its tags from others is left out alone, told by name, and joins when there is a place',
    async () => {
      const device = await border();
      byOthers(device, 'register', CROWDED, 32);
      const worker = new Worker({
        cluster: 'lab',
        firewall: 'edge-1',
        driver: connect(device) as unknown as AnyDriver,
        settings: enforce,
        clock: systemClock,
        log: silentLog,
        lock: soleWriter,
      });
      keep({ close: () => worker.stop() });
      worker.start();
      const wanted = wish(world(crowd(6, 'bank'), undefined, { groups: new Map([groupOf('payments', [CROWDED])]) }));
      if (wanted.kind !== 'ruleset') throw new Error('no ruleset');
      worker.desire(wanted);
      await until(() => worker.confirmed() !== undefined);
      expect(ours(device)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
      expect(passes(device, '10.0.0.4', 443)).toBe(true);
      expect([443, 80].map((port) => passes(device, CROWDED, port))).toEqual([false, false]);
      const reason = (address: string): string | undefined =>
        notHeld(address, wanted.ruleset, wanted.owners ?? expect.fail(), worker.confirmed() ?? expect.fail());
      expect(reason('10.0.0.4')).toBeUndefined();
      expect(reason(CROWDED)).toMatch(/^10\.0\.0\.3 is not there yet: .*others have registered 32 tags/);
      const { conditions } = worker.status();
      const full = conditions.find(({ type }) => type === 'CapacityLow');
      expect(full?.reason).toBe('Full');
      expect(full?.message).toMatch(/10\.0\.0\.3: left out of sp-.*32 at most; whoever registers them/);
      expect(full?.message).toContain('left out of the AddressGroup payments');
      expect(conditions.find(({ type }) => type === 'Stalled')).toBeUndefined();
      byOthers(device, 'unregister', CROWDED, 32);
      await until(() => {
        worker.configure(enforce);
        return worker.status().conditions[0]?.status === true;
      });
      expect(tagsOf(device, CROWDED)).toHaveLength(2);
      expect(reason(CROWDED)).toBeUndefined();
    },
    PATIENCE_MS,
  );

  test(
    'who has one place is in his class before he is in an AddressGroup, and stays there when he moves',
    async () => {
      const device = await border();
      byOthers(device, 'register', CROWDED, 31);
      const driver = connect(device) as unknown as AnyDriver;
      const groups = new Map([groupOf('a-list', [CROWDED, '10.0.0.1'])]);
      const wanted = world(crowd(4, 'bank'), undefined, { groups });
      await bring(driver, wanted);
      expect(tagsOf(device, CROWDED)).toEqual([expect.stringContaining('bank')]);
      expect(tagsOf(device, '10.0.0.1')).toHaveLength(2);
      expect(await behindOf(driver, wanted)).toEqual([
        '10.0.0.3: left out of the AddressGroup a-list, as others have registered 31 tags for 10.0.0.3, and an address has 32 at most; whoever registers them has to take some off',
      ]);
      const moved = world({ ...crowd(4, 'bank'), [CROWDED]: 'shop' }, undefined, { groups });
      await bring(driver, moved);
      expect(tagsOf(device, CROWDED)).toEqual([expect.stringContaining('shop')]);
      expect(await stepsOf(connect(device) as unknown as AnyDriver, moved)).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    'who would need two places on the way leaves first, which is told as closed, and keeps nobody waiting',
    async () => {
      const device = await border();
      const driver = connect(device) as unknown as AnyDriver;
      const bank = allowing('bank', '203.0.113.0/24', 443);
      const shop = allowing('shop', '203.0.113.0/24', 8443);
      const before = world({ ...crowd(4, 'bank'), '10.0.0.9': 'shop' }, [bank, shop]);
      await bring(driver, before);
      byOthers(device, 'register', CROWDED, 31);
      // The class that he comes to is new: its group is filled before the rules, and he leaves the other one after them.
      const late = allowing('late', '203.0.113.0/24', 9443);
      const after = world({ ...crowd(5, 'bank'), [CROWDED]: 'late', '10.0.0.9': 'shop' }, [bank, shop, late]);
      // What others do to an address that is there is found within a minute; who begins reads all.
      const next = connect(device) as unknown as AnyDriver;
      const steps = await stepsOf(next, after);
      expect(steps.flatMap(({ exposes }) => exposes ?? [])).toMatchObject([
        { direction: 'closed', flows: expect.stringContaining(CROWDED) as unknown },
      ]);
      await bring(next, after);
      expect(tagsOf(device, CROWDED)).toEqual([expect.stringContaining('late')]);
      expect([443, 8443, 9443].map((port) => passes(device, CROWDED, port))).toEqual([false, false, true]);
      expect(passes(device, '10.0.0.5', 443)).toBe(true);
      expect(await behindOf(next, after)).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    'tags that others registered since all were read make one message fail, and nobody wait',
    async () => {
      const device = await border();
      const driver = connect(device) as unknown as AnyDriver;
      const list = (members: readonly string[]): Partial<Ruleset> => ({
        groups: new Map([groupOf('a-list', members)]),
      });
      await bring(driver, world(crowd(4, 'bank'), undefined, list([])));
      byOthers(device, 'register', CROWDED, 31);
      const wanted = world(crowd(6, 'bank'), undefined, list([CROWDED, '10.0.0.1']));
      const translation = await translationOf(driver, wanted);
      const [first] = driver.steps(await driver.observe(signal), translation);
      await expect(driver.apply(first ?? expect.fail(), signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
      await bring(driver, wanted);
      expect(tagsOf(device, CROWDED)).toEqual([expect.stringContaining('bank')]);
      expect(ours(device)).toHaveLength(7);
    },
    PATIENCE_MS,
  );

  test(
    'who is crowded keeps nobody from joining beside a commit',
    async () => {
      const device = await border();
      const bank = allowing('bank', '203.0.113.0/24', 443);
      const edited = allowing('shop', '198.51.100.0/24', 8080);
      const pods = { ...crowd(2, 'bank'), ...crowd(2, 'shop', 1) };
      byOthers(device, 'register', CROWDED, 32);
      const asked = world(pods, [bank, edited]);
      const worker = await committing(
        device,
        [world(pods, [bank, allowing('shop', '198.51.100.0/24', 80)]), asked],
        keep,
      );
      worker.desire(wish(world({ ...pods, [CROWDED]: 'bank', '10.0.0.77': 'bank' }, [bank, edited])));
      await until(() => holds(device, '10.0.0.77'));
      expect(isCommitting(device)).toBe(true);
      expect(tagsOf(device, CROWDED)).toEqual([]);
    },
    PATIENCE_MS,
  );
});

test('of a pair, he whom the one that stands by has no place for is told, and all others are there', async () => {
  const pair = await PanOs.startPair({ accounts: [ACCOUNT], zones: ['k8s', 'internet'], commitMs: 0 });
  for (const one of pair) keep(one);
  await furnish(pair[0]);
  const [active, standby] = pair;
  byOthers(standby, 'register', CROWDED, 32);
  const peer = { address: standby.url, pin: standby.fingerprint ?? '' };
  const driver = connect(active, { ...FULL, peer }) as unknown as AnyDriver;
  const wanted = world(crowd(5, 'bank'));
  await bring(driver, wanted);
  expect(ours(active)).toHaveLength(5);
  expect(ours(standby)).toHaveLength(4);
  const told = await behindOf(driver, wanted);
  expect(told).toEqual([expect.stringMatching(/^the one that stands by: 10\.0\.0\.3: left out/)]);
});

describe('firewalls behind a Panorama', () => {
  test(
    'an address that is crowded on all of them is left out alone',
    async () => {
      const at = keep(await startBorder());
      const driver = keep(connectToBorder(at, FULL, { write: writeAtOnce })) as unknown as AnyDriver;
      for (const firewall of at.firewalls) byOthers(firewall, 'register', CROWDED, 32);
      const wanted = world(crowd(6, 'bank'));
      await bring(driver, wanted);
      for (const firewall of at.firewalls) expect(ours(firewall)).toHaveLength(5);
      expect(await behindOf(driver, wanted)).toEqual([expect.stringContaining('left out of sp-')]);
      for (const firewall of at.firewalls) byOthers(firewall, 'unregister', CROWDED, 32);
      await bring(driver, wanted);
      for (const firewall of at.firewalls) expect(ours(firewall)).toHaveLength(6);
    },
    PATIENCE_MS,
  );

  test.each([0, 1])(
    'one that is crowded on firewall %i joins at the other one',
    async (crowded) => {
      const at = keep(await startBorder());
      const driver = keep(connectToBorder(at, FULL, { write: writeAtOnce })) as unknown as AnyDriver;
      await bring(driver, world(crowd(2, 'bank')));
      // Both have as much room for addresses.
      for (const [n, firewall] of at.firewalls.entries())
        byOthers(firewall, 'register', CROWDED, n === crowded ? 32 : 1);
      await expect(bring(driver, world(crowd(4, 'bank')))).rejects.toMatchObject({ code: 'CAPACITY' });
      expect(at.firewalls.map((one) => ours(one).length)).toEqual([crowded === 0 ? 3 : 4, crowded === 1 ? 3 : 4]);
    },
    PATIENCE_MS,
  );
});
