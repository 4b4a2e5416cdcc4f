import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BorderWorld,
  type Manifest,
  calico,
  firewall,
  namespace,
  networkSet,
  node,
  pod,
  pool,
} from '../../test/kit/border-world.ts';
import { adminPolicy } from '../../test/kit/objects.ts';
import { worlds } from '../../test/kit/random-border.ts';
import { shown } from '../../test/kit/shown-view.ts';
import { tries } from '../../test/kit/runs.ts';

const cluster = [
  node('n1', '172.18.0.1', 'fd18::1'),
  namespace('shop', { env: 'prod' }),
  pool('v4', '10.1.0.0/16'),
  pod('shop/web', ['10.1.0.1'], { labels: { app: 'web' } }),
];
const everyPod = { namespaces: {} };
const OUT = '203.0.113.1';

function admin(name: string, egress: readonly unknown[], spec: Manifest = {}): Manifest {
  return {
    ...adminPolicy('ClusterNetworkPolicy', name, { tier: 'Admin', priority: 1, subject: everyPod, egress, ...spec }),
  };
}

function verdict(tiers: readonly string[], ...policies: readonly Manifest[]): string {
  const world = new BorderWorld(...cluster, firewall('edge', { policies: { tiers } }), ...policies);
  const { passes, decidedBy, reason } = world.judge('10.1.0.1', OUT);
  const by =
    decidedBy === undefined ? reason : `${decidedBy.policy}${decidedBy.rule === undefined ? '' : `#${decidedBy.rule}`}`;
  return [passes ? 'passes' : 'drops', by, ...world.codes()].join(' ');
}

describe('repeated tiers take along the kinds of policy.networking.k8s.io', () => {
  const outside = [{ networks: ['203.0.113.0/24'] }];
  const deny = { action: 'Deny', to: outside };
  const id = 'KubernetesClusterNetworkPolicy';

  test.each<[string, readonly string[], readonly Manifest[], string]>([
    ['Deny is final', ['kube-admin'], [admin('x', [deny])], `drops ${id}/x#0`],
    ['in the tier that is repeated only', ['default'], [admin('x', [deny])], 'passes unselected'],
    [
      'Accept is "not dropped here"',
      ['kube-admin'],
      [admin('x', [{ action: 'Accept', to: outside }])],
      `passes ${id}/x#0`,
    ],
    [
      'Pass goes on to the next repeated tier',
      ['kube-admin', 'kube-baseline'],
      [admin('x', [{ action: 'Pass', to: outside }]), admin('y', [deny], { tier: 'Baseline' })],
      `drops ${id}/y#0`,
    ],
    [
      'the end of the tier goes on to the profile',
      ['kube-admin'],
      [admin('x', [{ action: 'Deny', to: [{ networks: ['198.51.100.0/24'] }] }])],
      'passes layer/profiles',
    ],
    [
      'a peer by namespaces is nobody outside',
      ['kube-admin'],
      [admin('x', [{ action: 'Deny', to: [{ namespaces: {} }] }])],
      'passes layer/profiles',
    ],
    [
      'but with a negative expression network sets of no namespace are among it (semantics 3.2.7)',
      ['kube-admin'],
      [
        networkSet('bank', ['203.0.113.0/24']),
        admin('x', [
          {
            action: 'Deny',
            to: [{ namespaces: { matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['prod'] }] } }],
          },
        ]),
      ],
      `drops ${id}/x#0`,
    ],
    [
      'a Deny that cannot be kept denies everything',
      ['kube-admin'],
      [admin('x', [{ action: 'Deny', to: [{ nodes: {} }] }])],
      `drops ${id}/x#0`,
    ],
    [
      'an Accept that cannot be kept is absent',
      ['kube-admin'],
      [admin('x', [{ action: 'Accept', to: [{ nodes: {} }] }])],
      'passes unselected',
    ],
    [
      'named ports are those of pods',
      ['kube-admin'],
      [admin('x', [{ ...deny, protocols: [{ destinationNamedPort: 'https' }] }])],
      'passes layer/profiles',
    ],
    [
      'the older kinds in the tiers that Calico had for them',
      ['adminnetworkpolicy', 'baselineadminnetworkpolicy'],
      [
        {
          ...adminPolicy('AdminNetworkPolicy', 'x', {
            priority: 1,
            subject: everyPod,
            egress: [{ action: 'Pass', to: outside }],
          }),
        },
        { ...adminPolicy('BaselineAdminNetworkPolicy', 'default', { subject: everyPod, egress: [deny] }) },
      ],
      'drops BaselineAdminNetworkPolicy/default#0',
    ],
  ])('%s', (_, tiers, policies, expected) => {
    expect(verdict(tiers, ...policies)).toBe(expected);
  });
});

/** The staged form of a policy of the cluster, if it has one. */
function stagedForm(manifest: Manifest): readonly Manifest[] {
  const { kind, apiVersion, metadata, spec } = manifest as {
    kind: string;
    apiVersion: string;
    metadata: { name: string; namespace?: string };
    spec: Manifest;
  };
  if (kind !== 'NetworkPolicy' && kind !== 'GlobalNetworkPolicy') return [];
  const form = apiVersion.startsWith('networking') ? 'StagedKubernetesNetworkPolicy' : `Staged${kind}`;
  const name = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
  return [calico(form, name, spec)];
}

describe('staged policies are never repeated', () => {
  test('with them the border holds what it holds without', () => {
    fc.assert(
      fc.property(worlds, fc.boolean(), (manifests, early) => {
        const staged = manifests.flatMap(stagedForm);
        const world = early ? new BorderWorld(...staged, ...manifests) : new BorderWorld(...manifests).put(...staged);
        const without = new BorderWorld(...manifests);
        for (const [name, view] of without.border.firewalls()) expect(shown(world.view(name))).toEqual(shown(view));
        expect(world.border.findings()).toEqual(without.border.findings());
      }),
      tries(15, 5),
    );
  });
});
