import type { Family } from '../../../border/ruleset.ts';
import { familyOf, formatAddress } from '../../../ip/address.ts';
import { formatPrefix, parsePrefix } from '../../../ip/prefix.ts';
import {
  type AddressObject,
  type GroupKey,
  type MemberGroup,
  type ObservedRuleBase,
  type SecurityRule,
  type Service,
  type TakenName,
  type TranslationRule,
  groupKey,
} from '../../rulebase/model.ts';
import { isMarked } from '../../rulebase/names.ts';
import {
  NOBODY,
  type OurFolder,
  type Style,
  addressEntry,
  foreignMember,
  groupEntry,
  isPart,
  natEntry,
  securityEntry,
  serviceEntries,
  serviceGroup,
  tagOf,
} from './entries.ts';
import { differences } from './normal.ts';
import { isOurServiceGroup, joinServices, readService } from './services.ts';
import type { Tagged } from '../members/tagged.ts';
import { type XmlElement, child, entriesAt, membersAt, nameOf, textAt } from '../api/xml.ts';

/** What a scope holds, as the device prints it. */
export interface Folders {
  readonly objects: Readonly<Record<OurFolder, readonly XmlElement[]>>;
  readonly security: readonly XmlElement[];
  readonly nat: readonly XmlElement[];
  /** Rules of all other kinds and rulebases, which may name groups of ours; none of them is ours. */
  readonly elsewhere: readonly XmlElement[];
}

/** The folders of a scope's node; `base`: `rulebase`, or Panorama's `pre-rulebase`. */
export function foldersOf(scope: XmlElement | undefined, base: string): Folders {
  return {
    objects: {
      address: entriesAt(scope, 'address'),
      'address-group': entriesAt(scope, 'address-group'),
      service: entriesAt(scope, 'service'),
      'service-group': entriesAt(scope, 'service-group'),
      'external-list': entriesAt(scope, 'external-list'),
    },
    security: entriesAt(scope, base, 'security', 'rules'),
    nat: entriesAt(scope, base, 'nat', 'rules'),
    elsewhere: rulesIn(scope, (rulebase, kind) => rulebase !== base || (kind !== 'security' && kind !== 'nat')),
  };
}

/** Rules in all rulebases of a node that are asked for. */
export function rulesIn(
  node: XmlElement | undefined,
  isAsked: (rulebase: string, kind: string) => boolean = () => true,
): readonly XmlElement[] {
  return (node?.children ?? [])
    .filter(({ name }) => name.endsWith('rulebase'))
    .flatMap((rulebase) =>
      rulebase.children.filter((kind) => isAsked(rulebase.name, kind.name)).flatMap((kind) => entriesAt(kind, 'rules')),
    );
}

/** What we say about an entry, and whether it is ours. */
interface Note {
  readonly mark: string;
  readonly family: Family | undefined;
  readonly comment: string;
}

/** The note in a description: administrators may write around it. */
function noteOf(entry: XmlElement): Note {
  const text = textAt(entry, 'description') ?? '';
  const [, mark = '', version, comment = ''] = /(sallyport:\S+)(?: IPv([46])(?!\S))?(?: (.*))?$/s.exec(text) ?? [];
  return { mark, family: version === undefined ? undefined : version === '4' ? 4 : 6, comment };
}

/**
 * What of a scope is ours, in the terms of rule bases. What bears our mark and does not say exactly what we write under its name is either
 * left out, so that it is written anew, or has its difference as `strange`.
 */
export function readRuleBase(folders: Folders, tagged: Tagged, cluster: string, style: Style): ObservedRuleBase {
  const reading = new Reading(folders, tagged, cluster, style);
  return reading.ruleBase();
}

/** The same of the same folders, read with what is registered by now; a group that nobody joined or left is the very same. */
export function withTagged(observed: ObservedRuleBase, tagged: Tagged, style: Style): ObservedRuleBase {
  const again = (groups: ReadonlyMap<GroupKey, MemberGroup>): ReadonlyMap<GroupKey, MemberGroup> =>
    new Map(
      [...groups].map(([key, group]) => {
        const members = group.store === 'Volatile' ? (tagged.get(tagOf(group, style)) ?? NO_MEMBERS) : group.members;
        return [key, members === group.members ? group : { ...group, members }];
      }),
    );
  const { groups, spoiled } = observed;
  return { ...observed, groups: again(groups), ...(spoiled === undefined ? {} : { spoiled: again(spoiled) }) };
}

