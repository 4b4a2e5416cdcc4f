import { quoteForMessage } from '../ip/address.ts';
import {
  type ComparisonKind,
  type LeafNode,
  type MembershipKind,
  type SelectorNode,
  all,
  global,
  has,
  isIn,
  join,
  not,
  notIn,
} from './node.ts';

/** Why a text is no selector, and where. */
export interface SyntaxProblem {
  /** What was expected and what stands there. */
  readonly problem: string;
  /** Index of the UTF-16 unit at which it was noticed. */
  readonly offset: number;
}

/** Longest label name in characters (semantics 1.1.3). */
export const LABEL_NAME_LIMIT = 512;

type Operator =
  | { readonly kind: ComparisonKind; readonly takes: 'literal' }
  | { readonly kind: MembershipKind; readonly takes: 'set' };

const SYMBOL_OPERATORS: readonly (readonly [string, Operator])[] = [
  ['==', { kind: 'equal', takes: 'literal' }],
  ['!=', { kind: 'notEqual', takes: 'literal' }],
];

/** In the order in which they are looked for (semantics 1.1.6); two words may be joined or stand apart. */
const WORD_OPERATORS: readonly (readonly [first: string, second: string, Operator])[] = [
  ['contains', '', { kind: 'contains', takes: 'literal' }],
  ['starts', 'with', { kind: 'startsWith', takes: 'literal' }],
  ['ends', 'with', { kind: 'endsWith', takes: 'literal' }],
  ['not', 'in', { kind: 'notIn', takes: 'set' }],
  ['in', '', { kind: 'in', takes: 'set' }],
];

/** A parenthesis that is still open, or the whole text. */
interface Group {
  /** `!` stands before it an odd number of times. */
  readonly negated: boolean;
  /** Offset of the parenthesis. */
  readonly offset: number;
  /** Finished operands of `||`. */
  readonly alternatives: SelectorNode[];
  /** Operands of the `&&` under way. */
  conjunction: SelectorNode[];
}

/** Reads a selector (semantics 1.1 and 1.2). Open parentheses are kept in a list, so neither depth nor length has a limit. */
export function parseNode(text: string): SelectorNode | SyntaxProblem {
  const surrogate = text.search(/\p{Surrogate}/u);
  if (surrogate !== -1) return { problem: 'half of a surrogate pair is no character; remove it', offset: surrogate };
  const scanner = new Scanner(text);
  if (scanner.atEnd()) return all();

  const open: Group[] = [];
  let group: Group = { negated: false, offset: 0, alternatives: [], conjunction: [] };
  for (;;) {
    const negated = scanner.negations() % 2 === 1;
    const offset = scanner.offset;
    if (scanner.take('(')) {
      open.push(group);
      group = { negated, offset, alternatives: [], conjunction: [] };
      continue;
    }
    const leaf = scanner.leaf();
    if ('problem' in leaf) return leaf;
    group.conjunction.push(negated ? not(leaf) : leaf);

    while (!scanner.take('&&')) {
      if (scanner.take('||')) {
        closeConjunction(group);
        break;
      }
      const outer = open.at(-1);
      if (outer === undefined) {
        if (scanner.atEnd()) return closeGroup(group);
        return scanner.expected('"&&", "||" or the end');
      }
      if (!scanner.take(')'))
        return scanner.expected(`"&&", "||" or the ")" of the "(" at character ${column(text, group.offset)}`);
      const inner = closeGroup(group);
      outer.conjunction.push(group.negated ? not(inner) : inner);
      group = outer;
      open.pop();
    }
  }
}

function closeConjunction(group: Group): void {
  group.alternatives.push(join('and', group.conjunction, all()));
  group.conjunction = [];
}

function closeGroup(group: Group): SelectorNode {
  closeConjunction(group);
  return join('or', group.alternatives, all());
}

/** Position of an offset in characters, from 1. */
export function column(text: string, offset: number): number {
  let characters = 1;
  for (const character of text.slice(0, offset)) characters += Number(character !== '');
  return characters;
}

