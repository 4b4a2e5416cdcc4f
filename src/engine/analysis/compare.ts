import { compareUtf8 } from '../../base/compare.ts';
import type { RuleAction } from '../../api/resource.ts';
import { SallyportError } from '../../base/error.ts';
import { type Family, formatAddress } from '../../ip/address.ts';
import type { Flow as Packet } from '../flows/flow-set.ts';
import type { Flow } from '../packet.ts';
import { protocolKind } from '../flows/service-set.ts';
import type { DecisionDiagram, Root } from './decision-diagram.ts';
import { listVerdict } from './list-verdict.ts';
import { type ListVerdict, type ReadList, type ReadRule, type RuleList, readRuleList } from './rule-list.ts';
import { RuleSpace, type SpacePoint } from './rule-space.ts';

/** A flow on which two lists differ. */
export interface Difference extends Flow {
  /** Atoms that hold for it (see `RuleList`), e.g. `source selector app == "web"`; no others do. Absent: none. */
  readonly atoms?: readonly string[];
}

const FAMILIES: readonly Family[] = [4, 6];
const VERDICTS: Readonly<Record<ListVerdict, Root>> = { Allow: 1, Deny: 2, Pass: 3 };
const UNDECIDED: Root = 0;
/** Any but 0: where it stands is what counts. */
const REACHED: Root = 1;

/**
 * Whether two lists say the same to every packet, whatever their atoms mean; if not, a flow to which they do not, which was put to both.
 * Exact (semantics 15.8).
 * @example compare([], [{ action: 'Deny' }]); // { equal: true }
 * @throws SallyportError RULE_LIST_INVALID for rules that Calico would refuse, FLOW_SET_LIMIT where the answer would take too much memory.
 */
export function compare(
  a: RuleList,
  b: RuleList,
): { readonly equal: true } | { readonly equal: false; readonly witness: Difference } {
  const lists = [readRuleList(a), readRuleList(b)] as const;
  for (const family of FAMILIES) {
    const space = new RuleSpace(family, [...lists[0].rules, ...lists[1].rules]);
    const [one, other] = lists.map((list) => functionOf(space, list)) as [Root, Root];
    const point = space.difference(one, other);
    if (point !== undefined) return { equal: false, witness: tested(point, lists) };
  }
  return { equal: true };
}

/** What rules of a list are good for; indexes into its rules, ascending. */
export interface ListAnalysis {
  /** No packet reaches them: earlier rules decide everything that they match, or they match nothing. */
  readonly neverMatches: readonly number[];
  /**
   * The list says the same to every packet without them, each taken out alone: those of `neverMatches`, `Log`, and rules whose packets get
   * the same verdict from what follows. Several at once may not be taken out without asking again (semantics 15.7).
   */
  readonly individuallyRedundant: readonly number[];
}

/**
 * Rules of a list that never match and rules that are redundant. Exact.
 * @example analyse([{ action: 'Allow' }, { action: 'Deny' }]); // { neverMatches: [1], individuallyRedundant: [1] }
 * @throws SallyportError as `compare` does.
 */
export function analyse(rules: RuleList): ListAnalysis {
  const list = readRuleList(rules);
  const matching = new Set<number>();
  const needed = new Set<number>();
  for (const family of FAMILIES) {
    const space = new RuleSpace(family, list.rules);
    const root = treeOf(space, list.rules, 0, list.rules.length);
    if (root === undefined) continue;
    const reached = space.diagram.within(REACHED, root.matches);
    const behind = space.diagram.within(VERDICTS[list.defaultAction], reached);
    judge(space.diagram, root, reached, behind, matching, needed);
  }
  const without = (kept: ReadonlySet<number>): number[] => [...list.rules.keys()].filter((index) => !kept.has(index));
  return { neverMatches: without(matching), individuallyRedundant: without(needed) };
}

function functionOf(space: RuleSpace, { rules, defaultAction }: ReadList): Root {
  return space.diagram.overlay(verdictOf(space, rules, 0, rules.length), VERDICTS[defaultAction]);
}

