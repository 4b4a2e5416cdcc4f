import { describe, expect, test } from 'vitest';
import { adminPolicy, hostEndpoint, kubernetesPolicy, networkSet, pod, policy, tier } from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { A, B, OUT, ask, web } from '../../test/kit/two-pods.ts';

const everyPod = { namespaces: {} };
const anyone = [{ namespaces: {} }];
const outside = [{ networks: ['198.51.100.0/24'] }];

/** A ClusterNetworkPolicy of the Admin tier about every pod. */
function admin(name: string, spec: object): PlainObject {
  return adminPolicy('ClusterNetworkPolicy', name, { tier: 'Admin', priority: 10, subject: everyPod, ...spec });
}

function baseline(name: string, spec: object): PlainObject {
  return admin(name, { tier: 'Baseline', ...spec });
}

const toOutside = `${A} -> ${OUT}:443/TCP`;
const id = 'KubernetesClusterNetworkPolicy';

describe('9.1: ClusterNetworkPolicy', () => {
  test('9.1.1 Admin goes before NetworkPolicy, Baseline after it; what none decides is allowed', () => {
    const isolated = kubernetesPolicy('a/k', { podSelector: {}, policyTypes: ['Egress'] });
    const deny = { egress: [{ action: 'Deny', to: outside }] };
    const accept = { egress: [{ action: 'Accept', to: outside }] };
    expect(ask(web(admin('x', accept), isolated, baseline('y', deny)), toOutside)).toBe(
      `yes: allow kube-admin ${id}/x#0 rule | -`,
    );
    expect(ask(web(isolated, baseline('y', accept)), toOutside)).toBe('no: deny default tier-default | -');
    expect(ask(web(baseline('y', deny)), toOutside)).toBe(`no: deny kube-baseline ${id}/y#0 rule | -`);
    const elsewhere = { egress: [{ action: 'Deny', to: [{ networks: ['192.0.2.0/24'] }] }] };
    expect(ask(web(admin('x', elsewhere), baseline('y', elsewhere)), toOutside)).toBe(
      'yes: allow Profile/kns.a#0 profile after kube-admin:default, kube-baseline:default | -',
    );
  });

  test('9.1.2 lower priority first, rules by position, equal priorities by name', () => {
    const rule = (action: string) => ({ egress: [{ action, to: outside }] });
    expect(
      ask(web(admin('a', { priority: 2, ...rule('Deny') }), admin('b', { priority: 1, ...rule('Accept') })), toOutside),
    ).toBe(`yes: allow kube-admin ${id}/b#0 rule | -`);
    expect(ask(web(admin('b', rule('Deny')), admin('a', rule('Accept'))), toOutside)).toBe(
      `yes: allow kube-admin ${id}/a#0 rule | -`,
    );
    const both = admin('a', {
      egress: [
        { action: 'Deny', to: outside },
        { action: 'Accept', to: outside },
      ],
    });
    expect(ask(web(both), toOutside)).toBe(`no: deny kube-admin ${id}/a#0 rule | -`);
  });

  test('6.1.2 and 6.1.3 a GlobalNetworkPolicy of the same tier, order and name goes first by its kind', () => {
    const global = policy('x', { tier: 'kube-admin', order: 10, egress: [{ action: 'Deny' }] });
    const world = web(admin('x', { egress: [{ action: 'Accept', to: outside }] }), global);
    expect(world.endpoints()[0]?.tiers[0]?.egress).toEqual(['GlobalNetworkPolicy/x', `${id}/x`]);
  });

  test('9.1.3 and 9.1.4 Pass leads to NetworkPolicy, and from there, where none selects the pod, to Baseline', () => {
    const pass = admin('p', { egress: [{ action: 'Pass', to: outside }] });
    const after = admin('q', { priority: 11, egress: [{ action: 'Deny', to: outside }] });
    const deny = baseline('d', { egress: [{ action: 'Deny', to: outside }] });
    const allows = kubernetesPolicy('a/k', { podSelector: {}, policyTypes: ['Egress'], egress: [{}] });
    expect(ask(web(pass, after, allows, deny), toOutside)).toBe(
      `yes: allow default KubernetesNetworkPolicy/a/k#0 rule after kube-admin:${id}/p#0 | -`,
    );
    expect(ask(web(pass, after, deny), toOutside)).toBe(
      `no: deny kube-baseline ${id}/d#0 rule after kube-admin:${id}/p#0 | -`,
    );
  });

  test('9.1.5 and 9.2.3 a direction without rules is not taken part in', () => {
    const world = web(admin('x', { ingress: [{ action: 'Deny', from: anyone }], egress: [] }));
    expect(world.endpoints()[0]?.tiers).toEqual([
      { name: 'kube-admin', defaultAction: 'Pass', ingress: [`${id}/x`], egress: [] },
    ]);
    // What cannot be converted leaves no direction either.
    expect(web(admin('x', { egress: [{ action: 'Accept', to: [{ nodes: {} }] }] })).endpoints()[0]?.tiers).toEqual([]);
  });

  test('9.1.6 and 9.2.2 subjects are pods: no host endpoints, no pods of the node network', () => {
    const others = [
      hostEndpoint('edge', { app: 'web' }, { expectedIPs: ['192.0.2.1'] }),
      pod('a/agent', { ips: ['192.0.2.2'], hostNetwork: true }),
    ];
    const of = (subject: object) => {
      const world = web(...others, admin('x', { subject, egress: [{ action: 'Deny', to: anyone }] }));
      const ids = world.endpoints().flatMap(({ id: endpoint, tiers }) => (tiers.length > 0 ? [endpoint] : []));
      return [ids.join(' '), world.policySelectors().get(`${id}/x`)];
    };
    const pods = 'projectcalico.org/orchestrator == "k8s"';
    expect(of(everyPod)).toEqual(['pod:a/web pod:b/db', `(${pods} && has(projectcalico.org/namespace))`]);
    expect(of({ namespaces: { matchLabels: { env: 'prod' } } })).toEqual([
      'pod:a/web',
      `(${pods} && pcns.env == "prod")`,
    ]);
    expect(of({ pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: 'db' } } } })).toEqual([
      'pod:b/db',
      `((${pods} && app == "db") && has(projectcalico.org/namespace))`,
    ]);
  });

  test('9.2.4 one rule for each protocol, the named ports of any protocol first, and for each peer', () => {
    const protocols = [
      { udp: { destinationPort: { number: 53 } } },
      { tcp: { destinationPort: { range: { start: 80, end: 90 } } } },
      { destinationNamedPort: 'http' },
      { udp: {} },
      { sctp: { destinationPort: { number: 9 } } },
      { destinationNamedPort: 'admin' },
      { tcp: { destinationPort: { number: 443 } } },
    ];
    const to = [{ networks: ['10.0.0.0/8', 'fd00::/64'] }, { namespaces: { matchLabels: { env: 'prod' } } }];
    const world = web(
      admin('x', {
        egress: [
          { action: 'Deny', to: anyone, protocols: [{ tcp: {} }] },
          { action: 'Pass', to, protocols },
        ],
      }),
    );
    const rules = world.engine.policies
      .get(`${id}/x`)
      ?.egress?.map(({ index, action, protocol, destination: { nets, selector, ports } }) => [
        index,
        action,
        protocol ?? '-',
        nets?.toString() ?? selector?.canonical,
        ports === undefined ? 'any' : `${ports.numbers.toString()} ${ports.names.join(' ')}`.trim(),
      ]);
    const nets = '10.0.0.0/8, fd00::/64';
    const prod = 'pcns.env == "prod"';
    expect(rules).toEqual([
      [0, 'Deny', 6, 'has(projectcalico.org/namespace)', 'any'],
      [1, 'Pass', '-', nets, 'admin http'],
      [2, 'Pass', '-', prod, 'admin http'],
      [3, 'Pass', 132, nets, '9'],
      [4, 'Pass', 132, prod, '9'],
      [5, 'Pass', 6, nets, '80-90, 443'],
      [6, 'Pass', 6, prod, '80-90, 443'],
      [7, 'Pass', 17, nets, 'any'],
      [8, 'Pass', 17, prod, 'any'],
    ]);
  });

  test('9.2.5 peers by namespaces reach network sets of them, peers by pods do not; 3.2.7 and negatives reach the global ones', () => {
    const sets = [
      networkSet('a/bank', {}, ['203.0.113.0/24']),
      networkSet('world', {}, ['198.51.100.0/24']),
      networkSet('b/test', {}, ['192.0.2.0/24']),
    ];
    const denied = (peer: object) => {
      const world = web(...sets, admin('x', { egress: [{ action: 'Deny', to: [peer] }] }));
      return ['203.0.113.1', '198.51.100.1', '192.0.2.1', '8.8.8.8', B].filter(
        (dst) => !world.verdict({ src: A, dst, proto: 'TCP' }).allowed,
      );
    };
    const prod = { matchLabels: { env: 'prod' } };
    const notTest = { matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['test'] }] };
    expect(denied({ namespaces: prod })).toEqual(['203.0.113.1']);
    expect(denied({ namespaces: {} })).toEqual(['203.0.113.1', '192.0.2.1', B]);
    expect(denied({ namespaces: notTest })).toEqual(['203.0.113.1', '198.51.100.1']);
    expect(denied({ pods: { namespaceSelector: {}, podSelector: {} } })).toEqual([B]);
    expect(denied({ pods: { namespaceSelector: notTest, podSelector: {} } })).toEqual([]);
  });

  test('9.2.6 a named port is looked up for any protocol of the destination', () => {
    const world = web(
      admin('x', { ingress: [{ action: 'Deny', from: anyone, protocols: [{ destinationNamedPort: 'http' }] }] }),
    );
    const allowed = (port: string) => ask(world, `${B} -> ${A}:${port}`).startsWith('yes');
    expect(['80/TCP', '81/UDP', '80/UDP', '81/TCP', '9000/TCP'].filter(allowed)).toEqual([
      '80/UDP',
      '81/TCP',
      '9000/TCP',
    ]);
  });

  test.each([
    ['nodes', { nodes: {} }],
    ['domain names', { domainNames: ['api.example.com'] }],
    ['a bad CIDR', { networks: ['10.0.0.1'] }],
    ['no known field', { serviceAccounts: {} }],
  ])('9.1.8 and 9.2.7 %s: Accept is absent, Deny and Pass deny everything in their place', (_, peer) => {
    const last = { action: 'Accept', to: outside };
    const world = (action: string) => web(admin('x', { egress: [{ action, to: [peer, ...outside] }, last] }));
    expect(ask(world('Accept'), toOutside)).toBe(`yes: allow kube-admin ${id}/x#0 rule | -`);
    for (const action of ['Deny', 'Pass'])
      expect(ask(world(action), `${A} -> 8.8.8.8:1/TCP`)).toBe(`no: deny kube-admin ${id}/x#0 rule | -`);
    for (const action of ['Accept', 'Deny', 'Pass'])
      expect(new Set(world(action).diagnostics.map(({ object }) => object))).toEqual(new Set([`${id}/x`]));
  });

  test('9.2.8 without a subject, or of a tier that does not exist, the policy is left out', () => {
    const deny = { egress: [{ action: 'Deny', to: outside }] };
    for (const wrong of [{ subject: {} }, { subject: undefined }, { tier: 'Middle' }]) {
      const world = web(admin('x', { ...deny, ...wrong }));
      expect(world.policySelectors().has(`${id}/x`)).toBe(false);
      expect(world.diagnostics).toMatchObject([{ severity: 'error', object: `${id}/x` }]);
    }
  });

  test('a subject that is there and cannot be read is every pod, and only Deny counts as written (decision 1)', () => {
    const subject = { namespaces: { matchLabels: { env: '-' } } };
    const of = (...egress: object[]) => ask(web(admin('x', { subject, egress })), toOutside);
    expect(of({ action: 'Deny', to: outside })).toBe(`no: deny kube-admin ${id}/x#0 rule | -`);
    expect(of({ action: 'Pass', to: anyone })).toBe(`no: deny kube-admin ${id}/x#0 rule | -`);
    expect(of({ action: 'Accept', to: outside }, { action: 'Deny', to: [{ networks: ['192.0.2.0/24'] }] })).toBe(
      'yes: allow Profile/kns.a#0 profile after kube-admin:default | -',
    );
  });

  test('a priority that cannot be read comes first, and nothing of it is accepted', () => {
    const first = admin('z', {
      priority: -1,
      egress: [
        { action: 'Accept', to: anyone },
        { action: 'Deny', to: anyone },
      ],
    });
    const world = web(first, admin('a', { priority: 0, egress: [{ action: 'Accept', to: outside }] }));
    expect(ask(world, toOutside)).toBe(`no: deny kube-admin ${id}/z#0 rule | -`);
  });
});

