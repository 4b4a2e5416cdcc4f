import { describe, expect, test } from 'vitest';
import { Panorama } from '../../../../simulators/panos/index.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { bring, clear, stepsOf } from '../../contract/harness.ts';
import type { PanosDriver } from './driver.ts';
import { FULL, byHand, commitByHand, membersOn, oursOn, startDevice } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';
import { parseXml } from '../api/xml.ts';
import { pushedRules } from '../configuration/pushed-rules.ts';

const signal = new AbortController().signal;
const { keep, border, connect } = closedAfterEach();

const driftOn = async (driver: PanosDriver): Promise<readonly string[]> =>
  (await driver.observe(signal)).drift.map(({ object, what }) => `${object} ${what}`);

describe('drift is told with what was there, and what is', () => {
  const classes = [allowing('bank', '203.0.113.0/24', 443), allowing('shop', '198.51.100.0/24', 80)];
  const one = world({ ...crowd(3, 'bank'), '10.0.5.1': 'shop' }, classes);
  const two = world({ ...crowd(2, 'bank'), '10.0.5.1': 'shop', '10.9.0.1': 'shop' }, [
    allowing('bank', '203.0.113.0/24', 8443),
    ...classes.slice(1),
  ]);

  test('what we wrote ourselves is none, whatever we wrote', async () => {
    const device = await border();
    const driver = connect(device);
    for (const wish of [one, two, world({}), one]) {
      await bring(driver, wish);
      expect(await driftOn(driver)).toEqual([]);
    }
    const again = connect(device);
    expect(await driftOn(again)).toEqual([]);
  });

  test('an edited rule, a member put in and one taken out, a rule that is gone', async () => {
    const device = await border();
    const driver = connect(device);
    await bring(driver, one);
    const { rules, groups } = (await driver.observe(signal)).observed;
    const [first, second] = rules.map(({ name }) => name);
    const bank = [...groups.values()].find(({ members }) => members.has('10.0.0.1'))?.name ?? '';
    byHand(device, 'set', `/rulebase/security/rules/entry[@name='${first}']`, { element: '<disabled>yes</disabled>' });
    byHand(device, 'delete', `/rulebase/security/rules/entry[@name='${second}']`);
    await commitByHand(device);
    const tag = [...((await driver.observe(signal)).reading.registry.registered.get('10.0.0.1') ?? [])][0] ?? '';
    device.byHand({
      type: 'user-id',
      cmd: `<uid-message><version>2.0</version><type>update</type><payload><unregister><entry ip="10.0.0.1"><tag><member>${tag}</member></tag></entry></unregister></payload></uid-message>`,
    });
    const told = await driftOn(driver);
    expect(told.join('\n')).toMatch(new RegExp(`${first} .*disabled`));
    expect(told.join('\n')).toContain(`${second} the rule was removed or renamed`);
    expect(told.join('\n')).toContain(`${bank} members were taken out: 10.0.0.1`);
    await bring(driver, one);
    expect(await driftOn(driver)).toEqual([]);
  });
});

describe('groups of others', () => {
  const group = (use: 'Allow' | 'Deny'): Ruleset => {
    const wanted: Group = {
      id: 'a',
      kind: 'AddressGroup',
      family: 4,
      deviceName: 'partners',
      resource: 'AddressGroup/partners',
      use,
      members: BucketMap.from([['10.0.0.9', true as const]]),
    };
    return world({}, [], { groups: new Map([['a', wanted]]) });
  };

  test.each(['Allow', 'Deny'] as const)('are taken over only where their names are in `adopt` (%s)', async (use) => {
    const device = await border();
    byHand(device, 'set', "/address-group/entry[@name='partners']", {
      element: '<static><member>theirs</member></static>',
    });
    byHand(device, 'set', "/rulebase/security/rules/entry[@name='first']/source", {
      element: '<member>partners</member>',
    });
    await commitByHand(device);
    const bare = device.dump();
    await expect(bring(connect(device), group(use))).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    expect(/<entry name="partners">[^]*?<\/entry>/.exec(device.dump())?.[0]).toBe(
      /<entry name="partners">[^]*?<\/entry>/.exec(bare)?.[0],
    );
    // At every moment their rule meets whom it met, or whom it shall meet.
    const driver = connect(device, FULL, { adopt: ['partners'] });
    const met = (source: string): boolean =>
      device.passes({ source, destination: '203.0.113.7', protocol: 'tcp', from: 'k8s', to: 'internet' }).rule ===
      'first';
    for (const step of await stepsOf(driver, group(use))) {
      await driver.apply(step as never, signal);
      expect([met('192.0.2.5'), met('10.0.0.9')].filter(Boolean)).toHaveLength(1);
    }
    expect([met('192.0.2.5'), met('10.0.0.9')]).toEqual([false, true]);
    expect(membersOn(device, ['partners'])).toEqual(['10.0.0.9']);
    expect(await stepsOf(driver, group(use))).toEqual([]);
  });
});

