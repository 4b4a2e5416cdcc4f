import { assertNever } from '../../../base/error.ts';
import type { NftChain, NftMap, Rule } from './model.ts';

/** What a rule names. */
export interface RuleReferences {
  readonly chains: readonly string[];
  /** Sets and maps alike. */
  readonly sets: readonly string[];
}

const NOTHING: RuleReferences = { chains: [], sets: [] };
const known = new WeakMap<Rule, RuleReferences>();

/** The chains, sets and maps that a rule names; a foreign rule names nothing that we know of. */
export function referencesOf(rule: Rule): RuleReferences {
  if (rule.kind === 'foreign') return NOTHING;
  let references = known.get(rule);
  if (references === undefined) {
    references = read(rule);
    known.set(rule, references);
  }
  return references;
}

function read(rule: Rule & { kind: 'ours' }): RuleReferences {
  const sets = rule.matches.flatMap((match) => ('set' in match ? [match.set] : []));
  const { action } = rule;
  switch (action.do) {
    case 'goto':
    case 'jump':
      return { chains: [action.chain], sets };
    case 'dispatch':
    case 'translate':
      return { chains: [], sets: [...sets, action.map] };
    case 'dispatchByNumber':
      return { chains: [], sets: [...sets, action.numbers, action.map] };
    case 'accept':
    case 'drop':
    case 'return':
    case 'log':
    case 'markDead':
    case 'resetTcp':
      return { chains: [], sets };
    default:
      return assertNever(action);
  }
}

/** The chain that a value of a verdict map leads to; `undefined` for plain verdicts. */
export function chainOfVerdict(verdict: string): string | undefined {
  return /^(?:goto|jump) (.+)$/.exec(verdict)?.[1];
}

/** Every chain, set and map that something in the table names. */
export function allReferences(
  chains: ReadonlyMap<string, NftChain>,
  maps: ReadonlyMap<string, NftMap>,
): { readonly chains: ReadonlySet<string>; readonly sets: ReadonlySet<string> } {
  const named = { chains: new Set<string>(), sets: new Set<string>() };
  for (const chain of chains.values())
    for (const rule of chain.rules) {
      const references = referencesOf(rule);
      for (const name of references.chains) named.chains.add(name);
      for (const name of references.sets) named.sets.add(name);
    }
  for (const map of maps.values()) {
    if (!map.type.endsWith(':verdict')) continue;
    for (const [, verdict] of map.elements.entries()) {
      const chain = chainOfVerdict(verdict);
      if (chain !== undefined) named.chains.add(chain);
    }
  }
  return named;
}
