import type { NatTarget } from '../../../border/ruleset.ts';
import { formatAddress } from '../../../ip/address.ts';
import type { Leaving } from '../../passage/passage.ts';
import { isDoubt } from '../../passage/truth.ts';
import type { AddressBook } from './address-book.ts';
import type { RuleQuestion } from './asked-rule.ts';
import { translationMatches } from './asked-translation.ts';
import { type XmlElement, child, membersAt, nameOf, textAt } from '../api/xml.ts';

/** What a flow that passes leaves with: surely this; or as ours say, as far as they stand; or nobody can tell, for others may have a say. */
export type Left = Leaving | 'as ours' | 'as others';

/** A rule of translation, in the order in which it is asked. */
export interface AskedTranslation {
  readonly entry: XmlElement;
  readonly isOurs: boolean;
  /** For people. */
  readonly where: string;
}

/** What is asked of others' rules, and of ours; and what ours shall make of the flow, absent: nothing. */
export interface Translated {
  readonly question: RuleQuestion;
  readonly asOurs: RuleQuestion;
  readonly wish: NatTarget | undefined;
}

/**
 * The first rule that matches decides, also one that exempts; where that is in doubt, so is what comes of it, unless all that may decide do the
 * same. What ours shall do counts where one of theirs that does it stands; where none does yet, rules of others beside it leave all open.
 */
export function leftBy(rules: readonly AskedTranslation[], { question, asOurs, wish }: Translated): Left {
  const own = formatAddress(question.flow.source);
  const found: Left[] = [];
  const last = rules.findLastIndex(({ isOurs }) => isOurs);
  for (const [at, { entry, isOurs, where }] of rules.entries()) {
    const matches = translationMatches(entry, isOurs ? asOurs : question);
    if (matches === false) continue;
    found.push(isOurs ? leftByOurs(entry, wish, own, asOurs) : leftByTheirs(entry, where, question, wish, at < last));
    if (!isDoubt(matches)) return agreedOn(found);
  }
  found.push(wish === undefined || wish.kind === 'Exempt' ? { source: own } : 'as ours');
  return agreedOn(found);
}

/** The same in whichever of several ways it goes. */
export function agreedOn(all: readonly Left[]): Left {
  const known = all.filter((one) => typeof one === 'object');
  const [first] = known;
  if (all.includes('as others')) return 'as others';
  // Whatever of ours may decide beside what nobody translates is ours alone.
  if (all.includes('as ours')) return known.every(({ by }) => by === undefined) ? 'as ours' : 'as others';
  return first !== undefined && known.every(({ source }) => source === first.source) ? first : 'as others';
}

function leftByOurs(entry: XmlElement, wish: NatTarget | undefined, own: string, { book }: RuleQuestion): Left {
  if (wish === undefined || wish.kind === 'Hold') return 'as ours';
  const is = sourceBy(entry, own, book);
  const shall = wish.kind === 'Address' ? wish.address : own;
  return is === shall ? { source: is } : 'as ours';
}

/** `isBeforeOurs`: ours stand below it, so that it is asked first also once these do what they shall. */
function leftByTheirs(
  entry: XmlElement,
  where: string,
  { flow, book }: RuleQuestion,
  wish: NatTarget | undefined,
  isBeforeOurs: boolean,
): Left {
  const own = formatAddress(flow.source);
  const source = sourceBy(entry, own, book);
  if (source === undefined || (wish !== undefined && !isBeforeOurs)) return 'as others';
  return source === own && child(entry, 'source-translation') === undefined
    ? { source }
    : { source, by: `${where} "${nameOf(entry)}"` };
}

/**
 * What a rule makes of a source that it matches, in canonical text: itself where it translates nothing, and the one address that it translates to.
 * `undefined`: the device chooses, or how is not in the reference (1.6): pools, addresses of interfaces, the n-th of a net.
 */
function sourceBy(entry: XmlElement, own: string, book: AddressBook): string | undefined {
  const how = child(entry, 'source-translation');
  if (how === undefined) return own;
  const [way, ...others] = how.children;
  if (way === undefined || others.length > 0) return undefined;
  if (way.name === 'dynamic-ip-and-port') {
    const [name, ...more] = membersAt(way, 'translated-address');
    return name === undefined || more.length > 0 || way.children.length !== 1 ? undefined : book.only(name);
  }
  if (way.name !== 'static-ip') return undefined;
  const [sender, ...senders] = membersAt(entry, 'source');
  const isOne = sender !== undefined && senders.length === 0 && book.only(sender) === own;
  return isOne ? book.only(textAt(way, 'translated-address') ?? '') : undefined;
}
