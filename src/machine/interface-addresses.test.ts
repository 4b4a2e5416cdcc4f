import { expect, test } from 'vitest';
import { firewall, smallMachine } from '../../test/kit/machine.ts';
import { interfaceAddresses } from './interface-addresses.ts';

test('its own addresses, and those of all egress rules that lie in the network, of both families', () => {
  const { input } = smallMachine(
    firewall(
      '{ egressRules: [{ networkID: internet, ips: [203.0.113.7, 192.0.2.1, nonsense] }, { networkID: internet, ips: ["2001:db8:100::7", 203.0.113.7] }, { networkID: nodes, ips: [10.0.0.9] }, { networkID: other, ips: [203.0.113.8] }] }',
    ),
  );
  expect(interfaceAddresses(input.firewall, input.networks)).toEqual([
    { link: 'vlan104009', wanted: ['198.51.100.2', '203.0.113.7', '2001:db8:100::7'] },
  ]);
  const unknown = input.networks.map((network) => ({ ...network, addresses: [] }));
  expect(interfaceAddresses(input.firewall, unknown)).toEqual([]);
});
