import { describe, expect, test } from 'vitest';
import {
  hostEndpoint,
  kubernetesPolicy,
  namespace,
  networkSet,
  pod,
  policy,
  serviceAccount,
  tier,
} from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/slow-cluster.ts';
import type { Flow } from './packet.ts';
import { type World, loadWorld } from './world.ts';

/** `10.0.0.1 -> 10.0.0.2:80/TCP`, `… ICMP 8.0`; the answer as `egress | ingress`, each hop as `allow tier policy#rule reason (passes)`. */
function ask(world: World, question: string): string {
  const { allowed, egress, ingress } = world.verdict(flowOf(question));
  const hops = [egress, ingress].map((hop) => {
    if (hop === undefined) return '-';
    const where = [hop.tier, hop.policy === undefined ? undefined : `${hop.policy}#${hop.rule}`].filter(
      (part) => part !== undefined,
    );
    const passed = hop.passes === undefined ? [] : [`after ${hop.passes.join(', ')}`];
    return [hop.allowed ? 'allow' : 'deny', ...where, hop.reason, ...passed].join(' ');
  });
  return `${allowed ? 'yes' : 'no'}: ${hops.join(' | ')}`;
}

function flowOf(question: string): Flow {
  const [src = '', , rest = '', icmp] = question.split(' ');
  if (icmp !== undefined) {
    const [type, code] = (question.split(' ')[4] ?? '8.0').split('.').map(Number);
    return {
      src,
      dst: rest,
      proto: icmp,
      ...(type === undefined ? {} : { icmpType: type }),
      ...(code === undefined ? {} : { icmpCode: code }),
    };
  }
  const slash = rest.lastIndexOf('/');
  const colon = rest.lastIndexOf(':', slash);
  const dst = rest.slice(0, colon).replace(/^\[|\]$/g, '');
  return { src, dst, proto: rest.slice(slash + 1), dport: Number(rest.slice(colon + 1, slash)), sport: 40_000 };
}

const A = '10.0.0.1';
const B = '10.0.0.2';
const OUT = '198.51.100.7';
const cluster = [
  namespace('a', { env: 'prod' }),
  namespace('b', { env: 'test' }),
  pod('a/web', { labels: { app: 'web' }, ips: [A, 'fd00::1'], ports: ['http:80', 'http:81/UDP', 'admin:9000'] }),
  pod('b/db', { labels: { app: 'db' }, ips: [B, 'fd00::2'], ports: ['http:8080'] }),
];
const web = (...more: PlainObject[]): World => loadWorld([...cluster, ...more]);
const everywhere = { selector: 'all()' };
const allowAll = [{ action: 'Allow' }];

