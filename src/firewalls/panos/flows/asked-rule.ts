import type { Flow } from '../../../engine/flows/flow-set.ts';
import { type Truth, allOf, anyOf, doubt, isDoubt, not } from '../../passage/truth.ts';
import type { AddressBook, AddressHolder } from './address-book.ts';
import { type XmlElement, child, entriesAt, membersAt, nameOf, textAt } from '../api/xml.ts';

/** A zone by which a flow comes or goes; `undefined`: nobody says by which. */
export type Place = string | undefined;

/** What rules are asked about, and with what. */
export interface RuleQuestion {
  readonly flow: Flow;
  readonly from: Place;
  readonly to: Place;
  readonly book: AddressBook;
  readonly isSource: AddressHolder;
  readonly isDestination: AddressHolder;
  readonly isService: (name: string) => Truth;
  /** Of the firewall. */
  readonly serial: string;
  readonly vsys: string;
}

/** Fields that are looked at one by one, below. */
const ASKED: ReadonlySet<string> = new Set([
  'disabled',
  'target',
  'from',
  'to',
  'source',
  'destination',
  'negate-source',
  'negate-destination',
  'service',
  'application',
  'rule-type',
  'action',
]);

/** Fields that say what is done with a flow once the rule has matched it, or what people read (reference 1.6). */
const DONE_WITH_IT: ReadonlySet<string> = new Set([
  'description',
  'tag',
  'group-tag',
  'log-start',
  'log-end',
  'log-setting',
  'profile-setting',
]);

/** Who or what a rule is for beside addresses, services and zones, in words. */
const FOR: ReadonlyMap<string, string> = new Map([
  ['source-user', 'it is for users'],
  ['category', 'it is for categories of sites'],
  ['source-hip', 'it is for devices in a certain state'],
  ['destination-hip', 'it is for devices in a certain state'],
  ['schedule', 'it is for times'],
]);

/** Whether a security rule matches a flow that comes and goes by these zones (vendor reference 1.6). */
export function ruleMatches(rule: XmlElement, question: RuleQuestion): Truth {
  return allOf([
    ...whoseItIs(rule, question),
    () => betweenZones(rule, question),
    () => zonesHold(rule, 'to', question.to),
    () => sideHolds(rule, 'source', question),
    () => sideHolds(rule, 'destination', question),
    () => servicesHold(membersAt(rule, 'service'), question),
    () => applicationsHold(membersAt(rule, 'application')),
    ...otherConditions(rule),
  ]);
}

/** Whether it lets through what it matches. */
export function ruleAllows(rule: XmlElement): Truth {
  const action = textAt(rule, 'action') ?? '';
  if (action === 'allow') return true;
  return /^(deny|drop|reset-client|reset-server|reset-both)$/.test(action)
    ? false
    : doubt(`what its action ${action} does with the flow is not known`);
}

/** What it lets through is looked at by profiles. */
export function isInspecting(rule: XmlElement): boolean {
  const profiles = child(rule, 'profile-setting');
  return membersAt(profiles, 'group').length > 0 || child(profiles, 'profiles') !== undefined;
}

/** What rules of all kinds are asked first: whether they are for this firewall at all, and for what comes by this zone. */
export function whoseItIs(rule: XmlElement, { from, serial, vsys }: RuleQuestion): readonly (() => Truth)[] {
  return [
    () => textAt(rule, 'disabled') !== 'yes',
    () => isForFirewall(rule, serial, vsys),
    () => zonesHold(rule, 'from', from),
  ];
}

function isForFirewall(rule: XmlElement, serial: string, vsys: string): Truth {
  const target = child(rule, 'target');
  if (target === undefined) return true;
  if (membersAt(target, 'tags').length > 0) return doubt('it is for firewalls with certain tags');
  const devices = entriesAt(target, 'devices');
  if (devices.length === 0) return true;
  const listed = devices.find((one) => nameOf(one) === serial);
  const parts = listed === undefined ? [] : entriesAt(listed, 'vsys').map(nameOf);
  if (parts.length > 0 && !parts.includes(vsys)) return doubt('it is for other vsys of this firewall');
  return (listed !== undefined) !== (textAt(target, 'negate') === 'yes');
}

