import { describe, expect, test } from 'vitest';
import { loadWorld } from '../../src/engine/index.ts';
import { hostEndpoint, kubernetesPolicy, namespace, networkSet, pod, policy, profile, tier } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

const cluster = [namespace('a'), pod('a/p', { ips: ['10.0.0.1', 'fd00::1'] })];
const errors = (object: PlainObject): readonly string[] =>
  loadWorld([...cluster, object])
    .diagnostics.filter(({ severity }) => severity === 'error')
    .map(({ code, path, message }) => `${code} ${path}: ${message}`);
const global = (spec: object): PlainObject => policy('q', spec);
const rule = (words: object, direction = 'ingress'): PlainObject =>
  global({ [direction]: [{ action: 'Allow', ...words }] });
const to = (words: object, more: object = {}): PlainObject => rule({ protocol: 'TCP', ...more, destination: words });
const from = (words: object, more: object = {}): PlainObject => rule({ ...more, source: words });
const name = (text: string): PlainObject => policy(text, {});
const annotated = (annotations: unknown): PlainObject =>
  ({ ...global({}), metadata: { name: 'q', annotations } }) as object as PlainObject;
const host = (spec: object): PlainObject => hostEndpoint('h', {}, spec);

const workload = (spec: object): PlainObject =>
  ({
    apiVersion: 'projectcalico.org/v3',
    kind: 'WorkloadEndpoint',
    metadata: { name: 'n1-vms-vm-eth0', namespace: 'a' },
    spec: { node: 'n1', orchestrator: 'vms', workload: 'vm', endpoint: 'eth0', ipNetworks: ['10.0.0.8'], ...spec },
  }) as object as PlainObject;

