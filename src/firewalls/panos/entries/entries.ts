import { compareUtf8 } from '../../../base/compare.ts';
import { shortHash } from '../../../base/encode.ts';
import type { Family } from '../../../border/ruleset.ts';
import {
  type AddressObject,
  type GroupKey,
  type MemberGroup,
  type RuleBase,
  type SecurityRule,
  type Service,
  type TranslationRule,
} from '../../rulebase/model.ts';
import type { Names } from '../../rulebase/names.ts';
import { partsOf } from '../../rulebase/group-parts.ts';
import { objectFor } from '../../rulebase/objects.ts';
import type { Folder } from '../api/scope.ts';
import { sayService } from './services.ts';
import { type XmlElement, element, entry, members, nameOf, textAt } from '../api/xml.ts';

/** Folders of objects that we write into, in the order in which one may name another. */
export const OUR_FOLDERS = [
  'address',
  'service',
  'service-group',
  'address-group',
  'external-list',
] as const satisfies readonly Folder[];
export type OurFolder = (typeof OUR_FOLDERS)[number];

/** What of ours stands in a configuration, in the device's own form. */
export interface Entries {
  readonly objects: Readonly<Record<OurFolder, ReadonlyMap<string, XmlElement>>>;
  /** In the order in which the device asks them. */
  readonly security: readonly XmlElement[];
  readonly nat: readonly XmlElement[];
}

/** What is the same for all of our rules: the owner of the firewall chose it. */
export interface Style {
  readonly names: Names;
  /** `tagPrefix` */
  readonly tags: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly logSetting: string | undefined;
  /** Members of one static group, where the device told; of more it takes several. */
  readonly mostMembers?: number | undefined;
}

/** Addresses that nobody sends from or to: an empty static group is none (reference 1.6). */
export const NOBODY: Readonly<Record<Family, string>> = { 4: '255.255.255.255', 6: '::1' };

/** A rule base in the device's own form. `lists`: those that it fetches, as they shall be. */
export function entriesOf(base: RuleBase, style: Style, lists: ReadonlyMap<string, XmlElement> = new Map()): Entries {
  const { names } = style;
  const objects = new Map([...base.objects.values()].map((object) => [object.name, addressEntry(object)]));
  const services = [...base.services.values()];
  const groups = new Map<string, XmlElement>();
  for (const group of base.groups.values()) {
    for (const one of groupEntries(group, style)) groups.set(nameOf(one), one);
    if (group.store === 'Configured' && group.members.size === 0) {
      const nobody = nobodyOf(group, names);
      objects.set(nobody.name, addressEntry(nobody));
    }
  }
  return {
    objects: {
      address: objects,
      service: new Map(services.flatMap(serviceEntries).map((one) => [one.attributes.get('name') ?? '', one])),
      'service-group': new Map(services.flatMap((one) => serviceGroup(one).map((group) => [one.name, group]))),
      'address-group': groups,
      'external-list': lists,
    },
    security: base.rules.map((rule) => securityEntry(rule, base, style)),
    nat: base.translations.map((rule) => natEntry(rule, base, style)),
  };
}

/** What all tags of a cluster begin with; two clusters on one device never touch each other's. */
export function tagPrefix(cluster: string): string {
  return `sp-${shortHash(cluster)}.`;
}

/** The tag by which a volatile group knows its members. */
export function tagOf({ name }: Pick<MemberGroup, 'name'>, { tags }: Pick<Style, 'tags'>): string {
  return tags + name;
}

/** What stands in for the members of an empty group. */
export function nobodyOf({ family }: Pick<MemberGroup, 'family'>, names: Names): AddressObject {
  return objectFor(NOBODY[family === 6 ? 6 : 4], names);
}

/** `sallyport:… IPv4 shop/web.3`: the mark, the family, and words for people. */
export function description(mark: string, family: Family | 'Both', comment = ''): string {
  return [mark, ...(family === 'Both' ? [] : [`IPv${family}`]), ...(comment === '' ? [] : [comment])].join(' ');
}

export function addressEntry({ name, kind, value, family, mark }: AddressObject): XmlElement {
  const word = kind === 'Domain' ? 'fqdn' : value.includes('-') ? 'ip-range' : 'ip-netmask';
  const isPlain = word === 'ip-netmask' && !value.includes('/');
  const said = isPlain ? `${value}/${family === 4 ? 32 : 128}` : value;
  // An address tells its family itself; a name stands for addresses of both.
  return entry(name, [
    element(word, said),
    element('description', kind === 'Domain' ? description(mark, family) : mark),
  ]);
}

export function groupEntry(group: MemberGroup, style: Pick<Style, 'names' | 'tags'>): XmlElement {
  const { name, store, family, mark } = group;
  return entry(name, [
    store === 'Volatile'
      ? element('dynamic', [element('filter', `'${tagOf(group, style)}'`)])
      : element('static', members(memberNames(group, style.names))),
    element('description', description(mark, family)),
  ]);
}

