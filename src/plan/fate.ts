import type { Family } from '../border/ruleset.ts';
import type { Flow } from '../engine/flows/flow-set.ts';
import { type Address, parseAddress } from '../ip/address.ts';
import type { Behaviour } from './behaviour.ts';

/** The first packet of a connection, addresses as text. */
export interface PacketText {
  readonly family: Family;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** Dropped, or let through from its own address (`undefined`) or another. */
export type Fate = { readonly passes: false } | { readonly passes: true; readonly from: string | undefined };

const DROPPED: Fate = { passes: false };
const UNTOUCHED: Fate = { passes: true, from: undefined };

/**
 * What a behaviour does to one packet, given the domains that its destination is an address of; a packet whose addresses cannot be read is
 * dropped.
 */
export function fateUnder(behaviour: Behaviour, packet: PacketText, domains: readonly string[] = []): Fate {
  const source = parseAddress(packet.source);
  const destination = parseAddress(packet.destination);
  if (source === undefined || destination === undefined) return DROPPED;
  if (!behaviour.present || !isGoverned(behaviour, destination)) return UNTOUCHED;
  const id = behaviour.senders.get(packet.source);
  if (id === undefined) return behaviour.networks.contains(source) ? DROPPED : UNTOUCHED;
  const flow: Flow = { ...packet, source, destination };
  if (!behaviour.allowed(id, packet.family).has(flow, domains)) return DROPPED;
  const first = behaviour.translations(packet.source).find(({ flows }) => flows.has(flow, domains));
  if (first === undefined || first.to.kind === 'Exempt') return UNTOUCHED;
  return first.to.kind === 'Hold' ? DROPPED : { passes: true, from: first.to.address };
}

function isGoverned(behaviour: Behaviour, destination: Address): boolean {
  return behaviour.destinations.contains(destination) && !behaviour.inside.contains(destination);
}