describe('3.1 and 3.2: all() and global() in every place', () => {
  const set = networkSet('outside', { app: 'web' }, [`${OUT}/32`]);
  const host = hostEndpoint('h', { app: 'web' }, { expectedIPs: ['10.0.9.9'] });
  const subjects = (spec: object): string[] =>
    loadWorld([...cluster, set, host, policy('g', { ...spec, types: ['Ingress'] })])
      .endpoints()
      .filter(({ tiers }) => tiers.length > 0)
      .map(({ id }) => id);

  test.each([
    ['3.1.3 an empty selector selects every endpoint', {}, ['hep:h', 'pod:a/web', 'pod:b/db']],
    ['3.1.3 all() too', { selector: 'all()' }, ['hep:h', 'pod:a/web', 'pod:b/db']],
    [
      '3.1.4 beside a namespaceSelector the own all() means has a namespace',
      { selector: 'all()', namespaceSelector: 'all()' },
      ['pod:a/web', 'pod:b/db'],
    ],
    [
      '3.1.4 an empty selector adds nothing, so a negative namespaceSelector reaches hosts',
      { namespaceSelector: "env != 'test'" },
      ['hep:h', 'pod:a/web'],
    ],
    ['3.1.4 with all() written it does not', { selector: 'all()', namespaceSelector: "env != 'test'" }, ['pod:a/web']],
    [
      '3.1.4 a serviceAccountSelector narrows all() to those with an account',
      { selector: 'all()', serviceAccountSelector: '!has(tier)' },
      [],
    ],
  ])('%s', (_, spec, expected) => {
    expect(subjects(spec)).toEqual(expected);
  });

  const reaches = (owner: string, source: object): string[] => {
    const world = loadWorld([
      ...cluster,
      set,
      host,
      policy(owner, { ...everywhere, types: ['Ingress'], ingress: [{ action: 'Allow', source }] }),
    ]);
    return [A, B, OUT, '10.0.9.9', '203.0.113.1'].filter(
      (src) => world.verdict({ src, dst: A, proto: 'TCP', dport: 80 }).ingress?.allowed,
    );
  };
  test.each([
    [
      '3.2.4 no selector at all: any address, in a NetworkPolicy too',
      'a/n',
      {},
      [A, B, OUT, '10.0.9.9', '203.0.113.1'],
    ],
    ['3.2.1 NetworkPolicy: its own namespace', 'a/n', { selector: 'all()' }, [A]],
    ['3.2.1 NetworkPolicy with all() namespaces: no sets, no hosts', 'a/n', { namespaceSelector: 'all()' }, [A, B]],
    [
      '3.2.1 NetworkPolicy with global(): only what has no namespace',
      'a/n',
      { namespaceSelector: 'global()' },
      [OUT, '10.0.9.9'],
    ],
    ['3.2.6 GlobalNetworkPolicy: everything that is known', 'g', { selector: 'all()' }, [A, B, OUT, '10.0.9.9']],
    ['3.2.1 GlobalNetworkPolicy with all() namespaces', 'g', { namespaceSelector: 'all()' }, [A, B]],
    [
      '3.2.1 GlobalNetworkPolicy with global()',
      'g',
      { namespaceSelector: 'global()', selector: "app == 'web'" },
      [OUT, '10.0.9.9'],
    ],
    [
      '3.2.7 a negative namespaceSelector reaches global sets and hosts',
      'g',
      { namespaceSelector: "env != 'prod'" },
      [B, OUT, '10.0.9.9'],
    ],
    ['3.2.5 only notSelector in a NetworkPolicy stays in its namespace', 'a/n', { notSelector: "app == 'db'" }, [A]],
    [
      '3.3.1 only notSelector in a GlobalNetworkPolicy accepts unknown addresses',
      'g',
      { notSelector: "app == 'web'" },
      [B, '203.0.113.1'],
    ],
    [
      '3.3.4 notSelector is not scoped',
      'g',
      { selector: 'all()', notSelector: "pcns.env == 'prod'" },
      [B, OUT, '10.0.9.9'],
    ],
    [
      '3.2.8 serviceAccounts by name, in any namespace of a global policy',
      'g',
      { serviceAccounts: { names: ['robot'] } },
      [],
    ],
  ])('%s', (_, owner, source, expected) => {
    expect(reaches(owner, source)).toEqual(expected);
  });

  test('3.3.3 of an address that two endpoints share, one that satisfies the whole selector is enough', () => {
    const shared = [pod('b/twin', { labels: { app: 'db', role: 'x' }, ips: [B] })];
    const rule = { action: 'Allow', source: { selector: "app == 'db'", notSelector: 'has(role)' } };
    const world = web(...shared, policy('g', { ...everywhere, types: ['Ingress'], ingress: [rule] }));
    expect(world.verdict({ src: B, dst: A, proto: 'TCP', dport: 80 }).ingress?.allowed).toBe(true);
  });
});

