import { z } from 'zod';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Epoch } from '../../base/epoch.ts';
import { type Pieces, each } from '../../base/pieces.ts';
import type { ClassId, Group, GroupId, Nat, NatTarget, Ruleset } from '../../border/ruleset.ts';
import { formatAddress, parseAddress } from '../../ip/address.ts';
import { canonicalText, classText, groupText, natText } from '../../plan/canonical.ts';
import type { Owners } from '../guard/interim.ts';
import { OwnerVersions, holdersText, ownerLine } from './owner-versions.ts';
import { addressGroupForm, classForm, natForm, outsideForm, settingsForm } from './ruleset-form.ts';
import { sealedLength, sealedLines } from './sealed-text.ts';

/** Of what a record looks like: one of another version is not believed. */
const VERSION = 2;
/** Characters of a text that is believed to be a record. */
export const MOST_TEXT = 67_108_864;

/** What a firewall was confirmed to hold, and who had which address then. */
export interface KnownState {
  readonly ruleset: Ruleset;
  readonly owners: Owners;
}

/** Whose record it is: anything else is no record of this firewall. */
export interface RecordOf {
  readonly cluster: string;
  readonly firewall: string;
  /** Which device is meant, as a digest. */
  readonly device: string;
}

/** What was confirmed about one address. */
export interface RecordedAddress {
  /** Digests of those who had it; empty: nobody. */
  readonly owners: readonly string[];
  readonly class: ClassId | undefined;
  readonly groups: readonly GroupId[];
  readonly targets: ReadonlyMap<string, NatTarget>;
}

/** The rules of a ruleset: all of it but members, senders of translations, and who is in lists. */
export type RecordedRules = Pick<
  Ruleset,
  'destinations' | 'inside' | 'networks' | 'established' | 'classes' | 'groups' | 'nats'
>;

export interface ConfirmedRecord {
  /** The right to write under which it was written; `undefined`: that of a lock file. */
  readonly writer: Epoch | undefined;
  readonly rules: RecordedRules;
  readonly addresses: ReadonlyMap<string, RecordedAddress>;
}

const head = z.strictObject({
  version: z.literal(VERSION),
  cluster: z.string(),
  firewall: z.string(),
  device: z.string(),
  writer: z.strictObject({ lease: z.string(), number: z.int().min(0) }).nullable(),
});
/** What is in the lists is looked at one by one: it is as long as the rules of a firewall are. */
const rulesForm = z.strictObject({
  settings: settingsForm,
  classes: z.array(z.unknown()),
  groups: z.array(z.unknown()),
  nats: z.array(z.unknown()),
});
const groupForm = z.union([outsideForm, addressGroupForm]);
const owner = z.string().regex(/^[0-9a-f]{32}$/);
/** Address, owners, class (empty: none), lists, translations by id. */
const addressForm = z.tuple([
  z.string(),
  z.array(owner),
  z.string(),
  z.array(z.string()),
  z.array(z.tuple([z.string(), z.string()])),
]);
/** Address, owners: all else about it is as it was, and nothing where it was not known. */
const ownersForm = z.tuple([z.string(), z.array(owner)]);
const lineForm = z.union([addressForm, ownersForm]);
const NOTHING: RecordedAddress = { owners: [], class: undefined, groups: [], targets: new Map() };

export function headLine(of: RecordOf, writer: Epoch | undefined): string {
  const { cluster, firewall, device } = of;
  const own = writer === undefined ? null : { lease: writer.lease, number: writer.number };
  return `${JSON.stringify({ version: VERSION, cluster, firewall, device, writer: own })}\n`;
}

export function rulesLine(ruleset: Ruleset): string {
  const { destinations, inside, networks, established, classes, groups, nats } = ruleset;
  const settings = canonicalText({ destinations, inside, networks, established });
  const texts = [...classes.values()].map(classText).join(',');
  const outside = [...groups.values()].map((one) => (one.kind === 'Outside' ? canonicalText(one) : groupText(one)));
  return `R{"settings":${settings},"classes":[${texts}],"groups":[${outside.join(',')}],"nats":[${nats.map(natText).join(',')}]}\n`;
}

