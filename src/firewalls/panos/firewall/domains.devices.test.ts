import { expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { BorderWorld, clusterPolicy, firewall, namespace, node, pod, pool } from '../../../../test/kit/border-world.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { bring, clear, OWNER, stepsOf } from '../../contract/harness.ts';
import { byHand, commitByHand } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const { border, connect } = closedAfterEach();

/** Pod `shop/web`, 10.0.0.1 and fd00::1, may go to port 443 of the names, and nowhere else. */
function wish(domains: readonly string[]): Ruleset {
  const borders = new BorderWorld(
    namespace('shop'),
    node('n1', '172.20.0.1'),
    pool('pods-v4', '10.0.0.0/16'),
    pool('pods-v6', 'fd00::/64'),
    pod('shop/web', ['10.0.0.1', 'fd00::1']),
    pod('shop/other', ['10.0.0.2', 'fd00::2'], { labels: { app: 'other' } }),
    firewall('edge', { workloads: { namespaceSelector: 'all()' } }),
    clusterPolicy('by-name', {
      namespaceSelector: 'all()',
      selector: "app != 'other'",
      egress: [{ action: 'Allow', protocol: 'TCP', ports: [443], domains }],
    }),
    clusterPolicy('nowhere', { namespaceSelector: 'all()', selector: "app == 'other'", egress: [{ action: 'Deny' }] }),
  );
  return { ...borders.ruleset(), ...OWNER };
}

/** What the device does with TCP to port 443, by its own configuration. */
function verdict(device: PanOs, source: string, destination: string): string {
  const flow = { source, destination, protocol: 'tcp', destinationPort: 443, from: 'k8s', to: 'internet' } as const;
  return device.passes(flow).verdict;
}

test('a name passes to the addresses that the device has for it, in both families, and to nothing else', async () => {
  const device = await border();
  const driver = connect(device);
  await bring(driver, wish(['bank.example']));
  expect(verdict(device, '10.0.0.1', '203.0.113.7')).toBe('unknown');
  device.resolveName('bank.example', ['203.0.113.7', '2001:db8::7']);
  expect(verdict(device, '10.0.0.1', '203.0.113.7')).toBe('pass');
  expect(verdict(device, 'fd00::1', '2001:db8::7')).toBe('pass');
  expect(verdict(device, '10.0.0.1', '203.0.113.8')).toBe('stop');
  expect(verdict(device, 'fd00::1', '2001:db8::8')).toBe('stop');
  expect(verdict(device, '10.0.0.2', '203.0.113.7')).toBe('stop');
  expect(verdict(device, 'fd00::2', '2001:db8::7')).toBe('stop');
  expect(await stepsOf(connect(device), wish(['bank.example']))).toEqual([]);
});

test('another name takes the place of one, and what was allowed by it alone is gone', async () => {
  const device = await border();
  const bare = device.dump();
  const driver = connect(device);
  device.resolveName('bank.example', ['203.0.113.7']);
  device.resolveName('shop.example', ['203.0.113.8']);
  await bring(driver, wish(['bank.example']));
  await bring(driver, wish(['shop.example']));
  expect([verdict(device, '10.0.0.1', '203.0.113.7'), verdict(device, '10.0.0.1', '203.0.113.8')]).toEqual([
    'stop',
    'pass',
  ]);
  expect(device.dump()).not.toContain('bank.example');
  await clear(driver);
  expect(device.dump()).toBe(bare);
});

test('a hand that makes a name of ours lead elsewhere is found and put right', async () => {
  const device = await border();
  await bring(connect(device), wish(['bank.example']));
  const held = device.dump();
  const [, name = ''] = /<entry name="(sp-bank\.example-\w+)"/.exec(held) ?? [];
  byHand(device, 'edit', `/address/entry[@name='${name}']/fqdn`, { element: '<fqdn>evil.example</fqdn>' });
  await commitByHand(device);
  expect(device.dump()).not.toBe(held);
  await bring(connect(device), wish(['bank.example']));
  expect(device.dump()).toBe(held);
});
