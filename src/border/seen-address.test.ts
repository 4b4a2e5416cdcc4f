import { describe, expect, test } from 'vitest';
import {
  BorderWorld,
  type Manifest,
  addressGroup,
  calico,
  clusterPolicy,
  firewall,
  namespace,
  node,
  pod,
  pool,
  sourceNat,
} from '../../test/kit/border-world.ts';

const nodes = [node('n1', '172.18.0.1', 'fd18::1'), node('n2', '172.18.0.2', 'fd18::2'), namespace('shop')];
const own = pool('own', '10.1.0.0/16');
const nat = pool('nat', '10.2.0.0/16', { natOutgoing: true });
const off = pool('off', '198.51.100.0/24', { disabled: true });

function members(...manifests: readonly Manifest[]): readonly string[] {
  return new BorderWorld(...nodes, firewall('edge'), ...manifests).members();
}

describe('which address a firewall sees (design section 2)', () => {
  test.each<[string, readonly Manifest[], readonly string[]]>([
    ['a pod of a pool without natOutgoing: its own', [own, pod('shop/a', ['10.1.0.1'])], ['10.1.0.1']],
    ['a pod of a pool with natOutgoing: the node', [nat, pod('shop/a', ['10.2.0.1'])], ['172.18.0.1']],
    ['…and its own towards a disabled pool', [nat, off, pod('shop/a', ['10.2.0.1'])], ['10.2.0.1', '172.18.0.1']],
    [
      'natOutgoingAddress instead of the node',
      [nat, pod('shop/a', ['10.2.0.1']), calico('FelixConfiguration', 'default', { natOutgoingAddress: '172.18.9.9' })],
      ['172.18.9.9'],
    ],
    [
      'natOutgoingAddress of one node',
      [
        nat,
        pod('shop/a', ['10.2.0.1'], { node: 'n1' }),
        pod('shop/b', ['10.2.0.2'], { node: 'n2' }),
        calico('FelixConfiguration', 'default', { natOutgoingAddress: '172.18.9.9' }),
        calico('FelixConfiguration', 'node.n2', { natOutgoingAddress: '172.18.9.2' }),
      ],
      ['172.18.9.2', '172.18.9.9'],
    ],
    [
      'natOutgoingAddress is of one family only',
      [
        pool('nat6', 'fd02::/64', { natOutgoing: true }),
        pod('shop/a', ['fd02::1']),
        calico('FelixConfiguration', 'default', { natOutgoingAddress: '172.18.9.9' }),
      ],
      ['fd18::1'],
    ],
    [
      'node addresses are exempt only for destinations that no border judges',
      [
        nat,
        pod('shop/a', ['10.2.0.1']),
        calico('FelixConfiguration', 'default', { natOutgoingExclusions: 'IPPoolsAndHostIPs' }),
      ],
      ['172.18.0.1'],
    ],
    [
      'a pod in the node network: the node, in both families',
      [own, pod('shop/a', [], { hostNetwork: true })],
      ['172.18.0.1', 'fd18::1'],
    ],
    ['no pool at all and nobody says: unknown', [pod('shop/a', ['10.9.0.1'])], []],
    [
      'both families, each by its pool',
      [own, pool('six', 'fd02::/64', { natOutgoing: true }), pod('shop/a', ['10.1.0.1', 'fd02::1'])],
      ['10.1.0.1', 'fd18::1'],
    ],
    ['a finished pod: none', [own, pod('shop/a', ['10.1.0.1'], { phase: 'Succeeded' })], []],
    ['a pod on a node that is not there: none', [nat, pod('shop/a', ['10.2.0.1'], { node: 'n9' })], []],
  ])('%s', (_, manifests, expected) => {
    expect(members(...manifests)).toEqual(expected);
  });

  test.each([
    ['Pod', ['10.9.0.1']],
    ['Node', ['172.18.0.1']],
  ])('no pool, and the firewall sees: %s', (sees, expected) => {
    expect(new BorderWorld(...nodes, firewall('edge', { sees }), pod('shop/a', ['10.9.0.1'])).members()).toEqual(
      expected,
    );
  });

  test('a firewall that does not say sees what the one before it sees', () => {
    const world = new BorderWorld(
      ...nodes,
      firewall('inner', { sees: 'Pod' }),
      firewall('edge', { behind: ['inner'] }),
      pod('shop/a', ['10.9.0.1']),
    );
    expect(world.members()).toEqual(['10.9.0.1']);
  });

  test('what nobody can tell is said', () => {
    const world = new BorderWorld(...nodes, firewall('edge'), pod('shop/a', ['10.9.0.1']));
    expect(world.codes()).toEqual(['BORDER_SEES_UNSAID BorderFirewall/edge']);
    world.put(clusterPolicy('p', { egress: [] }), pod('shop/b', ['10.9.0.2']));
    expect(world.codes()).toEqual(['BORDER_SEES_UNSAID BorderFirewall/edge', 'BLIND_REFUSED ClusterBorderPolicy/p']);
    expect(world.view().findings[1]?.message).toContain('2 workloads (pod:shop/a, pod:shop/b)');
    expect(
      new BorderWorld(...nodes, nat, firewall('edge'), pod('shop/a', ['10.2.0.1'], { node: 'n9' })).codes(),
    ).toEqual(['BORDER_NODE_ADDRESS_MISSING BorderFirewall/edge']);
  });

  test('a pod in the network of a node with one family has no address to miss in the other', () => {
    const world = (...addresses: readonly string[]): BorderWorld =>
      new BorderWorld(
        namespace('shop'),
        node('n1', ...addresses),
        firewall('edge'),
        clusterPolicy('p', { egress: [] }),
        pod('shop/a', [], { hostNetwork: true }),
      );
    expect(world('172.18.0.1').codes()).toEqual(['BORDER_BLIND BorderFirewall/edge']);
    expect(world('fd18::1').codes()).toEqual(['BORDER_BLIND BorderFirewall/edge']);
    expect(world().codes()).toEqual([
      'BORDER_NODE_ADDRESS_MISSING BorderFirewall/edge',
      'BLIND_REFUSED ClusterBorderPolicy/p',
    ]);
    const named = { ...node('n1'), status: { addresses: [{ type: 'ExternalIP', address: '198.18.0.1' }] } };
    const codes = new BorderWorld(
      namespace('shop'),
      named,
      firewall('edge'),
      pod('shop/a', [], { hostNetwork: true }),
    ).codes();
    expect(codes).toEqual(['BORDER_NODE_ADDRESS_MISSING BorderFirewall/edge']);
  });

  test('nodeAddress says which address of the node', () => {
    const two = {
      ...node('n1'),
      status: {
        addresses: [
          { type: 'InternalIP', address: '172.18.0.1' },
          { type: 'ExternalIP', address: '198.18.0.1' },
        ],
      },
    };
    const world = new BorderWorld(
      two,
      namespace('shop'),
      nat,
      firewall('edge', { nodeAddress: 'ExternalIP' }),
      pod('shop/a', ['10.2.0.1']),
    );
    expect(world.members()).toEqual(['198.18.0.1']);
  });
});

