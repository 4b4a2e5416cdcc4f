import { expect, test } from 'vitest';
import { formatAddress } from '../../ip/address.ts';
import { interfaceAddresses } from '../../machine/interface-addresses.ts';
import { readFacts } from '../../machine/kinds/facts.ts';
import { parseConfiguration } from '../configuration/configuration.ts';
import { assembleInput } from './input.ts';

const subject = { object: undefined, place: {}, locate: undefined, base: [] };
const around = { readFile: () => '', environment: {}, hostname: 'fw-1' };

/** The networks of a machine whose configuration lists some, beside those of its installation. */
function assembled(listed: object[], installed: object[], more: object = {}) {
  const text = JSON.stringify({
    sources: { static: { firewall: { networks: listed, ...more } } },
    controllers: { firewall: { source: 'static' } },
  });
  const { value } = parseConfiguration(text, 'config.yaml', around);
  if (value?.machine === undefined) throw new Error('no machine');
  const facts = readFacts({ networks: installed }, subject, []);
  return assembleInput(value, value.machine, { objects: () => undefined, facts });
}

const internet = (ips: readonly string[]) => ({
  networkID: 'internet',
  networkType: 'external',
  vrf: 104_009,
  prefixes: ['198.51.100.0/24'],
  ips,
});

test('addresses of the installation stay on the machine, whatever its source lists', () => {
  const { input } = assembled(
    [internet(['198.51.100.7']), { ...internet([]), networkID: 'other', vrf: 7 }],
    [internet(['198.51.100.2', '198.51.100.7', '2001:db8::2']), { ...internet(['198.51.100.9']), networkID: '' }],
    { egressRules: [{ networkID: 'internet', ips: ['198.51.100.80'] }] },
  );
  // The first one is where the DNS proxy listens: the source's.
  expect(input.networks.map(({ addresses }) => addresses.map(formatAddress))).toEqual([
    ['198.51.100.7', '198.51.100.2', '2001:db8::2'],
    [],
  ]);
  expect(interfaceAddresses(input.firewall, input.networks)).toEqual([
    { link: 'vlan104009', wanted: ['198.51.100.7', '198.51.100.2', '2001:db8::2', '198.51.100.80'] },
  ]);
});

test('networks without a name are not taken for one', () => {
  const nameless = { ...internet([]), networkID: '' };
  const { input } = assembled([nameless], [{ ...internet(['198.51.100.9']), networkID: '' }]);
  expect(input.networks.map(({ addresses }) => addresses)).toEqual([[]]);
});