describe('9: AdminNetworkPolicy and BaselineAdminNetworkPolicy', () => {
  const old = (name: string, spec: object) =>
    adminPolicy('AdminNetworkPolicy', name, { priority: 10, subject: everyPod, ...spec });

  test('6.1.6 they stand in the tiers that Calico had for them, which exist with them', () => {
    const world = web(
      old('x', { egress: [{ action: 'Pass', to: outside }] }),
      adminPolicy('BaselineAdminNetworkPolicy', 'default', {
        subject: everyPod,
        egress: [{ action: 'Deny', to: outside }],
      }),
    );
    expect(world.diagnostics).toEqual([]);
    expect(ask(world, toOutside)).toBe(
      'no: deny baselineadminnetworkpolicy BaselineAdminNetworkPolicy/default#0 rule after adminnetworkpolicy:AdminNetworkPolicy/x#0 | -',
    );
  });

  test('6.1.1 without one of them a policy that names such a tier names one that does not exist', () => {
    const named = policy('p', { tier: 'adminnetworkpolicy', selector: 'all()', types: ['Egress'] });
    expect(ask(web(named), toOutside)).toBe('no: deny adminnetworkpolicy tier-default | -');
    expect(ask(web(named, tier('adminnetworkpolicy')), toOutside)).toMatch(/^yes/);
    expect(ask(web(named, old('x', { ingress: [{ action: 'Deny', from: anyone }] })), toOutside)).toMatch(/^yes/);
  });

  test('9.1.3 and 9.1.9 their own words: Allow, and ports by number, range and name', () => {
    const ports = [
      { portNumber: { protocol: 'UDP', port: 53 } },
      { portRange: { start: 80, end: 81 } },
      { portNumber: { port: 82 } },
      { namedPort: 'admin' },
    ];
    const world = web(
      old('x', { ingress: [{ action: 'Allow', from: anyone, ports }] }),
      policy('none', { selector: 'all()', types: ['Ingress'] }),
    );
    const allowed = (port: string) =>
      world.verdict({ src: B, dst: A, proto: port.slice(-3), dport: parseInt(port, 10) }).ingress?.allowed;
    expect(['53/UDP', '53/TCP', '80/TCP', '82/TCP', '83/TCP', '80/UDP', '9000/TCP'].filter(allowed)).toEqual([
      '53/UDP',
      '80/TCP',
      '82/TCP',
      '9000/TCP',
    ]);
  });
});
