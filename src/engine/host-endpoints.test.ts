import { describe, expect, test } from 'vitest';
import { hostEndpoint, policy, tier } from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { A, OUT, allowAll, ask, everywhere, web } from '../../test/kit/two-pods.ts';

const H = '192.0.2.1';
const onHosts = "role == 'host'";
const host = hostEndpoint('h', { role: 'host' }, { expectedIPs: [H, 'fd18::1'] });
const both = ['Ingress', 'Egress'];
const deny = [{ action: 'Deny' }];
const flag = {
  untracked: { doNotTrack: true, applyOnForward: true },
  preDNAT: { preDNAT: true, applyOnForward: true },
  forward: { applyOnForward: true },
};
const named = (name: string, spec: object): PlainObject =>
  policy(name, { selector: onHosts, types: ['Ingress'], ...spec });

describe('7: host endpoints', () => {
  test('7.2 policies are split by their flags into four lists, each in tier and policy order', () => {
    const world = web(
      host,
      tier('first', { order: 1 }),
      named('n', { types: both, order: 2 }),
      named('u', { types: both, ...flag.untracked }),
      named('p', flag.preDNAT),
      named('f', { types: both, order: 1, ...flag.forward }),
      named('f1', { tier: 'first', ...flag.forward }),
      named('u1', { tier: 'first', order: 5, ...flag.untracked }),
    );
    const list = (name: string, defaultAction: string, ingress: string[], egress: string[] = ingress): object => ({
      name,
      defaultAction,
      ingress: ingress.map((id) => `GlobalNetworkPolicy/${id}`),
      egress: egress.map((id) => `GlobalNetworkPolicy/${id}`),
    });
    expect(world.endpoints().find(({ id }) => id === 'hep:h')).toEqual({
      id: 'hep:h',
      ips: [H, 'fd18::1'],
      profiles: [],
      tiers: [list('first', 'Deny', ['f1'], []), list('default', 'Deny', ['f', 'n'])],
      untrackedTiers: [list('first', 'Pass', ['u1'], []), list('default', 'Pass', ['u'])],
      preDNATTiers: [list('default', 'Pass', ['p'], [])],
      forwardTiers: [list('first', 'Deny', ['f1'], []), list('default', 'Deny', ['f'])],
    });
  });

  test('7.2 a list without policies is not there; 7.7 pods have the normal one alone', () => {
    const world = web(
      host,
      named('u', { selector: 'all()', ...flag.untracked }),
      named('f', { ...flag.forward, selector: 'all()' }),
    );
    const [ofHost, ofPod] = world.endpoints();
    expect(ofHost).not.toHaveProperty('preDNATTiers');
    expect(Object.keys(ofPod ?? {})).toEqual(['id', 'ips', 'profiles', 'tiers']);
    expect(ofPod?.tiers.flatMap(({ ingress }) => ingress)).toEqual(['GlobalNetworkPolicy/f']);
  });

  test.each<[string, readonly PlainObject[], string, string]>([
    [
      '7.5 with no policy the profiles decide, and with none it is denied',
      [],
      `${OUT} -> ${H}:80/TCP`,
      'no: - | deny no-profile-match',
    ],
    [
      '7.10 arriving: untracked comes first',
      [named('u', { ...flag.untracked, ingress: deny }), named('p', { ...flag.preDNAT, ingress: allowAll })],
      `${OUT} -> ${H}:80/TCP`,
      'no: - | deny default GlobalNetworkPolicy/u#0 rule',
    ],
    [
      '7.4 an Allow of untracked skips the others',
      [
        named('u', { ...flag.untracked, ingress: allowAll }),
        named('p', { ...flag.preDNAT, ingress: deny }),
        named('n', { ingress: deny }),
      ],
      `${OUT} -> ${H}:80/TCP`,
      'yes: - | allow default GlobalNetworkPolicy/u#0 rule',
    ],
    [
      '7.4 an Allow of pre-DNAT skips the normal list',
      [named('p', { ...flag.preDNAT, ingress: allowAll }), named('n', { ingress: deny })],
      `${OUT} -> ${H}:80/TCP`,
      'yes: - | allow default GlobalNetworkPolicy/p#0 rule',
    ],
    [
      '7.4 what both do not decide goes on, whatever their tiers say at the end',
      [named('u', flag.untracked), named('p', flag.preDNAT), named('n', { ingress: allowAll })],
      `${OUT} -> ${H}:80/TCP`,
      'yes: - | allow default GlobalNetworkPolicy/n#0 rule after default:default, default:default',
    ],
    [
      '7.4 a Pass of untracked goes to the next tier of the list',
      [
        tier('first', { order: 1 }),
        named('u1', { tier: 'first', ...flag.untracked, ingress: [{ action: 'Pass' }, ...allowAll] }),
        named('u', { ...flag.untracked, ingress: deny }),
      ],
      `${OUT} -> ${H}:80/TCP`,
      'no: - | deny default GlobalNetworkPolicy/u#0 rule after first:GlobalNetworkPolicy/u1#0',
    ],
    [
      '7.5 the end of a normal tier denies',
      [named('n', {})],
      `${OUT} -> ${H}:80/TCP`,
      'no: - | deny default tier-default',
    ],
    [
      '7.10 leaving: untracked, then normal; pre-DNAT has no part in it',
      [
        named('u', { types: both, ...flag.untracked }),
        named('p', { ...flag.preDNAT, ingress: deny }),
        named('n', { types: both, egress: allowAll }),
      ],
      `${H} -> ${OUT}:80/TCP`,
      'yes: allow default GlobalNetworkPolicy/n#0 rule after default:default | -',
    ],
    [
      '7.2 a policy with applyOnForward counts for local traffic too',
      [named('f', { ...flag.forward, ingress: allowAll })],
      `${OUT} -> ${H}:80/TCP`,
      'yes: - | allow default GlobalNetworkPolicy/f#0 rule',
    ],
    [
      '7.7 on a pod none of the flags has an effect',
      [policy('u', { ...everywhere, ...flag.untracked, ingress: deny })],
      `${OUT} -> ${A}:80/TCP`,
      'yes: - | allow Profile/kns.a#0 profile',
    ],
    [
      '7.8 failsafe ports are no part of the answer',
      [named('n', {})],
      `${OUT} -> ${H}:22/TCP`,
      'no: - | deny default tier-default',
    ],
  ])('%s', (_, objects, question, expected) => {
    expect(ask(web(host, ...objects), question)).toBe(expected);
  });

  test.each<[string, readonly (readonly [string, object])[], readonly string[]]>([
    [
      'the first by name',
      [
        ['b', { interfaceName: 'eth0' }],
        ['a', { interfaceName: 'eth0' }],
      ],
      ['a'],
    ],
    [
      '…in byte order',
      [
        ['a-b', {}],
        ['a.b', {}],
      ],
      ['a-b'],
    ],
    [
      'one with addresses alone, by name',
      [
        ['b', { interfaceName: 'eth0' }],
        ['a', { interfaceName: '' }],
      ],
      ['a'],
    ],
    [
      'before one for every interface',
      [
        ['a', { interfaceName: '*' }],
        ['b', { interfaceName: 'eth0' }],
      ],
      ['b'],
    ],
    [
      'one with addresses alone before one for every interface',
      [
        ['a', { interfaceName: '*' }],
        ['b', { interfaceName: '' }],
      ],
      ['b'],
    ],
    [
      'of two for every interface the first',
      [
        ['b', { interfaceName: '*' }],
        ['a', { interfaceName: '*' }],
      ],
      ['a'],
    ],
    [
      'of different interfaces any',
      [
        ['b', { interfaceName: 'eth1' }],
        ['a', { interfaceName: 'eth0' }],
      ],
      ['a', 'b'],
    ],
    [
      'of different nodes any',
      [
        ['b', { node: 'n2' }],
        ['a', { node: 'n1' }],
      ],
      ['a', 'b'],
    ],
    [
      'where one has addresses alone, it or what comes before it',
      [
        ['a', { interfaceName: 'eth0' }],
        ['b', { interfaceName: '' }],
        ['c', { interfaceName: 'eth1' }],
      ],
      ['a', 'b'],
    ],
  ])('7.1 of host endpoints with one address is in force: %s', (_, hosts, expected) => {
    const asked = hosts.filter(([name]) => {
      // Only this one denies: it is asked if the flow is denied.
      const objects = hosts.map(([each, spec]) =>
        hostEndpoint(
          each,
          {},
          { expectedIPs: [H], ...spec, ...(each === name ? {} : { profiles: ['projectcalico-default-allow'] }) },
        ),
      );
      return !web(...objects).verdict({ src: OUT, dst: H, proto: 'TCP', dport: 80 }).allowed;
    });
    expect(asked.map(([name]) => name).sort()).toEqual(expected);
  });

  test('4.2 rules select all of them by their addresses, in force or not; 5.1 named ports of hosts count', () => {
    const hosts = ['a', 'b'].map((name) =>
      hostEndpoint(name, { name }, { expectedIPs: [H], ports: [{ name: 'ssh', protocol: 'TCP', port: 22 }] }),
    );
    const rule = { action: 'Allow', protocol: 'TCP', destination: { selector: "name == 'b'", ports: ['ssh'] } };
    const world = web(
      ...hosts,
      policy('a/n', {
        types: ['Egress'],
        egress: [{ ...rule, destination: { ...rule.destination, namespaceSelector: 'global()' } }],
      }),
    );
    expect(world.verdict({ src: A, dst: H, proto: 'TCP', dport: 22 }).egress?.allowed).toBe(true);
    expect(world.verdict({ src: A, dst: H, proto: 'TCP', dport: 23 }).egress?.allowed).toBe(false);
  });

  test.each([
    ['both flags', { ...flag.untracked, preDNAT: true }, 'spec.preDNAT'],
    ['doNotTrack without applyOnForward', { doNotTrack: true }, 'spec.applyOnForward'],
    ['preDNAT without applyOnForward', { preDNAT: true }, 'spec.applyOnForward'],
    ['preDNAT with egress rules', { ...flag.preDNAT, types: both, egress: deny }, 'spec.egress'],
    ['preDNAT with the type Egress', { ...flag.preDNAT, types: both }, 'spec.types'],
  ])('7.3 refused: %s', (_, spec, path) => {
    const { diagnostics } = web(host, named('g', spec));
    expect(diagnostics).toMatchObject([{ severity: 'error', code: 'FIELD_CONFLICT', path }]);
  });

  test.each([
    ['no node', { node: undefined, interfaceName: 'eth0' }, 'FIELD_MISSING'],
    ['neither interface nor addresses', { interfaceName: undefined }, 'FIELD_CONFLICT'],
    ['an interface name of 16 characters', { interfaceName: 'a234567890123456' }, 'FIELD_INVALID'],
    ['an interface name that is none', { interfaceName: 'eth 0' }, 'FIELD_INVALID'],
    ['an address that is none', { expectedIPs: ['10.0.0'] }, 'ADDRESS_UNREADABLE'],
    ['a port of ICMP', { ports: [{ name: 'x', protocol: 'ICMP', port: 1 }] }, 'PORT_INVALID'],
  ])('13.9 refused: %s', (_, spec, code) => {
    const { diagnostics } = web(hostEndpoint('h', {}, spec));
    expect(diagnostics.map(({ severity, code: said }) => `${severity} ${said}`)).toEqual([`error ${code}`]);
  });
});
