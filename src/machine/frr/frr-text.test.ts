import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { FACTS } from '../../../test/kit/machine.ts';
import { parsePrefix, type Prefix } from '../../ip/prefix.ts';
import { readManifestText } from '../../sources/manifests/document.ts';
import { type Facts, readFacts } from '../kinds/facts.ts';
import { importsOf } from './imports.ts';
import { frrText } from './frr-text.ts';
import { type Routing, routingOf } from './routing.ts';

const factsOf = (text: string): Facts =>
  readFacts(
    readManifestText(text, 'install.yaml').objects[0]?.raw ?? {},
    { object: undefined, place: {}, locate: undefined, base: [] },
    [],
  );
const routing = (text: string, current: Facts['networks'] = [], distance = 0): Routing => {
  const made = routingOf(factsOf(text), current, distance);
  if ('lacks' in made) throw new Error(made.lacks.join('; '));
  return made.value;
};
const lacks = (text: string): readonly string[] => {
  const made = routingOf(factsOf(text), [], 0);
  return 'lacks' in made ? made.lacks : [];
};

/** A shared network that is a way to the world, too, and IPv6 throughout. */
const SHARED = `${FACTS.replace('ips: [10.0.16.2]', 'ips: [10.0.16.2], destinationprefixes: [0.0.0.0/0, 192.0.2.0/24]').replace('prefixes: [10.0.0.0/22]', 'prefixes: [10.0.0.0/22, "2001:db8:42::/64"]')}
  - networkid: partner
    networktype: external
    vrf: 104010
    prefixes: [198.18.0.0/24]
    destinationprefixes: [192.0.2.0/24, 0.0.0.0/0]
    ips: [198.18.0.2, 198.18.0.3]
`;

describe('frr.conf', () => {
  test.each([
    ['plain', frrText(routing(FACTS), 8)],
    ['shared', frrText(routing(SHARED), 8)],
    ['far', frrText(routing(FACTS, [], 3), 10)],
  ])('%s', async (name, text) => {
    await expect(text).toMatchFileSnapshot(`golden/${name}.conf`);
  });

  test('prefixes are those of now; a network that is not known to have any keeps those of the installation', () => {
    const now = factsOf(FACTS).networks.map((network) => ({ ...network, prefixes: [] }));
    expect(frrText(routing(FACTS, now), 8)).toBe(frrText(routing(FACTS), 8));
    const grown = factsOf(FACTS.replace('[10.0.0.0/22]', '[10.0.0.0/22, 10.0.4.0/22]')).networks;
    expect(frrText(routing(FACTS, grown), 8)).toBe(
      frrText(routing(FACTS.replace('[10.0.0.0/22]', '[10.0.0.0/22, 10.0.4.0/22]')), 8),
    );
  });

  test('no text of anybody comes in but a name', () => {
    expect(frrText(routing(FACTS.replace('fw-1', '"fw\\n!\\nrouter bgp 1"')), 8)).not.toContain('router bgp 1\n');
  });

  test('IPv6 underlays have an identity, too', () => {
    expect(routing(FACTS.replace('[10.1.0.1]', '["2001:db8:1::1"]')).routerId).toBe('169.254.255.255');
    expect(routing(FACTS.replace('[10.1.0.1]', '[]')).routerId).toBe('0.0.0.0');
  });

  test.each([
    [
      '',
      [
        'there is no network that is private primary',
        'there is no network that is underlay',
        'no network has a default route',
      ],
    ],
    [FACTS.replace('asn: 4200000042, ', ''), ['the underlay has no AS number (`asn`)']],
    [FACTS.replace('asn: 4200000042', 'asn: 4294967296'), ['the underlay has no AS number (`asn`)']],
    [
      FACTS.replace('privatesecondaryshared', 'privateprimaryshared'),
      ['there are 2 networks that are private primary'],
    ],
    [
      FACTS.replace('vrf: 50', 'vrf: 42'),
      ['network nodes has VRF 42, which is not its alone', 'network storage has VRF 42, which is not its alone'],
    ],
    [FACTS.replace('vrf: 50', 'vrf: 0'), ['network storage has VRF 0, which is none']],
  ])('networks that do not come to it: %#', (text, said) => {
    expect(lacks(text === '' ? '{}' : text)).toEqual(said);
  });
});

/** What FRR does with a list: the first entry that matches decides, and none means no. */
function permits(entries: readonly string[], route: Prefix): boolean {
  for (const entry of entries) {
    const [, verdict, written = '', , longest] = /(permit|deny) (\S+)( le (\d+))?$/.exec(entry) ?? [];
    const parsed = parsePrefix(written);
    if (!('value' in parsed)) throw new Error(entry);
    const fits = longest === undefined ? same(parsed.value, route) : within(parsed.value, route);
    if (fits) return verdict === 'permit';
  }
  return false;
}
const bits = ({ address, family }: Prefix): string =>
  BigInt(address.value)
    .toString(2)
    .padStart(family === 4 ? 32 : 128, '0');