export function zonesHold(rule: XmlElement, side: 'from' | 'to', place: Place): Truth {
  const listed = membersAt(rule, side);
  if (listed.includes('any') || (place !== undefined && listed.includes(place))) return true;
  if (listed.length === 0) return doubt(`it names no zone (\`${side}\`)`);
  return place === undefined
    ? doubt(`it is for the zone ${listed.join(' or ')}, and \`options.zones\` says no zone`)
    : false;
}

/** A rule may be for what stays in a zone alone, or for what does not. */
function betweenZones(rule: XmlElement, { from, to }: RuleQuestion): Truth {
  const type = textAt(rule, 'rule-type') ?? 'universal';
  if (type === 'universal') return true;
  if (type !== 'intrazone' && type !== 'interzone') return doubt(`what its type ${type} is for is not known`);
  const stays = staysInside(from, to);
  return type === 'intrazone' ? stays : not(stays);
}

/** Whether a flow stays in its zone. */
export function staysInside(from: Place, to: Place): Truth {
  if (from === undefined || to === undefined)
    return doubt('whether the flow stays in its zone is not known: `options.zones` says no zone');
  return from === to;
}

export function sideHolds(rule: XmlElement, side: 'source' | 'destination', question: RuleQuestion): Truth {
  const names = membersAt(rule, side);
  if (names.length === 0) return doubt(`it names no \`${side}\``);
  const isOne = side === 'source' ? question.isSource : question.isDestination;
  const held = anyOf(names.map((name) => () => isOne(name)));
  if (textAt(rule, `negate-${side}`) !== 'yes') return held;
  if (names.includes('any')) return doubt(`what is not any is not known (\`negate-${side}\`)`);
  const { family } = question.flow;
  if (held === false && question.book.areOfOtherFamily(names, question.flow[side]))
    return doubt(
      `whether \`negate-${side}\` counts for IPv${family} is not known: its addresses are of the other family`,
    );
  return not(held);
}

export function servicesHold(names: readonly string[], { isService }: Pick<RuleQuestion, 'isService'>): Truth {
  return names.length === 0 ? doubt('it names no service') : anyOf(names.map((name) => () => isService(name)));
}

/** What an application is the device finds out by looking at what is sent. */
function applicationsHold(names: readonly string[]): Truth {
  if (names.includes('any')) return true;
  return doubt(names.length === 0 ? 'it names no application' : `it is for applications (${names.join(', ')})`);
}

/** Fields that say more than a default does, and of which it is not known that they say nothing about who is matched. */
function otherConditions(rule: XmlElement): readonly (() => Truth)[] {
  return otherFields(rule, (name) => ASKED.has(name) || DONE_WITH_IT.has(name)).map(
    (field) => () => doubt(FOR.get(field.name) ?? `what its field \`${field.name}\` says is not known`),
  );
}

/** Fields of a rule that are not known here and say something. */
export function otherFields(rule: XmlElement, isKnown: (name: string) => boolean): readonly XmlElement[] {
  return rule.children.filter((field) => !isKnown(field.name) && !saysNothing(field));
}

/** Empty, no, or any: what a rule says where nobody chose anything. */
function saysNothing({ children, text, name }: XmlElement): boolean {
  if (children.length === 0) return /^(no|any|)$/.test(text.trim());
  // What a server answers may be looked at less: nothing about who is matched (reference 1.6).
  if (name === 'option') return children.every((one) => one.name === 'disable-server-response-inspection');
  return children.every((one) => saysNothing(one));
}

/** Whether a rule of a kind of which the reference says nothing may be about a flow: surely not where its ends surely are others. */
export function mayBeAbout(rule: XmlElement, question: RuleQuestion): boolean {
  const ends = (['source', 'destination'] as const).filter((side) => membersAt(rule, side).length > 0);
  const truth = allOf([
    () => textAt(rule, 'disabled') !== 'yes',
    ...ends.map((side) => () => sideHolds(rule, side, question)),
  ]);
  return isDoubt(truth) || truth;
}