describe('2: labels in effect', () => {
  test('2.4 and 2.5: a pod cannot claim another namespace; 2.1: its own label beats an inherited one', () => {
    const spoof = pod('b/spoof', {
      ips: ['10.0.0.3'],
      account: 'robot',
      labels: {
        'pcns.env': 'prod',
        'pcsa.role': 'admin',
        'projectcalico.org/namespace': 'a',
        'projectcalico.org/serviceaccount': 'admin',
        constructor: 'x',
        __proto__x: 'y',
      },
    });
    const account = serviceAccount('b/robot', { role: 'robot' });
    const applied = (selector: string): boolean =>
      web(spoof, account, policy('g', { selector, types: ['Ingress'] }))
        .endpoints()
        .some(({ id, tiers }) => id === 'pod:b/spoof' && tiers.length > 0);
    expect(applied("pcns.env == 'prod'")).toBe(false);
    expect(applied("pcns.env == 'test'")).toBe(true);
    expect(applied("projectcalico.org/namespace == 'b' && projectcalico.org/serviceaccount == 'robot'")).toBe(true);
    expect(applied("pcsa.role == 'robot' && pcsa.projectcalico.org/name == 'robot'")).toBe(true);
    expect(applied("constructor == 'x'")).toBe(true);
    expect(applied('has(toString) || has(__proto__) || has(hasOwnProperty)')).toBe(false);
  });

  test('2.8 a network set has a namespace label and inherits, but no orchestrator; a written namespace label does not count', () => {
    const sets = [
      networkSet('a/own', { kind: 'set' }, ['198.51.100.0/24']),
      networkSet('claims', { kind: 'set', 'projectcalico.org/namespace': 'a' }, ['203.0.113.0/24']),
    ];
    const from = (source: object): boolean[] =>
      [OUT, '203.0.113.9'].map(
        (src) =>
          web(...sets, policy('a/n', { types: ['Ingress'], ingress: [{ action: 'Allow', source }] })).verdict({
            src,
            dst: A,
            proto: 'TCP',
            dport: 80,
          }).ingress?.allowed ?? false,
      );
    expect(from({ selector: "kind == 'set'" })).toEqual([true, false]);
    expect(from({ selector: "kind == 'set' && pcns.env == 'prod'" })).toEqual([true, false]);
    expect(from({ selector: 'has(projectcalico.org/orchestrator)' })).toEqual([false, false]);
  });
});