const within = (outer: Prefix, inner: Prefix): boolean =>
  outer.family === inner.family &&
  outer.length <= inner.length &&
  bits(inner).startsWith(bits(outer).slice(0, outer.length));
const same = (a: Prefix, b: Prefix): boolean => a.length === b.length && within(a, b);

describe('what networks learn of each other (reference 9.2)', () => {
  const world = routing(SHARED);
  const { primary, secondary, external, defaultRoute } = world;
  const byVrf = new Map([primary, ...secondary, ...external].map((network) => [network.vrf, network]));
  const imports = importsOf(world);
  const written = [...byVrf.values()].flatMap(({ prefixes, destinations, addresses }) => [
    ...prefixes,
    ...destinations,
    ...addresses.map((address) => ({ family: address.family, address, length: address.family === 4 ? 32 : 128 })),
  ]);
  const route = fc.oneof(
    fc.constantFrom(...written),
    fc.tuple(fc.constantFrom(...written), fc.nat(96)).map(([{ family, address, length }, more]) => ({
      family,
      address,
      length: Math.min(length + more, family === 4 ? 32 : 128),
    })),
  );
  const covers = (prefixes: readonly Prefix[], of: Prefix): boolean =>
    prefixes.some((prefix) => (prefix.length === 0 ? same(prefix, of) : within(prefix, of)));

  /** In the words of the reference, without lists or orders. */
  function expected(target: number, source: number, of: Prefix): 'no' | 'kept' | 'told' {
    const [to, from] = [byVrf.get(target), byVrf.get(source)];
    if (to === undefined || from === undefined || to === from) return 'no';
    if (to === primary) {
      const ownAddress =
        from === defaultRoute &&
        from.addresses.some(
          (own) =>
            own.family === of.family &&
            bits(of) === own.value.toString(2).padStart(own.family === 4 ? 32 : 128, '0') &&
            of.length === (own.family === 4 ? 32 : 128),
        );
      if (from.role === 'external' && covers(from.destinations, of)) return 'told';
      if (ownAddress) return 'no';
      if (covers(from.prefixes, of)) return 'told';
      const ofOthers = external.flatMap(({ destinations }) => destinations);
      const further = from.destinations.filter((each) => !ofOthers.some((other) => same(each, other)));
      return from.role === 'secondary' && covers(further, of) ? 'told' : 'no';
    }
    if (to.role === 'secondary') {
      if (from === primary) return covers([...primary.prefixes, ...to.prefixes], of) ? 'told' : 'no';
      const shared = to.destinations.filter((each) => from.destinations.some((other) => same(each, other)));
      return shared.length > 0 && covers([...shared, ...from.prefixes], of) ? 'told' : 'no';
    }
    const toWorld = ({ destinations }: typeof to): boolean => destinations.some(({ length }) => length === 0);
    const inside = from === primary || (from.role === 'secondary' && toWorld(to) && toWorld(from));
    if (inside && covers(from.prefixes, of)) return 'kept';
    return from === primary && covers(to.prefixes, of) ? 'told' : 'no';
  }

  test('every VRF learns what the reference says of every other one, and tells on no more', () => {
    fc.assert(
      fc.property(fc.constantFrom(...byVrf.keys()), fc.constantFrom(...byVrf.keys()), route, (target, source, of) => {
        const of_ = parsePrefix(`${textOf(of)}`);
        if (!('value' in of_)) return;
        const lists =
          imports
            .find(({ vrf }) => vrf === target)
            ?.prefixLists.filter((list) => list.source === source && list.family === of.family) ?? [];
        const hit = lists
          .toSorted((a, b) => (a.name < b.name ? 1 : -1))
          .find(({ entries }) => permits(entries, of_.value));
        const got = hit === undefined ? 'no' : hit.isTold ? 'told' : 'kept';
        expect(got).toBe(expected(target, source, of_.value));
      }),
      tries(2_000, 400),
    );
  });
});

function textOf({ family, address, length }: Prefix): string {
  const all = bits({ family, address, length })
    .slice(0, length)
    .padEnd(family === 4 ? 32 : 128, '0');
  return family === 4
    ? `${[0, 8, 16, 24].map((at) => Number.parseInt(all.slice(at, at + 8), 2)).join('.')}/${length}`
    : `${Array.from({ length: 8 }, (_, at) => Number.parseInt(all.slice(at * 16, at * 16 + 16), 2).toString(16)).join(':')}/${length}`;
}