describe('one address, several workloads', () => {
  const allow = (name: string, app: string, port: number, spec: Manifest = {}): Manifest =>
    clusterPolicy(name, {
      selector: `app == '${app}'`,
      egress: [{ action: 'Allow', protocol: 'TCP', ports: [port] }],
      ...spec,
    });
  const deny = (name: string, app: string, port: number, spec: Manifest = {}): Manifest =>
    clusterPolicy(name, {
      selector: `app == '${app}'`,
      egress: [{ action: 'Deny', protocol: 'TCP', ports: [port] }, { action: 'Pass' }],
      ...spec,
    });
  const pods = [pod('shop/a', ['10.2.0.1']), pod('shop/b', ['10.2.0.2'])];
  const open = (world: BorderWorld): readonly number[] =>
    [80, 443, 25].filter((destinationPort) => world.judge('172.18.0.1', '203.0.113.1', { destinationPort }).passes);
  const widen = { onBlind: 'Widen' };

  test.each<[string, Manifest, readonly Manifest[], readonly number[], readonly string[]]>([
    ['it gets only what every sender is allowed', {}, [allow('p', 'a', 80), allow('q', 'b', 443)], [], []],
    [
      'what all are allowed passes',
      {},
      [allow('p', 'a', 80), clusterPolicy('q', { selector: "app == 'b'", egress: [{ action: 'Allow' }] })],
      [80],
      [],
    ],
    [
      'one treatment for all is no problem',
      {},
      [clusterPolicy('p', { egress: [{ action: 'Allow', protocol: 'TCP', ports: [80] }] })],
      [80],
      [],
    ],
    [
      'a stranger among them: nothing is enforced',
      {},
      [allow('p', 'a', 80)],
      [80, 443, 25],
      ['BLIND_REFUSED ClusterBorderPolicy/p'],
    ],
    [
      'a Deny beside a stranger is left out and said',
      {},
      [deny('p', 'a', 25)],
      [80, 443, 25],
      ['BLIND_REFUSED ClusterBorderPolicy/p'],
    ],
    ['unselected: Deny knows no strangers', { unselected: 'Deny' }, [allow('p', 'a', 80)], [], []],
    [
      'Widen takes both: the policy alone is not enough',
      {},
      [allow('p', 'a', 80, widen), allow('q', 'b', 443)],
      [],
      [],
    ],
    [
      'Widen takes both: the firewall alone is not enough',
      { blind: 'Widen' },
      [allow('p', 'a', 80), allow('q', 'b', 443)],
      [],
      [],
    ],
    [
      'a widened Allow lets the whole address through',
      { blind: 'Widen' },
      [allow('p', 'a', 80, widen), allow('q', 'b', 443)],
      [80],
      ['BLIND_WIDENED ClusterBorderPolicy/p'],
    ],
    [
      'a widened Deny denies the whole address',
      { blind: 'Widen' },
      [deny('p', 'a', 25, widen)],
      [80, 443],
      ['BLIND_WIDENED ClusterBorderPolicy/p'],
    ],
    [
      'the end of a widened policy decides nothing for strangers',
      { blind: 'Widen' },
      [allow('p', 'a', 80, widen)],
      [80, 443, 25],
      ['BLIND_WIDENED ClusterBorderPolicy/p'],
    ],
    [
      'a Deny that does not widen keeps its word before a later Allow that does',
      { blind: 'Widen' },
      [deny('p', 'a', 25, { order: 1 }), allow('q', 'a', 25, { order: 2, ...widen }), allow('r', 'b', 443)],
      [443],
      [],
    ],
    [
      'nothing is widened that a Pass keeps from being asked',
      { blind: 'Widen' },
      [
        clusterPolicy('p', {
          order: 1,
          selector: "app == 'a'",
          egress: [{ action: 'Pass' }, { action: 'Allow' }],
          ...widen,
        }),
        allow('q', 'b', 443),
      ],
      [443],
      [],
    ],
    [
      'of two widened policies the earlier one decides',
      { blind: 'Widen' },
      [allow('p', 'a', 25, { order: 2, ...widen }), deny('q', 'b', 25, { order: 1, ...widen })],
      [],
      ['BLIND_WIDENED ClusterBorderPolicy/p', 'BLIND_WIDENED ClusterBorderPolicy/q'],
    ],
  ])('%s', (_, spec, policies, passes, codes) => {
    const world = new BorderWorld(...nodes, nat, firewall('edge', spec), ...pods, ...policies);
    expect(open(world)).toEqual(passes);
    expect(world.codes().filter((code) => !code.startsWith('BORDER_BLIND'))).toEqual(codes);
  });

  test('a moment of two owners: a flow passes only if both may send it', () => {
    const world = new BorderWorld(
      ...nodes,
      own,
      firewall('edge'),
      allow('p', 'a', 80),
      pod('shop/a', ['10.1.0.1']),
      pod('shop/b', ['10.1.0.1']),
    );
    const passes = (destinationPort: number): boolean =>
      world.judge('10.1.0.1', '203.0.113.1', { destinationPort }).passes;
    expect([passes(80), passes(443)]).toEqual([true, false]);
    expect(world.view().findings).toEqual([]);
    world.delete('Pod/shop/a');
    expect([passes(80), passes(443)]).toEqual([true, true]);
  });

  test('the report names the address and the strangers', () => {
    const others = ['b', 'c', 'd', 'e', 'f'].map((name, index) => pod(`shop/${name}`, [`10.2.0.1${index}`]));
    const world = new BorderWorld(
      ...nodes,
      nat,
      firewall('edge'),
      allow('p', 'a', 80),
      pod('shop/a', ['10.2.0.1']),
      ...others,
    );
    expect(world.view().findings[0]).toMatchObject({ code: 'BORDER_BLIND', condition: 'Blind' });
    expect(world.view().findings[1]).toMatchObject({
      code: 'BLIND_REFUSED',
      condition: 'Stalled',
      severity: 'error',
      object: 'ClusterBorderPolicy/p',
    });
    expect(world.view().findings[1]?.message).toMatch(
      /172\.18\.0\.1 at .*pod:shop\/b, pod:shop\/c, pod:shop\/d and 2 more/,
    );
  });

  test('when the last blind sender goes, the address is its owner’s alone again', () => {
    const world = new BorderWorld(
      ...nodes,
      firewall('edge', { sees: 'Pod' }),
      allow('p', 'a', 80),
      pod('shop/a', ['172.18.0.1']),
      pod('shop/host', [], { hostNetwork: true }),
    );
    expect(world.codes()).toContain('BLIND_REFUSED ClusterBorderPolicy/p');
    world.delete('Pod/shop/host');
    expect(world.view().findings).toEqual([]);
    expect(open(world)).toEqual([80]);
  });

  test('host-network pods are selected by our kinds, never by cluster policy', () => {
    const world = new BorderWorld(
      ...nodes,
      own,
      firewall('edge', { policies: { tiers: ['default'] } }),
      pod('shop/host', [], { hostNetwork: true }),
      calico('GlobalNetworkPolicy', 'all', { selector: 'all()', types: ['Egress'], egress: [] }),
    );
    expect(open(world)).toEqual([80, 443, 25]);
    world.put(allow('p', 'host', 80));
    expect(open(world)).toEqual([80]);
  });

  test('a group takes a blind address only if all its senders are in it', () => {
    const world = new BorderWorld(
      ...nodes,
      nat,
      firewall('edge'),
      addressGroup('some', { selector: "app == 'a'" }),
      addressGroup('all'),
      ...pods,
    );
    const inside = [...world.ruleset().groups.values()].flatMap((group) =>
      group.kind === 'AddressGroup' && group.family === 4 ? [[group.deviceName, ...group.members.keys()]] : [],
    );
    expect(inside).toEqual([['all', '172.18.0.1'], ['some']]);
    expect(world.codes()).toContain('BLIND_REFUSED AddressGroup/some');
  });

  test('a translation takes a blind address only if it takes all its senders, or both sides widen', () => {
    const some = sourceNat('s', { selector: "app == 'a'", translate: { address: '192.0.2.1' } });
    const leaves = (...manifests: readonly Manifest[]): string =>
      new BorderWorld(...nodes, nat, ...pods, ...manifests).judge('172.18.0.1', '203.0.113.1').leavesAs;
    expect(leaves(firewall('edge'), some)).toBe('172.18.0.1');
    expect(leaves(firewall('edge'), sourceNat('s', { translate: { address: '192.0.2.1' } }))).toBe('192.0.2.1');
    const widened = sourceNat('s', { selector: "app == 'a'", translate: { address: '192.0.2.1' }, ...widen });
    expect(leaves(firewall('edge', { blind: 'Widen' }), widened)).toBe('192.0.2.1');
    expect(leaves(firewall('edge'), widened)).toBe('172.18.0.1');
  });
});
