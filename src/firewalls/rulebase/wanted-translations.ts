import { compareUtf8 } from '../../base/compare.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { BucketMap } from '../../base/bucket-map.ts';
import type { Nat, NatTarget, Ruleset } from '../../border/ruleset.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';
import { canonicalText } from '../../plan/canonical.ts';
import type { FlatService } from '../../plan/flat/flat-list.ts';
import { flatServices } from '../../plan/flat/flat-services.ts';
import { groupContent } from '../../plan/flat/group-content.ts';
import { serviceLimit, serviceText } from '../flat/service-parts.ts';
import type { BlockOptions, Dialect } from './dialect.ts';
import { type HeldPart, heldParts } from './held-parts.ts';
import {
  type GroupKey,
  type MemberGroup,
  type SecurityRule,
  type Service,
  type TranslationRule,
  groupKey,
} from './model.ts';
import { type Names, originText } from './names.ts';
import { memberTexts } from './objects.ts';
import { type TranslationLimit, byRules, cannotSay, untranslated } from './untranslated.ts';

/** The SourceNATs of a ruleset as rules of translation, and what keeps flows from leaving untranslated meanwhile. */
export interface WantedTranslations {
  readonly rules: readonly TranslationRule[];
  /** Denies for senders whose translation is not in place; they stand above all other rules. */
  readonly holds: readonly SecurityRule[];
  readonly groups: readonly MemberGroup[];
  readonly services: readonly Service[];
  readonly refusals: readonly Diagnostic[];
}

/**
 * One rule for each SourceNAT and address that it translates to, in their order: each sender is in one group of each SourceNAT, and the
 * first rule decides. A translation that the device cannot say is held: its flows are dropped, not leaked.
 */
export function wantedTranslations(
  ruleset: Ruleset,
  dialect: Dialect,
  options: TranslationOptions,
  names: Names,
): WantedTranslations {
  const writer = new TranslationWriter(ruleset, dialect, options, names);
  for (const [place, nat] of ruleset.nats.entries()) writer.write(nat, ruleset.nats.slice(0, place));
  return writer;
}

type TranslationOptions = Pick<BlockOptions, 'log' | 'form' | 'layout'>;

/** The SourceNATs that a device can say, in their order. */
export function sayableNats(
  nats: readonly Nat[],
  dialect: Dialect,
  options: Pick<BlockOptions, 'form' | 'layout'>,
): readonly Nat[] {
  return nats.filter((nat) => nat.ports?.isEmpty !== true && natLimit(nat, dialect, options) === undefined);
}

/** Why a device cannot say a SourceNAT; `undefined`: it can. */
function natLimit(
  nat: Nat,
  dialect: Dialect,
  { form, layout }: Pick<BlockOptions, 'form' | 'layout'>,
): TranslationLimit | undefined {
  const can = dialect.translates[nat.family];
  if (can !== true) return cannotSay(can);
  if (dialect.translatesBy === 'Rules' && form === 'Filter')
    return byRules(dialect, 'ours deny alone (options.form is Filter)', 'Choose form Full');
  if (dialect.translatesBy === 'Rules' && layout === 'Group')
    return byRules(dialect, 'ours stand mixed (options.layout is Group)', 'Choose layout Class');
  const service = serviceOf(nat);
  const limit = service === undefined ? undefined : serviceLimit([service], nat.family, dialect.services);
  return limit === undefined ? undefined : cannotSay(limit);
}

class TranslationWriter implements WantedTranslations {
  readonly rules: TranslationRule[] = [];
  readonly holds: SecurityRule[] = [];
  readonly groups: MemberGroup[] = [];
  readonly services: Service[] = [];
  readonly refusals: Diagnostic[] = [];
  readonly #ruleset: Ruleset;
  readonly #dialect: Dialect;
  readonly #options: TranslationOptions;
  readonly #names: Names;

  constructor(ruleset: Ruleset, dialect: Dialect, options: TranslationOptions, names: Names) {
    this.#ruleset = ruleset;
    this.#dialect = dialect;
    this.#options = options;
    this.#names = names;
  }

