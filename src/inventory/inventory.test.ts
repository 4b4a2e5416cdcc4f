import { describe, expect, test } from 'vitest';
import {
  hostEndpoint,
  namespace,
  networkSet,
  node,
  pod,
  policy,
  pool,
  serviceAccount,
  tier,
} from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { readResource } from '../api/read.ts';
import { type Pod, resourceKey } from '../api/resource.ts';
import { formatAddress } from '../ip/address.ts';
import type { Belief } from './credible-address.ts';
import { Inventory } from './inventory.ts';

function put(inventory: Inventory, ...objects: readonly PlainObject[]): Inventory {
  for (const object of objects) {
    const { resource } = readResource(object, { file: 'w.yaml', line: 3 });
    if (resource === undefined) throw new Error(`${object.kind} ${object.metadata.name} cannot be read`);
    inventory.apply({ kind: 'put', resource });
  }
  return inventory;
}

function inventoryOf(objects: readonly PlainObject[], belief?: Belief): Inventory {
  return put(new Inventory(belief), ...objects);
}

function remove(inventory: Inventory, object: PlainObject): void {
  const { resource } = readResource(object, {});
  if (resource !== undefined) inventory.apply({ kind: 'delete', key: resourceKey(resource) });
}

/** Endpoints with their addresses. */
function addresses(inventory: Inventory): Record<string, string[]> {
  return Object.fromEntries(
    [...inventory.endpoints.values()].map(({ id, addresses: own }) => [id, own.map(formatAddress)]),
  );
}

function codes(inventory: Inventory): string[] {
  return inventory.diagnostics().map(({ code, object, path }) => `${code} ${object} ${path}`);
}

const SHOP = namespace('shop');
const early = (ips: string, more: object = {}): PlainObject =>
  pod('shop/new', { phase: 'Pending', annotations: { 'cni.projectcalico.org/podIP': ips }, ...more });

describe('10: pods as endpoints', () => {
  test('an annotation counts nobody out of those who send from a node', () => {
    const dying = { deleting: true, annotations: { 'cni.projectcalico.org/podIP': '' } };
    const inventory = inventoryOf([
      SHOP,
      pool('nat', '10.2.0.0/16', { natOutgoing: true }),
      pool('own', 'fd00::/64'),
      pod('shop/p', { ips: ['10.2.0.1', 'fd00::1'], ...dying }),
      pod('shop/host', { hostNetwork: true, ...dying }),
    ]);
    expect(addresses(inventory)).toEqual({ 'pod:shop/p': ['10.2.0.1'], 'pod:shop/host': [] });
  });

  test('10.4 to Calico a pod has given back its address in a pool with natOutgoing too', () => {
    const dying = { deleting: true, annotations: { 'cni.projectcalico.org/podIP': '' } };
    const nat = pool('nat', '10.2.0.0/16', { natOutgoing: true });
    expect(addresses(inventoryOf([SHOP, nat, pod('shop/p', { ips: ['10.2.0.1'], ...dying })], 'Calico'))).toEqual({});
  });

  test.each([
    ['10.1 not scheduled', { node: null }, []],
    ['10.2 without an address', { ips: [] }, []],
    ['10.4 succeeded', { phase: 'Succeeded' }, []],
    ['10.4 failed', { phase: 'Failed' }, []],
    ['10.4 in an older word', { phase: 'Completed' }, []],
    [
      '10.4 deleted and its annotation emptied',
      { deleting: true, annotations: { 'cni.projectcalico.org/podIP': '' } },
      [],
    ],
    [
      '10.4 deleted and the AWS annotation emptied',
      { deleting: true, annotations: { 'vpc.amazonaws.com/pod-ips': '' } },
      [],
    ],
    [
      '10.5 in its grace period',
      { deleting: true, annotations: { 'cni.projectcalico.org/podIP': '10.0.0.1/32' } },
      ['10.0.0.1'],
    ],
    ['an emptied annotation alone says nothing', { annotations: { 'cni.projectcalico.org/podIP': '' } }, ['10.0.0.1']],
    ['running', {}, ['10.0.0.1']],
    ['9.6 at most one address of a family', { ips: ['10.0.0.1', '10.0.0.2', 'fd00::1'] }, ['10.0.0.1', 'fd00::1']],
    ['9.6 wherever the second one stands', { ips: ['10.0.0.1', 'fd00::1', '10.0.0.2'] }, ['10.0.0.1', 'fd00::1']],
    ['canonical text', { ips: ['FD00:0:0::1'] }, ['fd00::1']],
  ])('%s', (_, text, expected) => {
    const inventory = inventoryOf([SHOP, pod('shop/p', { ips: ['10.0.0.1'], ...text })]);
    expect(addresses(inventory)['pod:shop/p'] ?? []).toEqual(expected);
  });

  test('10.1 a host-network pod is kept for our own kinds, without an address of its own', () => {
    const inventory = inventoryOf([SHOP, pod('shop/p', { ips: ['192.0.2.1'], hostNetwork: true })]);
    expect(inventory.endpoints.get('pod:shop/p')).toMatchObject({ hostNetwork: true, addresses: [], node: 'n1' });
  });

  test('10.6 named ports of every protocol; those without a name take no part', () => {
    const inventory = inventoryOf([
      SHOP,
      pod('shop/p', { ips: ['10.0.0.1'], ports: ['web:80', 'dns:53/UDP', '9000'] }),
    ]);
    expect(inventory.endpoints.get('pod:shop/p')?.ports).toEqual([
      { name: 'web', port: 80, protocol: 6 },
      { name: 'dns', port: 53, protocol: 17 },
    ]);
  });

  test('2.6 and 2.7: profiles of pods and of host endpoints', () => {
    const host = hostEndpoint('h', { role: 'edge' }, { expectedIPs: ['192.0.2.1', 'eth0'], profiles: ['open'] });
    const inventory = inventoryOf([
      SHOP,
      serviceAccount('shop/robot'),
      pod('shop/p', { ips: ['10.0.0.1'], account: 'robot' }),
      host,
    ]);
    expect(inventory.endpoints.get('pod:shop/p')?.parents).toEqual(['kns.shop', 'ksa.shop.robot']);
    expect(inventory.endpoints.get('hep:h')).toMatchObject({ kind: 'HostEndpoint', parents: ['open'], node: 'n1' });
    expect(addresses(inventory)['hep:h']).toEqual(['192.0.2.1']);
    expect([...inventory.parents.keys()]).toEqual(['kns.shop', 'ksa.shop.robot']);
  });
});