const NO_MEMBERS: ReadonlySet<string> = new Set();

class Reading {
  readonly #folders: Folders;
  readonly #groupNames: ReadonlySet<string>;
  /** Of groups of ours with more members than one may have: what is in each part. */
  readonly #parts: ReadonlyMap<string, readonly string[]>;
  readonly #tagged: Tagged;
  readonly #cluster: string;
  readonly #style: Style;
  readonly #taken = new Map<TakenName, string>();
  readonly #objects = new Map<string, AddressObject>();
  readonly #services = new Map<string, Service>();
  readonly #groups = new Map<GroupKey, MemberGroup>();
  /** Filters that are not ours. */
  readonly #spoiled = new Map<GroupKey, MemberGroup>();
  readonly #keys = new Map<string, GroupKey>();

  constructor(folders: Folders, tagged: Tagged, cluster: string, style: Style) {
    this.#folders = folders;
    this.#groupNames = new Set(folders.objects['address-group'].map(nameOf));
    this.#parts = new Map(
      folders.objects['address-group']
        .filter((one) => isPart(one) && isMarked(textAt(one, 'description') ?? '', cluster))
        .map((one) => [nameOf(one), membersAt(one, 'static')]),
    );
    this.#tagged = tagged;
    this.#cluster = cluster;
    this.#style = style;
  }

  ruleBase(): ObservedRuleBase {
    for (const entry of this.#folders.objects.address) this.#readAddress(entry);
    this.#readServices();
    for (const entry of this.#folders.objects['address-group']) this.#readGroup(entry);
    const rules = this.#ours('rule', this.#folders.security).map((entry) => this.#rule(entry));
    const translations = this.#ours('translation', this.#folders.nat).map((entry) => this.#translation(entry));
    return {
      objects: this.#objects,
      services: this.#services,
      groups: this.#groups,
      rules,
      translations,
      taken: this.#taken,
      strays: new Set(),
      adoptable: new Map(),
      spoiled: this.#spoiled,
      usedByOthers: this.#usedByOthers(),
      namedByOthers: this.#namedByOthers(),
    };
  }

  #isOurs(entry: XmlElement): boolean {
    return isMarked(textAt(entry, 'description') ?? '', this.#cluster);
  }

  #ours(kind: 'rule' | 'translation', list: readonly XmlElement[]): readonly XmlElement[] {
    return list.filter((entry) => {
      if (this.#isOurs(entry)) return true;
      this.#taken.set(`${kind} ${nameOf(entry)}`, textAt(entry, 'description') ?? '');
      return false;
    });
  }

  #readAddress(entry: XmlElement): void {
    const name = nameOf(entry);
    if (!this.#isOurs(entry)) {
      this.#taken.set(`object ${name}`, 'address');
      return;
    }
    const value = canonical(textAt(entry, 'ip-netmask') ?? textAt(entry, 'ip-range') ?? textAt(entry, 'fqdn') ?? '');
    const kind = child(entry, 'fqdn') === undefined ? 'Range' : 'Domain';
    const { mark, family = kind === 'Domain' ? undefined : familyOf(value) } = noteOf(entry);
    if (family === undefined || value === NOBODY[4] || value === NOBODY[6]) return;
    const object = { name, family, kind, value, mark } as const;
    if (differences(entry, addressEntry(object)).every((part) => part === 'description'))
      this.#objects.set(name, object);
  }

  #readServices(): void {
    const parts = new Map<string, { readonly match: ReturnType<typeof readService>; readonly entry: XmlElement }>();
    for (const entry of this.#folders.objects.service) {
      if (!this.#isOurs(entry)) this.#taken.set(`service ${nameOf(entry)}`, 'service');
      else parts.set(nameOf(entry), { match: readService(child(entry, 'protocol')), entry });
    }
    const inGroups = new Set<string>();
    for (const group of this.#folders.objects['service-group']) {
      const names = membersAt(group, 'members');
      const own = names.map((name) => parts.get(name));
      if (!isOurServiceGroup(group, (name) => parts.has(name))) {
        this.#taken.set(`service ${nameOf(group)}`, 'service group');
        continue;
      }
      for (const name of names) inGroups.add(name);
      const said = own.flatMap((one) => (one?.match === undefined ? [] : [one.match]));
      const match = said.length === own.length ? joinServices(said) : undefined;
      const mark = own[0] === undefined ? '' : noteOf(own[0].entry).mark;
      if (match === undefined) continue;
      const service = { name: nameOf(group), match, mark };
      if (serviceGroup(service).every((wanted) => differences(group, wanted).length === 0))
        this.#services.set(service.name, service);
    }
    for (const [name, { match, entry }] of parts) {
      if (match === undefined || inGroups.has(name)) continue;
      const service = { name, match, mark: noteOf(entry).mark };
      const [wanted] = serviceEntries(service);
      if (wanted !== undefined && differences(entry, wanted).every((part) => part === 'description'))
        this.#services.set(name, service);
    }
  }

  #readGroup(entry: XmlElement): void {
    const name = nameOf(entry);
    if (!this.#isOurs(entry)) {
      this.#taken.set(
        `group ${name}`,
        child(entry, 'dynamic') === undefined ? 'address group' : 'dynamic address group',
      );
      return;
    }
    if (isPart(entry)) return;
    const { mark, family } = noteOf(entry);
    const store = child(entry, 'dynamic') === undefined ? 'Configured' : 'Volatile';
    const shared = /^sallyport:[^:]*:AddressGroup\//.test(mark);
    const of = { name, family: shared ? 'Both' : (family ?? 'Both'), store, shared, mark } as const;
    const tag = tagOf(of, this.#style);
    const members = store === 'Volatile' ? (this.#tagged.get(tag) ?? NO_MEMBERS) : this.#membersOf(entry);
    const group: MemberGroup = { ...of, members };
    this.#keys.set(name, groupKey(group));
    const wanted = groupEntry(group, this.#style);
    // Members differ as members; a filter that is not ours leaves nothing of the group.
    const meant = differences(entry, wanted).every((part) => part === 'description' || part === 'static');
    (meant ? this.#groups : this.#spoiled).set(groupKey(group), group);
  }

  /** Addresses of the objects in a configured group; what is no object of ours stands by its name, which is no address. */
  #membersOf(entry: XmlElement): ReadonlySet<string> {
    const found = new Set<string>();
    const direct = membersAt(entry, 'static');
    for (const name of direct.flatMap((one) => this.#parts.get(one) ?? [one])) {
      const value = this.#objects.get(name)?.value;
      if (value !== undefined) found.add(value);
      else if (name !== this.#nobody(4) && name !== this.#nobody(6)) found.add(foreignMember(name));
    }
    return found;
  }

  #nobody(family: Family): string {
    return this.#style.names.of('object', NOBODY[family], NOBODY[family]);
  }

  #rule(entry: XmlElement): SecurityRule {
    const { mark, family = 4, comment } = noteOf(entry);
    const destination = membersAt(entry, 'destination');
    const services = membersAt(entry, 'service');
    const profile = membersAt(entry, 'profile-setting', 'group')[0];
    const rule: SecurityRule = {
      name: nameOf(entry),
      family,
      source: {
        groups: this.#keysOf(membersAt(entry, 'source'), family),
        negate: textAt(entry, 'negate-source') === 'yes',
      },
      destination: {
        objects: destination.filter((name) => !this.#isGroup(name)),
        groups: this.#keysOf(
          destination.filter((name) => this.#isGroup(name)),
          family,
        ),
      },
      services: services.length === 1 && services[0] === 'any' ? [] : services,
      action: textAt(entry, 'action') === 'allow' ? 'Allow' : 'Deny',
      log: textAt(entry, 'log-end') === 'yes',
      ...(profile === undefined ? {} : { profile }),
      comment,
      mark,
    };
    const strange = differences(entry, securityEntry(rule, { groups: this.#groups }, this.#style)).filter(
      (part) => part !== 'description',
    );
    return strange.length === 0 ? rule : { ...rule, strange: strange.join(', ') };
  }

  #translation(entry: XmlElement): TranslationRule {
    const { mark, family = 4, comment } = noteOf(entry);
    const destination = membersAt(entry, 'destination');
    const service = textAt(entry, 'service');
    const [address] = membersAt(entry, 'source-translation', 'dynamic-ip-and-port', 'translated-address');
    const rule: TranslationRule = {
      name: nameOf(entry),
      family,
      source: { groups: this.#keysOf(membersAt(entry, 'source'), family) },
      destination: {
        objects: destination.filter((name) => name !== 'any' && !this.#isGroup(name)),
        groups: this.#keysOf(
          destination.filter((name) => this.#isGroup(name)),
          family,
        ),
      },
      ...(service === undefined || service === 'any' ? {} : { service }),
      to: address === undefined ? { kind: 'Exempt' } : { kind: 'Address', address },
      comment,
      mark,
    };
    const strange = differences(entry, natEntry(rule, { groups: this.#groups }, this.#style)).filter(
      (part) => part !== 'description',
    );
    return strange.length === 0 ? rule : { ...rule, strange: strange.join(', ') };
  }

  #isGroup(name: string): boolean {
    return this.#groupNames.has(name);
  }

  /** A group that cannot be read as ours has no key of ours, so that whatever names it differs from what is wanted. */
  #keysOf(names: readonly string[], family: Family): readonly GroupKey[] {
    return names.map((name) => this.#keys.get(name) ?? `${family}/Configured/${name}`);
  }

  /** Rules of others that name a group of ours; and groups of others. */
  #usedByOthers(): ReadonlyMap<GroupKey, readonly string[]> {
    const found = new Map<GroupKey, string[]>();
    const look = (entry: XmlElement, what: string, lists: readonly (readonly string[])[]): void => {
      if (this.#isOurs(entry)) return;
      for (const name of new Set(lists.flatMap((path) => membersAt(entry, ...path)))) {
        const key = this.#keys.get(name);
        if (key !== undefined) found.set(key, [...(found.get(key) ?? []), `${what} ${nameOf(entry)}`]);
      }
    };
    for (const entry of this.#folders.security) look(entry, 'rule', [['source'], ['destination']]);
    for (const entry of this.#folders.nat) look(entry, 'translation', [['source'], ['destination']]);
    for (const entry of this.#folders.elsewhere) look(entry, 'rule', [['source'], ['destination']]);
    for (const entry of this.#folders.objects['address-group']) look(entry, 'group', [['static']]);
    return found;
  }

  /** Whatever entries of others name, whosever it is: the device would refuse to delete it. */
  #namedByOthers(): ReadonlySet<TakenName> {
    const found = new Set<TakenName>();
    const gather = (kind: 'object' | 'service', entries: readonly XmlElement[], ...path: readonly string[]): void => {
      for (const entry of entries)
        if (!this.#isOurs(entry)) for (const name of membersAt(entry, ...path)) found.add(`${kind} ${name}`);
    };
    const { security, nat, elsewhere, objects } = this.#folders;
    const rules = [...security, ...nat, ...elsewhere];
    for (const side of ['source', 'destination']) gather('object', rules, side);
    for (const pool of ['dynamic-ip-and-port', 'dynamic-ip'])
      gather('object', rules, 'source-translation', pool, 'translated-address');
    gather('object', objects['address-group'], 'static');
    gather('service', rules, 'service');
    for (const rule of rules) if (!this.#isOurs(rule)) found.add(`service ${textAt(rule, 'service') ?? ''}`);
    const ours = new Set(objects.service.filter((one) => this.#isOurs(one)).map(nameOf));
    const groups = objects['service-group'].filter((one) => !isOurServiceGroup(one, (name) => ours.has(name)));
    gather('service', groups, 'members');
    return found;
  }
}

/** `10.0.0.1/32` as `10.0.0.1`; what is no address stays as it is. */
function canonical(text: string): string {
  if (text.includes('-')) return text;
  const parsed = parsePrefix(text, { bareAddress: true });
  if (!('value' in parsed)) return text;
  const { value } = parsed;
  return value.length === (value.family === 4 ? 32 : 128) ? formatAddress(value.address) : formatPrefix(value);
}