  write(nat: Nat, earlier: readonly Nat[]): void {
    // Nothing matches it, and no device has a service of no port.
    if (nat.ports?.isEmpty === true) return;
    const limit = natLimit(nat, this.#dialect, this.#options);
    if (limit !== undefined) this.#refuse(nat, limit);
    const held = new Set<string>();
    const byRules = this.#dialect.translatesBy === 'Rules';
    for (const { target, members } of byTarget(nat.sources)) {
      if (limit !== undefined || target.kind === 'Hold') for (const address of members) held.add(address);
      else if (!byRules) this.#translate(nat, target, members);
      // Whose class is not known has no rules that could translate.
      else for (const address of members) if (!this.#ruleset.members.has(address)) held.add(address);
    }
    for (const part of heldParts(nat, earlier, held)) this.#hold(nat, part);
  }

  #refuse({ origin }: Nat, limit: TranslationLimit): void {
    const refusal = untranslated(origin.policy, this.#dialect, limit);
    if (this.refusals.some(({ object, message }) => object === refusal.object && message === refusal.message)) return;
    this.refusals.push(refusal);
  }

  #translate(nat: Nat, target: Exclude<NatTarget, { kind: 'Hold' }>, members: ReadonlySet<string>): void {
    const { family, origin } = nat;
    const word = target.kind === 'Address' ? target.address : 'itself';
    const readable = `${originText(origin)}_${word}`;
    const source = { groups: [this.#group(readable, `nat ${nat.id} ${word}`, nat, members)] };
    const destination = { objects: [], groups: [this.#destination(nat, nat.destination, `nat ${nat.id}`)] };
    const service = this.#service(nat);
    const to = target.kind === 'Address' ? { kind: target.kind, address: target.address } : { kind: target.kind };
    this.rules.push({
      name: this.#names.of('translation', readable, canonicalText([family, source, destination, service ?? null, to])),
      family,
      source,
      destination,
      ...(service === undefined ? {} : { service }),
      to,
      comment: this.#names.comment([origin]),
      mark: this.#names.mark(origin.policy),
    });
  }

  #hold(nat: Nat, { members, destination: held, services: whole, without }: HeldPart): void {
    const { family, origin } = nat;
    const readable = `${originText(origin)}_held`;
    const left = flatServices(whole, family);
    const limit = serviceLimit(left, family, this.#dialect.services);
    if (limit !== undefined) this.#refuse(nat, cannotSay(limit));
    // More than it should where the device cannot say less: the safe side, and it is told.
    const matches = limit === undefined ? left : [];
    const identity = `hold ${nat.id} ${without}`;
    const source = { groups: [this.#group(readable, identity, nat, members)], negate: false };
    const texts = left.map(serviceText).toSorted(compareUtf8);
    const destination = {
      objects: [],
      groups: [this.#destination(nat, held, texts.length === 0 ? identity : `${identity} ${texts.join('; ')}`)],
    };
    const services = matches.map((match) => this.#serviceOf(match));
    this.holds.push({
      name: this.#names.of('rule', readable, canonicalText([family, source, destination, services, 'Deny'])),
      family,
      source,
      destination,
      services,
      action: 'Deny',
      log: this.#options.log,
      comment: this.#names.comment([origin]),
      mark: this.#names.mark(origin.policy),
    });
  }

  #service(nat: Nat): string | undefined {
    const match = serviceOf(nat);
    return match === undefined ? undefined : this.#serviceOf(match);
  }

  #serviceOf(match: FlatService): string {
    const name = this.#names.of('service', serviceText(match), serviceText(match));
    this.services.push({ name, match, mark: this.#names.mark('services') });
    return name;
  }

  /** Only what is governed is translated, and what is inside changes without a rule. */
  #destination({ family }: Nat, nets: PrefixSet, identity: string): GroupKey {
    const content = groupContent({ id: '', family, nets, all: [], none: [] }, this.#ruleset);
    const members = new Set(memberTexts(content, family, this.#dialect.ranges));
    return this.#put('to', `destination ${identity}`, family, members);
  }

  #group(readable: string, identity: string, { family }: Nat, members: ReadonlySet<string>): GroupKey {
    return this.#put(readable, `source ${identity}`, family, members);
  }

  #put(readable: string, identity: string, family: Nat['family'], members: ReadonlySet<string>): GroupKey {
    const name = this.#names.of('group', readable, `${family} ${identity}`);
    const group: MemberGroup = {
      name,
      family,
      store: 'Configured',
      members,
      shared: false,
      mark: this.#names.mark(`group/${identity}`),
    };
    this.groups.push(group);
    return groupKey(group);
  }
}

function serviceOf({ protocol, ports }: Nat): FlatService | undefined {
  if (protocol === undefined && ports === undefined) return undefined;
  return { protocols: protocol === undefined ? [6, 17, 132] : [protocol], ...(ports === undefined ? {} : { ports }) };
}

interface Targeted {
  readonly target: NatTarget;
  readonly members: ReadonlySet<string>;
}

/** Versions of a ruleset share the tables that did not change. */
const targeted = new WeakMap<BucketMap<NatTarget>, readonly Targeted[]>();

function byTarget(sources: BucketMap<NatTarget>): readonly Targeted[] {
  const known = targeted.get(sources);
  if (known !== undefined) return known;
  const found = new Map<string, { readonly target: NatTarget; readonly members: Set<string> }>();
  for (const [address, target] of sources.entries()) {
    const key = target.kind === 'Address' ? target.address : target.kind;
    const one = found.get(key) ?? { target, members: new Set<string>() };
    found.set(key, one);
    one.members.add(address);
  }
  const result = [...found].toSorted(([a], [b]) => compareUtf8(a, b)).map(([, one]) => one);
  targeted.set(sources, result);
  return result;
}
