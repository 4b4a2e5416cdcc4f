import { type Pod, type ResourceKey, resourceKey } from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { type Address, formatAddress } from '../ip/address.ts';
import {
  type Belief,
  type Claims,
  type Surroundings,
  addressClaims,
  believe,
  isFinished,
  isReleased,
} from './credible-address.ts';
import { endpointOfPod } from './endpoint-of-pod.ts';
import { diagnosticOn } from './mistake.ts';
import type { Endpoint, EndpointId } from './model.ts';

interface Held {
  readonly pod: Pod;
  /** Absent: the pod is no endpoint. */
  readonly claims: Claims | undefined;
  readonly mistakes: readonly Diagnostic[];
}

/** What pods ask about the rest of the cluster. */
export type Cluster = Omit<Surroundings, 'shownByOther'>;

/**
 * The pods, and which of them are endpoints with which addresses. Pods are looked at again only when something changes that their
 * addresses' credibility rests on; what comes out depends on the present state alone.
 */
export class Pods {
  readonly #held = new Map<ResourceKey, Held>();
  /** Which pods show an address, by its canonical text. */
  readonly #shown = new Map<string, Set<ResourceKey>>();
  /** Pods whose belief rests on more than pools. */
  readonly #contextual = new Set<ResourceKey>();
  readonly #dirty = new Set<ResourceKey>();
  readonly #around: Surroundings;
  readonly #belief: Belief;
  /** Number of pods in each namespace, endpoints or not. */
  readonly #namespaces = new Map<string, number>();

  constructor(cluster: Cluster, belief: Belief) {
    this.#belief = belief;
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

  put(pod: Pod): void {
    const key = resourceKey(pod);
    this.delete(key);
    const claims = pod.nodeName === undefined || isFinished(pod) ? undefined : addressClaims(pod);
    this.#held.set(key, { pod, claims, mistakes: [] });
    this.#namespaces.set(pod.namespace, (this.#namespaces.get(pod.namespace) ?? 0) + 1);
    for (const address of shownAddresses(pod, claims)) this.#show(address, key);
  }

  delete(key: ResourceKey): void {
    const held = this.#held.get(key);
    this.#dirty.add(key);
    if (held === undefined) return;
    const { namespace } = held.pod;
    const left = (this.#namespaces.get(namespace) ?? 1) - 1;
    if (left === 0) this.#namespaces.delete(namespace);
    else this.#namespaces.set(namespace, left);
    for (const address of shownAddresses(held.pod, held.claims)) this.#unshow(address, key);
    this.#contextual.delete(key);
    this.#held.delete(key);
  }

  /** Pools changed: every pod's addresses have to be looked at again. */
  poolsChanged(): void {
    for (const key of this.#held.keys()) this.#dirty.add(key);
  }

  /** A node came, went, or has other addresses. */
  nodesChanged(): void {
    for (const key of this.#contextual) this.#dirty.add(key);
  }

  /** Calls back with the endpoint, or its absence, of each pod that may have changed since the last call. */
  settle(changed: (id: EndpointId, endpoint: Endpoint | undefined) => void): void {
    if (this.#dirty.size === 0) return;
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const key of dirty) {
      const held = this.#held.get(key);
      changed(endpointIdOfKey(key), held === undefined ? undefined : this.#evaluate(key, held));
    }
  }

  /** What the kubelet shows of a pod that lives and has not given its addresses back, credible or not. */
  statusAddresses(id: EndpointId): readonly Address[] {
    const held = this.#held.get(`Pod/${id.slice(id.indexOf(':') + 1)}`);
    return held?.claims?.by === 'status' ? shownAddresses(held.pod, held.claims) : [];
  }

  mistakes(): readonly Diagnostic[] {
    const all: Diagnostic[] = [];
    for (const { mistakes } of this.#held.values()) for (const mistake of mistakes) all.push(mistake);
    return all;
  }

  #evaluate(key: ResourceKey, held: Held): Endpoint | undefined {
    const { pod, claims } = held;
    if (claims === undefined) return undefined;
    if (pod.hostNetwork) return endpointOfPod(pod, []);
    const { addresses, refused, contextual } = believe(pod, claims, this.#around, this.#belief);
    if (contextual) this.#contextual.add(key);
    else this.#contextual.delete(key);
    if (refused.length > 0 || held.mistakes.length > 0) {
      const mistakes = refused.map(({ text, path, reason }) =>
        diagnosticOn(pod, 'warning', 'ADDRESS_NOT_CREDIBLE', path, `${JSON.stringify(text)} does not count: ${reason}`),
      );
      this.#held.set(key, { pod, claims, mistakes });
    }
    const kept = isReleased(pod) ? addresses.filter((address) => this.#isSharedStill(address)) : addresses;
    // Without an address there is nothing that policy could be about (semantics 10.2).
    return kept.length === 0 ? undefined : endpointOfPod(pod, kept);
  }

  /** To the border it is its node's address, which the pod's early end would free of what the pod may not send. */
  #isSharedStill(address: Address): boolean {
    return this.#belief === 'Credible' && this.#around.inNatPool(address);
  }

  #show(address: Address, key: ResourceKey): void {
    const text = formatAddress(address);
    const keys = this.#shown.get(text);
    if (keys === undefined) this.#shown.set(text, new Set([key]));
    else {
      keys.add(key);
      this.#lookAgain(keys);
    }
  }

  #unshow(address: Address, key: ResourceKey): void {
    const text = formatAddress(address);
    const keys = this.#shown.get(text);
    if (keys === undefined) return;
    keys.delete(key);
    if (keys.size === 0) this.#shown.delete(text);
    else this.#lookAgain(keys);
  }

  /** Others show the same address, which speaks against those that have only an annotation for it. */
  #lookAgain(keys: ReadonlySet<ResourceKey>): void {
    for (const key of keys) this.#dirty.add(key);
  }

  #shownByOther(address: Address, pod: Pod): boolean {
    const keys = this.#shown.get(formatAddress(address));
    return keys !== undefined && (keys.size > 1 || !keys.has(resourceKey(pod)));
  }
}

/** Addresses that speak against others' claims: not those of the node, nor those that were given back. */
function shownAddresses(pod: Pod, claims: Claims | undefined): readonly Address[] {
  return claims === undefined || pod.hostNetwork || isReleased(pod)
    ? []
    : claims.addresses.map(({ address }) => address);
}

/** `Pod/namespace/name` → `pod:namespace/name`. */
function endpointIdOfKey(key: ResourceKey): EndpointId {
  return `pod:${key.slice(key.indexOf('/') + 1)}`;
}