type Case = readonly [line: string, what: string, object: PlainObject];
const wrong: readonly Case[] = [
  ['13.1', 'a port without protocol', rule({ destination: { ports: [80] } })],
  ['13.1', 'a range without protocol', rule({ destination: { ports: ['80:90'] } })],
  ['13.1', 'a port beside a name without protocol', rule({ destination: { ports: ['web', 80] } })],
  ['13.1', 'notPorts without protocol', rule({ source: { notPorts: [80] } })],
  ['13.1', 'a port of ICMP', to({ ports: [80] }, { protocol: 'ICMP' })],
  ['13.1', 'a port of another number', to({ ports: [80] }, { protocol: 47 })],
  ['13.1', 'a port of UDPLite', to({ ports: [80] }, { protocol: 'UDPLite' })],
  ['13.1', 'a name with a protocol without ports', to({ ports: ['web'] }, { protocol: 'ICMP' })],
  ['13.1', 'port 0', to({ ports: [0] })],
  ['13.1', 'port 65536', to({ ports: [65_536] })],
  ['13.1', 'digits beyond a port', to({ ports: ['65536'] })],
  ['13.1', 'a range that descends', to({ ports: ['90:80'] })],
  ['13.1', 'a range from 0', to({ ports: ['0:80'] })],
  ['13.1', 'an empty name', to({ ports: [''] })],
  ['13.1', 'a name with a blank', to({ ports: ['a b'] })],
  ['13.1', 'a name of 129 characters', to({ ports: ['a'.repeat(129)] })],
  ['13.2', 'icmp without protocol', rule({ icmp: { type: 8 } })],
  ['13.2', 'icmp with another protocol', rule({ protocol: 'TCP', icmp: { type: 8 } })],
  ['13.2', 'notICMP without protocol', rule({ notICMP: { type: 8 } })],
  ['13.2', 'a code without type', rule({ protocol: 'ICMP', icmp: { code: 0 } })],
  ['13.2', 'type 255', rule({ protocol: 'ICMP', icmp: { type: 255 } })],
  ['13.2', 'code 256', rule({ protocol: 'ICMP', icmp: { type: 8, code: 256 } })],
  ['13.2', 'type -1', rule({ protocol: 'ICMP', icmp: { type: -1 } })],
  ['13.2', 'ICMP with ipVersion 6', rule({ protocol: 'ICMP', ipVersion: 6 })],
  ['13.2', 'ICMPv6 with ipVersion 4', rule({ protocol: 'ICMPv6', ipVersion: 4 })],
  ['13.2', 'notProtocol ICMP with ipVersion 6', rule({ notProtocol: 'ICMP', ipVersion: 6 })],
  ['13.2', 'notProtocol ICMPv6 with ipVersion 4', rule({ notProtocol: 'ICMPv6', ipVersion: 4 })],
  ['13.3', 'both families in one list', from({ nets: ['10.0.0.0/8', 'fd00::/8'] })],
  ['13.3', 'both families in nets and notNets', from({ nets: ['10.0.0.0/8'], notNets: ['fd00::/8'] })],
  [
    '13.3',
    'both families on both sides',
    rule({ source: { nets: ['10.0.0.0/8'] }, destination: { notNets: ['fd00::/8'] } }),
  ],
  ['13.3', 'the other family than ipVersion', from({ nets: ['10.0.0.0/8'] }, { ipVersion: 6 })],
  ['13.3', 'both families beside ICMPv6', from({ nets: ['fd00::/8', '10.0.0.0/8'] }, { protocol: 'ICMPv6' })],
  ['13.4', 'notNets of all IPv4', from({ notNets: ['0.0.0.0/0'] })],
  ['13.4', 'notNets of all IPv6', from({ notNets: ['::/0'] })],
  ['13.5', 'host bits', from({ nets: ['10.0.0.1/24'] })],
  ['13.5', 'host bits in notNets', from({ notNets: ['fd00::1/64'] })],
  ['13.5', 'no mask', from({ nets: ['10.0.0.1'] })],
  ['13.5', 'a mask too long', from({ nets: ['10.0.0.0/33'] })],
  ['13.6', "global() in a policy's selector", global({ selector: 'global()' })],
  ['13.6', "global() in a policy's namespaceSelector", global({ namespaceSelector: 'global()' })],
  ['13.6', "global() in a rule's selector", from({ selector: 'global()' })],
  ['13.6', "global() in a rule's notSelector", from({ notSelector: "a == 'b' || global()" })],
  ['13.6', 'global() beside something', from({ namespaceSelector: "global() || a == 'b'" })],
  ['13.7', 'a type twice', global({ types: ['Ingress', 'Ingress'] })],
  ['13.7', 'a type that is none', global({ types: ['ingress'] })],
  ['13.7', 'http on Deny', rule({ action: 'Deny', http: { methods: ['GET'] } })],
  ['13.7', 'http in egress', rule({ http: { methods: ['GET'] } }, 'egress')],
  ['13.7', 'http with UDP', rule({ protocol: 'UDP', http: { methods: ['GET'] } })],
  ['13.7', 'http with TCP by number', rule({ protocol: 6, http: { methods: ['GET'] } })],
  ['13.7', 'a path that begins elsewhere', rule({ http: { paths: [{ exact: 'x' }] } })],
  ['13.7', 'a path with a question', rule({ http: { paths: [{ prefix: '/x?y' }] } })],
  ['13.7', 'a path with a fragment', rule({ http: { paths: [{ exact: '/x#y' }] } })],
  ['13.7', 'a path with a blank', rule({ http: { paths: [{ exact: '/x y' }] } })],
  ['13.7', 'a path twice said', rule({ http: { paths: [{ exact: '/x', prefix: '/x' }] } })],
  ['13.7', 'a method twice', rule({ http: { methods: ['GET', 'GET'] } })],
  ['13.8', 'a tier name with a dot', tier('a.b')],
  ['13.8', 'a tier name of 64 characters', tier('a'.repeat(64))],
  ['13.8', 'an order for a built-in tier', tier('default', { order: 5 })],
  ['13.8', 'a default action for a built-in tier', tier('kube-admin', { order: 1000, defaultAction: 'Deny' })],
  ['13.8', 'a default action that is none', tier('x', { defaultAction: 'Allow' })],
  ['13.8', 'a policy name with two dots', name('a.b.c')],
  ['13.8', 'a policy name in upper case', name('A')],
  ['13.8', 'a policy name that ends in a dash', name('a-')],
  ['13.8', 'a global policy with the form of a namespaced one', name('knp.default.a')],
  ['13.9', 'no node', host({ node: undefined })],
  ['13.9', 'neither interface nor addresses', host({ interfaceName: undefined })],
  ['13.9', 'an interface of 16 characters', host({ interfaceName: 'a'.repeat(16) })],
  ['13.9', 'a port of ICMP', host({ ports: [{ name: 'x', port: 1, protocol: 'ICMP' }] })],
  ['13.9', 'an address that is none', host({ expectedIPs: ['10.0.0.0/24'] })],
  ['13.9', 'a node that is no name', host({ node: 'a_b' })],
  ['13.9', 'a profile that is no name', host({ profiles: ['a b'] })],
  ['13.9', 'a profile without name', host({ profiles: [''] })],
  ['13.9', 'a port name with a blank', host({ ports: [{ name: 'a b', port: 1, protocol: 'TCP' }] })],
  ['9.5', 'a node of a workload endpoint that is no name', workload({ node: 'a_b' })],
  ['9.5', 'an account of a workload endpoint that is no name', workload({ serviceAccountName: 'A' })],
  ['9.5', 'a profile of a workload endpoint that is no name', workload({ profiles: ['a b'] })],
  ['9.5', 'a workload that is no name', workload({ workload: 'a b' })],
  ['9.5', 'a network of a workload endpoint that is more than an address', workload({ ipNetworks: ['10.0.0.0/24'] })],
  ['11', 'a service that is no name', from({ services: { name: 'A', namespace: 'a' } })],
  ['11', 'a namespace of a service that is no name', from({ services: { name: 'a', namespace: 'A' } })],
  ['7.3', 'a hint that is none', global({ performanceHints: ['Fast'] })],
  ['7.3', 'a hint twice', global({ performanceHints: ['AssumeNeededOnEveryNode', 'AssumeNeededOnEveryNode'] })],
  ['7.4', 'an annotation that is no key', rule({ metadata: { annotations: { 'a b': 'x' } } })],
  ['7.4', 'an annotation of a rule that is no text', rule({ metadata: { annotations: { a: 5 } } })],
  ['7.4', 'annotations of a rule that are no map', rule({ metadata: { annotations: ['a'] } })],
  ['7.4', 'metadata of a rule that is no map', rule({ metadata: 'a' })],
  ['7.4', 'an annotation of a policy that is no key', annotated({ 'a b': 'x' })],
  ['7.4', 'an annotation of a policy that is no text', annotated({ a: true })],
  ['7.4', 'annotations of a policy that are no map', annotated('a')],
  ['7.4', 'annotations of more than 256 KiB', annotated({ a: 'x'.repeat(256 * 1024) })],
  ['8.1.2', 'three directions', kubernetesPolicy('a/q', { policyTypes: ['Ingress', 'Egress', 'Ingress'] })],
  ['2', 'a label that is no key', networkSet('g', { 'a b': 'x' }, [])],
  ['2', 'a label with an empty prefix', networkSet('g', { '/b': 'x' }, [])],
  ['2', 'a value with a blank', networkSet('g', { a: 'x y' }, [])],
  ['2', 'a value of 64 characters', hostEndpoint('h', { a: 'x'.repeat(64) }, {})],
  ['2', 'a label of a profile that is no key', profile('x', { labelsToApply: { 'a b': 'x' } })],
  ['2.8', 'the namespace label on a global set', networkSet('g', { 'projectcalico.org/namespace': 'a' }, [])],
  ['2.8', 'the namespace label on a set', networkSet('a/s', { 'projectcalico.org/namespace': 'a' }, [])],
  ['5', 'an action that is none', rule({ action: 'Accept' })],
  ['5', 'an ipVersion that is none', rule({ ipVersion: 5 })],
  ['5', 'a protocol that is none', rule({ protocol: 'tcpp' })],
  ['5', 'protocol 256', rule({ protocol: 256 })],
  ['5', 'protocol 0', rule({ protocol: 0 })],
  ['1.2.6', 'a selector of 1025 characters', global({ selector: `a == '${'x'.repeat(1018)}'` })],
  ['5.10', '1025 rules', global({ ingress: Array.from({ length: 1025 }, () => ({ action: 'Allow' })) })],
  ['5.10', '257 nets', from({ nets: Array.from({ length: 257 }, (_, at) => `10.0.${at % 256}.${at >> 8}/32`) })],
  ['5.10', '257 notNets', from({ notNets: Array.from({ length: 257 }, (_, at) => `10.0.${at % 256}.${at >> 8}/32`) })],
  ['5.10', '51 ports', to({ ports: Array.from({ length: 51 }, (_, at) => at + 1) })],
  ['5.10', '51 notPorts', to({ notPorts: Array.from({ length: 51 }, (_, at) => at + 1) })],
  ['5.10', '21 methods', rule({ http: { methods: Array.from({ length: 21 }, (_, at) => `M${at}`) } })],
  ['5.10', '21 paths', rule({ http: { paths: Array.from({ length: 21 }, (_, at) => ({ exact: `/${at}` })) } })],
];

