import type { Evaluation } from '../../../border/evaluate.ts';
import type { Flow } from '../../../engine/flows/flow-set.ts';
import { asOursAreAsked, isOfMany } from '../../passage/packet.ts';
import {
  type AskedRule,
  type OwnWish,
  type Passage,
  type Passages,
  ownWish,
  passageByOneOf,
  passageOf,
  unknownPassage,
} from '../../passage/passage.ts';
import { readOrWhy } from '../../passage/read-or-why.ts';
import { type Truth, doubt } from '../../passage/truth.ts';
import { isMarkedByAnybody } from '../../rulebase/names.ts';
import { AddressBook } from './address-book.ts';
import type { PanosApi, Target } from '../api/api.ts';
import {
  type Place,
  type RuleQuestion,
  isInspecting,
  mayBeAbout,
  ruleAllows,
  ruleMatches,
  staysInside,
} from './asked-rule.ts';
import { redirects, standsFor, translationMatches } from './asked-translation.ts';
import { aboveBlock } from '../configuration/edits.ts';
import { saidText } from '../configuration/ground.ts';
import { readIdentity } from '../api/identity.ts';
import { ordersOf } from './layer-order.ts';
import { type Left, type Translated, agreedOn, leftBy } from './leaving.ts';
import { type PanosOptions, positionsOf } from '../configuration/options.ts';
import { isOurs } from '../entries/owned.ts';
import { type Registered, readRegistered } from '../members/registered.ts';
import { scopePath } from '../api/scope.ts';
import { serviceHolder } from './service-book.ts';
import { type Layer, type WholeFirewall, wholeFirewall } from './whole-firewall.ts';
import { type XmlElement, child, membersAt, nameOf, textAt } from '../api/xml.ts';

/** What hangs here a Panorama has pushed; what is there all vsys share (reference 1.5). */
const PUSHED = '/config/panorama';
const SHARED = '/config/shared';

/** Whose rules are ours, and where they stand. */
export interface OurBlock {
  readonly cluster: string;
  readonly options: PanosOptions;
  /** Where ours will stand if none of them is there yet: a layer, and before which of its rules; `undefined`: nobody can tell. */
  readonly placeIn: (layers: readonly Layer[]) => BlockPlace | undefined;
}

export interface BlockPlace {
  readonly layer: Layer;
  readonly at: number;
}

/** What was read of one firewall; a text says why it was not. */
export interface FirewallRead {
  readonly vsys: string;
  readonly serial: string;
  readonly hasSeveralVsys: boolean;
  readonly own: XmlElement | undefined;
  readonly shared: XmlElement | undefined | string;
  readonly pushed: XmlElement | undefined | string;
  readonly registered: Registered | string;
}

/** All rules of one vsys and what they rest on, as they were read for questions about flows. */
export class PanosPassages implements Passages {
  readonly #whole: WholeFirewall;
  readonly #book: AddressBook;
  readonly #read: FirewallRead;
  readonly #block: OurBlock;
  readonly #place: BlockPlace | undefined;
  /** Why none of these rules may decide at all. */
  readonly #doubt: string | undefined;

  constructor(read: FirewallRead, block: OurBlock) {
    const { vsys, own, shared, pushed, registered } = read;
    const [ofAll, ofPanorama] = [shared, pushed].map((one) => (typeof one === 'string' ? undefined : one));
    this.#read = read;
    this.#block = block;
    this.#whole = wholeFirewall(vsys, own, ofAll, ofPanorama);
    this.#book = new AddressBook(this.#whole.objects, registered);
    const { layers, misplaced } = this.#whole;
    const isThere = layers.some(({ security }) =>
      security.some((rule) => isMarkedByAnybody(textAt(rule, 'description') ?? '')),
    );
    this.#place = isThere ? undefined : block.placeIn(layers);
    if (typeof shared === 'string') this.#doubt = `what all vsys share is not known: ${shared}`;
    else if (typeof pushed === 'string') this.#doubt = `what a Panorama pushed is not known: ${pushed}`;
    else if (misplaced !== undefined) this.#doubt = `where the rules of its ${misplaced} stand is not known`;
  }