describe('design section 2: an address is believed only where it can be true', () => {
  const world = [SHOP, node('n1', ['192.0.2.1']), pool('pods', '10.0.0.0/24')];
  const counts = (...objects: readonly PlainObject[]): string[] =>
    addresses(inventoryOf([...world, ...objects]))['pod:shop/new'] ?? [];

  test('status counts inside pools, disabled ones too, and for addresses of nodes and their ranges', () => {
    const status = (ip: string, ...more: readonly PlainObject[]): string[] =>
      counts(pod('shop/new', { ips: [ip] }), ...more);
    expect(status('10.0.0.9')).toEqual(['10.0.0.9']);
    expect(status('10.9.0.9', pool('old', '10.9.0.0/24', { disabled: true }))).toEqual(['10.9.0.9']);
    expect(status('192.0.2.1')).toEqual(['192.0.2.1']);
    expect(status('10.8.0.9', node('n2', ['192.0.2.2'], ['10.8.0.0/24']))).toEqual(['10.8.0.9']);
    expect(status('198.51.100.9')).toEqual([]);
  });

  test('without any pool the kubelet is believed as it is', () => {
    expect(addresses(inventoryOf([SHOP, pod('shop/new', { ips: ['198.51.100.9'] })]))['pod:shop/new']).toEqual([
      '198.51.100.9',
    ]);
  });

  test('an annotation counts early, with or without the length of a host, and both families', () => {
    expect(counts(early('10.0.0.9/32'))).toEqual(['10.0.0.9']);
    expect(counts(early('10.0.0.9'))).toEqual(['10.0.0.9']);
    const both = { annotations: { 'cni.projectcalico.org/podIPs': '10.0.0.9/32, fd00::9/128' } };
    expect(counts(early('', both), pool('six', 'fd00::/64'))).toEqual(['10.0.0.9', 'fd00::9']);
  });

  test.each([
    ['outside every pool', '198.51.100.9/32', []],
    [
      'in a pool that is not for workloads',
      '10.7.0.9/32',
      [pool('tunnels', '10.7.0.0/24', { allowedUses: ['Tunnel'] })],
    ],
    ['in a disabled pool', '10.7.0.9/32', [pool('old', '10.7.0.0/24', { disabled: true })]],
    ['that another live pod has', '10.0.0.9/32', [pod('shop/other', { ips: ['10.0.0.9'] })]],
    [
      'that another pod announces too',
      '10.0.0.9/32',
      [pod('shop/other', { phase: 'Pending', annotations: { 'cni.projectcalico.org/podIP': '10.0.0.9' } })],
    ],
    ['that is a whole range', '10.0.0.0/24', []],
    ['with a zone', 'fe80::1%eth0', []],
    ['in IPv4-mapped form', '::ffff:10.0.0.9', []],
  ])('an annotation for an address %s is ignored, with the reason', (_, text, more) => {
    const inventory = inventoryOf([...world, ...more, early(text)]);
    expect(addresses(inventory)['pod:shop/new']).toBeUndefined();
    expect(codes(inventory)).toContain(
      'ADDRESS_NOT_CREDIBLE Pod/shop/new metadata.annotations["cni.projectcalico.org/podIP"]',
    );
    expect(inventory.diagnostics()[0]?.at).toEqual({ file: 'w.yaml', line: 3 });
  });

  test('a long annotation is no list of addresses: it is not kept, and said once', () => {
    const long = Array.from({ length: 30_000 }, (_, n) => `10.0.0.9${n}`).join(',');
    for (const text of [long, `10.0.0.9,${long}`, `10.0.0.9/32,${' '.repeat(300)}`]) {
      const { resource } = readResource(early(text), {});
      expect(JSON.stringify([...(resource as Pod).annotations]).length).toBeLessThan(400);
      const inventory = inventoryOf([...world, early(text)]);
      expect(addresses(inventory)['pod:shop/new']).toBeUndefined();
      const [said, ...more] = inventory.diagnostics();
      expect(said?.code).toBe('ADDRESS_NOT_CREDIBLE');
      expect(said?.message.length).toBeLessThan(200);
      expect(more).toEqual([]);
    }
  });

  test('of many that an annotation lists few are looked at', () => {
    const text = Array.from({ length: 60 }, (_, n) => `x${n}`).join(',');
    expect(inventoryOf([...world, early(text)]).diagnostics()).toHaveLength(8);
  });

  test('an annotation of a pod whose node does not exist is ignored', () => {
    expect(counts(early('10.0.0.9/32', { node: 'ghost' }))).toEqual([]);
    expect(counts(early('10.0.0.9/32', { node: 'ghost' }), node('ghost'))).toEqual(['10.0.0.9']);
  });

  test('an annotation is not asked where the kubelet has spoken', () => {
    const claim = pod('shop/new', { ips: ['10.0.0.8'], annotations: { 'cni.projectcalico.org/podIPs': '10.0.0.9' } });
    expect(counts(claim)).toEqual(['10.0.0.8']);
  });

  test('mapped addresses and zones are refused in status too', () => {
    const inventory = inventoryOf([...world, pod('shop/new', { ips: ['::ffff:10.0.0.9', 'fe80::1%eth0'] })]);
    expect(addresses(inventory)['pod:shop/new']).toBeUndefined();
    expect(codes(inventory)).toEqual([
      'ADDRESS_NOT_CREDIBLE Pod/shop/new status.podIPs[0]',
      'ADDRESS_NOT_CREDIBLE Pod/shop/new status.podIPs[1]',
    ]);
  });

  test('belief follows what it rests on', () => {
    const inventory = inventoryOf([...world, early('10.0.0.9/32')]);
    const other = pod('shop/other', { ips: ['10.0.0.9'] });
    put(inventory, other);
    expect(addresses(inventory)).toEqual({ 'pod:shop/other': ['10.0.0.9'] });
    // A finished pod has given it up.
    put(inventory, pod('shop/other', { ips: ['10.0.0.9'], phase: 'Succeeded' }));
    expect(addresses(inventory)).toEqual({ 'pod:shop/new': ['10.0.0.9'] });
    remove(inventory, node('n1'));
    expect(addresses(inventory)).toEqual({});
    put(inventory, node('n1'));
    remove(inventory, pool('pods', '10.0.0.0/24'));
    expect(addresses(inventory)).toEqual({});
  });

  test('what a dying pod has given back speaks against nobody who announces it', () => {
    const dying = { deleting: true, annotations: { 'cni.projectcalico.org/podIP': '' } };
    expect(counts(pod('shop/other', { ips: ['10.0.0.9'], ...dying }), early('10.0.0.9/32'))).toEqual(['10.0.0.9']);
    expect(counts(pod('shop/other', { ips: ['10.0.0.9'], deleting: true }), early('10.0.0.9/32'))).toEqual([]);
  });

  test('what the kubelet shows is told apart from what counts, and from what an annotation says', () => {
    const shows = (text: object): string[] =>
      inventoryOf([...world, pod('shop/p', text)])
        .statusAddresses('pod:shop/p')
        .map(formatAddress);
    const emptied = { deleting: true, annotations: { 'cni.projectcalico.org/podIP': '' } };
    expect(shows({ ips: ['198.51.100.9'] })).toEqual(['198.51.100.9']);
    expect(shows({ annotations: { 'cni.projectcalico.org/podIP': '10.0.0.9' } })).toEqual([]);
    expect(shows({ ips: ['10.0.0.9'], ...emptied })).toEqual([]);
    expect(shows({ ips: ['10.0.0.9'], phase: 'Succeeded' })).toEqual([]);
    expect(shows({ ips: ['192.0.2.1'], hostNetwork: true })).toEqual([]);
  });

  test('two pods that the kubelet gives one address both have it', () => {
    const inventory = inventoryOf([
      ...world,
      pod('shop/a', { ips: ['10.0.0.9'] }),
      pod('shop/b', { ips: ['10.0.0.9'] }),
    ]);
    expect(addresses(inventory)).toEqual({ 'pod:shop/a': ['10.0.0.9'], 'pod:shop/b': ['10.0.0.9'] });
  });

  test("Calico's own belief takes any annotation (semantics 10.3)", () => {
    expect(addresses(inventoryOf([SHOP, early('198.51.100.9/32')], 'Calico'))).toEqual({
      'pod:shop/new': ['198.51.100.9'],
    });
  });
});