describe('4 and 5: what a rule matches', () => {
  const ingress = (...rules: object[]): World =>
    web(policy('g', { ...everywhere, types: ['Ingress'], ingress: rules }));
  const destination = (side: object, more: object = {}): World =>
    ingress({ action: 'Allow', ...more, destination: side });
  const passes = (world: World, question: string): boolean => world.verdict(flowOf(question)).ingress?.allowed ?? false;

  test.each([
    [
      '5.1 numbers and names of one list are alternatives',
      { ports: [443, 'http'] },
      { protocol: 'TCP' },
      { '80/TCP': true, '443/TCP': true, '81/UDP': false, '9000/TCP': false },
    ],
    [
      '4.6 a name counts with the protocol of the rule',
      { ports: ['http'] },
      { protocol: 'UDP' },
      { '80/TCP': false, '81/UDP': true },
    ],
    [
      '4.6 without a protocol a name brings its own',
      { ports: ['http'] },
      {},
      { '80/TCP': true, '81/UDP': true, '81/TCP': false },
    ],
    [
      '5.3 a name that nobody defines matches nothing',
      { ports: ['nope'] },
      { protocol: 'TCP' },
      { '80/TCP': false, '443/TCP': false },
    ],
    [
      '5.3 and adds nothing to others',
      { ports: ['nope', '79:81'] },
      { protocol: 'TCP' },
      { '80/TCP': true, '443/TCP': false },
    ],
    [
      '5.2 a name in notPorts',
      { notPorts: ['http', 443] },
      { protocol: 'TCP' },
      { '80/TCP': false, '443/TCP': false, '81/TCP': true },
    ],
  ])('%s', (_, side, more, expected) => {
    const world = destination(side, more);
    for (const [port, allowed] of Object.entries(expected))
      expect([port, passes(world, `${OUT} -> ${A}:${port}`)]).toEqual([port, allowed]);
  });

  test('5.1 of two endpoints with one address, the one that the selector selects has to have the named port', () => {
    const twin = pod('b/twin', { labels: { app: 'other' }, ips: [A], ports: ['extra:7000'] });
    const rule = {
      action: 'Allow',
      protocol: 'TCP',
      destination: { selector: "app == 'web'", ports: ['extra', 'http'] },
    };
    const world = web(twin, policy('g', { selector: "app == 'web'", types: ['Ingress'], ingress: [rule] }));
    expect(passes(world, `${OUT} -> ${A}:7000/TCP`)).toBe(false);
  });

  test('named ports are looked up on the destination, pod by pod (8.3)', () => {
    const world = destination({ ports: ['http'] }, { protocol: 'TCP' });
    expect(passes(world, `${OUT} -> ${A}:80/TCP`)).toBe(true);
    expect(passes(world, `${OUT} -> ${B}:80/TCP`)).toBe(false);
    expect(passes(world, `${OUT} -> ${B}:8080/TCP`)).toBe(true);
  });

  test('5.4 notNets of one family make a rule of that family', () => {
    const world = ingress({ action: 'Allow', source: { notNets: ['10.0.0.0/8'] } });
    expect(passes(world, `${OUT} -> ${A}:80/TCP`)).toBe(true);
    expect(passes(world, `${B} -> ${A}:80/TCP`)).toBe(false);
    expect(passes(world, '2001:db8::9 -> [fd00::1]:80/TCP')).toBe(false);
  });

  test('5 the name ICMP means IPv4, the number does not; notICMP with a code excludes that pair only', () => {
    const byName = ingress({ action: 'Allow', protocol: 'ICMP' });
    const byNumber = ingress({ action: 'Allow', protocol: 58, notICMP: { type: 128, code: 0 } });
    expect(passes(byName, `${OUT} -> ${A} ICMP 8.0`)).toBe(true);
    expect(passes(byName, '2001:db8::9 -> fd00::1 1 8.0')).toBe(false);
    expect(passes(byNumber, '2001:db8::9 -> fd00::1 ICMPv6 128.0')).toBe(false);
    expect(passes(byNumber, '2001:db8::9 -> fd00::1 ICMPv6 128.1')).toBe(true);
    expect(passes(byNumber, '2001:db8::9 -> fd00::1 ICMPv6 1.0')).toBe(true);
  });

  test('4.4 a network set of everything selects every address of its family', () => {
    const rule = { action: 'Allow', source: { selector: "kind == 'all'" } };
    const world = web(
      networkSet('all', { kind: 'all' }, ['0.0.0.0/0']),
      policy('g', { ...everywhere, types: ['Ingress'], ingress: [rule] }),
    );
    expect(passes(world, `203.0.113.99 -> ${A}:80/TCP`)).toBe(true);
    expect(passes(world, '2001:db8::9 -> [fd00::1]:80/TCP')).toBe(false);
  });

  test('5.7 a rule with an HTTP match is left out, and said; 11: a service match is not resolved, and fails closed', () => {
    const world = web(
      policy('g', {
        ...everywhere,
        types: ['Ingress', 'Egress'],
        ingress: [{ action: 'Allow', http: { methods: ['GET'] } }],
        egress: [
          { action: 'Allow', destination: { services: { name: 's', namespace: 'b' } } },
          { action: 'Deny', destination: { services: { name: 's', namespace: 'b' } } },
          { action: 'Allow' },
        ],
      }),
    );
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe('no: - | deny default tier-default');
    expect(ask(world, `${A} -> ${OUT}:80/TCP`)).toBe('no: deny default GlobalNetworkPolicy/g#1 rule | -');
    expect(world.diagnostics.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'SERVICE_MATCH_UNSUPPORTED spec.egress[0].destination.services',
      'SERVICE_MATCH_UNSUPPORTED spec.egress[1].destination.services',
      'HTTP_NOT_ENFORCEABLE spec.ingress[0].http',
    ]);
  });
});