/** Characters of a chunk of lines, about. */
const CHUNK = 65_536;

/**
 * What differs between two states, as lines, some hundreds in each chunk; all of the second one where there is no first. Most of it is about
 * addresses that concern another firewall: of these only who has them is said, which takes no look at any table of this one, and is
 * the same for all firewalls that are confirmed at `versions`.
 */
export function* changedLines(
  before: KnownState | undefined,
  after: KnownState,
  versions = new OwnerVersions(),
): Pieces<readonly string[]> {
  const chunks: string[] = [];
  let chunk = '';
  const add = (lines: string): void => {
    chunk += lines;
    if (chunk.length < CHUNK) return;
    chunks.push(chunk);
    chunk = '';
  };
  const shared = before && (yield* versions.between(before.owners, after.owners));
  if (shared !== undefined) yield* each(shared, add);
  const held = yield* heldApart(before?.ruleset, after.ruleset);
  if (held.size > 0) {
    const lineOf = heldLine(after);
    yield* each(held, (address) => add(lineOf(address)));
  }
  if (shared === undefined) {
    const owned = new Set<string>();
    yield* collect(owned, before?.owners, after.owners);
    yield* each(owned, (address) => {
      if (!held.has(address)) add(ownerLine(address, after.owners));
    });
  }
  return chunk === '' ? chunks : [...chunks, chunk];
}

/** All that a state says of an address, as one line. */
function heldLine({ ruleset, owners }: KnownState): (address: string) => string {
  const lists = [...ruleset.groups.values()]
    .filter((one) => one.kind === 'AddressGroup')
    .filter(({ members }) => members.size > 0);
  return (address) => {
    const id = ruleset.members.get(address);
    const groups = lists.filter(({ members }) => members.has(address)).map((one) => one.id);
    const targets = ruleset.nats.flatMap(({ id: nat, sources }) => {
      const target = sources.get(address);
      return target === undefined ? [] : [[nat, targetText(target)]];
    });
    const held =
      groups.length + targets.length === 0 ? '[],[]' : `${JSON.stringify(groups)},${JSON.stringify(targets)}`;
    return `[${JSON.stringify(address)},${holdersText(owners.get(address))},${JSON.stringify(id ?? '')},${held}]\n`;
  };
}

function targetText(target: NatTarget): string {
  if (target.kind === 'Address') return target.address;
  return target.kind === 'Exempt' ? 'exempt' : `hold ${target.reason}`;
}

function readTarget(text: string): NatTarget | undefined {
  if (text === 'exempt') return { kind: 'Exempt' };
  if (text.startsWith('hold ')) return { kind: 'Hold', reason: text.slice('hold '.length) };
  return isCanonical(text) ? { kind: 'Address', address: text } : undefined;
}

function isCanonical(text: string): boolean {
  const parsed = parseAddress(text);
  return parsed !== undefined && formatAddress(parsed) === text;
}

/** Every address that is in another class, list or translation of the second ruleset than of the first. */
function* heldApart(old: Ruleset | undefined, now: Ruleset): Pieces<ReadonlySet<string>> {
  const found = new Set<string>();
  if (old === now) return found;
  yield* collect(found, old?.members, now.members);
  const listsOf = (ruleset: Ruleset | undefined): ReadonlyMap<string, BucketMap<true>> =>
    new Map([...(ruleset?.groups ?? [])].flatMap(([id, one]) => (one.kind === 'Outside' ? [] : [[id, one.members]])));
  const natsOf = (ruleset: Ruleset | undefined): ReadonlyMap<string, BucketMap<NatTarget>> =>
    new Map((ruleset?.nats ?? []).map(({ id, sources }) => [id, sources]));
  const [lists, wereLists] = [listsOf(now), listsOf(old)];
  for (const id of new Set([...lists.keys(), ...wereLists.keys()]))
    yield* collect(found, wereLists.get(id), lists.get(id) ?? BucketMap.empty());
  const [nats, wereNats] = [natsOf(now), natsOf(old)];
  for (const id of new Set([...nats.keys(), ...wereNats.keys()]))
    yield* collect(found, wereNats.get(id), nats.get(id) ?? BucketMap.empty());
  return found;
}