describe('rules that a Panorama pushed', () => {
  test('stand among those of others, above and below', async () => {
    const device = keep(await startDevice({ serial: '0123456789' }));
    const panorama = keep(await Panorama.start({ deviceGroups: [{ name: 'edge' }], commitMs: 0 }));
    panorama.manage(device, { group: 'edge', zones: ['k8s', 'internet'] });
    const group = "/config/devices/entry[@name='localhost.localdomain']/device-group/entry[@name='edge']";
    const any = ['from', 'to', 'source', 'destination', 'application', 'service']
      .map((word) => `<${word}><member>any</member></${word}>`)
      .join('');
    for (const [base, name] of [
      ['pre', 'high'],
      ['post', 'low'],
    ])
      panorama.byHand({
        type: 'config',
        action: 'set',
        xpath: `${group}/${base}-rulebase/security/rules/entry[@name='${name}']`,
        element: `${any}<action>deny</action>`,
      });
    panorama.byHand({ type: 'commit', cmd: '<commit/>' });
    await expect.poll(() => panorama.jobs.active).toBe(false);
    panorama.byHand({
      type: 'commit',
      action: 'all',
      cmd: '<commit-all><shared-policy><device-group><entry name="edge"/></device-group><include-template>yes</include-template></shared-policy></commit-all>',
    });
    await expect
      .poll(async () => (await connect(device).observe(signal)).foreign.map(({ text, effect }) => [effect, text]))
      .toEqual([
        ['before ours', 'high: deny any to any, any'],
        ['after ours', 'low: deny any to any, any'],
      ]);
  });

  test('of another vsys are none of ours', () => {
    const rule = '<rules><entry name="r"><action>deny</action></entry></rules>';
    const of = (vsys: string): string =>
      `<entry name="${vsys}"><pre-rulebase><security>${rule}</security></pre-rulebase></entry>`;
    const pushed = parseXml(`<panorama><vsys>${of('vsys1')}${of('vsys2')}</vsys></panorama>`);
    expect(pushedRules(pushed, 'vsys2')).toHaveLength(1);
    expect(pushedRules(pushed, 'vsys3')).toEqual([]);
    expect(pushedRules(undefined, 'vsys1')).toEqual([]);
  });
});

test('an address object and a service that others name stay as long as that is so, and hold nothing else up', async () => {
  const device = await border();
  const driver = connect(device);
  const listed = (addresses: readonly string[]): Ruleset['groups'] =>
    new Map([
      [
        'a',
        {
          id: 'a',
          kind: 'AddressGroup',
          family: 4,
          deviceName: 'blocked',
          resource: 'AddressGroup/blocked',
          use: 'Deny',
          members: BucketMap.from(addresses.map((address) => [address, true as const])),
        },
      ],
    ]);
  const nameOfOurs = (folder: string, text: string): string =>
    new RegExp(` ${folder} (sp-\\S*${text}\\S*) `).exec(device.dumpSetCommands())?.[1] ?? '';
  const tie = async (): Promise<readonly string[]> => {
    const groups = listed(['10.0.0.1', '10.0.0.2']);
    await bring(driver, world(crowd(2, 'bank'), [allowing('bank', '203.0.113.0/24', 8443)], { groups }));
    const [object, service] = [nameOfOurs('address', '10\\.0\\.0\\.2-'), nameOfOurs('service', '8443')];
    const element = (list: string, name: string): string => `<${list}><member>${name}</member></${list}>`;
    byHand(device, 'set', "/address-group/entry[@name='his']", { element: element('static', object) });
    byHand(device, 'set', "/service-group/entry[@name='his-too']", { element: element('members', service) });
    await commitByHand(device);
    return [object, service];
  };
  const untie = async (): Promise<void> => {
    byHand(device, 'delete', "/address-group/entry[@name='his']");
    byHand(device, 'delete', "/service-group/entry[@name='his-too']");
    await commitByHand(device);
  };
  const named = await tie();
  expect(named).toEqual([expect.stringContaining('sp-10.0.0.2-'), expect.stringContaining('8443')]);
  const next = world(crowd(1, 'bank'), [allowing('bank', '203.0.113.0/24', 443)], { groups: listed(['10.0.0.1']) });
  await bring(driver, next);
  for (const name of named) expect(oursOn(device)).toContain(`name="${name}"`);
  expect(await stepsOf(driver, next)).toEqual([]);
  await untie();
  // What nothing needs goes with the next commit of ours.
  await bring(driver, world(crowd(1, 'bank'), [allowing('bank', '203.0.113.0/24', 444)]));
  for (const name of named) expect(oursOn(device)).not.toContain(`name="${name}"`);

  const again = await tie();
  await clear(driver);
  expect(oursOn(device).match(/entry name="[^"]*"/g)).toEqual(again.map((name) => `entry name="${name}"`));
  await untie();
  await clear(driver);
  expect(oursOn(device)).toBe('');
});