describe('6: order, tiers, ends and profiles', () => {
  const deny = [{ action: 'Deny' }];
  const named = (name: string, spec: object): PlainObject =>
    policy(name, { ...everywhere, types: ['Ingress'], ...spec });

  test.each([
    [
      '6.1.2 lower order first, negatives too',
      [named('a', { order: 0, ingress: deny }), named('b', { order: -1, ingress: allowAll })],
      'GlobalNetworkPolicy/b',
    ],
    [
      '6.1.2 an absent order comes after any',
      [named('a', { ingress: deny }), named('b', { order: 1e308, ingress: allowAll })],
      'GlobalNetworkPolicy/b',
    ],
    [
      '6.1.2 ties by name',
      [named('b', { order: 1, ingress: deny }), named('a', { order: 1, ingress: allowAll })],
      'GlobalNetworkPolicy/a',
    ],
    [
      '6.1.2 then by namespace, the empty one first',
      [named('a/x', { order: 1, ingress: deny }), named('x', { order: 1, ingress: allowAll })],
      'GlobalNetworkPolicy/x',
    ],
    [
      '6.1.2 then by kind',
      [named('a/x', { order: 1000, ingress: allowAll }), kubernetesPolicy('a/x', { podSelector: {}, ingress: [{}] })],
      'KubernetesNetworkPolicy/a/x',
    ],
    [
      '6.1.2 in byte order of name, slash, namespace: "-" and "." come before the end of a name',
      [named('a', { ingress: deny }), named('a-b', { ingress: deny }), named('a.b', { ingress: deny })],
      'GlobalNetworkPolicy/a-b',
    ],
  ])('%s', (_, policies, expected) => {
    expect(web(...policies).verdict({ src: OUT, dst: A, proto: 'TCP', dport: 80 }).ingress?.policy).toBe(expected);
  });

  test('6.1.1 tiers by order, ties by name; a missing one comes last and ends in Deny', () => {
    const tiers = [tier('z', { order: 5 }), tier('y', { order: 5 }), tier('last')];
    const policies = ['y', 'z', 'last', 'gone', 'default'].map((name) =>
      named(`p-${name}`, { tier: name, ingress: name === 'gone' ? [] : [{ action: 'Pass' }] }),
    );
    const world = web(...tiers, ...policies);
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe(
      'no: - | deny gone tier-default after y:GlobalNetworkPolicy/p-y#0, z:GlobalNetworkPolicy/p-z#0, default:GlobalNetworkPolicy/p-default#0, last:GlobalNetworkPolicy/p-last#0',
    );
    expect(world.diagnostics).toMatchObject([
      { code: 'TIER_MISSING', severity: 'warning', object: 'GlobalNetworkPolicy/p-gone', path: 'spec.tier' },
    ]);
  });

  test.each([
    ['no rules at all', {}, ['ingress']],
    ['only egress rules', { egress: allowAll }, ['egress']],
    ['only ingress rules', { ingress: allowAll }, ['ingress']],
    ['both', { ingress: allowAll, egress: allowAll }, ['ingress', 'egress']],
    ['types win over rules', { types: ['Egress'], ingress: allowAll }, ['egress']],
    ['a type without rules', { types: ['Ingress', 'Egress'], ingress: allowAll }, ['ingress', 'egress']],
  ])('6.2.2 directions of a policy: %s', (_, spec, directions) => {
    const [first] = web(policy('g', { ...everywhere, ...spec })).endpoints();
    const lists = first?.tiers[0];
    expect((['ingress', 'egress'] as const).filter((direction) => (lists?.[direction].length ?? 0) > 0)).toEqual(
      directions,
    );
  });

  test('6.2.5 a direction without rules is the usual default deny; 6.3.2 and it is none for the other direction', () => {
    const world = web(policy('a/deny', { selector: "app == 'web'", types: ['Ingress'] }));
    expect(ask(world, `${B} -> ${A}:80/TCP`)).toBe('no: allow Profile/kns.b#0 profile | deny default tier-default');
    expect(ask(world, `${A} -> ${B}:80/TCP`)).toBe(
      'yes: allow Profile/kns.a#0 profile | allow Profile/kns.b#0 profile',
    );
  });

  test('6.3.3 and 6.3.4 a tier that passes at its end, and a Pass in the last tier, lead to the profiles', () => {
    const world = web(
      tier('soft', { order: 1, defaultAction: 'Pass' }),
      named('s', { tier: 'soft' }),
      named('d', { ingress: [{ action: 'Pass' }] }),
    );
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe(
      'yes: - | allow Profile/kns.a#0 profile after soft:default, default:GlobalNetworkPolicy/d#0',
    );
  });

  test('5.6 Log goes on, and a Pass in the middle leaves the tier', () => {
    const rules = [
      { action: 'Log' },
      { action: 'Deny', protocol: 'UDP' },
      { action: 'Pass', protocol: 'TCP', destination: { ports: [80] } },
      { action: 'Allow' },
    ];
    const world = web(
      tier('first', { order: 1 }),
      named('f', { tier: 'first', ingress: rules }),
      named('d', { ingress: deny }),
    );
    expect(ask(world, `${OUT} -> ${A}:80/UDP`)).toBe('no: - | deny first GlobalNetworkPolicy/f#1 rule');
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe(
      'no: - | deny default GlobalNetworkPolicy/d#0 rule after first:GlobalNetworkPolicy/f#2',
    );
    expect(ask(world, `${OUT} -> ${A}:81/TCP`)).toBe('yes: - | allow first GlobalNetworkPolicy/f#3 rule');
  });

  test('6.3.5 an endpoint without profiles, or whose profile does not exist, is denied', () => {
    const bare = [
      hostEndpoint('bare', {}, { expectedIPs: ['10.0.9.1'] }),
      hostEndpoint('open', {}, { expectedIPs: ['10.0.9.2'], profiles: ['gone', 'projectcalico-default-allow'] }),
    ];
    const world = web(...bare, pod('nowhere/x', { ips: ['10.0.9.3'] }));
    expect(ask(world, `${OUT} -> 10.0.9.1:80/TCP`)).toBe('no: - | deny no-profile-match');
    expect(ask(world, `${OUT} -> 10.0.9.2:80/TCP`)).toBe(
      'yes: - | allow Profile/projectcalico-default-allow#0 profile',
    );
    expect(ask(world, `${OUT} -> 10.0.9.3:80/TCP`)).toBe('no: - | deny no-profile-match');
    expect(world.diagnostics).toMatchObject([{ code: 'NAMESPACE_MISSING', object: 'Namespace/nowhere' }]);
  });

  test('6.4 both ends have to allow, each with its own reason; between outside addresses nothing decides', () => {
    const world = web(
      policy('b/in', {
        selector: "app == 'db'",
        ingress: [{ action: 'Allow', source: { namespaceSelector: "env == 'prod'" } }],
      }),
    );
    expect(ask(world, `${A} -> ${B}:80/TCP`)).toBe(
      'yes: allow Profile/kns.a#0 profile | allow default NetworkPolicy/b/in#0 rule',
    );
    expect(ask(world, `${OUT} -> ${B}:80/TCP`)).toBe('no: - | deny default tier-default');
    expect(ask(world, `${OUT} -> 203.0.113.1:80/TCP`)).toBe('yes: - | -');
  });

  test('7.7 untracked and pre-DNAT policies are in no list of a pod', () => {
    const world = web(
      named('u', { doNotTrack: true, applyOnForward: true }),
      named('n', { preDNAT: true, applyOnForward: true }),
    );
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe('yes: - | allow Profile/kns.a#0 profile');
  });
});

