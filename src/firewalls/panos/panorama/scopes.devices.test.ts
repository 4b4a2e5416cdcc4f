import { describe, expect, test } from 'vitest';
import { PanOs } from '../../../../simulators/panos/index.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group } from '../../../border/ruleset.ts';
import { bring, clear, stepsOf } from '../../contract/harness.ts';
import { ACCOUNT, registeredOn } from '../lab.fixture.ts';
import {
  type Border,
  GROUP,
  commitOn,
  connectToBorder,
  editGroup,
  idle,
  pushFrom,
  startBorder,
  writesOnBorder,
} from './lab.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';
import type { PanoramaDriver } from './driver.ts';

const FULL = { form: 'Full', position: 'First', securityProfile: 'none', log: 'None' };
const { keep } = closedAfterEach();

function connect(at: Border, options: object): PanoramaDriver {
  return keep(connectToBorder(at, { ...FULL, ...options }));
}

const wish = world(crowd(3, 'bank'));
const NESTED = { deviceGroups: [{ name: 'all' }, { name: 'edge', parent: 'all' }, { name: 'lab' }] };
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

describe('where rules stand', () => {
  test('below those of the firewalls', async () => {
    const at = keep(await startBorder());
    await bring(connect(at, { rulebase: 'Post' }), wish);
    const rules = /<post-rulebase>.*<\/post-rulebase>/s.exec(at.panorama.dump())?.[0] ?? '';
    expect(rules).toContain('sallyport:lab:');
    expect(await stepsOf(connect(at, { rulebase: 'Post' }), wish)).toEqual([]);
    // `rest` of the owner stands above them.
    expect(at.firewalls[0]?.passes(flow('10.0.0.200')).verdict).toBe('pass');
    await clear(connect(at, { rulebase: 'Post' }));
    expect(at.panorama.dump()).not.toContain('sallyport:lab:');
  });

  test('in shared: every firewall of every group has them', async () => {
    const at = keep(await startBorder());
    const other = keep(await PanOs.start({ accounts: [ACCOUNT], commitMs: 0, serial: '007951000000009' }));
    at.panorama.manage(other, { group: 'lab', zones: ['k8s', 'internet'] });
    editGroup(at.panorama, 'set', '', { element: '<description>one more</description>' });
    await commitOn(at.panorama);
    at.panorama.byHand(
      {
        type: 'commit',
        action: 'all',
        cmd: '<commit-all><shared-policy><device-group><entry name="lab"/></device-group><include-template>yes</include-template></shared-policy></commit-all>',
      },
      'alice',
    );
    await idle(at.panorama);
    await bring(connect(at, { deviceGroup: 'shared' }), wish);
    for (const firewall of [...at.firewalls, other]) {
      expect(firewall.passes(flow('10.0.0.2')).verdict).toBe('pass');
      expect(firewall.passes(flow('10.0.0.2', 444)).verdict).not.toBe('pass');
      expect(firewall.passes(flow('10.0.0.200')).verdict).not.toBe('pass');
    }
    expect(await stepsOf(connect(at, { deviceGroup: 'shared' }), wish)).toEqual([]);
  });

  test('in a group with others below: their firewalls have them', async () => {
    const at = keep(
      await startBorder({ deviceGroups: [{ name: 'all' }, { name: 'edge', parent: 'all' }, { name: 'lab' }] }),
    );
    await bring(connect(at, { deviceGroup: 'all' }), wish);
    for (const firewall of at.firewalls) {
      expect(firewall.passes(flow('10.0.0.2')).verdict).toBe('pass');
      expect(firewall.passes(flow('10.0.0.200')).verdict).not.toBe('pass');
    }
  });

  test.each([
    ['a group below', 'all', 'edge'],
    ['a group above', 'edge', 'all'],
    ['what all share', 'edge', 'shared'],
    ['all that share it', 'shared', 'edge'],
  ])(
    'where %s is kept for the same cluster already nothing is written, and nothing of it goes',
    async (_, deviceGroup, other) => {
      const at = keep(await startBorder(NESTED));
      const first = connect(at, { deviceGroup: other });
      await bring(first, wish);
      const told = (): readonly unknown[] => [at.panorama.dump(), ...at.firewalls.map((one) => one.dumpRegistered())];
      const [held, writes] = [told(), writesOnBorder(at)];
      const second = connect(at, { deviceGroup });
      await expect(bring(second, world(crowd(1, 'bank')))).rejects.toMatchObject({
        code: 'DEVICE_OWNED',
        message: expect.stringContaining(`"${other}"`) as unknown,
      });
      expect([told(), writesOnBorder(at)]).toEqual([held, writes]);
      expect(await stepsOf(first, wish)).toEqual([]);
      // Once it left, the other one may.
      await clear(first);
      await bring(second, world(crowd(1, 'bank')));
      expect(await stepsOf(second, world(crowd(1, 'bank')))).toEqual([]);
    },
  );

  test.each([
    ['all', 'edge'],
    ['edge', 'all'],
    ['edge', 'edge'],
  ])(
    'another cluster comes to a group (ours %s, theirs %s) beside ours and right after it left',
    async (mine, theirs) => {
      const at = keep(await startBorder(NESTED));
      const cluster = 'other';
      const other = (): PanoramaDriver => keep(connectToBorder(at, { ...FULL, deviceGroup: theirs }, { cluster }));
      const own = world(crowd(3, 'bank'), undefined, { cluster });
      const ours = connect(at, { deviceGroup: mine });
      await bring(ours, wish);
      await bring(other(), own);
      expect(await stepsOf(ours, wish)).toEqual([]);
      for (const firewall of at.firewalls) expect(registeredOn(firewall, true, cluster)).toHaveLength(3);
      await clear(ours);
      await bring(other(), world(crowd(4, 'shop'), undefined, { cluster }));
      for (const firewall of at.firewalls) {
        expect(registeredOn(firewall, true)).toEqual([]);
        expect(registeredOn(firewall, true, cluster)).toHaveLength(4);
        expect(firewall.passes({ ...flow('10.0.0.4', 80), destination: '198.51.100.9' }).verdict).toBe('pass');
        expect(firewall.passes(flow('10.0.0.4')).verdict).not.toBe('pass');
      }
      // And after it left altogether.
      await bring(ours, wish);
      await clear(ours);
      expect(await stepsOf(other(), world(crowd(4, 'shop'), undefined, { cluster }))).toEqual([]);
    },
  );

  test('a rule of a group above that passes keeps ours from being asked, and is none of ours', async () => {
    const at = keep(await startBorder(NESTED));
    await bring(connect(at, {}), wish);
    for (const firewall of at.firewalls) expect(firewall.passes(flow('10.0.0.200')).verdict).not.toBe('pass');
    const passing =
      '<from><member>any</member></from><to><member>any</member></to><source><member>any</member></source><destination><member>any</member></destination><application><member>any</member></application><service><member>any</member></service><action>allow</action>';
    const xpath = GROUP.replace("'edge'", "'all'");
    at.panorama.byHand(
      {
        type: 'config',
        action: 'set',
        xpath: `${xpath}/pre-rulebase/security/rules/entry[@name='above']`,
        element: passing,
      },
      'alice',
    );
    await commitOn(at.panorama);
    await pushFrom(at.panorama);
    for (const firewall of at.firewalls) expect(firewall.passes(flow('10.0.0.200')).verdict).toBe('pass');
    const writes = writesOnBorder(at);
    expect(await stepsOf(connect(at, {}), wish)).toEqual([]);
    expect(writesOnBorder(at)).toBe(writes);
    // Ours still come, go and change below it.
    const next = world(crowd(4, 'bank'), [allowing('bank', '203.0.113.0/24', 8443)]);
    await bring(connect(at, {}), next);
    await clear(connect(at, {}));
    expect(at.panorama.dump()).toContain('"above"');
  });

  test('in a group that Panorama does not have is a setting to be mended', async () => {
    const at = keep(await startBorder());
    await expect(bring(connect(at, { deviceGroup: 'none' }), wish)).rejects.toMatchObject({ code: 'DEVICE_SETTING' });
  });
});

