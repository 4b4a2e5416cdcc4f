import { type ResourceKey, type WorkloadEndpoint, resourceKey } from '../api/resource.ts';
import { compareUtf8 } from '../base/compare.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { type Pieces, each } from '../base/pieces.ts';
import { compareAddresses } from '../ip/address.ts';
import type { Belief } from './credible-address.ts';
import { namedPorts, podEndpointId } from './endpoint-of-pod.ts';
import { KUBERNETES } from './labels.ts';
import { diagnosticOn } from './mistake.ts';
import type { Endpoint, EndpointId } from './model.ts';
import { WorkloadLabels } from './workload-labels.ts';

/** The interface of a pod that is the pod's own endpoint; others are endpoints by themselves. */
const POD_INTERFACE = 'eth0';

/** That of its pod, `pod:namespace/pod`, or `wep:namespace/name`. */
function workloadEndpointId({ namespace, name, orchestrator, endpoint, pod }: WorkloadEndpoint): EndpointId {
  return orchestrator === KUBERNETES && endpoint === POD_INTERFACE && pod !== undefined
    ? podEndpointId(namespace, pod)
    : `wep:${namespace}/${name}`;
}

/** Without an address there is nothing that policy could be about (semantics 10.2). */
function endpointOfWorkload(workload: WorkloadEndpoint): Endpoint | undefined {
  const { namespace, name, node, orchestrator, pod, addresses, profiles } = workload;
  if (addresses.length === 0) return undefined;
  return {
    id: workloadEndpointId(workload),
    kind: 'WorkloadEndpoint',
    namespace,
    name: pod ?? name,
    node,
    hostNetwork: false,
    labels: new WorkloadLabels(workload, orchestrator),
    parents: profiles,
    addresses: addresses.toSorted(compareAddresses),
    ports: namedPorts(workload),
  };
}

/**
 * Workload endpoints that are given directly. Calico makes a pod's from the pod, so while the pod is there it alone counts. Without it an object is the
 * word of whoever exported it: enough to answer what the cluster does, not for a border to open for.
 */
export class WorkloadEndpoints {
  readonly #belief: Belief;
  readonly #ids = new Map<ResourceKey, EndpointId>();
  readonly #byId = new Map<EndpointId, Map<ResourceKey, WorkloadEndpoint>>();
  readonly #dirty = new Set<EndpointId>();

  constructor(belief: Belief) {
    this.#belief = belief;
  }

  put(workload: WorkloadEndpoint): void {
    const key = resourceKey(workload);
    this.delete(key);
    const id = workloadEndpointId(workload);
    this.#ids.set(key, id);
    this.#dirty.add(id);
    const known = this.#byId.get(id);
    if (known === undefined) this.#byId.set(id, new Map([[key, workload]]));
    else known.set(key, workload);
  }

  delete(key: ResourceKey): void {
    const id = this.#ids.get(key);
    if (id === undefined) return;
    this.#ids.delete(key);
    this.#dirty.add(id);
    const known = this.#byId.get(id);
    known?.delete(key);
    if (known?.size === 0) this.#byId.delete(id);
  }

  /** The endpoint that objects alone make; of several objects for one pod the first by name. */
  endpointOf(id: EndpointId): Endpoint | undefined {
    if (this.#belief === 'Credible') return undefined;
    const [first] = [...(this.#byId.get(id)?.values() ?? [])].sort((a, b) => compareUtf8(a.name, b.name));
    return first && endpointOfWorkload(first);
  }

  /** Calls back with each endpoint that may have changed since the last call. */
  *settle(changed: (id: EndpointId) => void): Pieces {
    yield* each(this.#dirty, changed);
    this.#dirty.clear();
  }

  /** Objects that no border counts. `isPod`: the pod of an endpoint is there. */
  mistakes(isPod: (id: EndpointId) => boolean): readonly Diagnostic[] {
    if (this.#belief === 'Calico') return [];
    return [...this.#byId].flatMap(([id, workloads]) =>
      isPod(id)
        ? []
        : [...workloads.values()].map((workload) =>
            diagnosticOn(
              workload,
              'warning',
              'WORKLOAD_ENDPOINT_ALONE',
              '',
              'its Pod is not there; policy of the cluster counts it, and borders count it for nothing',
            ),
          ),
    );
  }
}