describe('8: Kubernetes NetworkPolicy', () => {
  test('8.1.4 ipBlock with exceptions, both families; pods are matched by their address', () => {
    const from = [
      { ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.2/32'] } },
      { ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] } },
    ];
    const world = web(
      pod('b/x', { ips: ['10.0.0.3'] }),
      kubernetesPolicy('a/k', { podSelector: {}, ingress: [{ from }] }),
    );
    expect(ask(world, `10.0.0.3 -> ${A}:80/TCP`)).toBe(
      'yes: allow Profile/kns.b#0 profile | allow default KubernetesNetworkPolicy/a/k#0 rule',
    );
    expect(world.verdict({ src: B, dst: A, proto: 'TCP' }).ingress?.allowed).toBe(false);
    expect(world.verdict({ src: '2001:db8::9', dst: 'fd00::1', proto: 'TCP' }).ingress?.rule).toBe(1);
    expect(world.verdict({ src: '2001:db8:1::9', dst: 'fd00::1', proto: 'TCP' }).ingress?.allowed).toBe(false);
  });

  test('8.2.6 one rule for each protocol by name and each peer; an entry without a port absorbs the others', () => {
    const ports = [{ protocol: 'UDP', port: 53 }, { port: 80, endPort: 90 }, { port: 'admin' }, { protocol: 'UDP' }];
    const from = [{ podSelector: { matchLabels: { app: 'db' } } }, { namespaceSelector: {} }];
    const world = web(kubernetesPolicy('a/k', { podSelector: {}, ingress: [{ from, ports }] }));
    const rules = world.engine.policies
      .get('KubernetesNetworkPolicy/a/k')
      ?.ingress?.map(({ index, protocol, source, destination }) => [
        index,
        protocol,
        source.selector?.canonical,
        destination.ports === undefined
          ? 'any'
          : `${destination.ports.numbers.toString()} ${destination.ports.names.join(' ')}`,
      ]);
    const orchestrated = 'projectcalico.org/orchestrator == "k8s"';
    const own = `(projectcalico.org/namespace == "a" && (${orchestrated} && app == "db"))`;
    const any = `(has(projectcalico.org/namespace) && ${orchestrated})`;
    expect(rules).toEqual([
      [0, 6, own, '80-90 admin'],
      [1, 6, any, '80-90 admin'],
      [2, 17, own, 'any'],
      [3, 17, any, 'any'],
    ]);
    expect(ask(world, `${B} -> ${A}:9000/TCP`)).toBe(
      'yes: allow Profile/kns.b#0 profile | allow default KubernetesNetworkPolicy/a/k#1 rule',
    );
  });

  test('8.1.6 NotIn and DoesNotExist hold for an absent key; 8.2.2 in the order as written', () => {
    const podSelector = {
      matchExpressions: [
        { key: 'role', operator: 'NotIn', values: ['y', 'x'] },
        { key: 'x', operator: 'DoesNotExist' },
      ],
      matchLabels: { b: '2', a: '1' },
    };
    const world = web(kubernetesPolicy('a/k', { podSelector }));
    expect(world.policySelectors().get('KubernetesNetworkPolicy/a/k')).toBe(
      '((projectcalico.org/orchestrator == "k8s" && a == "1" && b == "2" && role not in {"x", "y"} && !has(x)) && projectcalico.org/namespace == "a")',
    );
  });

  test('8.1.2 isolation only in the directions of the policy', () => {
    const world = web(
      kubernetesPolicy('a/k', {
        podSelector: { matchLabels: { app: 'web' } },
        egress: [{ to: [{ podSelector: {} }] }],
      }),
    );
    expect(ask(world, `${A} -> ${B}:80/TCP`)).toBe('no: deny default tier-default | allow Profile/kns.b#0 profile');
    expect(ask(world, `${B} -> ${A}:80/TCP`)).toBe('no: allow Profile/kns.b#0 profile | deny default tier-default');
  });
});

