import type { Packet } from './ruleset-oracle.ts';
import { compareAddresses, parseAddress } from '../../src/ip/address.ts';
import { PrefixSet } from '../../src/ip/prefix-set.ts';
import type { AddressObject, GroupKey, MemberGroup, RuleBase, Service } from '../../src/firewalls/rulebase/model.ts';

/** What becomes of a packet at a device that holds a rule base: by the first rule, and the first translation. */
export interface PlainFate {
  readonly verdict: 'Allowed' | 'Denied' | 'Left';
  /** The address that it leaves from; absent: its own, or it is denied. */
  readonly from?: string;
}

/** Rule by rule, member by member: slow and obvious. Domains resolve to nothing. */
export function plainFate(base: RuleBase, packet: Packet): PlainFate {
  for (const rule of base.rules) {
    if (rule.family !== packet.family || rule.action === 'Log') continue;
    const isSender = rule.source.groups.some((key) => inGroup(base.groups.get(key), packet.source));
    if (isSender === rule.source.negate) continue;
    if (!isTo(base, rule.destination.objects, rule.destination.groups, packet.destination)) continue;
    if (rule.services.length > 0 && !rule.services.some((name) => isService(base.services.get(name), packet))) continue;
    if (rule.action === 'Deny') return { verdict: 'Denied' };
    return { verdict: 'Allowed', ...leavingFrom(base, packet) };
  }
  return { verdict: 'Left', ...leavingFrom(base, packet) };
}

function leavingFrom(base: RuleBase, packet: Packet): { readonly from?: string } {
  for (const { family, source, destination, service, to } of base.translations) {
    if (family !== packet.family) continue;
    if (!source.groups.some((key) => inGroup(base.groups.get(key), packet.source))) continue;
    const { objects } = destination;
    if (objects.length > 0 && !isTo(base, objects, [], packet.destination)) continue;
    if (service !== undefined && !isService(base.services.get(service), packet)) continue;
    return to.kind === 'Address' ? { from: to.address } : {};
  }
  return {};
}

function isTo(base: RuleBase, objects: readonly string[], groups: readonly GroupKey[], destination: string): boolean {
  return (
    objects.some((name) => inObject(base.objects.get(name), destination)) ||
    groups.some((key) => inGroup(base.groups.get(key), destination))
  );
}

function inObject(object: AddressObject | undefined, address: string): boolean {
  if (object === undefined) throw new Error('a rule names an object that is not there');
  return object.kind === 'Range' && inMember(object.value, address);
}

function inGroup(group: MemberGroup | undefined, address: string): boolean {
  if (group === undefined) throw new Error('a rule names a group that is not there');
  return [...group.members].some((member) => inMember(member, address));
}

/** An address, a prefix, or `first-last`. */
export function inMember(member: string, text: string): boolean {
  if (!member.includes('-') && !member.includes('/')) return member === text;
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  if (member.includes('/')) return PrefixSet.parse([member]).contains(address);
  const [first, last] = member.split('-').map((end) => parseAddress(end));
  if (first === undefined || last === undefined) throw new Error(`not a range: ${member}`);
  if (first.family !== address.family) return false;
  return compareAddresses(first, address) <= 0 && compareAddresses(address, last) <= 0;
}

function isService(service: Service | undefined, packet: Packet): boolean {
  if (service === undefined) throw new Error('a rule names a service that is not there');
  const { protocols, ports, sourcePorts, icmp } = service.match;
  if (!protocols.includes(packet.protocol)) return false;
  if (ports !== undefined && !ports.contains(packet.destinationPort ?? -1)) return false;
  if (sourcePorts !== undefined && !sourcePorts.contains(packet.sourcePort ?? -1)) return false;
  return icmp === undefined || icmp.contains((packet.icmpType ?? 0) * 256 + (packet.icmpCode ?? 0));
}
