import { describe, expect, test } from 'vitest';
import { PanOs, type PanOsOptions } from '../../../../simulators/panos/index.ts';
import { world } from '../../../../test/kit/worlds.ts';
import type { BorderFirewall } from '../../../api/resource.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { bring, clear, stepsOf } from '../../contract/harness.ts';
import { openFirewall } from '../connect.ts';
import type { PanosDriver } from './driver.ts';
import { closedAfterEach } from './opened.fixture.ts';

const signal = new AbortController().signal;
const { keep } = closedAfterEach();

async function start(options: PanOsOptions = {}): Promise<PanOs> {
  const accounts = [{ name: 'bot', password: 'pw', role: 'superuser' as const }];
  return keep(await PanOs.start({ accounts, zones: ['k8s', 'internet'], commitMs: 5, ...options }));
}

function connect(device: PanOs, options: object = {}): PanosDriver {
  const { url, fingerprint = '' } = device;
  const secret = new Map([
    ['user', 'bot'],
    ['password', 'pw'],
  ]);
  const credentials = { title: 'a test', read: () => Promise.resolve(secret) };
  const firewall = { name: 'edge-1', address: url, tls: { pin: fingerprint }, options } as BorderFirewall;
  return keep(openFirewall(firewall, { cluster: 'lab', clock: systemClock, credentials, lockDirectory: undefined }));
}

function groups(wanted: Readonly<Record<string, readonly string[]>>, rest: object = {}): Ruleset {
  const all = Object.entries(wanted).flatMap(([deviceName, members]) =>
    ([4, 6] as const).map(
      (family): Group => ({
        id: `${deviceName}-${family}`,
        kind: 'AddressGroup',
        family,
        deviceName,
        resource: `AddressGroup/${deviceName}`,
        use: 'Allow',
        members: BucketMap.from(
          members.filter((one) => one.includes(':') === (family === 6)).map((one) => [one, true as const]),
        ),
        ...rest,
      }),
    ),
  );
  return world({}, [], { groups: new Map(all.map((one) => [one.id, one])) });
}

describe('AddressGroups as tags', () => {
  test('become a dynamic group by one commit, and follow their members without any', async () => {
    const device = await start();
    const driver = connect(device);
    await bring(driver, groups({ payments: ['10.0.0.1', '10.0.0.2', '2001:db8::1'] }));
    expect(device.dump()).toContain('payments');
    const commits = (): number => device.served.filter(({ parameters }) => parameters['type'] === 'commit').length;
    expect(commits()).toBe(1);
    await bring(driver, groups({ payments: ['10.0.0.2', '10.0.0.3'] }));
    expect(commits()).toBe(1);
    expect(device.dumpRegistered().replace(/-w\..*/, '-w.WRITER')).toMatchInlineSnapshot(`
      "10.0.0.2 sp-a51146d3.payments
      10.0.0.3 sp-a51146d3.payments
      192.0.2.246 sp-fcb84f54-w.WRITER
      "
    `);
    const before = device.served.length;
    expect(await stepsOf(connect(device), groups({ payments: ['10.0.0.2', '10.0.0.3'] }))).toEqual([]);
    expect(
      device.served.slice(before).filter(({ parameters }) => /^(commit|user-id)$/.test(parameters['type'] ?? '')),
    ).toEqual([]);
  });

  test('configured ones take address objects, and a group of nobody stays a group', async () => {
    const device = await start();
    const driver = connect(device);
    for (const members of [['10.0.0.1', '2001:db8::1'], [], ['10.0.0.9']]) {
      await bring(driver, groups({ deny: members }, { use: 'Deny' }));
      expect(await stepsOf(connect(device), groups({ deny: members }, { use: 'Deny' }))).toEqual([]);
    }
    expect(device.dump()).toMatchInlineSnapshot(`
      "<config>
        <devices>
          <entry name="localhost.localdomain">
            <vsys>
              <entry name="vsys1">
                <address>
                  <entry name="sp-0.0.0.0-9.255.255.255-16ee133690a6">
                    <description>sallyport:lab:addresses</description>
                    <ip-range>0.0.0.0-9.255.255.255</ip-range>
                  </entry>
                  <entry name="sp-10.0.0.0_16-d3dd0f5bb076">
                    <description>sallyport:lab:addresses</description>
                    <ip-netmask>10.0.0.0/16</ip-netmask>
                  </entry>
                  <entry name="sp-10.0.0.9-85ea1ebcd2dc">
                    <description>sallyport:lab:addresses</description>
                    <ip-netmask>10.0.0.9/32</ip-netmask>
                  </entry>
                  <entry name="sp-11.0.0.0-255.255.255.255-9715bbc5b666">
                    <description>sallyport:lab:addresses</description>
                    <ip-range>11.0.0.0-255.255.255.255</ip-range>
                  </entry>
                </address>
                <address-group>
                  <entry name="deny">
                    <description>sallyport:lab:AddressGroup/deny</description>
                    <static>
                      <member>sp-10.0.0.9-85ea1ebcd2dc</member>
                    </static>
                  </entry>
                  <entry name="sp-networks4-7cfd0f613878">
                    <description>sallyport:lab:group/networks IPv4</description>
                    <static>
                      <member>sp-10.0.0.0_16-d3dd0f5bb076</member>
                    </static>
                  </entry>
                  <entry name="sp-outside4-66d132bad68f">
                    <description>sallyport:lab:group/outside4 IPv4</description>
                    <static>
                      <member>sp-0.0.0.0-9.255.255.255-16ee133690a6</member>
                      <member>sp-11.0.0.0-255.255.255.255-9715bbc5b666</member>
                    </static>
                  </entry>
                </address-group>
                <rulebase>
                  <security>
                    <rules>
                      <entry name="sp-unknown-62794b869a7b">
                        <action>drop</action>
                        <application>
                          <member>any</member>
                        </application>
                        <category>
                          <member>any</member>
                        </category>
                        <description>sallyport:lab:layer/unknown IPv4 unknown</description>
                        <destination>
                          <member>sp-outside4-66d132bad68f</member>
                        </destination>
                        <from>
                          <member>any</member>
                        </from>
                        <log-end>yes</log-end>
                        <negate-source>no</negate-source>
                        <rule-type>universal</rule-type>
                        <service>
                          <member>any</member>
                        </service>
                        <source>
                          <member>sp-networks4-7cfd0f613878</member>
                        </source>
                        <source-user>
                          <member>any</member>
                        </source-user>
                        <to>
                          <member>any</member>
                        </to>
                      </entry>
                    </rules>
                  </security>
                </rulebase>
                <zone>
                  <entry name="internet">
                    <network>
                      <layer3/>
                    </network>
                  </entry>
                  <entry name="k8s">
                    <network>
                      <layer3/>
                    </network>
                  </entry>
                </zone>
              </entry>
            </vsys>
          </entry>
        </devices>
      </config>
      "
    `);
  });

  test('leave nothing behind', async () => {
    const device = await start();
    const bare = device.dump();
    const driver = connect(device);
    await bring(driver, groups({ payments: ['10.0.0.1'] }));
    await bring(driver, groups({ deny: ['10.0.0.1'] }, { use: 'Deny' }));
    await clear(driver);
    expect([device.dump(), device.dumpCandidate(), device.dumpRegistered()]).toEqual([bare, bare, '']);
    expect((await connect(device).observe(signal)).empty).toBe(true);
  });
});