describe('broken parts fail closed (design invariant 5)', () => {
  const broken = "app = 'web'";
  test.each([
    [
      'an Allow rule is absent',
      { ...everywhere, ingress: [{ action: 'Allow', protocol: 'TPC' }] },
      'no: - | deny default tier-default',
    ],
    [
      'a Deny rule denies everything',
      { ...everywhere, ingress: [{ action: 'Deny', source: { nets: ['10.0.0.1/8'] } }, ...allowAll] },
      'no: - | deny default GlobalNetworkPolicy/g#0 rule',
    ],
    [
      'a Pass rule denies everything',
      { ...everywhere, ingress: [{ action: 'Pass', source: { selector: broken } }, ...allowAll] },
      'no: - | deny default GlobalNetworkPolicy/g#0 rule',
    ],
    [
      'a policy whose selector cannot be read holds for everybody, without what it allows',
      { selector: broken, ingress: allowAll },
      'no: - | deny default tier-default',
    ],
    [
      'and its Deny stays as written',
      { selector: broken, ingress: [{ action: 'Deny', protocol: 'TCP' }] },
      'no: - | deny default GlobalNetworkPolicy/g#0 rule',
    ],
    [
      'and its Pass denies everything',
      { selector: broken, ingress: [{ action: 'Pass' }] },
      'no: - | deny default GlobalNetworkPolicy/g#0 rule',
    ],
  ])('%s', (_, spec, expected) => {
    const world = web(policy('g', spec));
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe(expected);
    expect(
      world.diagnostics.some(({ severity, object }) => severity === 'error' && object === 'GlobalNetworkPolicy/g'),
    ).toBe(true);
  });

  test('a podSelector that cannot be read isolates its namespace only', () => {
    const world = web(kubernetesPolicy('a/k', { podSelector: { matchLabels: { app: '-' } }, ingress: [{}] }));
    expect(world.verdict({ src: OUT, dst: A, proto: 'TCP' }).allowed).toBe(false);
    expect(world.verdict({ src: OUT, dst: B, proto: 'TCP' }).allowed).toBe(true);
  });
});

