import { setTimeout } from 'node:timers/promises';
import { CALICO, CALICO_STORAGE, kinds } from '../../src/api/kinds.ts';
import type { RawApi } from '../kit/raw-api.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Defines kinds that clusters get from others (Calico, network policy API), without their schemas, and waits until they are served. */
export async function defineForeign(
  admin: RawApi,
  group: typeof CALICO | typeof CALICO_STORAGE | 'policy.networking.k8s.io',
): Promise<void> {
  const read = kinds.filter((kind) =>
    group === CALICO_STORAGE
      ? kind.group === CALICO && !['Profile', 'WorkloadEndpoint'].includes(kind.type) // computed there, and stored nowhere
      : kind.group === group,
  );
  for (const { plural, kind, scope, versions } of read)
    await admin.json('POST', DEFINITIONS, {
      metadata: {
        name: `${plural}.${group}`,
        // Whoever defines a kind in a group of Kubernetes says that nobody there has looked at it.
        annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
      },
      spec: {
        group,
        names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
        scope: scope === 'Cluster' ? 'Cluster' : 'Namespaced',
        versions: (group === CALICO_STORAGE ? ['v1'] : versions).map((name, index) => ({
          name,
          served: true,
          storage: index === 0,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        })),
      },
    });
  for (const { plural, versions } of read) {
    const version = group === CALICO_STORAGE ? 'v1' : versions[0];
    while ((await admin.send({ path: `/apis/${group}/${version}/${plural}` })).status !== 200) await setTimeout(50);
  }
}
