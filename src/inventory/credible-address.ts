import { ADDRESS_ANNOTATIONS, LONGEST_ADDRESSES } from '../api/pod.ts';
import type { Pod } from '../api/resource.ts';
import { ADDRESS_BITS, type Address, formatAddress } from '../ip/address.ts';
import { parsePrefix } from '../ip/prefix.ts';

const [, POD_IP, AWS_POD_IPS] = ADDRESS_ANNOTATIONS;
/** Of an annotation so many are looked at: plugins write one of each family. What is said about each is kept. */
const MOST_SHOWN = 8;

/**
 * Whose word counts. `Credible`: only addresses that can be true, because a border opens for them (design section 2); `Calico`: what
 * Calico itself would take, to answer what the cluster does.
 */
export type Belief = 'Credible' | 'Calico';

/** The addresses that a pod shows, before anything is believed. */
export interface Claims {
  /** `status`: the kubelet's word; `annotation`: the word of whoever may write annotations. */
  readonly by: 'status' | 'annotation';
  /** The first of each family that can be read: Calico takes it. */
  readonly addresses: readonly Address[];
  /** What stands there, and where: of a status one text or address for each place, of an annotation all under its name. */
  readonly shown: readonly (Address | string)[];
  /** The annotation; of a status nothing. */
  readonly annotation: string | undefined;
}

/** What the rest of the cluster says about an address. */
export interface Surroundings {
  /** Some IP pool exists. */
  readonly hasPools: boolean;
  inPool(address: Address): boolean;
  /** In a pool that is enabled and usable for workloads. */
  inWorkloadPool(address: Address): boolean;
  /** A node's own address, or in the range that a node hands to its pods. */
  ofNode(address: Address): boolean;
  /** In a pool whose pods leave the cluster with their node's address. */
  inNatPool(address: Address): boolean;
  nodeExists(name: string): boolean;
  /** Another pod that has not finished shows this address, by status or annotation. */
  shownByOther(address: Address, pod: Pod): boolean;
}

/** A text that does not count as an address, where it stands, and why. */
interface Refused {
  readonly text: string;
  readonly path: string;
  readonly reason: string;
}

/** Addresses that count, and what speaks against the others. */
export interface Believed {
  readonly addresses: readonly Address[];
  readonly refused: readonly Refused[];
  /** Belief rests on more than pools: it has to be looked at again when nodes or other pods change. */
  readonly contextual: boolean;
}

/**
 * Finished pods have given up their addresses, even if the status still shows them: somebody else may have them (semantics 10.4). A pod
 * in its termination grace period keeps them.
 */
export function isFinished(pod: Pod): boolean {
  return pod.phase === 'Succeeded' || pod.phase === 'Failed' || pod.phase === 'Completed';
}

/**
 * Whether annotations say that the network has taken the addresses of a dying pod back. They are anybody's word who may write annotations:
 * enough to take the pod's own address from it, not to count it out among those who send from a node's.
 */
export function isReleased(pod: Pod): boolean {
  return pod.deleting && (pod.annotations.get(POD_IP) === '' || pod.annotations.get(AWS_POD_IPS) === '');
}

/** What a pod shows: its status, else its annotations. */
export function addressClaims(pod: Pod): Claims {
  const { podIPs } = pod;
  if (podIPs.length > 0)
    return { by: 'status', addresses: firstOfEachFamily(podIPs), shown: podIPs, annotation: undefined };
  for (const name of ADDRESS_ANNOTATIONS) {
    const text = pod.annotations.get(name) ?? '';
    if (text === '') continue;
    const parts = text.length > LONGEST_ADDRESSES ? [text] : text.split(',', MOST_SHOWN);
    const shown = parts.map((part) => parseHost(part.trim()) ?? part.trim());
    return { by: 'annotation', addresses: firstOfEachFamily(shown), shown, annotation: name };
  }
  return NO_CLAIMS;
}

const NO_CLAIMS: Claims = { by: 'annotation', addresses: [], shown: [], annotation: undefined };

/** The list itself where it is just that, as of nearly every pod. */
function firstOfEachFamily(shown: readonly (Address | string)[]): readonly Address[] {
  if (isOneOfEachFamily(shown)) return shown;
  const first: Address[] = [];
  for (const one of shown)
    if (typeof one !== 'string' && first.every(({ family }) => family !== one.family)) first.push(one);
  return first;
}

function isOneOfEachFamily(shown: readonly (Address | string)[]): shown is readonly Address[] {
  const [first, second] = shown;
  if (typeof first !== 'object' || shown.length > 2) return false;
  return second === undefined || (typeof second === 'object' && first.family !== second.family);
}

function pathOf({ annotation }: Claims, place: number): string {
  return annotation === undefined ? `status.podIPs[${place}]` : `metadata.annotations["${annotation}"]`;
}

/** Calico writes annotations with the length of a host: `10.65.0.2/32`. */
function parseHost(text: string): Address | undefined {
  const prefix = parsePrefix(text, { bareAddress: true });
  if ('problem' in prefix || prefix.value.length !== ADDRESS_BITS[prefix.value.family]) return undefined;
  return prefix.value.address;
}

/** Which of the claimed addresses count (design section 2). */
export function believe(pod: Pod, claims: Claims, around: Surroundings, belief: Belief): Believed {
  const refused = unreadable(claims);
  let contextual = false;
  let addresses = claims.addresses;
  for (const address of claims.addresses) {
    if (belief === 'Calico' || (claims.by === 'status' && (!around.hasPools || around.inPool(address)))) continue;
    contextual = true;
    const reason = claims.by === 'status' ? strangeStatus(address, around) : strangeAnnotation(pod, address, around);
    if (reason === undefined) continue;
    addresses = addresses.filter((other) => other !== address);
    refused.push({ text: formatAddress(address), path: pathOf(claims, claims.shown.indexOf(address)), reason });
  }
  return { addresses, refused, contextual };
}

function unreadable(claims: Claims): Refused[] {
  const refused: Refused[] = [];
  const reason = 'it is no address; zone ids and IPv4-mapped IPv6 are refused';
  for (let place = 0; place < claims.shown.length; place++) {
    const text = claims.shown[place];
    if (typeof text === 'string') refused.push({ text, path: pathOf(claims, place), reason });
  }
  return refused;
}

function strangeStatus(address: Address, around: Surroundings): string | undefined {
  return around.ofNode(address) ? undefined : 'it lies outside every IP pool and node of the cluster';
}

function strangeAnnotation(pod: Pod, address: Address, around: Surroundings): string | undefined {
  if (!around.inWorkloadPool(address))
    return 'an annotation alone claims it and it lies in no enabled IP pool for workloads';
  if (pod.nodeName === undefined || !around.nodeExists(pod.nodeName))
    return "an annotation alone claims it and the pod's node does not exist";
  if (around.shownByOther(address, pod)) return 'an annotation alone claims it and another pod shows it too';
  return undefined;
}
