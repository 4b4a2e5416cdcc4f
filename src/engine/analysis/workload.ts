import { compareUtf8 } from '../../base/compare.ts';
import type { Endpoint, EndpointId } from '../../inventory/model.ts';
import type { Engine } from '../engine.ts';
import { isSubject } from '../selected-policies.ts';

/** What people call pods by: `Deployment/namespace/name` and the like, `Pod/namespace/name` for a pod by itself, likewise `WorkloadEndpoint/…`, `HostEndpoint/name`. */
export type WorkloadId = string;

const TEMPLATE_HASH = 'pod-template-hash';

/** What an endpoint belongs to: its owner, or the Deployment of an owner that is a ReplicaSet; itself if nothing made it but its node. */
export function workloadOf({ kind, namespace, name, owner, labels }: Endpoint): WorkloadId {
  if (kind === 'HostEndpoint') return `HostEndpoint/${name}`;
  const [ownerKind = 'Node', ownerName = ''] = owner?.split('/') ?? [];
  if (ownerKind === 'Node') return `${kind}/${namespace}/${name}`;
  const hash = labels.get(TEMPLATE_HASH);
  return ownerKind === 'ReplicaSet' && hash !== undefined && ownerName.endsWith(`-${hash}`)
    ? `Deployment/${namespace}/${ownerName.slice(0, -hash.length - 1)}`
    : `${ownerKind}/${namespace}/${ownerName}`;
}

/** The workloads of a cluster with the endpoints that cluster policy is about; all sorted. */
export function workloadsOf(engine: Engine): ReadonlyMap<WorkloadId, readonly EndpointId[]> {
  const workloads = new Map<WorkloadId, EndpointId[]>();
  for (const endpoint of engine.endpoints.values()) {
    if (!isSubject(endpoint)) continue;
    const workload = workloadOf(endpoint);
    const endpoints = workloads.get(workload);
    if (endpoints === undefined) workloads.set(workload, [endpoint.id]);
    else endpoints.push(endpoint.id);
  }
  for (const endpoints of workloads.values()) endpoints.sort(compareUtf8);
  return new Map([...workloads].sort(([a], [b]) => compareUtf8(a, b)));
}
