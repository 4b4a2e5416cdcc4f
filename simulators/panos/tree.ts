import { keyOf, type Place } from './path.ts';
import { element, type Element } from './xml.ts';

/**
 * Children by key, of elements that have many. A changed copy takes the index of its original along, which then has to make a new one should it
 * be asked again: an edit of a large folder costs no walk through it.
 */
const indexes = new WeakMap<Element, Map<string, Element>>();
const MANY = 16;

function indexOf(of: Element): Map<string, Element> | undefined {
  if (of.children.length < MANY) return undefined;
  let index = indexes.get(of);
  if (index === undefined) {
    index = new Map();
    for (const one of of.children) {
      const key = keyOf(one);
      if (!index.has(key)) index.set(key, one);
    }
    indexes.set(of, index);
  }
  return index;
}

/** Hands an index over to a copy that differs in these children. */
function inherit(from: Element, to: Element, changed: Iterable<readonly [string, Element | undefined]>): void {
  const index = indexes.get(from);
  if (index === undefined) return;
  indexes.delete(from);
  for (const [key, one] of changed)
    if (one === undefined) index.delete(key);
    else index.set(key, one);
  indexes.set(to, index);
}

/** The child with a key; `undefined` where there is none. */
export function childAt(of: Element | undefined, key: string): Element | undefined {
  if (of === undefined) return undefined;
  const index = indexOf(of);
  return index === undefined ? of.children.find((one) => keyOf(one) === key) : index.get(key);
}

/** `place` begins with the root's own key. */
export function find(root: Element, place: Place): Element | undefined {
  let at: Element | undefined = root;
  for (const key of place.slice(1)) at = childAt(at, key);
  return at;
}

/** An element of a key without anything inside. */
export function empty(key: string): Element {
  if (key.startsWith('entry ')) return element('entry', [], { name: key.slice('entry '.length) });
  if (key.startsWith('member ')) return element('member', key.slice('member '.length));
  return element(key);
}

export const withChildren = (of: Element, children: readonly Element[]): Element => ({ ...of, children });

/** A copy with one child replaced, added at the end, or (`undefined`) left out. */
export function putChild(of: Element, key: string, next: Element | undefined): Element {
  const old = childAt(of, key);
  if (old === next) return of;
  const children = of.children.slice();
  if (old === undefined) {
    if (next !== undefined) children.push(next);
  } else if (next === undefined) children.splice(children.indexOf(old), 1);
  else children[children.indexOf(old)] = next;
  const copy = withChildren(of, children);
  inherit(of, copy, [[key, next]]);
  return copy;
}

/** A copy of the tree in which what stands at `place` was changed. Missing elements on the way are made unless nothing comes of it. */
export function change(root: Element, place: Place, by: (old: Element | undefined) => Element | undefined): Element {
  const go = (at: Element | undefined, depth: number): Element | undefined => {
    const key = place[depth];
    if (key === undefined) return by(at);
    const old = childAt(at, key);
    const next = go(old, depth + 1);
    if (at === undefined && next === undefined) return undefined;
    return putChild(at ?? empty(place[depth - 1] ?? ''), key, next);
  };
  return go(root, 1) ?? root;
}

/** How many keys of a place are there already, the root's included. */
export function depthOf(root: Element, place: Place): number {
  let at: Element | undefined = root;
  for (let depth = 1; depth < place.length; depth++) {
    at = childAt(at, place[depth] ?? '');
    if (at === undefined) return depth;
  }
  return place.length;
}

/**
 * What `set` does: adds and replaces, never removes (reference 1.3). `touched` is told the place of every element that is new or has another text.
 */
export function merge(
  old: Element,
  incoming: readonly Element[],
  place: Place,
  touched: (place: Place) => void,
): Element {
  const children = old.children.slice();
  const changed = new Map<string, Element>();
  for (const one of incoming) {
    const key = keyOf(one);
    const below = [...place, key];
    const present = changed.get(key) ?? childAt(old, key);
    if (present === undefined) {
      const added = withoutRepeats(one);
      children.push(added);
      changed.set(key, added);
      touched(below);
      continue;
    }
    let next = present;
    if (one.children.length > 0) next = merge(present, one.children, below, touched);
    else if (one.text !== present.text && present.children.length === 0) {
      next = { ...present, text: one.text };
      touched(below);
    }
    if (next === present) continue;
    children[children.indexOf(present)] = next;
    changed.set(key, next);
  }
  if (changed.size === 0) return old;
  const copy = withChildren(old, children);
  inherit(old, copy, changed);
  return copy;
}

/** Members that stand twice in one list count once (reference 1.15). */
export function withoutRepeats(of: Element): Element {
  if (of.children.length === 0) return of;
  const seen = new Set<string>();
  const children = of.children.filter((one) => {
    if (one.name !== 'member') return true;
    if (seen.has(one.text)) return false;
    seen.add(one.text);
    return true;
  });
  return withChildren(of, children.map(withoutRepeats));
}

/** A copy in which `key` stands right after `after`, or first. */
export function placedAfter(of: Element, key: string, after: string | undefined): Element {
  const moved = childAt(of, key);
  if (moved === undefined) return of;
  const others = of.children.filter((one) => one !== moved);
  const at = after === undefined ? 0 : others.findIndex((one) => keyOf(one) === after) + 1;
  return withChildren(of, others.toSpliced(at, 0, moved));
}