  /** Reads everything once, of a firewall itself or through its Panorama. Rejects only where its own rules cannot be read. */
  static async read(
    api: PanosApi,
    vsys: string,
    { target }: Pick<Target, 'target'>,
    block: OurBlock,
    signal: AbortSignal,
  ): Promise<PanosPassages> {
    const where = { target };
    const [{ serial, hasSeveralVsys }, own, shared, pushed] = await Promise.all([
      readIdentity(api, signal, where),
      api.running(scopePath({ kind: 'vsys', vsys }), signal, where),
      readOrWhy(() => api.running(SHARED, signal, where), 'no right to read it'),
      readOrWhy(() => api.running(PUSHED, signal, where), 'no right to read it'),
    ]);
    const hasTags = [own, shared, pushed].some((node) => typeof node === 'object' && hasDynamicGroup(node));
    const registered = hasTags
      ? await readOrWhy(() => readRegistered(api, { target, vsys }, signal), 'no right to read registered addresses')
      : new Map();
    return new PanosPassages({ vsys, serial, hasSeveralVsys, own, shared, pushed, registered }, block);
  }

  /** What the firewall does with a flow, our block doing what it shall. */
  of(flow: Flow, evaluation: Evaluation): Passage {
    if (this.#doubt !== undefined) return unknownPassage(this.#doubt);
    // By which zone such a packet goes, nobody says.
    if (isOfMany(flow.destination)) return unknownPassage('its destination is an address of many');
    const { zones, form } = this.#block.options;
    const wish = ownWish(evaluation, form);
    const ours = asOursAreAsked(flow);
    const named = {
      book: this.#book,
      isSource: this.#book.holder(flow.source),
      isDestination: this.#book.holder(flow.destination),
      serial: this.#read.serial,
      vsys: this.#read.vsys,
    };
    const isService = serviceHolder(this.#whole.objects, flow);
    const isOurService = serviceHolder(this.#whole.objects, ours);
    const pairs = placesOf(zones.from).flatMap((from) => placesOf(zones.to).map((to) => ({ from, to })));
    return passageByOneOf(
      pairs.map((pair) => {
        const question = { ...named, ...pair, flow, isService };
        const asOurs = { ...named, ...pair, flow: ours, isService: isOurService };
        return [
          `it comes and goes by ${pair.from ?? 'any'} > ${pair.to ?? 'any'}`,
          this.#between(question, asOurs, wish, evaluation),
        ] as const;
      }),
    );
  }

  #between(question: RuleQuestion, asOurs: RuleQuestion, wish: OwnWish, evaluation: Evaluation): Passage {
    const before = this.#zoneDoubt(question) ?? this.#otherKinds(question) ?? this.#redirected(question);
    if (before !== undefined) return unknownPassage(before);
    const place = this.#place;
    const ours = this.#whole.layers.find(({ security }) => security.some((rule) => this.#isOurs(rule))) ?? place?.layer;
    const asked = this.#whole.layers.map((layer) => ({
      layer,
      isOurs: layer === ours,
      rules: this.#askedLayer(layer, ours, question, asOurs),
    }));
    const orders = ordersOf(asked);
    if (typeof orders === 'string') return unknownPassage(orders);
    const passage = passageByOneOf(
      orders.map(({ because, list }) => {
        const at = list.findIndex(({ layer }) => layer === place?.layer);
        const above = list.slice(0, Math.max(0, at)).reduce((sum, { rules }) => sum + rules.length, 0);
        const decided = passageOf({
          rules: list.flatMap(({ rules }) => rules),
          wish,
          place: place === undefined || at === -1 ? undefined : above + place.at,
          end: this.#end(question),
        });
        return [because, decided] as const;
      }),
    );
    const left = this.#left({ question, asOurs, wish: evaluation.translation?.target });
    if (typeof left === 'object') return { ...passage, leaves: left };
    return left === 'as others' ? { ...passage, retranslated: true } : passage;
  }

  /** In each order in which the layers may be asked. */
  #left(translated: Translated): Left {
    const { question, asOurs } = translated;
    const asked = this.#whole.layers.map((layer) => ({
      layer,
      isOurs: false,
      rules: layer.nat.map((entry) => {
        const isOurs = this.#isOurs(entry);
        return {
          entry,
          isOurs,
          where: layer.where,
          get matches() {
            return translationMatches(entry, isOurs ? asOurs : question);
          },
        };
      }),
    }));
    const orders = ordersOf(asked);
    if (typeof orders === 'string') return 'as others';
    return agreedOn(
      orders.map(({ list }) =>
        leftBy(
          list.flatMap(({ rules }) => rules),
          translated,
        ),
      ),
    );
  }

  /** `matches` is worked out when it is asked for, and once: the first rule that surely matches spares those behind it. */
  #askedLayer(
    layer: Layer,
    ours: Layer | undefined,
    question: RuleQuestion,
    asOurs: RuleQuestion,
  ): readonly AskedRule[] {
    const first = layer.security.findIndex((rule) => this.#isOurs(rule));
    const block = first === -1 ? (this.#place?.at ?? 0) : first;
    return layer.security.map((rule, at): AskedRule => {
      const isOwn = this.#isOurs(rule);
      let known: Truth | undefined;
      return {
        rule: {
          where: `${layer.where} "${nameOf(rule)}"`,
          text: saidText(rule),
          effect: layer === ours ? (at < block ? 'before ours' : 'after ours') : besideOurs(layer, ours),
        },
        isOurs: isOwn,
        get matches() {
          return (known ??= ruleMatches(rule, isOwn ? asOurs : question));
        },
        allows: ruleAllows(rule),
        isInspected: isInspecting(rule),
      };
    });
  }

  #isOurs(rule: XmlElement): boolean {
    return isOurs(rule, this.#block.cluster);
  }

  /** Every device lets pass what stays in its zone and drops the rest, unless somebody changed that. */
  #end({ from, to }: RuleQuestion): Truth {
    const { defaults } = this.#whole;
    return defaults === undefined
      ? staysInside(from, to)
      : doubt(`what its rules for all the rest say is not known (${defaults})`);
  }

  /** A zone that nothing names is none, and one may lead to another vsys, whose rules are not read. */
  #zoneDoubt({ from, to }: RuleQuestion): string | undefined {
    for (const zone of [from, to]) {
      if (zone === undefined) continue;
      const entries = this.#whole.objects.zone.get(zone) ?? [];
      if (entries.some((entry) => child(entry, 'network', 'external') !== undefined))
        return `the zone ${zone} leads to another vsys`;
      if (entries.length > 0) continue;
      if (this.#read.hasSeveralVsys) return `whether the zone ${zone} leads to another vsys is not known`;
      // The zones of a template may not be told of; a rule that runs names none that is not there.
      const isNamed = this.#whole.layers.some(({ security, nat }) =>
        [...security, ...nat].some((rule) => ['from', 'to'].some((side) => membersAt(rule, side).includes(zone))),
      );
      if (!isNamed) return `the firewall tells of no zone ${zone}`;
    }
    return undefined;
  }

  #otherKinds(question: RuleQuestion): string | undefined {
    const found = this.#whole.elsewhere.find(({ entry }) => mayBeAbout(entry, question));
    return found && `what its ${found.kind} rule "${nameOf(found.entry)}" does with the flow is not known`;
  }

  /** A flow that is sent elsewhere goes by another zone, and so by other rules. */
  #redirected(question: RuleQuestion): string | undefined {
    for (const { nat } of this.#whole.layers) {
      for (const rule of nat) {
        const address = standsFor(rule);
        if (address !== undefined && question.isDestination(address) !== false)
          return `its destination may be the address "${address}" of the NAT rule "${nameOf(rule)}"`;
      }
      for (const rule of nat) {
        const matches = translationMatches(rule, question);
        if (matches === false) continue;
        const why = redirects(rule);
        if (why !== undefined) return `the NAT rule "${nameOf(rule)}" may be for it: ${why}`;
        if (matches === true) break;
      }
    }
    return undefined;
  }
}

