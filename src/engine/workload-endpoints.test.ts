import { describe, expect, test } from 'vitest';
import { hostEndpoint, namespace, pod, policy, workloadEndpoint } from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { readResource } from '../api/read.ts';
import { resourceKey } from '../api/resource.ts';
import { Inventory } from '../inventory/inventory.ts';
import { Engine } from './engine.ts';
import { loadWorld } from './world.ts';

const A = '10.0.0.1';
const OUT = '198.51.100.7';
const web = workloadEndpoint(
  'a/web',
  { app: 'web', 'pcns.env': 'spoofed', 'projectcalico.org/namespace': 'b' },
  {
    ipNetworks: [`${A}/32`, 'fd00::1/128'],
    serviceAccountName: 'robot',
    ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
  },
);

describe('workload endpoints given directly', () => {
  test('of Kubernetes are the endpoint of their pod: 2.4 and 2.5 labels, profiles as written, named ports', () => {
    const world = loadWorld([
      web,
      namespace('a', { env: 'prod' }),
      policy('a/n', {
        selector:
          "app == 'web' && projectcalico.org/orchestrator == 'k8s' && projectcalico.org/serviceaccount == 'robot'",
        types: ['Ingress'],
        ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: ['http'] } }],
      }),
      policy('g', { selector: "pcns.env == 'spoofed'", order: 0, types: ['Ingress'], ingress: [{ action: 'Deny' }] }),
    ]);
    expect(world.diagnostics).toEqual([]);
    expect(world.endpoints()).toMatchObject([
      { id: 'pod:a/web', ips: [A, 'fd00::1'], profiles: ['kns.a'], tiers: [{ ingress: ['NetworkPolicy/a/n'] }] },
    ]);
    const allowed = (dport: number): boolean => world.verdict({ src: OUT, dst: A, proto: 'TCP', dport }).allowed;
    expect([allowed(80), allowed(81)]).toEqual([true, false]);
  });

  test.each<[string, PlainObject, object]>([
    [
      'another interface of a pod',
      workloadEndpoint('a/web', {}, { endpoint: 'net1', ipNetworks: [A] }),
      { id: 'wep:a/n1-k8s-web-eth0' },
    ],
    [
      'another orchestrator',
      workloadEndpoint('a/web', {}, { orchestrator: 'vm', ipNetworks: [A] }),
      { id: 'wep:a/n1-k8s-web-eth0' },
    ],
  ])('%s is an endpoint of its own', (_, object, expected) => {
    expect(loadWorld([object, namespace('a')]).endpoints()).toMatchObject([expected]);
  });

  test('10.2 without an address they are none', () => {
    expect(loadWorld([workloadEndpoint('a/web', {}, {})]).endpoints()).toEqual([]);
  });

  test('while the pod is there it alone counts, though it has finished', () => {
    for (const phase of ['Running', 'Succeeded'])
      for (const objects of [[web], []]) {
        const own = pod('a/web', { labels: { app: 'own' }, ips: ['10.0.0.9'], phase });
        const ips = (all: readonly PlainObject[]): unknown =>
          loadWorld(all)
            .endpoints()
            .map((each) => each.ips);
        expect(ips([...objects, own])).toEqual(ips([own]));
        expect(ips([own, ...objects])).toEqual(ips([own]));
      }
  });

  test('the present state decides, whatever came and went', () => {
    const inventory = new Inventory('Calico');
    const engine = new Engine(inventory);
    const own = pod('a/web', { labels: { app: 'own' }, ips: ['10.0.0.9'] });
    const twin = {
      ...web,
      metadata: { ...web.metadata, name: 'later' },
      spec: { ...web.spec, ipNetworks: ['10.0.0.2'] },
    };
    const read = (object: PlainObject) => {
      const { resource } = readResource(object, {});
      if (resource === undefined) throw new Error('unreadable');
      return resource;
    };
    const now = (): readonly string[] => {
      engine.flush();
      return [...engine.endpoints.values()].map(({ kind, addresses }) => `${kind} ${addresses.length}`);
    };
    const put = (object: PlainObject) => inventory.apply({ kind: 'put', resource: read(object) });
    const remove = (object: PlainObject) => inventory.apply({ kind: 'delete', key: resourceKey(read(object)) });
    put(twin);
    expect(now()).toEqual(['WorkloadEndpoint 1']);
    put(own);
    put(web);
    expect(now()).toEqual(['Pod 1']);
    remove(own);
    expect(now()).toEqual(['WorkloadEndpoint 1']);
    remove(twin);
    expect(now()).toEqual(['WorkloadEndpoint 2']);
    remove(web);
    expect(now()).toEqual([]);
  });

  test('where a border might open for them they count for nothing, and it is said', () => {
    const inventory = new Inventory();
    const engine = new Engine(inventory);
    for (const object of [web, hostEndpoint('h', {}, {})]) {
      const { resource } = readResource(object, {});
      if (resource !== undefined) inventory.apply({ kind: 'put', resource });
    }
    engine.flush();
    expect([...engine.endpoints.keys()]).toEqual(['hep:h']);
    expect(inventory.diagnostics()).toMatchObject([
      { severity: 'warning', code: 'WORKLOAD_ENDPOINT_ALONE', object: 'WorkloadEndpoint/a/n1-k8s-web-eth0' },
    ]);
  });
});
