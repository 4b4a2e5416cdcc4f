import { Shared } from '../base/shared.ts';
import { type BorderFirewall, type SourceNAT, resourceKey } from '../api/resource.ts';
import { compareUtf8 } from '../base/compare.ts';
import { type Family, PortSet, PrefixSet } from '../ip/index.ts';
import type { Place } from '../base/diagnostic.ts';
import type { Selector } from '../selector/selector.ts';
import type { Facts } from './facts.ts';
import { type Finding, stalled } from './finding.ts';
import { type Ids, signature } from './ids.ts';
import { compareNumbers, isFor, scopedSelector } from './own-policies.ts';
import { Rendezvous } from './rendezvous.ts';
import type { NatTarget, Origin } from './ruleset.ts';
import { families } from './seen-address.ts';

/** What one SourceNAT does in one family, before anybody asks for whom. */
export type NatChoice =
  /** `targets`: one object for each address, so that equal targets are the same. */
  | { readonly kind: 'Choose'; readonly from: Rendezvous; readonly targets: Map<string, NatTarget> }
  | { readonly kind: 'Exempt' }
  | { readonly kind: 'Hold'; readonly reason: string };

/** One SourceNAT in one family at one firewall. */
export interface CompiledNat {
  readonly id: string;
  readonly family: Family;
  readonly origin: Origin;
  /** Where it was read. */
  readonly place: Place;
  readonly destination: PrefixSet;
  readonly protocol?: number;
  readonly ports?: PortSet;
  readonly choice: NatChoice;
  readonly selector: Selector;
  /** The object and the firewall both say Widen. */
  readonly widen: boolean;
}

/** Addresses that a translation must not use, because somebody in the cluster has them or may get them. */
export interface Taken {
  /** Enabled pools of workloads. */
  readonly assignable: PrefixSet;
  readonly nodes: PrefixSet;
  /** Of live pods outside every such pool. */
  readonly pods: PrefixSet;
}

/** The SourceNATs of one firewall in order of precedence: `order` ascending, absent last, then name (design 8.9). */
export function natsOf(
  firewall: BorderFirewall,
  facts: Facts,
  taken: Taken,
  ids: Ids,
): { readonly nats: readonly CompiledNat[]; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const sorted = facts.sourceNats
    .filter((nat) => isFor(nat.firewalls, firewall.name))
    .sort((a, b) => compareNumbers(a.order, b.order) || compareUtf8(a.name, b.name));
  const nats = sorted.flatMap((nat) => compile(nat, firewall, facts, taken, ids, findings));
  return { nats, findings };
}

function compile(
  nat: SourceNAT,
  firewall: BorderFirewall,
  facts: Facts,
  taken: Taken,
  ids: Ids,
  findings: Finding[],
): readonly CompiledNat[] {
  const key = resourceKey(nat);
  const say = (code: Finding['code'], path: string, message: string): void => {
    findings.push(stalled(nat, firewall, { code, path, message }));
  };
  const broken = !nat.selector.ok || !nat.namespaceSelector.ok || !nat.destination.ok || !nat.translate.ok;
  if (broken)
    say(
      'BORDER_NAT_HELD',
      '',
      'a part of it cannot be read, so the flows it may mean are dropped, not leaked; mend that part',
    );
  const translated = translateTo(nat, facts);
  const conflicts = translated instanceof PrefixSet ? conflictsOf(translated, taken) : [];
  for (const { path, message } of conflicts) say('BORDER_NAT_ADDRESS_IN_USE', path, message);
  if (translated === 'unknown pool')
    say('BORDER_NAT_HELD', 'spec.translate', 'there is no such IPPool; its flows are dropped until there is');
  const usable =
    translated instanceof PrefixSet
      ? translated.subtract(taken.assignable).subtract(taken.nodes).subtract(taken.pods)
      : translated;
  const { nets, protocol, ports } = nat.destination.ok
    ? nat.destination.value
    : { nets: PrefixSet.all, protocol: undefined, ports: undefined };

  return families.flatMap((family) => {
    const destination = nets.family(family);
    if (destination.isEmpty) return [];
    const choice = broken
      ? ({ kind: 'Hold', reason: `${key} cannot be read` } as const)
      : choiceOf(key, nat.otherFamily, usable, translated, family);
    if (choice === undefined) return [];
    return [
      {
        id: ids.of('n', signature('nat', key, family)),
        family,
        origin: { policy: key },
        place: nat.place,
        destination,
        ...(protocol === undefined ? {} : { protocol }),
        ...(ports === undefined ? {} : { ports }),
        choice,
        selector: scopedSelector('', nat.selector, nat.namespaceSelector),
        widen: nat.onBlind === 'Widen' && firewall.blind === 'Widen',
      },
    ];
  });
}