/** Of a vsys that nobody but its owner writes into. */
export function placeInVsys({ options }: Pick<OurBlock, 'options'>): OurBlock['placeIn'] {
  return (layers) => {
    const own = layers.find(({ side }) => side === 'own');
    return own && placeAmong(own, options);
  };
}

/** Where a block that is not there yet will stand among the rules of a layer. */
export function placeAmong(layer: Layer, options: PanosOptions): BlockPlace | undefined {
  if (options.position === undefined) return undefined;
  const names = layer.security.map(nameOf);
  try {
    const above = aboveBlock(names, positionsOf(options).security);
    return { layer, at: above === undefined ? 0 : names.indexOf(above) + 1 };
  } catch {
    // The rule that the position names is gone; what is written says so.
    return undefined;
  }
}

const SIDES: readonly Layer['side'][] = ['pre', 'own', 'post'];

function besideOurs(layer: Layer, ours: Layer | undefined): 'before ours' | 'after ours' | 'unknown' {
  if (ours === undefined || layer.side === ours.side) return 'unknown';
  return SIDES.indexOf(layer.side) < SIDES.indexOf(ours.side) ? 'before ours' : 'after ours';
}

/** The zones of `options.zones`: a flow comes by one of them. */
function placesOf(names: readonly string[]): readonly Place[] {
  return names.includes('any') ? [undefined] : names;
}

function hasDynamicGroup(node: XmlElement): boolean {
  return node.name === 'dynamic' || node.children.some(hasDynamicGroup);
}
