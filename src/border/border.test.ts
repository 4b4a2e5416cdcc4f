import { describe, expect, test } from 'vitest';
import { BorderWorld, clusterPolicy, firewall, namespace, node, pod, pool } from '../../test/kit/border-world.ts';

const cluster = [node('n1', '172.18.0.2', 'fd18::2'), pool('v4', '10.1.0.0/16'), namespace('shop', { env: 'prod' })];

describe('one firewall, one policy', () => {
  const world = new BorderWorld(
    ...cluster,
    firewall('edge'),
    clusterPolicy('bank', {
      selector: "app == 'pay'",
      egress: [{ action: 'Allow', protocol: 'TCP', nets: ['203.0.113.0/24'], ports: [443] }],
    }),
    pod('shop/pay', ['10.1.0.1']),
    pod('shop/web', ['10.1.0.2']),
  );

  test('the selected pod may reach what the policy allows, and nothing else', () => {
    expect(world.judge('10.1.0.1', '203.0.113.9')).toMatchObject({
      passes: true,
      reason: 'rule',
      decidedBy: { policy: 'ClusterBorderPolicy/bank', rule: 0 },
    });
    expect(world.judge('10.1.0.1', '203.0.113.9', { destinationPort: 80 })).toMatchObject({
      passes: false,
      reason: 'end',
      decidedBy: { policy: 'layer/ClusterBorderPolicy' },
    });
  });

  test('others are left alone, strangers in the pool are dropped, the cluster is not judged', () => {
    expect(world.judge('10.1.0.2', '8.8.8.8')).toMatchObject({ passes: true, reason: 'unselected' });
    expect(world.judge('10.1.0.3', '8.8.8.8')).toMatchObject({ passes: false, reason: 'unknown-source' });
    expect(world.judge('192.0.2.1', '8.8.8.8')).toMatchObject({ passes: true, reason: 'not-ours' });
    expect(world.judge('10.1.0.1', '10.1.0.2')).toMatchObject({ passes: true, reason: 'not-governed' });
    expect(world.judge('10.1.0.1', '172.18.0.2')).toMatchObject({ passes: true, reason: 'not-governed' });
    expect(world.view().findings).toEqual([]);
  });
});

describe('a change that changes nothing', () => {
  const world = new BorderWorld(
    ...cluster,
    firewall('edge'),
    firewall('twin', { address: 'netns:edge' }),
    firewall('far', { workloads: { ipPools: ['v4', 'ghost'] } }),
    pod('shop/pay', ['10.1.0.1']),
  );

  test('leaves every view what it is', () => {
    const before = world.border.firewalls();
    world
      .put(pod('shop/pay', ['10.1.0.1']))
      .put(pod('shop/new', [], { phase: 'Pending' }))
      .delete('Pod/shop/never');
    expect(world.border.firewalls()).toBe(before);
  });

  test('a pod changes the views of firewalls that it leaves through, and shares what it does not touch', () => {
    const before = world.border.firewalls();
    const inside = world.ruleset('far');
    world.put(
      clusterPolicy('other', { selector: "app == 'nobody'", firewalls: ['far'] }),
      pod('shop/six', ['fd01::1']),
    );
    expect(world.ruleset('far').members).not.toBe(inside.members);
    expect(before.get('far')?.ruleset).toBe(inside);
  });

  test('a pool that is not there is said', () => {
    expect(world.codes('far')).toEqual(['BORDER_POOL_UNKNOWN BorderFirewall/far']);
  });
});
