import { BucketMap } from '../../../base/bucket-map.ts';
import type { Family } from '../../../border/ruleset.ts';
import { FlowSet } from '../../../engine/flows/flow-set.ts';
import { familyOf } from '../../../ip/address.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import type { Behaviour, TranslationBehaviour } from '../../../plan/behaviour.ts';
import { flowsOfMatches } from './flows-of-rule.ts';
import type { NftTable, Rule } from '../table/model.ts';
import { FORWARD, familyName, POSTROUTING } from '../table/names.ts';
import { FAMILIES } from '../table/skeleton.ts';
import { chainOfVerdict } from '../table/references.ts';
import { classesOf, rawSourcesOf } from '../table/sources.ts';
import { networksOf } from './networks.ts';
import { prefixSetOf } from './walk.ts';

/** Ways out of a chain for first packets; what is in neither is dropped. */
interface Exits {
  readonly accepted: FlowSet;
  /** Back to where the chain was called from. */
  readonly returned: FlowSet;
}

const DROPPED = 'drop';

/**
 * What a table does, lifted from its chains and sets alone, ours or read back: chains are filters, so each is worked out once, for all
 * flows. The ids of senders are what their map leads to. Rules that we cannot read are taken as not there.
 */
export function behaviourOf(table: NftTable | undefined): Behaviour {
  return table === undefined ? ABSENT : new Lifted(table);
}

const ABSENT: Behaviour = {
  present: false,
  destinations: PrefixSet.empty,
  inside: PrefixSet.empty,
  networks: PrefixSet.empty,
  senders: BucketMap.empty(),
  allowed: (_id, family) => FlowSet.everything(family),
  translations: () => [],
};

function netsNamed(name: 'destinations' | 'inside'): (table: NftTable, family: Family) => PrefixSet {
  return (table, family) => prefixSetOf(table.sets.get(familyName(name, family))?.elements ?? BucketMap.empty());
}

/** Networks of both families in one, for as long as each is the same: versions of a table share them. */
const bothFamilies = new WeakMap<PrefixSet, { readonly six: PrefixSet; readonly both: PrefixSet }>();

function ofBothFamilies(four: PrefixSet, six: PrefixSet): PrefixSet {
  const last = bothFamilies.get(four);
  if (last?.six === six) return last.both;
  const both = four.union(six);
  bothFamilies.set(four, { six, both });
  return both;
}

/** The last senders of tables that have the same chains, which is to say: of versions of one table. */
const lastSenders = new WeakMap<object, Record<'four' | 'six' | 'all', BucketMap<string>>>();

/** The sources of both families in one map that shares what it can with that of the version before. */
function knownSenders(table: NftTable): BucketMap<string> {
  const four = rawSourcesOf(table, 4);
  const six = rawSourcesOf(table, 6);
  if (six.size === 0) return four;
  const last = lastSenders.get(table.chains);
  let all = last?.all ?? BucketMap.empty<string>();
  for (const [was, is] of [
    [last?.four, four],
    [last?.six, six],
  ] as const) {
    const { added, removed, changed } = (was ?? BucketMap.empty<string>()).difference(is);
    const gone = removed.map(([source]) => [source, undefined] as const);
    all = all.with([...gone, ...added, ...changed.map(([source, , to]) => [source, to] as const)]);
  }
  lastSenders.set(table.chains, { four, six, all });
  return all;
}

/** What was worked out for one version of the chains, good while these sets hold what they held. */
interface Work {
  readonly asked: ReadonlyMap<string, BucketMap<unknown> | undefined>;
  readonly exits: Map<string, Exits>;
  /** What passes a chain, on whichever way out. */
  readonly passing: Map<string, FlowSet>;
  readonly flows: Map<Rule, FlowSet>;
}

const works = new WeakMap<NftTable['chains'], Work>();

/** Versions of a table share their chains and what these ask as long as only senders come and go. */
function workOf({ chains, sets, maps }: NftTable): Work {
  const known = works.get(chains);
  const elementsOf = (name: string): BucketMap<unknown> | undefined => (sets.get(name) ?? maps.get(name))?.elements;
  if (known !== undefined && [...known.asked].every(([name, elements]) => elementsOf(name) === elements)) return known;
  const names = known?.asked.keys() ?? namesAsked(chains);
  const asked = new Map([...names].map((name) => [name, elementsOf(name)]));
  const work = { asked, exits: new Map(), passing: new Map(), flows: new Map() } satisfies Work;
  works.set(chains, work);
  return work;
}

/** Sets about anything but the source: which flows a rule meets depends on no other. */
function namesAsked(chains: NftTable['chains']): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { rules } of chains.values())
    for (const rule of rules)
      for (const match of rule.kind === 'ours' ? rule.matches : [])
        if ('set' in match && match.side !== 'saddr') names.add(match.set);
  return names;
}

class Lifted implements Behaviour {
  readonly present = true;
  readonly #table: NftTable;
  readonly #netsOf = new Map<string, PrefixSet>();
  #made: Work | undefined;
  #senders: BucketMap<string> | undefined;

  constructor(table: NftTable) {
    this.#table = table;
  }

  get destinations(): PrefixSet {
    return this.#nets('destinations', netsNamed('destinations'));
  }

  get inside(): PrefixSet {
    return this.#nets('inside', netsNamed('inside'));
  }

  get networks(): PrefixSet {
    return this.#nets('networks', networksOf);
  }