/** What a configured group holds by somebody else's hand: no address object of ours. It stays as it is, under its name, until it is taken out. */
export function foreignMember(name: string): string {
  return `${FOREIGN}${name}`;
}

const FOREIGN = 'object ';

/** A group as the device takes it: parts first, where it has more members than one may have, and the group that names them. */
export function groupEntries(group: MemberGroup, style: Style): readonly XmlElement[] {
  const { name, family, store, members: all } = group;
  const { names, mostMembers } = style;
  const whole = groupEntry(group, style);
  if (store === 'Volatile' || mostMembers === undefined || all.size <= mostMembers) return [whole];
  const parts = [...partsOf([...all], mostMembers)].map(([bits, some]) => {
    const part = names.of('group', name, `part ${bits} of ${name}`);
    const said = description(names.mark(`${PART}${name}`), family);
    const held = memberNames({ ...group, members: new Set(some) }, names);
    return entry(part, [element('static', members(held)), element('description', said)]);
  });
  const inside = parts.map(nameOf).toSorted(compareUtf8);
  return [
    ...parts,
    entry(name, [element('static', members(inside)), ...whole.children.filter((one) => one.name === 'description')]),
  ];
}

const PART = 'part/';

/** A part of a group of ours that has more members than one may have. */
export function isPart(group: XmlElement): boolean {
  return /sallyport:[^:\s]*:part\//.test(textAt(group, 'description') ?? '');
}

/** Names of the address objects in a configured group, sorted. */
function memberNames(group: MemberGroup, names: Names): readonly string[] {
  if (group.members.size === 0) return [nobodyOf(group, names).name];
  return [...group.members]
    .map((member) => (member.startsWith(FOREIGN) ? member.slice(FOREIGN.length) : objectFor(member, names).name))
    .toSorted(compareUtf8);
}

export function serviceEntries({ name, match, mark }: Service): readonly XmlElement[] {
  const parts = sayService(match);
  return parts.map(({ suffix, protocol }) =>
    entry(parts.length === 1 ? name : name + suffix, [protocol, element('description', mark)]),
  );
}

/** The device has no description there: the mark stands on the parts. */
export function serviceGroup({ name, match }: Service): readonly XmlElement[] {
  const parts = sayService(match);
  return parts.length === 1
    ? []
    : [entry(name, [element('members', members(parts.map(({ suffix }) => name + suffix)))])];
}

const ANY = ['any'];

export function securityEntry(rule: SecurityRule, base: Pick<RuleBase, 'groups'>, style: Style): XmlElement {
  const { name, family, source, destination, services, action, log, profile, comment, mark } = rule;
  const list = (word: string, texts: readonly string[]): XmlElement => element(word, members(texts));
  return entry(name, [
    list('from', style.from),
    list('to', style.to),
    list('source', groupNames(source.groups, base)),
    list('destination', [...destination.objects.toSorted(compareUtf8), ...groupNames(destination.groups, base)]),
    list('source-user', ANY),
    list('category', ANY),
    list('application', ANY),
    list('service', services.length === 0 ? ANY : services.toSorted(compareUtf8)),
    element('action', action === 'Allow' ? 'allow' : 'drop'),
    element('rule-type', 'universal'),
    element('negate-source', source.negate ? 'yes' : 'no'),
    element('log-end', log ? 'yes' : 'no'),
    ...(log && style.logSetting !== undefined ? [element('log-setting', style.logSetting)] : []),
    ...(profile === undefined ? [] : [element('profile-setting', [list('group', [profile])])]),
    element('description', description(mark, family, comment)),
  ]);
}

export function natEntry(rule: TranslationRule, base: Pick<RuleBase, 'groups'>, style: Style): XmlElement {
  const { name, family, source, destination, service, to, comment, mark } = rule;
  const list = (word: string, texts: readonly string[]): XmlElement => element(word, members(texts));
  const goesTo = [...destination.objects.toSorted(compareUtf8), ...groupNames(destination.groups, base)];
  return entry(name, [
    element('nat-type', 'ipv4'),
    list('from', style.from),
    list('to', style.to),
    list('source', groupNames(source.groups, base)),
    list('destination', goesTo.length === 0 ? ANY : goesTo),
    element('service', service ?? 'any'),
    ...(to.kind === 'Exempt'
      ? []
      : [element('source-translation', [element('dynamic-ip-and-port', [list('translated-address', [to.address])])])]),
    element('description', description(mark, family, comment)),
  ]);
}

function groupNames(keys: readonly GroupKey[], { groups }: Pick<RuleBase, 'groups'>): readonly string[] {
  return keys.map((key) => groups.get(key)?.name ?? nameIn(key)).toSorted(compareUtf8);
}

/** The name in `4/Volatile/sp-…`. */
function nameIn(key: GroupKey): string {
  return key.split('/').slice(2).join('/');
}
