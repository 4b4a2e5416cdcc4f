import { describe, expect, test } from 'vitest';
import { loadWorld } from '../world.ts';
import type { Connection } from './connections.ts';
import { Reachability } from './reachability.ts';
import { ServiceAlgebra } from './service-algebra.ts';

const calico = 'projectcalico.org/v3';
const shop = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };

function pod(name: string, ips: readonly string[], labels: object = {}, owner?: string): object {
  const [kind, ownerName] = owner?.split('/') ?? [];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      labels,
      ...(owner === undefined ? {} : { ownerReferences: [{ kind, name: ownerName, controller: true }] }),
    },
    spec: { nodeName: 'n', containers: [] },
    status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) },
  };
}

function policy(selector: string, spec: object): object {
  const name = selector.replaceAll(/[^a-z]+/g, '');
  return {
    apiVersion: calico,
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'shop' },
    spec: { selector, ...spec },
  };
}

const db = ['db-0', 'db-1'].map((name, n) => pod(name, [`10.0.0.${n + 1}`], { app: 'db' }, 'StatefulSet/db'));
const web = ['web-5d-a', 'web-5d-b'].map((name, n) =>
  pod(name, [`10.0.1.${n + 1}`], { app: 'web', 'pod-template-hash': '5d' }, 'ReplicaSet/web-5d'),
);
const denyAll = policy('all()', { types: ['Ingress', 'Egress'] });

/** Ends and services as short texts. */
function short(connections: readonly Connection[]): readonly string[] {
  const end = ({ workloads, endpoints, addresses, nets }: Connection['from']): string =>
    [...workloads, ...endpoints, ...addresses, ...nets].join(', ');
  return connections.map(
    ({ families, from, to, services }) =>
      `${families.map((family) => `v${family}`).join('+')} ${end(from)} -> ${end(to)}: ${services.map(({ text }) => text).join('; ')}`,
  );
}

const connectionsOf = (...objects: object[]): readonly string[] => short(loadWorld([shop, ...objects]).connections());

describe('connections are named', () => {
  test('by owners: the Deployment behind a ReplicaSet, and one direction for each', () => {
    const rule = { action: 'Allow', protocol: 'TCP' };
    expect(
      connectionsOf(
        ...db,
        ...web,
        denyAll,
        policy("app == 'db'", {
          types: ['Ingress'],
          ingress: [{ ...rule, source: { selector: "app == 'web'" }, destination: { ports: [5432] } }],
        }),
        policy("app == 'web'", {
          types: ['Egress'],
          egress: [{ ...rule, destination: { selector: "app == 'db'", ports: [5432, 443] } }],
        }),
      ),
    ).toEqual(['v4 Deployment/shop/web -> StatefulSet/shop/db: TCP 5432']);
  });

  test('by endpoint where a workload is not meant whole, and by prefixes outside', () => {
    const [first, second] = db as [object, object];
    expect(
      connectionsOf(
        first,
        second,
        denyAll,
        policy('has(app)', {
          types: ['Egress'],
          egress: [
            {
              action: 'Allow',
              protocol: 'TCP',
              source: { nets: ['10.0.0.1/32'] },
              destination: { nets: ['203.0.113.0/24'] },
            },
          ],
        }),
      ),
    ).toEqual(['v4 pod:shop/db-0 -> 203.0.113.0/24: TCP']);
  });

  test('by address where an endpoint has several and not all are meant', () => {
    const host = {
      apiVersion: calico,
      kind: 'HostEndpoint',
      metadata: { name: 'h', labels: { is: 'host' } },
      spec: { node: 'n', interfaceName: 'eth0', expectedIPs: ['198.51.100.1', '198.51.100.2'] },
    };
    const rule = { action: 'Allow', protocol: 'TCP', destination: { nets: ['198.51.100.1/32'], ports: [22] } };
    const global = {
      apiVersion: calico,
      kind: 'GlobalNetworkPolicy',
      metadata: { name: 'h' },
      spec: {
        selector: "is == 'host'",
        types: ['Ingress'],
        ingress: [{ ...rule, source: { nets: ['192.0.2.0/24'] } }],
      },
    };
    expect(connectionsOf(host, global)).toEqual(['v4 192.0.2.0/24 -> 198.51.100.1: TCP 22']);
  });

  test('once for both families where they say the same', () => {
    const [one, other] = [pod('one', ['10.0.0.1', 'fd00::1']), pod('other', ['10.0.0.2', 'fd00::2'])];
    const to = policy("projectcalico.org/orchestrator == 'k8s'", {
      types: ['Egress'],
      egress: [{ action: 'Allow', protocol: 'UDP', destination: { selector: 'all()' } }],
    });
    expect(
      connectionsOf(
        one,
        other,
        to,
        policy('all()', { types: ['Ingress'], ingress: [{ action: 'Allow', source: { selector: 'all()' } }] }),
      ),
    ).toEqual(['v4+v6 Pod/shop/one, Pod/shop/other -> Pod/shop/one, Pod/shop/other: UDP']);
  });
});

