import type { Packet } from './ruleset-oracle.ts';
import { compareAddresses, parseAddress } from '../../src/ip/address.ts';
import { PrefixSet } from '../../src/ip/prefix-set.ts';
import {
  type AddressObject,
  type GroupKey,
  type MemberGroup,
  type RuleBase,
  type SecurityRule,
  type Service,
  type TranslationRule,
  groupKey,
} from '../../src/firewalls/rulebase/model.ts';
import type { Operation } from '../../src/firewalls/rulebase/operation.ts';

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
    if (rule.translatedTo !== undefined) return { verdict: 'Allowed', from: rule.translatedTo };
    return { verdict: 'Allowed', ...leavingFrom(base, packet) };
  }
  return { verdict: 'Left', ...leavingFrom(base, packet) };
}

/** The address that a packet would leave from, whether it passes or not. */
export function leavingFrom(base: RuleBase, packet: Packet): { readonly from?: string } {
  for (const { family, source, destination, service, to } of base.translations) {
    if (family !== packet.family) continue;
    if (!source.groups.some((key) => inGroup(base.groups.get(key), packet.source))) continue;
    const { objects, groups } = destination;
    if (objects.length + groups.length > 0 && !isTo(base, objects, groups, packet.destination)) continue;
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

/** The device after one operation. It refuses what a device refuses: what names something that is not there, or takes away what is named. */
export function carriedOut(base: RuleBase, operation: Operation): RuleBase {
  const next = {
    objects: new Map(base.objects),
    services: new Map(base.services),
    groups: new Map(base.groups),
    rules: [...base.rules],
    translations: [...base.translations],
  };
  switch (operation.kind) {
    case 'MakeObject':
      next.objects.set(operation.object.name, operation.object);
      break;
    case 'RemoveObject':
      next.objects.delete(operation.object.name);
      break;
    case 'MakeService':
      next.services.set(operation.service.name, operation.service);
      break;
    case 'RemoveService':
      next.services.delete(operation.service.name);
      break;
    case 'MakeGroup': {
      const { group } = operation;
      const told = base.groups.get(groupKey(group))?.members ?? new Set<string>();
      next.groups.set(groupKey(group), group.store === 'Volatile' ? { ...group, members: told } : group);
      break;
    }
    case 'ChangeMembers': {
      const { group, joins, leaves } = operation;
      const key = groupKey(group);
      const members = new Set(base.groups.get(key)?.members);
      for (const member of joins) members.add(member);
      for (const member of leaves) members.delete(member);
      if (group.store === 'Configured' && [...members].toSorted().join() !== [...group.members].toSorted().join())
        throw new Error(`${group.name} would not hold what the operation says`);
      next.groups.set(key, { ...(base.groups.get(key) ?? group), members });
      break;
    }
    case 'MarkGroup': {
      const key = groupKey(operation.group);
      next.groups.set(key, { ...operation.group, members: base.groups.get(key)?.members ?? operation.group.members });
      break;
    }
    case 'RemoveGroup':
      next.groups.delete(groupKey(operation.group));
      break;
    default:
      if (operation.kind.endsWith('Rule'))
        next.rules = placed(base.rules, operation.kind, operation.rule as SecurityRule, afterOf(operation));
      else
        next.translations = placed(
          base.translations,
          operation.kind,
          operation.rule as TranslationRule,
          afterOf(operation),
        );
  }
  checkReferences(next);
  return next;
}

function afterOf(operation: Operation): string | undefined {
  return 'after' in operation ? operation.after : undefined;
}

function placed<R extends { readonly name: string }>(
  list: readonly R[],
  kind: string,
  rule: R,
  after: string | undefined,
): R[] {
  if (kind.startsWith('Edit')) return list.map((one) => (one.name === rule.name ? rule : one));
  const others = list.filter(({ name }) => name !== rule.name);
  if (kind.startsWith('Remove')) return others;
  if (kind.startsWith('Insert') && others.length < list.length) throw new Error(`${rule.name} is there already`);
  const at = after === undefined ? 0 : others.findIndex(({ name }) => name === after) + 1;
  if (after !== undefined && at === 0) throw new Error(`${after} is not there`);
  return [...others.slice(0, at), rule, ...others.slice(at)];
}

function checkReferences({ objects, services, groups, rules, translations }: RuleBase): void {
  const values = new Set(Array.from(objects.values(), ({ value }) => value));
  for (const { name, store, members } of groups.values())
    for (const member of store === 'Configured' ? members : [])
      if (!values.has(member)) throw new Error(`${name} names ${member}, for which there is no object`);
  for (const { name, source, destination, services: asked } of rules) {
    for (const key of [...source.groups, ...destination.groups])
      if (!groups.has(key)) throw new Error(`rule ${name} names ${key}`);
    for (const one of destination.objects) if (!objects.has(one)) throw new Error(`rule ${name} names ${one}`);
    for (const one of asked) if (!services.has(one)) throw new Error(`rule ${name} names ${one}`);
  }
  for (const { name, source, destination, service } of translations) {
    for (const key of [...source.groups, ...destination.groups])
      if (!groups.has(key)) throw new Error(`translation ${name} names ${key}`);
    for (const one of destination.objects) if (!objects.has(one)) throw new Error(`translation ${name} names ${one}`);
    if (service !== undefined && !services.has(service)) throw new Error(`translation ${name} names ${service}`);
  }
}