type Translated = PrefixSet | 'none' | 'unknown pool' | 'unreadable';

function translateTo(nat: SourceNAT, facts: Facts): Translated {
  if (!nat.translate.ok) return 'unreadable';
  const translate = nat.translate.value;
  switch (translate.kind) {
    case 'None':
      return 'none';
    case 'Addresses':
      return translate.addresses;
    case 'Pool':
      return facts.pools.find((pool) => pool.name === translate.pool)?.cidr ?? 'unknown pool';
  }
}

/** `undefined`: the object says nothing about this family. */
function choiceOf(
  key: string,
  otherFamily: SourceNAT['otherFamily'],
  usable: Translated,
  written: Translated,
  family: Family,
): NatChoice | undefined {
  if (usable === 'none') return { kind: 'Exempt' };
  if (!(usable instanceof PrefixSet) || !(written instanceof PrefixSet))
    return { kind: 'Hold', reason: `${key} names an IPPool that does not exist` };
  if (!usable.family(family).isEmpty)
    return { kind: 'Choose', from: new Rendezvous(usable, family), targets: new Map() };
  if (!written.family(family).isEmpty)
    return { kind: 'Hold', reason: `every IPv${family} address of ${key} is in use inside the cluster` };
  if (otherFamily === 'Keep') return undefined;
  return { kind: 'Hold', reason: `${key} has no IPv${family} address, and otherFamily is Drop` };
}

function conflictsOf(addresses: PrefixSet, taken: Taken): { path: string; message: string }[] {
  const problems: { path: string; message: string }[] = [];
  const check = (others: PrefixSet, whose: string): void => {
    const both = addresses.intersect(others);
    if (!both.isEmpty)
      problems.push({
        path: 'spec.translate',
        message: `${both.toStrings().slice(0, 3).join(', ')} ${whose}; such addresses are not used, choose others`,
      });
  };
  check(taken.assignable, 'can be assigned to pods, because an enabled pool for workloads holds it');
  check(taken.nodes, 'is the address of a node');
  check(taken.pods, 'is the address of a live pod');
  return problems;
}

/** What a translation does with a sender. `key`: the pod's `namespace/name`, or the address where several workloads send from it. */
export function targetFor(choice: NatChoice, key: string): NatTarget {
  switch (choice.kind) {
    case 'Choose': {
      const address = choice.from.choose(key);
      let target = choice.targets.get(address);
      if (target === undefined) {
        target = addressTargets.get(address, asTarget);
        choice.targets.set(address, target);
      }
      return target;
    }
    case 'Exempt':
      return EXEMPT;
    case 'Hold':
      return holds.get(choice.reason, asHold);
  }
}

/** Equal targets are one object, also where all was made anew: versions are compared by identity. */
const EXEMPT: NatTarget = { kind: 'Exempt' };
const addressTargets = new Shared<NatTarget>();
const holds = new Shared<NatTarget>();

function asTarget(address: string): NatTarget {
  return { kind: 'Address', address };
}

function asHold(reason: string): NatTarget {
  return { kind: 'Hold', reason };
}

/** Whether every flow of a sender to the translation's destinations is its own, whatever the protocol. */
export function isTotal(nat: CompiledNat): boolean {
  return nat.protocol === undefined && nat.ports === undefined;
}

/** A flow that both translations would take, in words; absent where there is none. */
export function overlap(a: CompiledNat, b: CompiledNat): string | undefined {
  const destination = a.destination.intersect(b.destination);
  const [example] = destination.toStrings();
  if (example === undefined) return undefined;
  if (a.protocol !== undefined && b.protocol !== undefined && a.protocol !== b.protocol) return undefined;
  const protocol = a.protocol ?? b.protocol;
  if (a.ports === undefined && b.ports === undefined)
    return `${protocol === undefined ? 'any protocol' : `protocol ${protocol}`} to ${example.replace(/\/.*/, '')}`;
  const ports = (a.ports ?? PortSet.all).intersect(b.ports ?? PortSet.all);
  const [range] = ports.ranges();
  if (range === undefined || (protocol !== undefined && ![6, 17, 132].includes(protocol))) return undefined;
  return `protocol ${protocol ?? 6} port ${range[0]} to ${example.replace(/\/.*/, '')}`;
}
