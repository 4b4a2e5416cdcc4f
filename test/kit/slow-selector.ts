import { createHash } from 'node:crypto';

// Calico's selector language from policy semantics 1 alone, one character at a time: to check the real one against.

export type Tree =
  | { readonly is: 'all' | 'global' }
  | { readonly is: 'has'; readonly key: string }
  | { readonly is: Comparison; readonly key: string; readonly value: string }
  | { readonly is: 'in' | 'not in'; readonly key: string; readonly values: readonly string[] }
  | { readonly is: 'not'; readonly of: Tree }
  | { readonly is: 'and' | 'or'; readonly of: readonly Tree[] };

type Comparison = '==' | '!=' | 'contains' | 'starts with' | 'ends with';

class Wrong extends Error {}

/** The tree of a text, or `undefined` if the text is no selector (1.1, 1.2). */
export function treeOf(text: string): Tree | undefined {
  try {
    return new Reader(text).selector();
  } catch (error) {
    if (error instanceof Wrong) return undefined;
    throw error;
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  selector(): Tree {
    this.#blanks();
    if (this.#at === this.#text.length) return { is: 'all' };
    const tree = this.#joined('||', () => this.#joined('&&', () => this.#unary(), 'and'), 'or');
    if (this.#at < this.#text.length) throw new Wrong();
    return tree;
  }

  #joined(operator: string, operand: () => Tree, is: 'and' | 'or'): Tree {
    const of = [operand()];
    while (this.#take(operator)) of.push(operand());
    const [first, second] = of;
    return first !== undefined && second === undefined ? first : { is, of };
  }

  /** 1.2.1 and 1.2.2: only `!` beside `!` makes a run, a group between them is not looked into (1.4.7). */
  #unary(): Tree {
    let negated = false;
    while (this.#take('!')) negated = !negated;
    const of = this.#operation();
    return negated ? { is: 'not', of } : of;
  }

  #operation(): Tree {
    if (this.#take('has(')) {
      const key = this.#name();
      this.#must(')');
      return { is: 'has', key };
    }
    for (const is of ['all', 'global'] as const)
      if (this.#take(`${is}(`)) {
        this.#must(')');
        return { is };
      }
    if (this.#take('(')) {
      const tree = this.#joined('||', () => this.#joined('&&', () => this.#unary(), 'and'), 'or');
      this.#must(')');
      return tree;
    }
    const key = this.#name();
    for (const is of ['==', '!='] as const) if (this.#take(is)) return { is, key, value: this.#literal() };
    if (this.#word('contains')) return { is: 'contains', key, value: this.#literal() };
    if (this.#word('starts', 'with')) return { is: 'starts with', key, value: this.#literal() };
    if (this.#word('ends', 'with')) return { is: 'ends with', key, value: this.#literal() };
    if (this.#word('not', 'in')) return { is: 'not in', key, values: this.#members() };
    if (this.#word('in')) return { is: 'in', key, values: this.#members() };
    throw new Wrong();
  }

  #members(): readonly string[] {
    const values: string[] = [];
    this.#must('{');
    while (!this.#take('}')) {
      values.push(this.#literal());
      if (this.#take(',')) continue;
      this.#must('}');
      break;
    }
    return values;
  }

  #literal(): string {
    const quote = this.#take("'") ? "'" : this.#take('"') ? '"' : '';
    const end = quote === '' ? -1 : this.#text.indexOf(quote, this.#at);
    if (end === -1) throw new Wrong();
    const value = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    this.#blanks();
    return value;
  }

  #name(): string {
    const [name = ''] = /^[A-Za-z0-9_./-]*/.exec(this.#text.slice(this.#at)) ?? [];
    if (name === '' || name.length > 512) throw new Wrong();
    this.#at += name.length;
    this.#blanks();
    return name;
  }

  /** 1.1.6 and 1.1.7 */
  #word(...words: readonly string[]): boolean {
    let at = this.#at;
    for (const word of words) {
      at = afterBlanks(this.#text, at);
      if (!this.#text.startsWith(word, at)) return false;
      at += word.length;
    }
    if (words.length > 1) at = afterBlanks(this.#text, at);
    if (/[A-Za-z0-9_./-]/.test(this.#text.charAt(at))) return false;
    this.#at = afterBlanks(this.#text, at);
    return true;
  }

  #must(token: string): void {
    if (!this.#take(token)) throw new Wrong();
  }

  #take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    if (token !== "'" && token !== '"') this.#blanks();
    return true;
  }

  #blanks(): void {
    this.#at = afterBlanks(this.#text, this.#at);
  }
}

function afterBlanks(text: string, at: number): number {
  let next = at;
  while (text.charAt(next) === ' ' || text.charAt(next) === '\t') next++;
  return next;
}

/** 1.3 */
export function holdsFor(tree: Tree, labels: ReadonlyMap<string, string>): boolean {
  switch (tree.is) {
    case 'all':
    case 'global':
      return true;
    case 'not':
      return !holdsFor(tree.of, labels);
    case 'and':
      return tree.of.every((one) => holdsFor(one, labels));
    case 'or':
      return tree.of.some((one) => holdsFor(one, labels));
    default:
      return tests(tree, labels.get(tree.key));
  }
}

type Leaf = Extract<Tree, { readonly key: string }>;

function tests(tree: Leaf, value: string | undefined): boolean {
  switch (tree.is) {
    case 'has':
      return value !== undefined;
    case '==':
      return value === tree.value;
    case '!=':
      return value !== tree.value;
    case 'in':
      return value !== undefined && tree.values.includes(value);
    case 'not in':
      return value === undefined || !tree.values.includes(value);
    case 'contains':
      return value?.includes(tree.value) ?? false;
    case 'starts with':
      return value?.startsWith(tree.value) ?? false;
    case 'ends with':
      return value?.endsWith(tree.value) ?? false;
    default:
      throw new Error(`${JSON.stringify(tree satisfies never)} is no test of a label`);
  }
}

/** 1.4 */
export function textOf(tree: Tree): string {
  switch (tree.is) {
    case 'all':
    case 'global':
      return `${tree.is}()`;
    case 'has':
      return `has(${tree.key})`;
    case 'not':
      return `!${textOf(tree.of)}`;
    case 'and':
    case 'or':
      return `(${tree.of.map(textOf).join(tree.is === 'and' ? ' && ' : ' || ')})`;
    case 'in':
    case 'not in': {
      const members = [...new Set(tree.values)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      return `${tree.key} ${tree.is} {${members.map(quoted).join(', ')}}`;
    }
    default:
      return `${tree.key} ${tree.is} ${quoted(tree.value)}`;
  }
}

function quoted(value: string): string {
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}

/** 1.5, and 4.5 for the other prefixes */
export function idOf(prefix: 's' | 'n' | 'svc' | 'svcnoport', text: string): string {
  return `${prefix}:${createHash('sha224').update(`${prefix}:${text}`).digest('base64url')}`;
}

/** Every label name with a prefix (3.1, 3.2). */
export function prefixed(tree: Tree, prefix: string): Tree {
  switch (tree.is) {
    case 'all':
    case 'global':
      return tree;
    case 'not':
      return { is: 'not', of: prefixed(tree.of, prefix) };
    case 'and':
    case 'or':
      return { is: tree.is, of: tree.of.map((one) => prefixed(one, prefix)) };
    default:
      return { ...tree, key: prefix + tree.key };
  }
}

/** The tree of a text that has to be right. */
export function mustRead(text: string): Tree {
  const tree = treeOf(text);
  if (tree === undefined) throw new Error(`the slow selector cannot read ${text}`);
  return tree;
}

export function holds(text: string, labels: ReadonlyMap<string, string>): boolean {
  return holdsFor(mustRead(text), labels);
}

export function canonical(text: string): string {
  return textOf(mustRead(text));
}
