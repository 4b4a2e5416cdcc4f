import { afterEach, describe, expect, test } from 'vitest';
import { PanOs, type PanOsOptions } from '../../../simulators/panos/index.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { systemClock } from '../../base/clock.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import { bring, clear, stepsOf } from '../contract/harness.ts';
import { DeviceApi } from '../https/device-api.ts';
import { PanosApi } from './api.ts';
import { PanosDriver } from './driver.ts';
import { Login } from './login.ts';
import { panosOptions } from './options.ts';

const signal = new AbortController().signal;
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

async function start(options: PanOsOptions = {}): Promise<PanOs> {
  const accounts = [{ name: 'bot', password: 'pw', role: 'superuser' as const }];
  const device = await PanOs.start({ accounts, zones: ['k8s', 'internet'], commitMs: 5, ...options });
  opened.push(device);
  return device;
}

function connect(device: PanOs, options: object = {}): PanosDriver {
  const { url, fingerprint = '' } = device;
  const https = new DeviceApi({ url: new URL(url), tls: { pin: fingerprint }, connections: 3 });
  const secret = new Map([
    ['user', 'bot'],
    ['password', 'pw'],
  ]);
  const login = new Login({ title: 'a test', read: () => Promise.resolve(secret) });
  const driver = new PanosDriver({
    api: new PanosApi(https, login),
    cluster: 'lab',
    firewall: 'edge-1',
    options: panosOptions.parse(options),
    clock: systemClock,
    identity: url,
    close: () => https.close(),
  });
  opened.push({ [Symbol.asyncDispose]: () => driver.close() });
  return driver;
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
      192.0.2.246 sp-a51146d3-w.WRITER
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
                  <entry name="sp-10.0.0.9-85ea1ebcd2dc">
                    <description>sallyport:lab:addresses</description>
                    <ip-netmask>10.0.0.9/32</ip-netmask>
                  </entry>
                </address>
                <address-group>
                  <entry name="deny">
                    <description>sallyport:lab:AddressGroup/deny</description>
                    <static>
                      <member>sp-10.0.0.9-85ea1ebcd2dc</member>
                    </static>
                  </entry>
                </address-group>
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