/** What some rules in a row decide. Halves are joined before they meet the rest: most of them are small and never grow. */
function verdictOf(space: RuleSpace, rules: readonly ReadRule[], first: number, after: number): Root {
  const rule = rules[first];
  if (rule === undefined || first >= after) return UNDECIDED;
  if (after - first === 1) return leafOf(space, rule).verdict;
  const middle = (first + after) >>> 1;
  const earlier = verdictOf(space, rules, first, middle);
  // Nothing comes past a rule for everything, and what stands behind it can be large.
  if (space.diagram.isNever0(earlier)) return earlier;
  return space.diagram.overlay(earlier, verdictOf(space, rules, middle, after));
}

function leafOf(space: RuleSpace, rule: ReadRule): { readonly matches: Root; readonly verdict: Root } {
  const matches = space.matching(rule);
  return { matches, verdict: rule.action === 'Log' ? UNDECIDED : space.diagram.within(VERDICTS[rule.action], matches) };
}

/** Some rules in a row, in halves. */
interface Tree {
  /** Their verdict; 0 where they decide nothing. */
  readonly verdict: Root;
  /** Not 0 where any of them matches, `Log` too. */
  readonly matches: Root;
  readonly of: { readonly rule: number; readonly action: RuleAction } | { readonly halves: readonly [Tree, Tree] };
}

function treeOf(space: RuleSpace, rules: readonly ReadRule[], first: number, after: number): Tree | undefined {
  const rule = rules[first];
  if (rule === undefined || first >= after) return undefined;
  const { diagram } = space;
  if (after - first === 1) {
    const { matches, verdict } = leafOf(space, rule);
    return { matches: verdict === UNDECIDED ? matches : verdict, verdict, of: { rule: first, action: rule.action } };
  }
  const middle = (first + after) >>> 1;
  const earlier = treeOf(space, rules, first, middle) as Tree;
  const later = treeOf(space, rules, middle, after) as Tree;
  const verdict = diagram.overlay(earlier.verdict, later.verdict);
  const isSame = earlier.matches === earlier.verdict && later.matches === later.verdict;
  // Without a Log, what is decided is what is matched, and one diagram serves both.
  const matches = isSame ? verdict : diagram.overlay(earlier.matches, later.matches);
  return { verdict, matches, of: { halves: [earlier, later] } };
}

/**
 * Notes the rules that match what reaches them, and those without which something would get another verdict. `reached`: what reaches
 * these rules and is matched by them; `behind`: what it gets behind them. Both are kept nowhere else, so they shrink on the way down.
 */
function judge(
  diagram: DecisionDiagram,
  tree: Tree,
  reached: Root,
  behind: Root,
  matching: Set<number>,
  needed: Set<number>,
): void {
  if (reached === UNDECIDED) return;
  if ('rule' in tree.of) {
    const { rule, action } = tree.of;
    matching.add(rule);
    if (action !== 'Log' && behind !== diagram.within(VERDICTS[action], reached)) needed.add(rule);
    return;
  }
  const [earlier, later] = tree.of.halves;
  const first = diagram.within(reached, earlier.matches);
  const next = diagram.overlay(diagram.within(later.verdict, first), diagram.within(behind, first));
  judge(diagram, earlier, first, next, matching, needed);
  const second = diagram.within(diagram.without(reached, earlier.verdict), later.matches);
  judge(diagram, later, second, diagram.within(behind, second), matching, needed);
}

/** A difference is only said after both lists were asked about it. */
function tested({ packet, atoms }: SpacePoint, [a, b]: readonly [ReadList, ReadList]): Difference {
  if (listVerdict(a, packet, atoms) === listVerdict(b, packet, atoms))
    throw new SallyportError('INTERNAL', 'two lists were found to differ on a flow on which they agree', { packet });
  return { ...written(packet), ...(atoms.size === 0 ? {} : { atoms: [...atoms].sort(compareUtf8) }) };
}

function written(packet: Required<Packet>): Flow {
  const flow = { src: formatAddress(packet.source), dst: formatAddress(packet.destination), proto: packet.protocol };
  switch (protocolKind(packet.protocol, packet.family)) {
    case 'Ports':
      return { ...flow, sport: packet.sourcePort, dport: packet.destinationPort };
    case 'Icmp':
      return { ...flow, icmpType: packet.icmpType, icmpCode: packet.icmpCode };
    case 'Other':
      return flow;
  }
}