/** Reads tokens and leaves from where it stands; skips blanks before each. */
class Scanner {
  readonly #text: string;
  #offset = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get offset(): number {
    this.#blanks();
    return this.#offset;
  }

  atEnd(): boolean {
    return this.offset === this.#text.length;
  }

  /** Passes over `symbol` if it stands here. */
  take(symbol: string): boolean {
    if (!this.#text.startsWith(symbol, this.offset)) return false;
    this.#offset += symbol.length;
    return true;
  }

  /** Passes over a run of `!` and tells its length. */
  negations(): number {
    let count = 0;
    while (this.take('!')) count++;
    return count;
  }

  expected(what: string, hint = ''): SyntaxProblem {
    return { problem: `expected ${what}, found ${this.#found()}${hint}`, offset: this.offset };
  }

  /** A call or a condition on one label. */
  leaf(): LeafNode | SyntaxProblem {
    // Recognised only with their parenthesis at once; otherwise these are label names like any other (semantics 1.1.9 and 10).
    if (this.take('has(')) return this.#has();
    if (this.take('all(')) return this.take(')') ? all() : this.expected('")" after "all("');
    if (this.take('global(')) return this.take(')') ? global() : this.expected('")" after "global("');
    const key = this.#label('a label name, "has(", "all()", "global()", "!" or "("');
    return typeof key === 'string' ? this.#condition(key) : key;
  }

  #has(): LeafNode | SyntaxProblem {
    const key = this.#label('a label name after "has("');
    if (typeof key !== 'string') return key;
    return this.take(')') ? has(key) : this.expected(`")" after "has(${key}"`);
  }

  #condition(key: string): LeafNode | SyntaxProblem {
    const operator = this.#operator();
    if (operator === undefined) {
      const next = this.#text[this.offset];
      let hint = '';
      if (next === '=') hint = '; write "=="';
      else if (next === '(' && (key === 'has' || key === 'all' || key === 'global'))
        hint = `; write "${key}(" without a blank between`;
      return this.expected(`==, !=, in, not in, contains, starts with or ends with after the label "${key}"`, hint);
    }
    if (operator.takes === 'literal') {
      const value = this.#literal();
      return typeof value === 'string' ? { kind: operator.kind, key, value } : value;
    }
    const values = this.#set();
    if ('problem' in values) return values;
    return operator.kind === 'in' ? isIn(key, values) : notIn(key, values);
  }

  #operator(): Operator | undefined {
    for (const [symbol, operator] of SYMBOL_OPERATORS) if (this.take(symbol)) return operator;
    const start = this.offset;
    for (const [first, second, operator] of WORD_OPERATORS) {
      this.#offset = start;
      if (!this.take(first) || !this.take(second)) continue;
      // The blanks before a second word are free, those after the last one are not needed: only another word may not follow at once.
      if (!isIdentifier(this.#text.charCodeAt(this.#offset))) return operator;
    }
    this.#offset = start;
    return undefined;
  }

  #label(what: string): string | SyntaxProblem {
    const start = this.offset;
    let end = start;
    while (isIdentifier(this.#text.charCodeAt(end))) end++;
    if (end === start) return this.expected(what);
    if (end - start > LABEL_NAME_LIMIT)
      return {
        problem: `a label name has at most ${LABEL_NAME_LIMIT} characters, this one has ${end - start}`,
        offset: start,
      };
    this.#offset = end;
    return this.#text.slice(start, end);
  }

  /** There is no escape: the literal ends at the next quote of the kind that opened it (semantics 1.1.4). */
  #literal(): string | SyntaxProblem {
    const start = this.offset;
    const quote = this.#text[start];
    if (quote !== "'" && quote !== '"') return this.expected('a value in quotes');
    const end = this.#text.indexOf(quote, start + 1);
    if (end === -1) return { problem: `the value that begins here has no closing ${quote}`, offset: start };
    this.#offset = end + 1;
    return this.#text.slice(start + 1, end);
  }

  #set(): readonly string[] | SyntaxProblem {
    if (!this.take('{')) return this.expected('"{"');
    const values: string[] = [];
    while (!this.take('}')) {
      const value = this.#literal();
      if (typeof value !== 'string') return value;
      values.push(value);
      if (!this.take(',') && this.#text[this.offset] !== '}') return this.expected('"," or "}"');
    }
    return values;
  }

  /** Only space and tab; a line break is an error wherever it is not part of a value (semantics 1.1.1). */
  #blanks(): void {
    let code = this.#text.charCodeAt(this.#offset);
    while (code === 0x20 || code === 0x09) code = this.#text.charCodeAt(++this.#offset);
  }

  #found(): string {
    const start = this.offset;
    let end = start;
    while (end - start < 20 && isIdentifier(this.#text.charCodeAt(end))) end++;
    if (end > start) return JSON.stringify(this.#text.slice(start, end));
    const point = this.#text.codePointAt(start);
    return point === undefined ? 'the end' : quoteForMessage(String.fromCodePoint(point));
  }
}

/** ASCII letters, digits, `_`, `.`, `/` and `-`, in any place (semantics 1.1.2). `NaN`, beyond the end, is none. */
function isIdentifier(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || // a-z
    (code >= 0x2d && code <= 0x39) || // - . / 0-9
    (code >= 0x41 && code <= 0x5a) || // A-Z
    code === 0x5f // _
  );
}
