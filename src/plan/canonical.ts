import { createHash } from 'node:crypto';
import type { Class, Group, Nat, Ruleset } from '../border/ruleset.ts';
import { PortSet } from '../ip/port-set.ts';
import { PrefixSet } from '../ip/prefix-set.ts';

/**
 * Equal values give equal texts, whatever order their fields were written in. Prefix sets and port sets count by what they hold.
 * For values of plain data; tables of members have their own functions.
 */
export function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner instanceof PrefixSet) return inner.toStrings();
    if (inner instanceof PortSet) return inner.ranges();
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

const classTexts = new WeakMap<Class, string>();

/** What a class may do; rulesets share classes that did not change, so that this is worked out once each. */
export function classText(one: Class): string {
  const known = classTexts.get(one);
  if (known !== undefined) return known;
  const text = canonicalText(one);
  classTexts.set(one, text);
  return text;
}

/** A translation without its senders. */
export function natText(nat: Nat): string {
  const { sources: _members, ...rest } = nat;
  return canonicalText(rest);
}

/** A group without its members: who is in it comes and goes. */
export function groupText(group: Group): string {
  const known = groupTexts.get(group);
  if (known !== undefined) return known;
  const { nets: _nets, members: _members, ...rest } = { nets: undefined, members: undefined, ...group };
  const text = canonicalText(rest);
  groupTexts.set(group, text);
  return text;
}

const groupTexts = new WeakMap<Group, string>();

/** The settings that concern every sender. */
export function settingsText(ruleset: Ruleset): string {
  const { firewall, cluster, destinations, inside, networks, established } = ruleset;
  return canonicalText({ firewall, cluster, destinations, inside, networks, established });
}

/** Rulesets share tables of classes and groups that did not change: each is worked out once. */
const tableDigests = new WeakMap<object, string>();

function tableDigest<T>(table: ReadonlyMap<string, T>, textOf: (one: T) => string): string {
  const known = tableDigests.get(table);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for (const text of [...table.values()].map(textOf).toSorted()) hash.update('\n').update(text);
  const digest = hash.digest('hex');
  tableDigests.set(table, digest);
  return digest;
}

/** SHA-256 of everything in a ruleset but what comes and goes: members, nets of network sets, addresses of nodes. */
export function rulesDigest(ruleset: Ruleset): string {
  const hash = createHash('sha256').update(settingsText({ ...ruleset, inside: PrefixSet.empty }));
  hash.update('\nclasses ').update(tableDigest(ruleset.classes, classText));
  hash.update('\ngroups ').update(tableDigest(ruleset.groups, groupText));
  for (const nat of ruleset.nats) hash.update('\nnat ').update(natText(nat));
  return hash.digest('hex');
}