const right: readonly Case[] = [
  ['13.1', 'names without protocol', rule({ destination: { ports: ['web', 'a_b.c-D'], notPorts: ['x'] } })],
  ['13.1', 'the bounds', to({ ports: [1, 65_535, '1:65535', '80'] })],
  ['13.1', 'digits with zeros before them', to({ ports: ['080', '0080:00090'] })],
  ['13.1', 'a name of 128 characters', to({ ports: ['a'.repeat(128)] })],
  ['13.1', 'protocols by number', to({ ports: [80], notPorts: ['web'] }, { protocol: 132 })],
  [
    '13.2',
    'the bounds',
    rule({ protocol: 'ICMP', ipVersion: 4, icmp: { type: 0 }, notICMP: { type: 254, code: 255 } }),
  ],
  ['13.2', 'no type at all', rule({ protocol: 'ICMP', icmp: {}, notICMP: {} })],
  ['13.2', 'one family beside what is not the other', rule({ protocol: 'ICMP', notProtocol: 'ICMPv6' })],
  ['13.2', 'by number', rule({ protocol: 58, icmp: { type: 128, code: 0 } })],
  [
    '13.3',
    'one family',
    rule({ ipVersion: 6, source: { nets: ['fd00::/8'] }, destination: { notNets: ['2001:db8::/32'] } }),
  ],
  ['13.3', 'IPv4 with ICMPv6', from({ nets: ['10.0.0.0/8'] }, { protocol: 'ICMPv6' })],
  ['13.4', 'nets of everything', from({ nets: ['0.0.0.0/0'] })],
  [
    '13.5',
    'bare addresses and host bits in network sets',
    networkSet('g', {}, ['10.0.0.1', '10.0.0.1/24', 'fd00::1/64']),
  ],
  ['13.6', 'global() alone', from({ selector: 'all()', namespaceSelector: 'global()' })],
  [
    '13.7',
    'http',
    rule({ protocol: 'TCP', http: { methods: ['GET', '*'], paths: [{ exact: '/' }, { prefix: '/x/y' }] } }),
  ],
  ['7.3', 'a hint', global({ performanceHints: ['AssumeNeededOnEveryNode'] })],
  ['7.4', 'an annotation', rule({ metadata: { annotations: { 'firewall.example.com/rule': 'any text at all' } } })],
  ['7.4', 'annotations of 256 KiB', annotated({ 'Example.com/A': 'x'.repeat(256 * 1024 - 'Example.com/A'.length) })],
  ['8.1.6', 'a value that is not given', kubernetesPolicy('a/q', { podSelector: { matchLabels: { a: null } } })],
  ['2', 'labels at their bounds', networkSet('g', { [`a.b/${'x'.repeat(63)}`]: 'x'.repeat(63), 'A_b.c-9': '' }, [])],
  ['13.8', 'a tier name of 63 characters', tier('a'.repeat(63), { order: 1.5 })],
  ['13.8', 'the built-in tiers as they are', tier('default', { order: 1_000_000, defaultAction: 'Deny' })],
  ['13.8', 'a policy name with one dot', name('a.b')],
  ['13.8', 'the form of converted policies', name('a/knp.default.x.y')],
  [
    '13.9',
    'a host endpoint',
    host({
      interfaceName: 'a'.repeat(15),
      expectedIPs: ['10.0.0.9'],
      ports: [{ name: 'x', port: 1, protocol: 'SCTP' }],
    }),
  ],
  ['9.5', 'a workload endpoint', workload({ serviceAccountName: '', profiles: ['kns.a'] })],
  ['1.2.6', 'a selector of 1024 characters', global({ selector: `a == '${'x'.repeat(1017)}'` })],
  ['5.10', '1024 rules', global({ ingress: Array.from({ length: 1024 }, () => ({ action: 'Allow' })) })],
  [
    '5.10',
    '256 nets and 50 ports',
    to({
      nets: Array.from({ length: 256 }, (_, at) => `10.0.${at}.0/32`),
      ports: Array.from({ length: 50 }, (_, at) => at + 1),
    }),
  ],
];