describe('which firewalls', () => {
  test('two vsys of one firewall are filled each, and pushed to together', async () => {
    const at = keep(await startBorder());
    const vsys = ['vsys1', 'vsys2'];
    const large = keep(
      await PanOs.start({ accounts: [ACCOUNT], commitMs: 0, model: 'PA-3220', serial: '007951000000003', vsys }),
    );
    at.panorama.manage(large, { group: 'edge', vsys, zones: ['k8s', 'internet'] });
    editGroup(at.panorama, 'set', '', { element: '<description>one more</description>' });
    await commitOn(at.panorama);
    await pushFrom(at.panorama);
    await bring(connect(at, {}), wish);
    for (const one of vsys) {
      expect(large.passes(flow('10.0.0.2'), one).verdict).toBe('pass');
      expect(large.passes(flow('10.0.0.200'), one).verdict).not.toBe('pass');
    }
    expect(await stepsOf(connect(at, {}), wish)).toEqual([]);
  });

  test.each([true, false])('both of a pair, whether it shares registered addresses (%s) or not', async (shares) => {
    const at = keep(await startBorder());
    const pair = await PanOs.startPair({
      accounts: [ACCOUNT],
      commitMs: 0,
      quirks: { haSharesRegistered: shares },
    }).then((both) => both.map((one) => keep(one)));
    // Its serials are those of the two that are there already.
    const serials = new Set(at.firewalls.map(({ serial }) => serial));
    expect(pair.every(({ serial }) => serials.has(serial))).toBe(true);
    for (const one of pair) at.panorama.manage(one, { group: 'edge', zones: ['k8s', 'internet'] });
    await pushFrom(at.panorama);
    const driver = connect(at, {});
    await bring(driver, wish);
    await bring(driver, world(crowd(5, 'bank')));
    for (const one of pair) expect(registeredOn(one, true)).toHaveLength(5);
    expect(await stepsOf(connect(at, {}), world(crowd(5, 'bank')))).toEqual([]);
  });

  test('releases that cannot push the work of one administrator are told', async () => {
    const at = keep(await startBorder({ version: '10.1.9' }, { version: '10.1.9' }));
    const driver = connect(at, {});
    await bring(driver, wish);
    const { notes } = await driver.capabilities(new AbortController().signal);
    expect(notes.join('\n')).toContain('cannot push the work of one administrator');
    for (const firewall of at.firewalls) expect(firewall.passes(flow('10.0.0.200')).verdict).not.toBe('pass');
  });
});