describe('mistakes that single objects do not show', () => {
  test('each with its object, field and place; gone when the cause is', () => {
    const lost = policy('g', { tier: 'gone' });
    const inventory = inventoryOf([
      lost,
      pod('nowhere/p', { ips: ['10.0.0.1'] }),
      networkSet('s', { 'projectcalico.org/namespace': 'x' }, []),
      node('n9', ['Hostname:n9', '010.0.0.1']),
    ]);
    expect(codes(inventory)).toEqual([
      'TIER_MISSING GlobalNetworkPolicy/g spec.tier',
      'RESERVED_LABEL GlobalNetworkSet/s metadata.labels["projectcalico.org/namespace"]',
      'NAMESPACE_MISSING Namespace/nowhere ',
      'ADDRESS_UNREADABLE Node/n9 status.addresses[1].address',
    ]);
    put(inventory, tier('gone'), namespace('nowhere'), networkSet('s', {}, []), node('n9', []));
    expect(inventory.diagnostics()).toEqual([]);
  });

  test('built-in tiers are there without being read', () => {
    expect([...inventoryOf([policy('g', { tier: 'kube-admin' }), policy('h', {})]).tiers.values()]).toEqual([
      { name: 'kube-admin', order: 1_000, defaultAction: 'Pass' },
      { name: 'default', order: 1_000_000, defaultAction: 'Deny' },
      { name: 'kube-baseline', order: 10_000_000, defaultAction: 'Pass' },
    ]);
  });
});