/** Adds the keys that two versions of a map have different values for. */
function* collect<V>(found: Set<string>, was: BucketMap<V> | undefined, is: BucketMap<V>): Pieces {
  if (was === is) return;
  const { added, removed, changed } = yield* (was ?? BucketMap.empty<V>()).differing(is);
  for (const list of [added, removed, changed])
    yield* each<readonly [string, ...unknown[]]>(list, ([address]) => found.add(address));
}

/**
 * Strict: a text for people where it is no whole record of this firewall in a form that this version knows. Later lines win; what was not written to
 * its end is not there.
 */
export function* readRecord(text: string, of: RecordOf): Pieces<ConfirmedRecord | string> {
  const endOfFirst = text.indexOf('\n');
  if (endOfFirst < 0) return 'it breaks off';
  const given = parsed(head, text.slice(0, endOfFirst));
  if (given === undefined) return 'its first line is none that this version writes';
  if (given.cluster !== of.cluster || given.firewall !== of.firewall) return 'it is of another firewall';
  if (given.device !== of.device) return 'the BorderFirewall named another device then';
  const length = yield* sealedLength(text);
  if (length === 0) return 'it breaks off';
  let rules = '';
  let isBroken = length === undefined;
  let isFirst = true;
  const addresses = new Map<string, RecordedAddress>();
  yield* each(sealedLines(text, length ?? 0), (line) => {
    if (isFirst) isFirst = false;
    else if (line.startsWith('R')) rules = line.slice(1);
    else isBroken ||= !readAddress(line, addresses);
  });
  const known = isBroken ? undefined : yield* readRules(rules);
  return known === undefined ? 'it is damaged' : { writer: given.writer ?? undefined, rules: known, addresses };
}

function* readRules(line: string): Pieces<RecordedRules | undefined> {
  const given = parsed(rulesForm, line);
  if (given === undefined) return undefined;
  const classes = yield* readAll(classForm, given.classes);
  const groups = yield* readAll(groupForm, given.groups);
  const nats = yield* readAll(natForm, given.nats);
  if (classes === undefined || groups === undefined || nats === undefined) return undefined;
  return {
    ...given.settings,
    classes: new Map(classes.map((one) => [one.id, one])),
    groups: new Map(
      groups.map((one): [GroupId, Group] => [
        one.id,
        one.kind === 'Outside' ? one : { ...one, members: BucketMap.empty() },
      ]),
    ),
    nats: nats.map((one): Nat => ({ ...one, sources: BucketMap.empty() })),
  };
}

/** `undefined`: one of them has not the form. */
function* readAll<T>(form: z.ZodType<T>, list: readonly unknown[]): Pieces<readonly T[] | undefined> {
  const found: T[] = [];
  for (const one of list) {
    const { data, success } = form.safeParse(one);
    if (!success) return undefined;
    found.push(data);
    yield;
  }
  return found;
}

/** Whether the line could be read. */
function readAddress(line: string, addresses: Map<string, RecordedAddress>): boolean {
  const entry = parsed(lineForm, line);
  if (entry === undefined) return false;
  const [address, owners] = entry;
  if (entry.length === 2) return note(address, { ...(addresses.get(address) ?? NOTHING), owners }, addresses);
  const [, , id, groups, given] = entry;
  const targets = new Map<string, NatTarget>();
  for (const [nat, text] of given) {
    const target = readTarget(text);
    if (target === undefined) return false;
    targets.set(nat, target);
  }
  return note(address, { owners, class: id === '' ? undefined : id, groups, targets }, addresses);
}

/** Whether it is an address. One of which nothing is said is not known. */
function note(address: string, one: RecordedAddress, addresses: Map<string, RecordedAddress>): boolean {
  const { owners, class: id, groups, targets } = one;
  if (owners.length + groups.length + targets.size === 0 && id === undefined) addresses.delete(address);
  else addresses.set(address, one);
  return isCanonical(address);
}

function parsed<T>(form: z.ZodType<T>, text: string): T | undefined {
  try {
    return form.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
