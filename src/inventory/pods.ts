import type { Pod, ResourceKey } from '../api/resource.ts';
import { show } from '../api/shape.ts';
import { MultiMap } from '../base/multi-map.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { type Pieces, each } from '../base/pieces.ts';
import type { Address } from '../ip/address.ts';
import {
  type Belief,
  type Claims,
  type Surroundings,
  addressClaims,
  believe,
  isFinished,
  isReleased,
} from './credible-address.ts';
import { endpointOfPod, podEndpointId } from './endpoint-of-pod.ts';
import { diagnosticOn } from './mistake.ts';
import type { Endpoint, EndpointId } from './model.ts';

/** What pods ask about the rest of the cluster. */
export type Cluster = Omit<Surroundings, 'shownByOther'>;

/**
 * The pods, and which of them are endpoints with which addresses. Pods are looked at again only when something changes that their
 * addresses' credibility rests on; what comes out depends on the present state alone.
 */
export class Pods {
  readonly #pods = new Map<EndpointId, Pod>();
  readonly #mistakes = new Map<EndpointId, readonly Diagnostic[]>();
  /** Which pods show an address, by its value: a number of IPv4 and a bigint of IPv6 are never one key. */
  readonly #shown = new MultiMap<Address['value']>();
  /** Pods whose belief rests on more than pools. */
  readonly #contextual = new Set<EndpointId>();
  #dirty = new Set<EndpointId>();
  /** Whether all pods, or all contextual ones, are dirty besides: of many pools or nodes that change, one is enough. */
  #poolsMoved = false;
  #nodesMoved = false;
  readonly #around: Surroundings;
  readonly #belief: Belief;
  /** Whether what other pods show speaks against an address; only then is it kept which pods show it. */
  readonly #asksOthers: boolean;
  /** Number of pods in each namespace, endpoints or not. */
  readonly #namespaces = new Map<string, number>();
  /** What the last endpoint in each of them inherits from, which most others in it do too. */
  readonly #parents = new Map<string, readonly string[]>();