  get #work(): Work {
    this.#made ??= workOf(this.#table);
    return this.#made;
  }

  get senders(): BucketMap<string> {
    this.#senders ??= this.#readSenders();
    return this.#senders;
  }

  allowed(id: string, family: Family): FlowSet {
    const verdict = classesOf(this.#table, family).get(id) ?? id;
    if (!this.#isAsked(family) || verdict === 'accept') return FlowSet.everything(family);
    const chain = chainOfVerdict(verdict);
    if (chain === undefined) return FlowSet.nothing(family);
    const key = `${family} ${chain}`;
    const known = this.#work.passing.get(key);
    if (known !== undefined) return known;
    const { accepted, returned } = this.#chain(chain, family);
    const passing = accepted.union(returned);
    this.#work.passing.set(key, passing);
    return passing;
  }

  translations(sender: string): readonly TranslationBehaviour[] {
    const family = familyOf(sender);
    if (!this.#leadsTo(POSTROUTING, familyName('translate', family))) return [];
    const found: TranslationBehaviour[] = [];
    for (const rule of this.#table.chains.get(familyName('translate', family))?.rules ?? []) {
      const to = this.#translationBy(rule, sender);
      if (to !== undefined) found.push({ flows: this.#translated(rule, family), to });
    }
    return found;
  }

  #nets(name: 'destinations' | 'inside' | 'networks', of: (table: NftTable, family: Family) => PrefixSet): PrefixSet {
    const known = this.#netsOf.get(name);
    if (known !== undefined) return known;
    const [four, six] = FAMILIES.map((family) => (this.#isAsked(family) ? of(this.#table, family) : PrefixSet.empty));
    const nets = ofBothFamilies(four ?? PrefixSet.empty, six ?? PrefixSet.empty);
    this.#netsOf.set(name, nets);
    return nets;
  }

  /** Known sources; those in `gone` are dropped before anybody asks for their class. */
  #readSenders(): BucketMap<string> {
    let senders = knownSenders(this.#table);
    for (const family of FAMILIES) {
      const gone = this.#table.sets.get(familyName('gone', family))?.elements;
      if (gone !== undefined) senders = senders.with([...gone.keys()].map((source) => [source, DROPPED] as const));
    }
    return senders;
  }

  /** Whether governed packets are led to the class of their source. */
  #isAsked(family: Family): boolean {
    const governed = familyName('governed', family);
    const dispatches = this.#table.chains
      .get(governed)
      ?.rules.some(
        (rule) => rule.kind === 'ours' && (rule.action.do === 'dispatch' || rule.action.do === 'dispatchByNumber'),
      );
    return dispatches === true && this.#leadsTo(FORWARD, governed);
  }

  #leadsTo(base: string, chain: string): boolean {
    const from = this.#table.chains.get(base);
    return (
      from?.base !== undefined &&
      from.rules.some((rule) => rule.kind === 'ours' && rule.action.do === 'goto' && rule.action.chain === chain)
    );
  }

  #chain(name: string, family: Family): Exits {
    const key = `${family} ${name}`;
    const known = this.#work.exits.get(key);
    if (known !== undefined) return known;
    const exits = this.#walk(this.#table.chains.get(name)?.rules ?? [], family);
    this.#work.exits.set(key, exits);
    return exits;
  }

  #walk(rules: readonly Rule[], family: Family): Exits {
    let left = FlowSet.everything(family);
    let accepted = FlowSet.nothing(family);
    let returned = FlowSet.nothing(family);
    for (const rule of rules) {
      if (rule.kind === 'foreign') continue;
      const { action } = rule;
      if (action.do === 'log' || action.do === 'markDead') continue;
      const met = left.intersect(flowsOfMatches(this.#table, rule.matches, family));
      if (met.isEmpty) continue;
      left = left.subtract(met);
      if (action.do === 'accept') accepted = accepted.union(met);
      else if (action.do === 'return') returned = returned.union(met);
      else if (action.do === 'goto' || action.do === 'jump') {
        const exits = this.#chain(action.chain, family);
        accepted = accepted.union(met.intersect(exits.accepted));
        const back = met.intersect(exits.returned);
        if (action.do === 'jump') left = left.union(back);
        else returned = returned.union(back);
      }
    }
    return { accepted, returned: returned.union(left) };
  }

  /** What a rule of `translate` does with this sender, if it is about it. */
  #translationBy(rule: Rule, sender: string): TranslationBehaviour['to'] | undefined {
    if (rule.kind === 'foreign') return undefined;
    const { action, matches } = rule;
    if (action.do === 'translate') {
      const address = this.#table.maps.get(action.map)?.elements.get(sender);
      return address === undefined ? undefined : { kind: 'Address', address };
    }
    const set = matches.find((match) => match.on === 'address');
    if (set === undefined || this.#table.sets.get(set.set)?.elements.has(sender) !== true) return undefined;
    if (action.do === 'accept') return { kind: 'Exempt' };
    return action.do === 'drop' ? { kind: 'Hold' } : undefined;
  }

  #translated(rule: Rule, family: Family): FlowSet {
    const known = this.#work.flows.get(rule);
    if (known !== undefined) return known;
    const matches = rule.kind === 'foreign' ? [] : rule.matches.filter((match) => match.on !== 'address');
    const flows = flowsOfMatches(this.#table, matches, family);
    this.#work.flows.set(rule, flows);
    return flows;
  }
}
