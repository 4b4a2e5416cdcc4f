import { describe, expect, test } from 'vitest';
import { type World, loadWorld } from '../../src/engine/index.ts';
import { endpointSlice, namespace, pod, policy } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

const ME = '10.0.0.1';
const BACK = '10.0.0.2';
const CLUSTER_IP = '10.96.0.10';
const service: PlainObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'db', namespace: 'b' },
  spec: { clusterIP: CLUSTER_IP, ports: [{ port: 8080 }] },
};
const cluster = [
  namespace('a'),
  namespace('b'),
  pod('a/me', { labels: { app: 'me' }, ips: [ME] }),
  pod('b/back', { labels: { app: 'back' }, ips: [BACK] }),
  service,
  endpointSlice('b/db-1', 'db', [BACK, '192.0.2.1'], ['8080', '53/UDP', '/TCP']),
  endpointSlice('b/db-2', 'db', ['192.0.2.2'], ['9090/TCP']),
  { ...endpointSlice('b/db-3', 'db', [], ['7070']), addressType: 'FQDN', endpoints: [{ addresses: ['db.example'] }] },
];
const db = { name: 'db', namespace: 'b' };
const to = (services: object, more: object = {}): object => ({ action: 'Allow', ...more, destination: { services } });
const worldOf = (name: string, spec: object): World =>
  loadWorld([...cluster, policy(name, { selector: "app == 'me'", ...spec })]);
const leaves = (world: World, dst: string, dport: number, proto = 'TCP'): boolean | undefined =>
  world.verdict({ src: ME, dst, proto, dport }).egress?.allowed;

describe('11: service matches', () => {
  test('11.1 in egress rules on the destination, in ingress rules on the source', () => {
    expect(worldOf('q', { egress: [to(db)] }).diagnostics).toEqual([]);
    expect(worldOf('q', { ingress: [{ action: 'Allow', source: { services: db } }] }).diagnostics).toEqual([]);
    for (const wrong of [{ ingress: [to(db)] }, { egress: [{ action: 'Allow', source: { services: db } }] }])
      expect(worldOf('q', wrong).diagnostics.map(({ severity }) => severity)).toEqual(['error']);
  });

  test('11.1 a global policy has to name the namespace, a namespaced one means its own', () => {
    expect(worldOf('q', { egress: [to({ name: 'db' })] }).diagnostics.map(({ severity }) => severity)).toEqual([
      'error',
    ]);
    const own = loadWorld([...cluster, policy('b/q', { selector: "app == 'back'", egress: [to({ name: 'db' })] })]);
    expect(own.verdict({ src: BACK, dst: '192.0.2.1', proto: 'TCP', dport: 8080 }).allowed).toBe(true);
    expect(leaves(worldOf('a/q', { egress: [to({ name: 'db' })] }), BACK, 8080)).toBe(false);
    expect(leaves(worldOf('a/q', { egress: [to(db)] }), BACK, 8080)).toBe(true);
  });

  test('11.2 a destination with address, protocol and port of one slice', () => {
    const world = worldOf('q', { egress: [to(db)] });
    const asked = [BACK, '192.0.2.1', '192.0.2.2', '192.0.2.3'];
    expect(asked.map((dst) => leaves(world, dst, 8080))).toEqual([true, true, false, false]);
    expect(asked.map((dst) => leaves(world, dst, 9090))).toEqual([false, false, true, false]);
    expect(asked.map((dst) => leaves(world, dst, 53, 'UDP'))).toEqual([true, true, false, false]);
    expect(asked.map((dst) => leaves(world, dst, 53))).toEqual([false, false, false, false]);
  });

  test('11.2 a source with its address alone', () => {
    const world = worldOf('q', { ingress: [{ action: 'Allow', source: { services: db } }] });
    const comes = (src: string) => world.verdict({ src, dst: ME, proto: 'UDP', sport: 1, dport: 2 }).ingress?.allowed;
    expect([BACK, '192.0.2.1', '192.0.2.2', '192.0.2.3'].map(comes)).toEqual([true, true, true, false]);
  });

  test('11.3 ready or not; names are skipped, a port without number gives nothing', () => {
    // All endpoints of these slices are not ready.
    const world = worldOf('q', { egress: [to(db)] });
    expect(leaves(world, BACK, 8080)).toBe(true);
    expect([0, 7070].map((port) => leaves(world, BACK, port))).toEqual([false, false]);
    expect(world.ipSets()[0]?.members).toEqual([
      `${BACK},tcp:8080`,
      `${BACK},udp:53`,
      '192.0.2.1,tcp:8080',
      '192.0.2.1,udp:53',
      '192.0.2.2,tcp:9090',
    ]);
  });

  test('11.4 the pods behind it, not its own address', () => {
    const world = worldOf('q', { egress: [to(db)] });
    expect([leaves(world, CLUSTER_IP, 8080), leaves(world, BACK, 8080)]).toEqual([false, true]);
  });

  test.each([
    [{ selector: 'all()' }],
    [{ notSelector: 'all()' }],
    [{ namespaceSelector: 'all()' }],
    [{ serviceAccounts: { names: ['s'] } }],
    [{ nets: ['10.0.0.0/8'] }],
    [{ notNets: ['10.0.0.0/8'] }],
    [{ ports: [80] }],
    [{ notPorts: [80] }],
  ])('11.5 not together with %j', (more) => {
    const rule = { action: 'Allow', protocol: 'TCP', destination: { services: db, ...more } };
    const world = worldOf('q', { egress: [rule] });
    expect(world.diagnostics.map(({ severity }) => severity)).toEqual(['error']);
    expect(leaves(world, BACK, 8080)).toBe(false);
  });
});