describe('groups that rules of others name', () => {
  const list: Group = {
    id: 'payments',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'payments',
    resource: 'AddressGroup/payments',
    use: 'Allow',
    members: BucketMap.from([['10.0.0.1', true as const]]),
  };
  const rule =
    '<from><member>any</member></from><to><member>any</member></to><source><member>payments</member></source><destination><member>any</member></destination><application><member>any</member></application><service><member>any</member></service><action>allow</action>';

  test.each([
    ['the other rulebase', 'edge', '/post-rulebase'],
    ['a group below', 'all', '/pre-rulebase'],
  ])('in %s stay under them, emptied, and stop nothing else', async (_, deviceGroup, base) => {
    const at = keep(
      await startBorder({ deviceGroups: [{ name: 'all' }, { name: 'edge', parent: 'all' }, { name: 'lab' }] }),
    );
    const driver = connect(at, { deviceGroup });
    const groups = new Map([['payments', list]]);
    await bring(driver, world(crowd(2, 'bank'), undefined, { groups }));
    editGroup(at.panorama, 'set', `${base}/security/rules/entry[@name='theirs']`, { element: rule });
    await commitOn(at.panorama);
    await pushFrom(at.panorama);
    const next = world(crowd(2, 'bank'), [allowing('bank', '203.0.113.0/24', 8443)]);
    await bring(driver, next);
    for (const firewall of at.firewalls) {
      expect(firewall.passes(flow('10.0.0.1', 8443)).verdict).toBe('pass');
      expect(firewall.passes(flow('10.0.0.1')).verdict).not.toBe('pass');
      expect(registeredOn(firewall, true).join()).not.toContain('payments');
    }
    expect(at.panorama.dump()).toContain('"payments"');
    const writes = writesOnBorder(at);
    expect(await stepsOf(connect(at, { deviceGroup }), next)).toEqual([]);
    expect(writesOnBorder(at)).toBe(writes);
  });
});