  constructor(cluster: Cluster, belief: Belief) {
    this.#belief = belief;
    this.#asksOthers = belief === 'Credible';
    this.#around = {
      get hasPools() {
        return cluster.hasPools;
      },
      inPool: (address) => cluster.inPool(address),
      inWorkloadPool: (address) => cluster.inWorkloadPool(address),
      inNatPool: (address) => cluster.inNatPool(address),
      ofNode: (address) => cluster.ofNode(address),
      nodeExists: (name) => cluster.nodeExists(name),
      shownByOther: (address, pod) => this.#shownByOther(address, pod),
    };
  }

  /** Namespaces that have pods. */
  get namespaces(): ReadonlyMap<string, number> {
    return this.#namespaces;
  }

  /** Whether the pod of an endpoint is there, an endpoint or not. */
  has(id: EndpointId): boolean {
    return this.#pods.has(id);
  }

  put(pod: Pod): void {
    const id = podEndpointId(pod.namespace, pod.name);
    this.#remove(id);
    this.#pods.set(id, pod);
    this.#namespaces.set(pod.namespace, (this.#namespaces.get(pod.namespace) ?? 0) + 1);
    if (this.#asksOthers) for (const address of shownAddresses(pod)) this.#show(address, id);
  }

  delete(key: ResourceKey): void {
    this.#remove(endpointIdOfKey(key));
  }

  #remove(id: EndpointId): void {
    this.#dirty.add(id);
    const pod = this.#pods.get(id);
    if (pod === undefined) return;
    const left = (this.#namespaces.get(pod.namespace) ?? 1) - 1;
    if (left === 0) {
      this.#namespaces.delete(pod.namespace);
      this.#parents.delete(pod.namespace);
    } else this.#namespaces.set(pod.namespace, left);
    if (this.#asksOthers) for (const address of shownAddresses(pod)) this.#unshow(address, id);
    this.#contextual.delete(id);
    this.#mistakes.delete(id);
    this.#pods.delete(id);
  }

  /** Pools changed: every pod's addresses have to be looked at again. */
  poolsChanged(): void {
    this.#poolsMoved = true;
  }

  /** A node came, went, or has other addresses. */
  nodesChanged(): void {
    this.#nodesMoved = true;
  }

  /** Calls back with the endpoint, or its absence, of each pod that may have changed since the last call; gives these pods. */
  *settle(changed: (id: EndpointId, endpoint: Endpoint | undefined) => void): Pieces<Set<EndpointId>> {
    const mark = (id: EndpointId): void => void this.#dirty.add(id);
    if (this.#poolsMoved) yield* each(this.#pods.keys(), mark);
    else if (this.#nodesMoved) yield* each(this.#contextual, mark);
    this.#poolsMoved = false;
    this.#nodesMoved = false;
    // Looking at a pod makes no other one dirty.
    yield* each(this.#dirty, (id) => {
      const pod = this.#pods.get(id);
      changed(id, pod === undefined ? undefined : this.#evaluate(id, pod));
    });
    const lookedAt = this.#dirty;
    this.#dirty = new Set();
    return lookedAt;
  }

  /** What the kubelet shows of a pod that lives and has not given its addresses back, credible or not. */
  statusAddresses(id: EndpointId): readonly Address[] {
    const pod = this.#pods.get(id);
    return pod !== undefined && claimsOf(pod)?.by === 'status' ? shownAddresses(pod) : [];
  }

  uidOf(id: EndpointId): string | undefined {
    return this.#pods.get(id)?.uid;
  }

  mistakes(): readonly Diagnostic[] {
    return [...this.#mistakes.values()].flat();
  }

  #evaluate(id: EndpointId, pod: Pod): Endpoint | undefined {
    const claims = claimsOf(pod);
    if (claims === undefined) return undefined;
    if (pod.hostNetwork) return this.#endpointOf(id, pod, []);
    const { addresses, refused, contextual } = believe(pod, claims, this.#around, this.#belief);
    if (contextual) this.#contextual.add(id);
    else this.#contextual.delete(id);
    if (refused.length === 0) this.#mistakes.delete(id);
    else {
      const not = (text: string, reason: string): string => `${show(text)} does not count: ${reason}`;
      const mistakes = refused.map(({ text, path, reason }) =>
        diagnosticOn(pod, 'warning', 'ADDRESS_NOT_CREDIBLE', path, not(text, reason)),
      );
      this.#mistakes.set(id, mistakes);
    }
    const kept = isReleased(pod) ? addresses.filter((address) => this.#isSharedStill(address)) : addresses;
    // Without an address there is nothing that policy could be about (semantics 10.2).
    return kept.length === 0 ? undefined : this.#endpointOf(id, pod, kept);
  }

  #endpointOf(id: EndpointId, pod: Pod, addresses: readonly Address[]): Endpoint {
    const endpoint = endpointOfPod(id, pod, addresses, this.#parents.get(pod.namespace));
    this.#parents.set(pod.namespace, endpoint.parents);
    return endpoint;
  }

  /** To the border it is its node's address, which the pod's early end would free of what the pod may not send. */
  #isSharedStill(address: Address): boolean {
    return this.#belief === 'Credible' && this.#around.inNatPool(address);
  }

  #show({ value }: Address, id: EndpointId): void {
    const before = this.#shown.count(value);
    this.#shown.add(value, id);
    if (before > 0) this.#lookAgain(value);
  }

  #unshow({ value }: Address, id: EndpointId): void {
    this.#shown.delete(value, id);
    this.#lookAgain(value);
  }

  /** Others show the same address, which speaks against those that have only an annotation for it. */
  #lookAgain(address: Address['value']): void {
    for (const id of this.#shown.get(address)) this.#dirty.add(id);
  }

  #shownByOther({ value }: Address, { namespace, name }: Pod): boolean {
    const own = this.#shown.has(value, podEndpointId(namespace, name)) ? 1 : 0;
    return this.#shown.count(value) > own;
  }
}

const NO_ADDRESSES: readonly Address[] = [];

/** What a pod shows; nothing that is to be known of one that is not scheduled or has finished. */
function claimsOf(pod: Pod): Claims | undefined {
  return pod.nodeName === undefined || isFinished(pod) ? undefined : addressClaims(pod);
}

/** The addresses that a pod shows and has not given back; they speak against others' claims. Not those of its node. */
export function shownAddresses(pod: Pod): readonly Address[] {
  if (pod.hostNetwork || isReleased(pod)) return NO_ADDRESSES;
  return claimsOf(pod)?.addresses ?? NO_ADDRESSES;
}

/** `Pod/namespace/name` → `pod:namespace/name`. */
export function endpointIdOfKey(key: ResourceKey): EndpointId {
  return `pod:${key.slice(key.indexOf('/') + 1)}`;
}
