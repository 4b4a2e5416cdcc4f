import fc from 'fast-check';
import { firewall, type Manifest } from '../kit/border-world.ts';
import {
  basis,
  borderPolicies,
  clusterPolicies,
  globalPolicies,
  kubernetesPolicies,
  networkPolicies,
  objects,
  pods,
  sourceNats,
} from '../kit/random-border.ts';
import { EDGE } from './controlled-border.ts';

// Worlds for one border firewall, dense enough that most packets meet a rule, and random changes of them.

/** The one firewall. It stands alone and never widens: that is what the slow border knows. */
const edges = fc
  .record({
    workloads: fc.constantFrom<object>({}, {}, {}, { namespaceSelector: "env == 'prod'" }, { ipPools: ['v4', 'v6'] }),
    destinations: fc.constantFrom(['0.0.0.0/0', '::/0'], ['0.0.0.0/0', '::/0'], ['203.0.113.0/24', '2001:db8::/32']),
    unknown: fc.constantFrom('Drop', 'Ignore'),
    unselected: fc.constantFrom('Ignore', 'Deny'),
    policies: fc.constantFrom({ tiers: [] }, { tiers: ['t1'] }, { tiers: ['default', 't1'] }),
    accepts: fc.constantFrom<unknown[]>(
      [],
      [{ namespaces: 'all()' }],
      [{ namespaces: 'all()' }],
      [{ namespaces: "env == 'prod'", destinations: ['203.0.113.0/24', '2001:db8::/32'] }],
    ),
  })
  .map((spec) => firewall(EDGE, { ...spec, sees: 'Pod' }));

/** Most ends of a policy deny; with a last rule that does not, more packets meet rules, later layers and translations. */
function looser(policies: fc.Arbitrary<Manifest>): fc.Arbitrary<Manifest> {
  const last = fc.constantFrom<readonly object[]>(
    [],
    [{ action: 'Allow' }],
    [{ action: 'Allow', protocol: 'TCP' }],
    [{ action: 'Pass' }],
  );
  return fc.tuple(policies, last).map(([policy, more]) => {
    const { egress = [], ...spec } = policy['spec'] as { egress?: readonly object[] };
    return { ...policy, spec: { ...spec, egress: [...egress, ...more] } };
  });
}

const others = objects.filter(({ kind }) => kind !== 'BorderFirewall');

const between = (least: number, most: number, arbitrary: fc.Arbitrary<Manifest>): fc.Arbitrary<Manifest[]> =>
  fc.array(arbitrary, { minLength: least, maxLength: most });

/** Later objects replace earlier ones of the same key. */
export const denseWorlds: fc.Arbitrary<readonly Manifest[]> = fc
  .tuple(
    fc.constant(basis),
    edges.map((edge) => [edge]),
    between(8, 14, pods),
    between(2, 3, looser(clusterPolicies)),
    between(1, 3, looser(borderPolicies)),
    between(1, 2, fc.oneof(looser(globalPolicies), looser(networkPolicies), kubernetesPolicies)),
    between(1, 3, sourceNats),
    between(2, 6, others),
  )
  .map((parts) => parts.flat());

/** Apart for each object of a cluster. */
export function keyOf(manifest: Manifest): string {
  const { kind, apiVersion, metadata } = manifest as {
    kind: string;
    apiVersion: string;
    metadata: { name: string; namespace?: string };
  };
  return [apiVersion, kind, metadata.namespace ?? '', metadata.name].join(' ');
}

/** A change of some objects at once: they come or are replaced; a pod gets other labels; something goes. */
export type Change =
  | { readonly kind: 'put'; readonly manifest: Manifest }
  | { readonly kind: 'relabel'; readonly which: number; readonly labels: Manifest }
  | { readonly kind: 'delete'; readonly which: number };

export const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.oneof<fc.MaybeWeightedArbitrary<Change>[]>(
    { weight: 1, arbitrary: edges.map((manifest): Change => ({ kind: 'put', manifest })) },
    { weight: 5, arbitrary: others.map((manifest): Change => ({ kind: 'put', manifest })) },
    { weight: 2, arbitrary: pods.map((manifest): Change => ({ kind: 'put', manifest })) },
    {
      weight: 2,
      arbitrary: fc
        .record({ which: fc.nat(99), labels: fc.constantFrom({ app: 'x' }, { app: 'y', role: 'r' }, {}) })
        .map((drawn): Change => ({ kind: 'relabel', ...drawn })),
    },
    { weight: 2, arbitrary: fc.nat(99).map((which): Change => ({ kind: 'delete', which })) },
  ),
  { minLength: 1, maxLength: 4 },
);

/** Makes one change in a world. */
export function change(world: Map<string, Manifest>, { kind, ...of }: Change): void {
  const nth = (kinds: (kind: unknown) => boolean): [string, Manifest] | undefined => {
    const some = [...world].filter(([, manifest]) => kinds(manifest['kind']));
    return 'which' in of ? some[of.which % Math.max(some.length, 1)] : undefined;
  };
  if ('manifest' in of) world.set(keyOf(of.manifest), of.manifest);
  if ('labels' in of) {
    const [key, pod] = nth((each) => each === 'Pod') ?? [];
    if (key === undefined || pod === undefined) return;
    world.set(key, { ...pod, metadata: { ...(pod['metadata'] as object), labels: of.labels } });
  }
  if (kind === 'delete') {
    const [key] = nth((each) => each !== 'BorderFirewall' && each !== 'Namespace' && each !== 'Node') ?? [];
    if (key !== undefined) world.delete(key);
  }
}
