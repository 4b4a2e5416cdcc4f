import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { ownCertificate } from '../../../../simulators/frame/certificate.ts';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { bring, clear, stepsOf, translationOf } from '../../contract/harness.ts';
import type { PanosDriver } from '../firewall/driver.ts';
import { byHand, commitByHand } from '../lab.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';

const lab = closedAfterEach();

const certificate = ownCertificate({ commonName: 'feeds', names: ['127.0.0.1'], from: 0, to: Date.now() + 86_400_000 });
const PASSWORD = `Basic ${Buffer.from('panos-1:secret').toString('base64')}`;

/** A server that gives out one list to who knows the password; gives where. */
async function serve(lists: Readonly<Record<string, string>>): Promise<string> {
  const server = createServer({ cert: certificate.certificate, key: certificate.key }, ({ url, headers }, response) => {
    const text = lists[url ?? ''];
    const status = headers.authorization !== PASSWORD ? 401 : text === undefined ? 404 : 200;
    response.writeHead(status).end(text ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  lab.keep({ close: () => new Promise((resolve) => server.close(resolve)) });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/lists`;
}

async function border(): Promise<PanOs> {
  const device = await lab.border();
  device.installAuthority('feed-ca', certificate.certificate);
  await commitByHand(device);
  return device;
}

function connect(device: PanOs, url: string, adopt: readonly string[] = []): PanosDriver {
  const options = { position: { before: 'rest' }, lists: { url, certificateProfile: 'feed-ca' } };
  return lab.connect(device, options, { adopt });
}

function wish(use: 'Allow' | 'Deny' = 'Allow', name = 'payments'): Ruleset {
  const group = (family: 4 | 6): Group => ({
    id: `${family}`,
    kind: 'AddressGroup',
    family,
    deviceName: name,
    resource: `AddressGroup/${name}`,
    use,
    form: 'Feed',
    members: BucketMap.from([[family === 4 ? '10.0.0.1' : '2001:db8::1', true as const]]),
  });
  return world({}, [], {
    groups: new Map([
      ['4', group(4)],
      ['6', group(6)],
    ]),
  });
}

const list = "/external-list/entry[@name='payments']";
const passes = (device: PanOs, source: string): boolean =>
  device.passes({ source, destination: '203.0.113.7', protocol: 'tcp', from: 'k8s', to: 'internet' }).rule === 'first';

test('a list comes, is fetched with the password that somebody wrote into it, and goes when nobody uses it', async () => {
  const url = await serve({ '/lists/payments.txt': '10.0.0.1\n2001:db8::1\n' });
  const device = await border();
  const bare = device.dump();
  const driver = connect(device, url);
  await bring(driver, wish());
  expect(device.dumpRegistered()).not.toContain('payments');
  byHand(device, 'set', `${list}/type/ip`, {
    element: '<auth><username>panos-1</username><password>secret</password></auth>',
  });
  byHand(device, 'edit', "/rulebase/security/rules/entry[@name='first']/source", {
    element: '<source><member>payments</member></source>',
  });
  await commitByHand(device);
  await device.lists.settled();
  expect([passes(device, '10.0.0.1'), passes(device, '10.0.0.2')]).toEqual([true, false]);
  expect(await stepsOf(driver, wish())).toEqual([]);

  // Another server: what others wrote into the list stays.
  const other = await serve({ '/v2/payments.txt': '10.0.0.2\n2001:db8::1\n' });
  const moved = connect(device, other.replace('/lists', '/v2'));
  await bring(moved, wish());
  await device.lists.settled();
  expect(device.dump()).toContain('<password>');
  // That server says something else than we wish: it is asked for again, and no rule is touched.
  expect((await stepsOf(connect(device, other.replace('/lists', '/v2')), wish())).map(({ kind }) => kind)).toEqual([
    'Clean',
  ]);
  expect([passes(device, '10.0.0.1'), passes(device, '10.0.0.2')]).toEqual([false, true]);

  await bring(moved, world({}, []));
  await clear(moved);
  expect(device.dump()).toContain('<external-list>');
  byHand(device, 'edit', "/rulebase/security/rules/entry[@name='first']/source", {
    element: '<source><member>guests</member></source>',
  });
  await commitByHand(device);
  await clear(moved);
  expect(device.dump()).toBe(bare);
});

test('a list of somebody else under the name stays as it is, unless `adopt` names it', async () => {
  const device = await border();
  byHand(device, 'set', list, {
    element: '<type><ip><url>https://theirs.example/x</url><recurring><hourly/></recurring></ip></type>',
  });
  await commitByHand(device);
  await bring(connect(device, 'https://127.0.0.1:1/lists'), world({}, []));
  await expect(stepsOf(connect(device, 'https://127.0.0.1:1/lists'), wish())).rejects.toMatchObject({
    code: 'NAME_TAKEN',
  });
  expect(device.dump()).toContain('https://theirs.example/x');
  const driver = connect(device, 'https://127.0.0.1:1/lists', ['payments']);
  await bring(driver, wish());
  expect(device.dump()).toContain('https://127.0.0.1:1/lists/payments.txt');
  expect(device.dump()).toContain('<hourly/>');
});

test('nothing that a Deny rests on is fetched, and names are no longer than those of lists', async () => {
  const device = await border();
  const driver = connect(device, 'https://127.0.0.1:1/lists');
  for (const wanted of [wish('Deny'), wish('Allow', 'a-name-of-more-than-thirty-two-characters')]) {
    const { refusals } = await translationOf(driver, wanted);
    expect(refusals.map(({ code }) => code)).toContain('GROUP_FORM');
    await bring(driver, wanted);
    expect(device.dump()).not.toContain('<external-list>');
  }
});