describe('a pair', () => {
  const accounts = [{ name: 'bot', password: 'pw', role: 'superuser' as const }];
  const pairOf = async (quirks: PanOsOptions['quirks'] = {}): Promise<readonly [PanOs, PanOs]> => {
    const pair = await PanOs.startPair({ accounts, zones: ['k8s', 'internet'], commitMs: 5, quirks });
    for (const one of pair) keep(one);
    return pair;
  };
  const peerOf = ({ url, fingerprint = '' }: PanOs): object => ({ peer: { address: url, pin: fingerprint } });
  const tags = (device: PanOs): readonly string[] =>
    device
      .dumpRegistered()
      .split('\n')
      .filter((line) => line.endsWith('payments'))
      .map((line) => line.split(' ')[0] ?? '');

  test.each([false, true])(
    'has its members on both, also after it failed over (shared: %s)',
    async (haSharesRegistered) => {
      const [one, two] = await pairOf({ haSharesRegistered });
      const driver = connect(two, peerOf(one));
      await bring(driver, groups({ payments: ['10.0.0.1', '10.0.0.2'] }));
      expect([tags(one), tags(two)]).toEqual([
        ['10.0.0.1', '10.0.0.2'],
        ['10.0.0.1', '10.0.0.2'],
      ]);
      expect([one.dump().includes('payments'), two.dump().includes('payments')]).toEqual([true, true]);
      one.failOver();
      await bring(driver, groups({ payments: ['10.0.0.2', '10.0.0.3'], more: ['10.0.0.9'] }));
      expect([tags(one), tags(two)]).toEqual([
        ['10.0.0.2', '10.0.0.3'],
        ['10.0.0.2', '10.0.0.3'],
      ]);
      expect(
        await stepsOf(connect(one, peerOf(two)), groups({ payments: ['10.0.0.2', '10.0.0.3'], more: ['10.0.0.9'] })),
      ).toEqual([]);
      await clear(driver);
      expect([one.dumpRegistered(), two.dumpRegistered()]).toEqual(['', '']);
    },
  );

  test('one alone that stands by is not written to', async () => {
    const [, two] = await pairOf();
    await expect(connect(two).observe(signal)).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
  });

  test('a step that was made for the other one is refused after it failed over', async () => {
    const [one, two] = await pairOf();
    const driver = connect(one, peerOf(two));
    const [step] = await stepsOf(driver, groups({ payments: ['10.0.0.1'] }));
    one.failOver();
    if (step === undefined) throw new Error('no step');
    await expect(driver.apply(step as never, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
  });
});
