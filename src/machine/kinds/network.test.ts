import { describe, expect, test } from 'vitest';
import { type SmallMachine, smallMachine } from '../../../test/kit/machine.ts';
import { formatPrefix } from '../../ip/prefix.ts';

/** The networks of an install.yaml, and what was said of them. */
function read(networks: readonly string[], project = ''): SmallMachine {
  return smallMachine('', { facts: `${project}\nnetworks: [${networks.map((each) => `{ ${each} }`).join(', ')}]` });
}

describe('a network', () => {
  test.each([
    ['networktype: privateprimaryunshared', 'primary'],
    ['networktype: privateprimaryshared', 'primary'],
    ['networktype: privatesecondaryshared', 'secondary'],
    ['networktype: privatesecondaryunshared', 'secondary'],
    ['networkType: external', 'external'],
    ['network_type: underlay', 'underlay'],
    ['networktype: child', 'primary'],
    ['networktype: child-shared, project: q', 'primary'],
    ['networktype: child-shared, project: other', 'secondary'],
    ['networktype: child-shared', 'secondary'],
    ['networkType: NETWORK_TYPE_CHILD', 'primary'],
    ['network_type: NETWORK_TYPE_CHILD_SHARED, project: q', 'primary'],
    ['networkType: NETWORK_TYPE_EXTERNAL', 'external'],
    ['networktype: super', 'other'],
    ['networktype: super-namespaced', 'other'],
    // Where a type is written, it counts.
    ['networktype: external, private: true, underlay: true', 'external'],
    ['networktype: what nobody knows, private: true', 'other'],
    // Files from before types.
    ['private: true, underlay: false', 'primary'],
    ['private: false, underlay: true', 'underlay'],
    ['private: true, underlay: true', 'underlay'],
    ['private: false, underlay: false', 'external'],
    ['vrf: 7', 'external'],
  ])('%s is a %s one', (written, role) => {
    const { input, said } = read([`networkid: n, ${written}`], 'project: q');
    expect([input.networks.map((each) => each.role), said]).toEqual([[role], []]);
  });

  test.each(['16777216', '"999999999999"'])(
    'a VRF of %s is no name of an interface: nft would refuse all rules',
    (vrf) => {
      const { input, said } = read([`networkid: n, networktype: external, vrf: ${vrf}`, 'networkid: m, vrf: 16777215']);
      expect(input.networks.map((each) => [each.id, each.vrf])).toEqual([['m', 16_777_215]]);
      expect(said).toEqual([
        `error FIELD_INVALID  networks[0].vrf: ${vrf.replaceAll('"', '')} is no id of a VRF; the largest is 16777215. This network is left out.`,
      ]);
    },
  );

  test('shared ones are nobody’s where neither says a project', () => {
    expect(read(['networktype: child-shared']).input.networks[0]?.role).toBe('secondary');
  });

  test.each([
    ['nat: true', true],
    ['nat: false', false],
    ['nattypev2: ipv4-masq', true],
    ['nattypev2: none', false],
    ['nat_type: ipv4-masq', true],
    ['nat_type: NAT_TYPE_NONE', false],
    ['natType: NAT_TYPE_IPV4_MASQUERADE', true],
    ['natType: NAT_TYPE_UNSPECIFIED', false],
    // What both APIs have always had counts.
    ['nat: false, nattypev2: ipv4-masq', false],
    ['nat: true, nattypev2: none', true],
    ['vrf: 7', false],
  ])('%s hides the cluster: %s', (written, expected) => {
    expect(read([`networkid: n, networktype: external, ${written}`]).input.networks[0]?.nat).toBe(expected);
  });

  test('is the same by every spelling of its fields', () => {
    const { input, said } = read([
      'networkID: n, networkType: external, vrf: 7, asn: 4200000042, prefixes: [192.0.2.7/24], destinationPrefixes: [0.0.0.0/0], ips: [192.0.2.2], nat: false',
      'networkid: n, networktype: external, vrf: 7, asn: 4200000042, prefixes: [192.0.2.0/24], destinationprefixes: [0.0.0.0/0], ips: [192.0.2.2], nat: false',
      'network: n, network_type: external, vrf: "7", asn: "4200000042", prefixes: [192.0.2.0/24], destination_prefixes: [0.0.0.0/0], ips: [192.0.2.2], nat_type: none',
    ]);
    const [first, ...others] = input.networks;
    expect(first).toMatchObject({ id: 'n', role: 'external', vrf: 7, asn: 4_200_000_042, nat: false });
    expect([first?.prefixes, first?.destinations].map((nets) => nets?.map(formatPrefix))).toEqual([
      ['192.0.2.0/24'],
      ['0.0.0.0/0'],
    ]);
    expect(others).toEqual([first, first]);
    expect(said).toEqual([]);
  });

  test('that cannot be read is left out alone, and of one that can what cannot', () => {
    const { input, said } = read([
      'networkid: bad, vrf: -1',
      'networkid: n, networktype: external, prefixes: [192.0.2.0/24, nonsense], ips: [nonsense, 192.0.2.2]',
      'networkid: bad, nat: perhaps',
    ]);
    expect(input.networks.map(({ id, prefixes, addresses }) => [id, prefixes.length, addresses.length])).toEqual([
      ['n', 1, 1],
    ]);
    expect(said.map((line) => line.split(' ').slice(1, 4).join(' '))).toEqual([
      expect.stringContaining('networks[0].vrf'),
      expect.stringContaining('networks[2].nat'),
      expect.stringContaining('networks[1].ips[0]'),
      expect.stringContaining('networks[1].prefixes[1]'),
    ]);
  });
});
