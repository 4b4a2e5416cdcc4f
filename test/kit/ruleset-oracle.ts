import type { BorderRule, Class, Family, Nat, NatTarget, Part, Ruleset } from '../../src/border/ruleset.ts';
import { type Address, parseAddress } from '../../src/ip/address.ts';
import type { PortSet } from '../../src/ip/port-set.ts';
import type { PrefixSet } from '../../src/ip/prefix-set.ts';

/** One packet of a new connection, addresses as canonical text. */
export interface Packet {
  readonly family: Family;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** What becomes of a packet: dropped, or let through, from its own address (`undefined`) or another. */
export type Fate = { readonly passes: false } | { readonly passes: true; readonly from: string | undefined };

const DROPPED: Fate = { passes: false };

/** Which opaque domain names a destination answers to; the default knows none. */
export type Domains = (domain: string, destination: string) => boolean;

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address;
}

function holds(set: PrefixSet | undefined, address: Address): boolean {
  return set === undefined || set.contains(address);
}

function holdsPort(set: PortSet | undefined, port: number | undefined): boolean {
  return set === undefined || (port !== undefined && set.contains(port));
}

function icmpHolds(match: { readonly type: number; readonly code?: number }, packet: Packet): boolean {
  return packet.icmpType === match.type && (match.code === undefined || packet.icmpCode === match.code);
}

function matches(rule: BorderRule, ruleset: Ruleset, packet: Packet, domains: Domains): boolean {
  const destination = addressOf(packet.destination);
  const inGroup = (id: string): boolean => {
    const group = ruleset.groups.get(id);
    if (group === undefined || group.kind !== 'Outside') throw new Error(`no outside group ${id}`);
    return group.nets.contains(destination);
  };
  if (rule.family !== packet.family) return false;
  if (rule.protocol !== undefined && rule.protocol !== packet.protocol) return false;
  if (rule.notProtocol !== undefined && rule.notProtocol === packet.protocol) return false;
  if (rule.icmp !== undefined && !icmpHolds(rule.icmp, packet)) return false;
  if (rule.notIcmp !== undefined && icmpHolds(rule.notIcmp, packet)) return false;
  if (!holdsPort(rule.ports, packet.destinationPort) || !holdsPort(rule.sourcePorts, packet.sourcePort)) return false;
  const { outside } = rule;
  if (!holds(outside.nets, destination)) return false;
  if (!outside.groups.every(inGroup) || outside.notGroups.some(inGroup)) return false;
  return outside.domains.length === 0 || outside.domains.some((domain) => domains(domain, packet.destination));
}

/** Walks one part rule by rule, as the ruleset's documentation tells it. */
function partPasses(part: Part, ruleset: Ruleset, packet: Packet, domains: Domains): boolean {
  const hasOwn = part.stages.some((stage) => stage.layer === 'BorderPolicy');
  let skipping = false;
  for (const stage of part.stages) {
    if (skipping && stage.layer !== 'BorderPolicy') continue;
    skipping = false;
    let decided: 'Next' | undefined;
    for (const rule of stage.rules) {
      if (!matches(rule, ruleset, packet, domains)) continue;
      if (rule.action === 'Log') continue;
      if (rule.action === 'Deny') return false;
      if (rule.action === 'Allow') return true;
      if (rule.action === 'SkipToOwn') {
        if (!hasOwn) return true;
        skipping = true;
      }
      decided = 'Next';
      break;
    }
    if (decided === undefined && stage.end === 'Deny') return false;
  }
  return part.otherwise === 'Allow';
}

function classPasses(one: Class, ruleset: Ruleset, packet: Packet, domains: Domains): boolean {
  for (const part of one.widened)
    for (const stage of part.stages)
      for (const rule of stage.rules) {
        if (!rule.widen || (rule.action !== 'Allow' && rule.action !== 'Deny')) continue;
        if (matches(rule, ruleset, packet, domains)) return rule.action === 'Allow';
      }
  return one.parts.every((part) => partPasses(part, ruleset, packet, domains));
}

function natTarget(nat: Nat, packet: Packet): NatTarget | undefined {
  if (nat.family !== packet.family || !nat.destination.contains(addressOf(packet.destination))) return undefined;
  if (nat.protocol !== undefined && nat.protocol !== packet.protocol) return undefined;
  if (!holdsPort(nat.ports, packet.destinationPort)) return undefined;
  return nat.sources.get(packet.source);
}

/**
 * What a ruleset does to the first packet of a connection: slow, obvious, and independent of every other reading of rulesets.
 * ICMP errors and replies of accepted flows pass everywhere and are not its business.
 */
export function fateOf(ruleset: Ruleset, packet: Packet, domains: Domains = () => false): Fate {
  const source = addressOf(packet.source);
  const destination = addressOf(packet.destination);
  if (!ruleset.destinations.contains(destination) || ruleset.inside.contains(destination))
    return { passes: true, from: undefined };
  const classId = ruleset.members.get(packet.source);
  if (classId === undefined) return ruleset.networks.contains(source) ? DROPPED : { passes: true, from: undefined };
  const one = ruleset.classes.get(classId);
  if (one === undefined) throw new Error(`no class ${classId}`);
  if (!classPasses(one, ruleset, packet, domains)) return DROPPED;
  for (const nat of ruleset.nats) {
    const target = natTarget(nat, packet);
    if (target === undefined) continue;
    if (target.kind === 'Hold') return DROPPED;
    return { passes: true, from: target.kind === 'Address' ? target.address : undefined };
  }
  return { passes: true, from: undefined };
}

/**
 * Resolutions of domain names under which a packet fares worst, for judging what stands in for rules with domains: every name
 * elsewhere, and every name at the destination. The latter says nothing about a class in which an Allow of a tier speaks of domains:
 * without it a later rule of the same tier may let pass what BorderPolicies would have judged.
 */
export function worstCases(ruleset: Ruleset, packet: Packet): readonly Domains[] {
  const one = ruleset.classes.get(ruleset.members.get(packet.source) ?? '');
  const rules = (one?.parts ?? []).flatMap((part) => part.stages).flatMap((stage) => stage.rules);
  const skips = rules.some((rule) => rule.action === 'SkipToOwn' && rule.outside.domains.length > 0);
  return skips ? [() => false] : [() => false, () => true];
}