describe('13: validation', () => {
  test.each(wrong)('%s refused: %s', (_line, _what, object) => {
    expect(errors(object)).toHaveLength(1);
  });

  test.each(right)('%s accepted: %s', (_line, _what, object) => {
    expect(errors(object)).toEqual([]);
  });

  const verdict = (action: string, broken: object): boolean => {
    const ingress = [{ action, ...broken }, { action: action === 'Allow' ? 'Deny' : 'Allow' }];
    const world = loadWorld([...cluster, policy('q', { selector: 'all()', types: ['Ingress'], ingress })]);
    return world.verdict({ src: '192.0.2.1', dst: '10.0.0.1', proto: 'UDP', dport: 1 }).allowed;
  };
  test.each([
    ['nets', { nets: ['10.0.0.0/8'] }],
    ['notNets', { notNets: ['10.0.0.0/8'] }],
  ])(
    "13.3 networks of the other family than that of ICMP's name match nothing, whatever the action: %s",
    (_what, source) => {
      const rules = ['Deny', 'Pass'].map((action) => ({ action, protocol: 'ICMPv6', source }));
      const world = loadWorld([
        ...cluster,
        policy('q', { selector: 'all()', types: ['Ingress'], ingress: [...rules, { action: 'Allow' }] }),
      ]);
      expect(world.diagnostics.map(({ severity, path }) => `${severity} ${path}`)).toEqual([
        'warning spec.ingress[0]',
        'warning spec.ingress[1]',
      ]);
      for (const [src, dst, proto] of [
        ['192.0.2.1', '10.0.0.1', 'ICMP'],
        ['10.9.9.9', '10.0.0.1', 58],
        ['2001:db8::1', 'fd00::1', 'ICMPv6'],
      ] as const)
        expect(world.verdict({ src, dst, proto }).ingress).toMatchObject({ rule: 2 });
    },
  );

  test.each(['projectcalico.org/v3', 'networking.k8s.io/v1'])(
    '6.2.2 and 8.1.2 a policy without spec is one with an empty one: %s',
    (apiVersion) => {
      const bare = { apiVersion, kind: 'NetworkPolicy', metadata: { name: 'q', namespace: 'a' } };
      const answers = [bare, { ...bare, spec: null }, { ...bare, spec: {} }].map((object) => {
        const world = loadWorld([...cluster, object]);
        expect(world.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
        return world.endpoints().map(({ tiers }) => tiers);
      });
      expect(answers[0]).toMatchObject([[{ ingress: [expect.stringContaining('/a/q')], egress: [] }]]);
      expect(answers[1]).toEqual(answers[0]);
      expect(answers[2]).toEqual(answers[0]);
    },
  );

  test('5.7 an HTTP match without methods and paths is none', () => {
    const world = loadWorld([...cluster, rule({ http: {} })]);
    expect(world.verdict({ src: '192.0.2.1', dst: '10.0.0.1', proto: 'TCP', dport: 1 }).allowed).toBe(true);
  });

  test.each([
    [{ destination: { ports: [80] } }],
    [{ protocol: 'TCP', destination: { ports: [0] } }],
    [{ protocol: 'ICMP', ipVersion: 6 }],
    [{ source: { nets: ['10.0.0.0/8', 'fd00::/8'] } }],
    [{ source: { notNets: ['0.0.0.0/0'] } }],
    [{ source: { nets: ['10.0.0.1'] } }],
    [{ source: { selector: 'a = b' } }],
    [{ icmp: { type: 8 } }],
    [{ protocol: 'nonsense' }],
  ])('13.10 a broken Allow is absent, a broken Deny or Pass denies in its place: %j', (broken) => {
    expect(['Allow', 'Deny', 'Pass'].map((action) => verdict(action, broken))).toEqual([false, false, false]);
  });
});