test('a world with too many kinds of addresses is refused, never guessed about', () => {
  const { engine } = loadWorld([shop, ...db, ...web, denyAll]);
  const reach = new Reachability(engine, new ServiceAlgebra(4), 2);
  expect(() => [...reach.atoms.keys()].map((atom) => reach.allowedFrom(atom))).toThrow(
    expect.objectContaining({ code: 'FLOW_SET_LIMIT' }),
  );
});

test('what the tiers leave is for the profiles (semantics 6.3.4, 6.3.5)', () => {
  const host = (profiles: string[]): object => ({
    apiVersion: calico,
    kind: 'HostEndpoint',
    metadata: { name: 'h' },
    spec: { node: 'n', interfaceName: 'eth0', expectedIPs: ['198.51.100.1'], profiles },
  });
  const rules = [
    { action: 'Deny', source: { nets: ['192.0.2.128/25'] } },
    { action: 'Allow', source: { nets: ['192.0.2.0/24'] } },
  ];
  const profile = { apiVersion: calico, kind: 'Profile', metadata: { name: 'inside' }, spec: { ingress: rules } };
  expect(connectionsOf(profile, host(['inside']))).toEqual(['v4 192.0.2.0/25 -> HostEndpoint/h: all']);
  expect(connectionsOf(profile, host([]))).toEqual([]);
});

test('of several host endpoints at one address the one in force is asked (semantics 7.1)', () => {
  const host = (name: string, interfaceName: string, profiles: string[]): object => ({
    apiVersion: calico,
    kind: 'HostEndpoint',
    metadata: { name },
    spec: { node: 'n', interfaceName, expectedIPs: ['198.51.100.1'], profiles },
  });
  const open = ['projectcalico-default-allow'];
  expect(connectionsOf(host('a', '*', []), host('b', 'eth0', open))).toEqual([
    'v4 HostEndpoint/a, HostEndpoint/b -> 0.0.0.0/0: all',
    'v4 0.0.0.0/0 -> HostEndpoint/a, HostEndpoint/b: all',
  ]);
  expect(connectionsOf(host('a', '*', open), host('b', 'eth0', []))).toEqual([]);
});

describe('connections leave out', () => {
  test('what an endpoint sends to itself (semantics 8.3)', () => {
    const own = policy('all()', {
      types: ['Ingress', 'Egress'],
      ingress: [{ action: 'Allow', source: { selector: 'all()' } }],
      egress: [{ action: 'Allow', destination: { selector: 'all()' } }],
    });
    expect(connectionsOf(pod('alone', ['10.0.0.1']), own)).toEqual([]);
  });

  test('what goes from nobody to nobody', () => {
    expect(loadWorld([]).connections()).toEqual([]);
  });
});

describe('domains are atoms', () => {
  const out = { types: ['Ingress', 'Egress'] };
  const allow = (domains: string[], rest: object = {}): object => ({
    action: 'Allow',
    protocol: 'TCP',
    destination: { domains, ports: [443], ...rest },
  });

  test('a rule for a domain is a connection to whatever the domain is', () => {
    const objects = [pod('p', ['10.0.0.1']), policy('all()', { ...out, egress: [allow(['api.example.com'])] })];
    const [connection, ...more] = loadWorld([shop, ...objects]).connections();
    expect(more).toEqual([]);
    expect(short(connection === undefined ? [] : [connection])).toEqual([
      'v4 Pod/shop/p -> 0.0.0.0/0: TCP 443 to api.example.com',
    ]);
    expect(connection?.services[0]?.domains).toEqual({ in: ['api.example.com'], out: [] });
  });

  test('what is allowed anyway does not depend on them; a network set brings its domains along', () => {
    const set = {
      apiVersion: calico,
      kind: 'GlobalNetworkSet',
      metadata: { name: 'bank', labels: { is: 'bank' } },
      spec: { nets: ['128.0.0.0/1'], allowedEgressDomains: ['bank.example'] },
    };
    const rule = {
      action: 'Allow',
      destination: { selector: "is == 'bank'", namespaceSelector: 'global()' },
    };
    expect(connectionsOf(set, pod('p', ['10.0.0.1']), policy('all()', { ...out, egress: [rule] }))).toEqual([
      'v4 Pod/shop/p -> 0.0.0.0/1: all to bank.example',
      'v4 Pod/shop/p -> 128.0.0.0/1: all',
    ]);
  });
});