describe('a flush tells the net difference', () => {
  test('what came and went in between is not told, nor is what stayed the same', () => {
    const inventory = inventoryOf([SHOP, pod('shop/a', { ips: ['10.0.0.1'] }), pod('shop/b', { ips: ['10.0.0.2'] })]);
    const first = inventory.flush().endpoints;
    expect(first).toMatchObject({ added: ['pod:shop/a', 'pod:shop/b'], changed: [], removed: [] });
    put(
      inventory,
      pod('shop/a', { ips: ['10.0.0.1'] }),
      pod('shop/c', { ips: ['10.0.0.3'] }),
      pod('shop/d', { ips: ['10.0.0.4'] }),
    );
    remove(inventory, pod('shop/c'));
    remove(inventory, pod('shop/never'));
    put(inventory, pod('shop/b', { ips: ['10.0.0.2'], labels: { app: 'x' } }));
    const { endpoints, other } = inventory.flush();
    expect(endpoints).toMatchObject({ added: ['pod:shop/d'], changed: ['pod:shop/b'], removed: [] });
    expect([...endpoints.keys].sort()).toEqual(['pod:shop/b', 'pod:shop/d']);
    expect([...other]).toEqual([]);
  });

  test('a heartbeat of a node is no change', () => {
    const inventory = inventoryOf([node('n1', ['192.0.2.1'])]);
    inventory.flush();
    put(inventory, node('n1', ['192.0.2.1']));
    expect([...inventory.flush().other]).toEqual([]);
    put(inventory, node('n1', ['192.0.2.2']));
    expect([...inventory.flush().other]).toEqual(['nodes']);
  });
});

describe('objects of ours in a cluster', () => {
  const group = (generation: number, more: object = {}, status?: object): PlainObject =>
    ({
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'AddressGroup',
      metadata: { name: 'tills', uid: 'u-1', generation, ...more },
      spec: { selector: `app == 'v${generation}'`, namespaceSelector: 'all()' },
      ...(status === undefined ? {} : { status }),
    }) as unknown as PlainObject;
  const concerns = (...objects: readonly PlainObject[]): boolean => {
    const inventory = inventoryOf([group(1)]);
    inventory.flush();
    put(inventory, ...objects);
    return inventory.flush().other.has('ours');
  };

  test('a status that is written is no change, so that nothing is computed anew', () => {
    expect(concerns(group(1, {}, { conditions: [] }))).toBe(false);
  });

  test.each([
    ['an edit', group(2)],
    ['another object of the same name', group(1, { uid: 'u-2' })],
    ['one that is going', group(1, { deletionTimestamp: '2026-01-05T12:00:00Z' })],
    ['one without a generation', group(1, { generation: undefined })],
  ])('%s is one', (_, object) => {
    expect(concerns(object)).toBe(true);
  });
});