describe('the world as a library', () => {
  test('objects may come in any order, as lists, and twice', () => {
    const given = [...cluster, policy('g', { ...everywhere, ingress: [] })];
    const world = loadWorld([{ apiVersion: 'v1', kind: 'List', items: given.toReversed() }, cluster[0]]);
    expect(world.endpoints()).toEqual(loadWorld(given).endpoints());
    expect(world.diagnostics).toMatchObject([{ code: 'MANIFEST_DUPLICATE', object: 'Namespace/a' }]);
  });

  test('an address with two owners passes only what both allow', () => {
    const world = web(
      pod('b/late', { labels: { app: 'late' }, ips: [A] }),
      policy('g', { selector: "app == 'late'", types: ['Ingress'] }),
    );
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe('no: - | deny default tier-default');
    expect(world.verdict({ src: OUT, dst: A, proto: 'TCP' }).ingress?.endpoint).toBe('pod:b/late');
  });

  test.each([
    [{ src: '10.0.0.300', dst: A, proto: 'TCP' }, /src/],
    [{ src: A, dst: 'fd00::1', proto: 'TCP' }, /families/],
    [{ src: A, dst: B, proto: 'TPC' }, /protocol/],
    [{ src: A, dst: B, proto: 256 }, /protocol/],
    [{ src: A, dst: B, proto: 'TCP', dport: 70_000 }, /dport/],
  ])('a question that cannot be read is refused with the correction: %j', (flow, message) => {
    expect(() => web().verdict(flow)).toThrow(message);
  });
});
