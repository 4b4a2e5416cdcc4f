import { SallyportError } from '../../base/error.ts';

/**
 * A truth function of "the destination is an address of domain D" for any number of domains: a reduced decision diagram with the
 * domains in order of their text. What a domain resolves to is unknown and changes, so each is an atom that may be any set of
 * addresses: `true` and `false` mean "whatever they resolve to", and two functions are the same exactly when they agree for every
 * resolution.
 */
export type DomainFunction = boolean | DomainChoice;

export interface DomainChoice {
  readonly domain: string;
  readonly yes: DomainFunction;
  readonly no: DomainFunction;
  /** Nodes below and here, counted as a tree. */
  readonly size: number;
}

/** A conjunction: in every domain of `in`, in none of `out`. */
export interface DomainTerm {
  readonly in: readonly string[];
  readonly out: readonly string[];
}

const MAX_SIZE = 20_000;

function sizeOf(f: DomainFunction): number {
  return typeof f === 'boolean' ? 0 : f.size;
}

function choice(domain: string, yes: DomainFunction, no: DomainFunction): DomainFunction {
  if (sameDomains(yes, no)) return yes;
  const size = 1 + sizeOf(yes) + sizeOf(no);
  if (size > MAX_SIZE)
    throw new SallyportError('FLOW_SET_LIMIT', `rules combine domains in more than ${MAX_SIZE} ways`, {
      limit: MAX_SIZE,
    });
  return { domain, yes, no, size };
}

/** In any of these domains. */
export function anyDomain(domains: readonly string[]): DomainFunction {
  let f: DomainFunction = false;
  for (const domain of [...new Set(domains)].sort().reverse()) f = choice(domain, true, f);
  return f;
}

export function sameDomains(a: DomainFunction, b: DomainFunction): boolean {
  if (a === b) return true;
  if (typeof a === 'boolean' || typeof b === 'boolean') return false;
  return a.size === b.size && a.domain === b.domain && sameDomains(a.yes, b.yes) && sameDomains(a.no, b.no);
}

/** `table`: as in `ip/boundaries.ts`; bit 0, neither, is clear. */
export function combineDomains(a: DomainFunction, b: DomainFunction, table: number): DomainFunction {
  if (typeof a === 'boolean') {
    if (typeof b !== 'boolean') return ofOne(b, table >> Number(a), 2);
    return ((table >> (Number(a) | (Number(b) << 1))) & 1) === 1;
  }
  if (typeof b === 'boolean') return ofOne(a, table >> (2 * Number(b)), 1);
  if (a === b) return (table >> 3) & 1 ? a : false;
  const domain = a.domain < b.domain ? a.domain : b.domain;
  const [aYes, aNo] = a.domain === domain ? [a.yes, a.no] : [a, a];
  const [bYes, bNo] = b.domain === domain ? [b.yes, b.no] : [b, b];
  return choice(domain, combineDomains(aYes, bYes, table), combineDomains(aNo, bNo, table));
}

/** The table with one operand settled: bit 0 is the result where `f` is false, bit `when` where it is true. */
function ofOne(f: DomainChoice, table: number, when: number): DomainFunction {
  const ifFalse = (table & 1) === 1;
  const ifTrue = ((table >> when) & 1) === 1;
  if (ifFalse === ifTrue) return ifTrue;
  return ifTrue ? f : negate(f);
}

function negate(f: DomainFunction): DomainFunction {
  return typeof f === 'boolean' ? !f : choice(f.domain, negate(f.yes), negate(f.no));
}

/** The value where the destination is an address of exactly these domains. */
export function domainsHold(f: DomainFunction, domains: ReadonlySet<string>): boolean {
  let at = f;
  while (typeof at !== 'boolean') at = domains.has(at.domain) ? at.yes : at.no;
  return at;
}

/** Disjoint terms whose union it is, one for each way to `true`. */
export function domainTerms(f: DomainFunction): readonly DomainTerm[] {
  const result: DomainTerm[] = [];
  const walk = (at: DomainFunction, ins: readonly string[], outs: readonly string[]): void => {
    if (at === true) result.push({ in: ins, out: outs });
    if (typeof at === 'boolean') return;
    walk(at.yes, [...ins, at.domain], outs);
    walk(at.no, ins, [...outs, at.domain]);
  };
  walk(f, [], []);
  return result;
}

/** Terms that may overlap, without the conditions that the union does not need: `a`, `b` rather than `a`, `b and not a`. */
export function readableTerms(f: DomainFunction): readonly DomainTerm[] {
  const byText = new Map<string, DomainTerm>();
  for (const term of domainTerms(f)) {
    let { in: ins, out: outs } = term;
    for (const domain of term.out) {
      const fewer = outs.filter((other) => other !== domain);
      if (implied(f, ins, fewer)) outs = fewer;
    }
    for (const domain of term.in) {
      const fewer = ins.filter((other) => other !== domain);
      if (implied(f, fewer, outs)) ins = fewer;
    }
    byText.set(JSON.stringify([ins, outs]), { in: ins, out: outs });
  }
  return [...byText.keys()].sort().flatMap((text) => byText.get(text) ?? []);
}

/** Whether the term lies in the function, whatever the other domains are. */
function implied(f: DomainFunction, ins: readonly string[], outs: readonly string[]): boolean {
  if (typeof f === 'boolean') return f;
  const yes = outs.includes(f.domain) || implied(f.yes, ins, outs);
  return yes && (ins.includes(f.domain) || implied(f.no, ins, outs));
}

/** A text that equal functions share. */
export function domainKey(f: DomainFunction): string {
  if (typeof f === 'boolean') return f ? '1' : '0';
  return `(${JSON.stringify(f.domain)}?${domainKey(f.yes)}:${domainKey(f.no)})`;
}
