import type { Family } from '../../border/ruleset.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';
import type { FlatService } from '../../plan/flat/flat-list.ts';

/** An address object: what groups and rules name. Its name is made from its value, so that it never changes. */
export interface AddressObject {
  readonly name: string;
  readonly family: Family;
  /** `Range`: canonical address, prefix, or `first-last`. `Domain`: a name that the device resolves. */
  readonly kind: 'Range' | 'Domain';
  readonly value: string;
  readonly mark: string;
}

/** Protocols and ports; what of it takes one object and what a group of objects is the driver's. Its name is made from its match. */
export interface Service {
  readonly name: string;
  readonly match: FlatService;
  readonly mark: string;
}

/**
 * `Configured`: members are part of the configuration, and change by the transactional way. `Volatile`: members are pushed beside it, at
 * once and without a commit, and a device may lose them: only groups whose loss takes away are ever so.
 */
export type Store = 'Configured' | 'Volatile';

/** `4/Configured/sp-…`: names are unique in a family and a store. Made by `groupKey` alone. */
export type GroupKey = string;

export interface MemberGroup {
  readonly name: string;
  /** `Both`: an AddressGroup on a device whose groups of this store hold both families. Groups of our own rules have one family. */
  readonly family: Family | 'Both';
  readonly store: Store;
  /** Canonical addresses, prefixes, and `first-last`. Empty: whatever the device needs in its place is the driver's, both ways. */
  readonly members: ReadonlySet<string>;
  /** An AddressGroup: rules of others name it. It keeps its name, and is not removed while they do. */
  readonly shared: boolean;
  /** What rules of others do with a shared group; told by who wants it, not read. */
  readonly use?: 'Allow' | 'Deny';
  readonly mark: string;
}

/** A rule of our block. One family. The first that matches and is no `Log` decides; what none matches is left to the rules of others. */
export interface SecurityRule {
  /** Made from all that it matches, and its action: a rule that says something else has another name. */
  readonly name: string;
  readonly family: Family;
  /** In any of these groups; with `negate` in none of them. Never empty. */
  readonly source: { readonly groups: readonly GroupKey[]; readonly negate: boolean };
  /** Any of these: names of address objects, and groups. Never both empty. */
  readonly destination: { readonly objects: readonly string[]; readonly groups: readonly GroupKey[] };
  /** Any of these names; empty: every service. */
  readonly services: readonly string[];
  readonly action: 'Allow' | 'Deny' | 'Log';
  readonly log: boolean;
  /** Inspection of what is allowed, by the device's name for it. */
  readonly profile?: string;
  /** The address that what is allowed leaves from, where rules translate (`Dialect.translatesBy`); absent: its own. */
  readonly translatedTo?: string;
  /** For people: which policies and rules it comes from. Safe text, within the dialect's limit. */
  readonly comment: string;
  readonly mark: string;
  /** What was read and has no place here: switched off, a schedule, a user. Never in what is wanted, so that it is mended. */
  readonly strange?: string;
}

/** A rule of translation. The first that matches decides. One family. */
export interface TranslationRule {
  readonly name: string;
  readonly family: Family;
  readonly source: { readonly groups: readonly GroupKey[] };
  /** Any of these: names of address objects, and groups. Both empty: anywhere. */
  readonly destination: { readonly objects: readonly string[]; readonly groups: readonly GroupKey[] };
  /** A name; absent: every service. */
  readonly service?: string;
  readonly to: { readonly kind: 'Address'; readonly address: string } | { readonly kind: 'Exempt' };
  readonly comment: string;
  readonly mark: string;
  readonly strange?: string;
}

/** What of ours a device shall hold, or holds, in no vendor's terms. */
export interface RuleBase {
  /** By name. */
  readonly objects: ReadonlyMap<string, AddressObject>;
  readonly services: ReadonlyMap<string, Service>;
  readonly groups: ReadonlyMap<GroupKey, MemberGroup>;
  /** In the order in which the device asks them. */
  readonly rules: readonly SecurityRule[];
  readonly translations: readonly TranslationRule[];
}

export function groupKey({ family, store, name }: Pick<MemberGroup, 'family' | 'store' | 'name'>): GroupKey {
  return `${family}/${store}/${name}`;
}

export const emptyRuleBase: RuleBase = {
  objects: new Map(),
  services: new Map(),
  groups: new Map(),
  rules: [],
  translations: [],
};

/** What of somebody else stands where something of ours would: by kind and name, what it is in the device's words. */
export type TakenNames = ReadonlyMap<TakenName, string>;
export type TakenName = `${'object' | 'service' | 'group' | 'rule' | 'translation'} ${string}`;

/** A rule base as it was read: what bears our mark, and what of the others concerns it. */
export interface ObservedRuleBase extends RuleBase {
  readonly taken: TakenNames;
  /** Names of rules and translations of ours that do not stand in our block, at its position: rules of others came between. */
  readonly strays: ReadonlySet<string>;
  /** Groups that are not ours and stand where an AddressGroup would, in its terms: they can be taken over, if their owner wants that. */
  readonly adoptable: ReadonlyMap<GroupKey, MemberGroup>;
  /** Groups of ours, in our terms, that do not stand for their members any more by what somebody did to them. Absent: there are none. */
  readonly spoiled?: ReadonlyMap<GroupKey, MemberGroup>;
  /** Rules of others that name a group of ours, in the device's words. */
  readonly usedByOthers: ReadonlyMap<GroupKey, readonly string[]>;
  /** Address objects and services of ours that entries of others name: they stay as long as that is so. Absent: there are none. */
  readonly namedByOthers?: ReadonlySet<TakenName>;
}

/** A rule base as it shall be. */
export interface WantedRuleBase extends RuleBase {
  /** `Class`: each sender is in one group, whose rules decide all by themselves. `Group`: in several, whose rules stand mixed. */
  readonly layout: 'Class' | 'Group';
  /** Groups that stay as the device holds them, whatever that is: nothing can be said about them. */
  readonly held: ReadonlySet<GroupKey>;
  /** Names of existing objects that may be taken over. */
  readonly adopt: ReadonlySet<string>;
  /** Prefixes in which whoever is not known may send nothing. */
  readonly networks: PrefixSet;
}

export const nothingObserved: ObservedRuleBase = {
  ...emptyRuleBase,
  taken: new Map(),
  strays: new Set(),
  adoptable: new Map(),
  usedByOthers: new Map(),
};
