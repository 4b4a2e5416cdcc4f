import { expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { PATIENCE_MS } from '../../../../test/kit/runs.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { type AnyDriver, bring, stepsOf } from '../../contract/harness.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { FULL, registeredOn } from '../lab.fixture.ts';
import { type Border, connectToBorder, pushFrom, startBorder } from './lab.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';

const { keep } = closedAfterEach();
const signal = new AbortController().signal;

function connect(at: Border): AnyDriver {
  return keep(connectToBorder(at, FULL, { write: writeAtOnce })) as unknown as AnyDriver;
}

/** What somebody else registers, or takes away again. */
function byOthers(device: PanOs, verb: 'register' | 'unregister', rows: readonly string[]): void {
  device.byHand({
    type: 'user-id',
    cmd: `<uid-message><version>2.0</version><type>update</type><payload><${verb}>${rows.join('')}</${verb}></payload></uid-message>`,
  });
}

function row(address: string, tags: readonly string[]): string {
  return `<entry ip="${address}"><tag>${tags.map((tag) => `<member>${tag}</member>`).join('')}</tag></entry>`;
}

const guests = Array.from({ length: 14 }, (_, at) => row(`192.0.2.${at + 100}`, ['guest']));
const labels = Array.from({ length: 32 }, (_, at) => `label-${at}`);
const members = ({ firewalls }: Border): readonly number[] => firewalls.map((one) => registeredOn(one, true).length);
const flow = (source: string, destinationPort = 443) =>
  ({
    source,
    destination: '203.0.113.5',
    protocol: 'tcp',
    sourcePort: 1024,
    destinationPort,
    from: 'k8s',
    to: 'internet',
  }) as const;

test.each([0, 1, 2])(
  'firewall %i of three that others have filled keeps nobody from the other two, gets what fits, and the rest when there is room',
  async (full) => {
    const at = keep(await startBorder({}, { capacity: { 'max-registered-ip-address': 20 } }));
    await at.add('007951000000003');
    await pushFrom(at.panorama);
    const expectMembers = (here: number, there: number): void =>
      expect(members(at)).toEqual(at.firewalls.map((_, one) => (one === full ? here : there)));
    const crowded = at.firewalls[full] as PanOs;
    const driver = connect(at);
    const refused = { code: 'CAPACITY', message: expect.stringContaining(`edge-${full + 1} (`) as unknown };
    await bring(driver, world(crowd(3, 'bank')));
    byOthers(crowded, 'register', guests);
    await expect(bring(driver, world(crowd(7, 'bank')))).rejects.toMatchObject(refused);
    expectMembers(3, 7);
    // A class that is split moves those who are there.
    const split = world({ ...crowd(8, 'bank'), '10.0.0.2': 'shop' }, [
      allowing('bank', '203.0.113.0/24', 443),
      allowing('shop', '203.0.113.0/24', 8443),
    ]);
    await expect(bring(driver, split)).rejects.toMatchObject(refused);
    expectMembers(3, 8);
    for (const firewall of at.firewalls)
      expect([443, 8443].map((port) => firewall.passes(flow('10.0.0.2', port)).verdict === 'pass')).toEqual([
        false,
        true,
      ]);
    // Who is given up leaves everywhere.
    const { '10.0.0.1': _gone, ...rest } = crowd(8, 'bank');
    const [first] = await stepsOf(driver, world(rest, [allowing('bank', '203.0.113.0/24', 9443)]));
    expect(first?.urgent).toBe(true);
    await driver.apply(first as never, signal);
    expect(members(at)[full]).toBe(2);
    await expect(bring(driver, world(rest))).rejects.toMatchObject(refused);
    expectMembers(2, 7);
    byOthers(crowded, 'unregister', guests);
    await bring(driver, world(rest));
    expectMembers(7, 7);
    expect(await stepsOf(connect(at), world(rest))).toEqual([]);
  },
  PATIENCE_MS,
);

test(
  'an address that others have given all of its tags on one of two firewalls keeps nobody else waiting',
  async () => {
    const at = keep(await startBorder());
    const driver = connect(at);
    await bring(driver, world(crowd(2, 'bank')));
    const wanted: Ruleset = world(crowd(4, 'bank'));
    const [second] = at.firewalls.slice(1);
    byOthers(second as PanOs, 'register', [row('10.0.0.3', labels)]);
    await expect(bring(driver, wanted)).rejects.toMatchObject({
      code: 'CAPACITY',
      message: expect.stringMatching(/^edge-2 \(.*10\.0\.0\.3 would have 33 tags/) as unknown,
    });
    expect(members(at)).toEqual([4, 3]);
    byOthers(second as PanOs, 'unregister', [row('10.0.0.3', labels)]);
    await bring(driver, wanted);
    expect(members(at)).toEqual([4, 4]);
  },
  PATIENCE_MS,
);
