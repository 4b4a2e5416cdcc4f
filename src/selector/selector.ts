import type { Diagnostic, Parsed } from '../base/diagnostic.ts';
import { print, uniqueId } from './canonical.ts';
import { type Labels, type Program, compile, run } from './matcher.ts';
import { type SelectorNode, and } from './node.ts';
import { column, parseNode } from './parser.ts';

export type { Labels } from './matcher.ts';

/** A Calico selector that was read. Two selectors are the same exactly when their canonical texts, and so their ids, are. */
export interface Selector {
  /** Canonical text (semantics 1.4). */
  readonly canonical: string;
  /** Calico's id of the selector's address set (semantics 1.5): `s:` and 38 characters. */
  readonly id: string;
  readonly node: SelectorNode;
  /** Whether something with these labels is selected (semantics 1.3). */
  matches(labels: Labels): boolean;
}

/**
 * Reads a selector. The empty text selects everything. On a mistake there is no value and one diagnostic with the column, in characters
 * from 1; its path is empty, the caller knows the field.
 * @example
 * parseSelector("app == 'web' && tier in {'front', 'edge'}").value?.matches({ app: 'web', tier: 'edge' }); // true
 */
export function parseSelector(text: string): Parsed<Selector> {
  const node = parseNode(text);
  if (!('problem' in node)) return { value: selectorOf(node), diagnostics: [] };
  const diagnostic: Diagnostic = {
    severity: 'error',
    code: 'SELECTOR_SYNTAX',
    message: node.problem,
    path: '',
    at: { line: 1, column: column(text, node.offset) },
  };
  return { diagnostics: [diagnostic] };
}

/** A selector from a tree built in code (`sallyport/selector` exports the constructors). */
export function selectorOf(node: SelectorNode): Selector {
  return new TreeSelector(node);
}

/**
 * The selector of `and(first, second)`. Policies have hundreds of thousands of such, of which one half or both are shared: the tree is put
 * together for whoever asks, and not kept, because it would take as much memory as the rest.
 */
export function conjunctionOf(first: SelectorNode, second: SelectorNode): Selector {
  return new ConjunctionSelector(first, second);
}

/**
 * Text, id and program are made when first asked for: most selectors of a cluster need only their id, and the text that it is made from
 * is three times as long and not kept.
 */
abstract class LazySelector implements Selector {
  #canonical: string | undefined;
  #id: string | undefined;
  #program: Program | undefined;

  abstract get node(): SelectorNode;

  get canonical(): string {
    this.#canonical ??= print(this.node);
    return this.#canonical;
  }

  get id(): string {
    this.#id ??= uniqueId('s:', this.#canonical ?? print(this.node));
    return this.#id;
  }

  matches(labels: Labels): boolean {
    this.#program ??= compile(this.node);
    return run(this.#program, labels);
  }
}

class TreeSelector extends LazySelector {
  readonly node: SelectorNode;

  constructor(node: SelectorNode) {
    super();
    this.node = node;
  }
}

class ConjunctionSelector extends LazySelector {
  readonly #first: SelectorNode;
  readonly #second: SelectorNode;

  constructor(first: SelectorNode, second: SelectorNode) {
    super();
    this.#first = first;
    this.#second = second;
  }

  get node(): SelectorNode {
    return and(this.#first, this.#second);
  }
}
