import type { Evaluation } from '../../border/evaluate.ts';
import type { Flow } from '../../engine/flows/flow-set.ts';
import type { ForeignRule } from '../../plan/foreign.ts';
import { type Truth, isDoubt } from './truth.ts';

/** One rule of a device, in the device's order, asked about one flow. */
export interface AskedRule {
  readonly rule: ForeignRule;
  readonly isOurs: boolean;
  readonly matches: Truth;
  /** Whether it lets through what it matches. */
  readonly allows: Truth;
  /** What it lets through is inspected, and may be dropped for what is in it. */
  readonly isInspected: boolean;
}

/** What may decide about a flow. */
export interface Decider {
  /**
   * `rule`: a rule of others. `ours`: our block. `end`: what the device does where no rule matches. `device`: something that stands before all
   * rules, for what they say.
   */
  readonly by: 'rule' | 'ours' | 'end' | 'device';
  /** The rule of others. */
  readonly rule?: ForeignRule;
  /** What comes of the flow if it decides; absent where that cannot be known either. */
  readonly passes?: boolean;
  /** What passes is inspected by the device, which may still drop it for what is in it. */
  readonly inspected?: true;
  /** Why it cannot be known whether it decides, or what it does; empty: it decides about whatever comes this far. */
  readonly because: readonly string[];
}

/** What a device does with a flow, all its rules considered, whosever they are. */
export interface Passage {
  /** Known only where all that may decide do the same. */
  readonly outcome: 'passes' | 'drops' | 'unknown';
  /** What may decide, in the order in which it is asked. */
  readonly deciders: readonly Decider[];
  /** What passes may leave with another source than ours give it, by translations of others. */
  readonly retranslated?: true;
  /** What passes surely leaves with this source, all translations of the device considered; absent: that is not known of the device itself. */
  readonly leaves?: Leaving;
}

/** The source that a flow leaves with. */
export interface Leaving {
  /** Canonical. */
  readonly source: string;
  /** The translation of others that gives it, for people; absent: none does. */
  readonly by?: string;
}

/** The rules of a device as they were read, everybody's. */
export interface Passages {
  /** What the device does with a flow, its source as the device sees it, of which our block shall make what the evaluation says. */
  of(flow: Flow, evaluation: Evaluation): Passage;
}

/** Of a flow about which the rules alone do not decide, and why. */
export function unknownPassage(because: string): Passage {
  return { outcome: 'unknown', deciders: [{ by: 'device', because: [because] }] };
}

/** What our block shall do with a flow: `leaves` goes on to the rules below it. */
export type OwnWish = 'passes' | 'drops' | 'leaves';

/** `form`: with Filter our rules deny alone. */
export function ownWish({ passes, granted }: Evaluation, form: 'Filter' | 'Full'): OwnWish {
  if (!passes) return 'drops';
  return granted === true && form === 'Full' ? 'passes' : 'leaves';
}

/** A list of rules that is asked from its first to its last, the first match deciding. */
export interface AskedList {
  readonly rules: readonly AskedRule[];
  readonly wish: OwnWish;
  /** Before which rule our block stands or will stand, if none of it is there yet; `undefined`: nobody can tell, or it will not. */
  readonly place: number | undefined;
  /** What becomes of a flow that no rule matches. */
  readonly end: Truth;
}

const NOT_YET = 'our rules on the device do not say what is wanted; `sallyport plan` shows it';
const NO_PLACE = 'nobody says where rules of ours stand on this device';
const AMONG_OURS = 'it stands among rules of ours';

/** What a device does with a flow that its rules were asked about. */
export function passageOf(list: AskedList): Passage {
  return passageAmong(decidersOf(list));
}

function passageAmong(deciders: readonly Decider[]): Passage {
  const outcomes = new Set(deciders.map(({ passes }) => passes));
  const [only] = outcomes;
  const outcome = outcomes.size !== 1 || only === undefined ? 'unknown' : only ? 'passes' : 'drops';
  return { outcome, deciders };
}

/** The same flow where one of several things is so, and nobody knows which: each as the rest of a sentence, with what then comes of the flow. */
export function passageByOneOf(passages: readonly (readonly [why: string, passage: Passage])[]): Passage {
  const [first] = passages;
  const texts = new Set(passages.map(([, passage]) => JSON.stringify(passage)));
  if (first !== undefined && texts.size === 1) return first[1];
  const passage = passageAmong(
    passages.flatMap(([why, { deciders }]) =>
      deciders.map((decider) => ({ ...decider, because: [...decider.because, why] })),
    ),
  );
  const leaves = first?.[1].leaves;
  const isSame = passages.every(([, one]) => one.leaves !== undefined && one.leaves.source === leaves?.source);
  return {
    ...passage,
    ...(passages.some(([, { retranslated }]) => retranslated === true) ? { retranslated: true } : {}),
    ...(isSame && leaves !== undefined ? { leaves } : {}),
  };
}

function decidersOf({ rules, wish, place, end }: AskedList): readonly Decider[] {
  const own = rules.flatMap(({ isOurs }, at) => (isOurs ? [at] : []));
  const [first] = own;
  if (first === undefined) {
    if (wish === 'leaves') return walk(rules, end).deciders;
    const ours = wishDecider(wish, place === undefined ? [NO_PLACE] : []);
    if (place === undefined) return [ours, ...walk(rules, end).deciders];
    const above = walk(rules.slice(0, place), undefined);
    return above.isDecided ? above.deciders : [...above.deciders, ours];
  }
  const said = saidByOwn(rules, own);
  const last = own.at(-1) ?? first;
  const isAsWished = said.ways.size === 1 && said.ways.has(wish) && said.because.length === 0;
  // Where it is known which rule of ours decides, it is known which of the others are asked before.
  const begins = isAsWished && wish !== 'leaves' ? said.last : first;
  const above = walk(rules.slice(0, begins), undefined);
  if (above.isDecided) return above.deciders;
  if (isAsWished) return wish === 'leaves' ? walk(rules, end).deciders : [...above.deciders, wishDecider(wish, [])];
  const between = walk(rules.slice(begins, last), undefined);
  const among = between.deciders.map((decider) => ({ ...decider, because: [...decider.because, AMONG_OURS] }));
  const because = said.because.length === 0 ? [NOT_YET] : said.because;
  const ways = [...new Set<OwnWish>([wish, ...said.ways])];
  const ours = ways.flatMap((way) => (way === 'leaves' ? [] : [wishDecider(way, because)]));
  const below = ways.includes('leaves') && !between.isDecided ? walk(rules.slice(last), end).deciders : [];
  return [...above.deciders, ...among, ...ours, ...below];
}

function wishDecider(wish: 'passes' | 'drops', because: readonly string[]): Decider {
  return { by: 'ours', passes: wish === 'passes', because };
}

/** What our rules say as they stand, whatever stands among them; and the last of them that was asked. */
function saidByOwn(
  rules: readonly AskedRule[],
  own: readonly number[],
): { readonly ways: ReadonlySet<OwnWish>; readonly because: readonly string[]; readonly last: number } {
  const ways = new Set<OwnWish>();
  const because: string[] = [];
  for (const at of own) {
    const rule = rules[at];
    if (rule === undefined || rule.matches === false) continue;
    if (rule.allows !== false) ways.add('passes');
    if (rule.allows !== true) ways.add('drops');
    if (isDoubt(rule.allows)) because.push(...rule.allows.because);
    if (!isDoubt(rule.matches)) return { ways, because, last: at };
    because.push(...rule.matches.because);
  }
  ways.add('leaves');
  return { ways, because, last: own.at(-1) ?? 0 };
}

/** Rules of others, one after the other. `end`: what comes of the flow behind the last; absent: something else is asked there. */
function walk(
  rules: readonly AskedRule[],
  end: Truth | undefined,
): { readonly deciders: readonly Decider[]; readonly isDecided: boolean } {
  const deciders: Decider[] = [];
  for (const { rule, isOurs, matches, allows, isInspected } of rules) {
    if (isOurs || matches === false) continue;
    deciders.push({
      by: 'rule',
      rule,
      ...(isDoubt(allows) ? {} : { passes: allows }),
      ...(isInspected && allows === true ? { inspected: true } : {}),
      because: [...(isDoubt(matches) ? matches.because : []), ...(isDoubt(allows) ? allows.because : [])],
    });
    if (matches === true) return { deciders, isDecided: true };
  }
  if (end === undefined) return { deciders, isDecided: false };
  deciders.push(isDoubt(end) ? { by: 'end', because: end.because } : { by: 'end', passes: end, because: [] });
  return { deciders, isDecided: true };
}
