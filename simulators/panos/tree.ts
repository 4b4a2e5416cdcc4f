import { keyOf, type Place } from './path.ts';
import { element, type Element } from './xml.ts';

/** The child with a key; `undefined` where there is none. */
export function childAt(of: Element | undefined, key: string): Element | undefined {
  if (of === undefined) return undefined;
  if (key.startsWith('entry ')) {
    const name = key.slice('entry '.length);
    return of.children.find((one) => one.name === 'entry' && one.attributes.get('name') === name);
  }
  if (key.startsWith('member ')) {
    const text = key.slice('member '.length);
    return of.children.find((one) => one.name === 'member' && one.text === text);
  }
  return of.children.find((one) => one.name === key);
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
  if (old === undefined) return next === undefined ? of : withChildren(of, [...of.children, next]);
  const at = of.children.indexOf(old);
  return withChildren(of, next === undefined ? of.children.toSpliced(at, 1) : of.children.with(at, next));
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
  const children = [...old.children];
  const index = new Map(children.map((one, at) => [keyOf(one), at]));
  for (const one of incoming) {
    const key = keyOf(one);
    const below = [...place, key];
    const at = index.get(key);
    const present = at === undefined ? undefined : children[at];
    if (at === undefined || present === undefined) {
      index.set(key, children.push(withoutRepeats(one)) - 1);
      touched(below);
    } else if (one.children.length > 0) children[at] = merge(present, one.children, below, touched);
    else if (one.text !== present.text && present.children.length === 0) {
      children[at] = { ...present, text: one.text };
      touched(below);
    }
  }
  return withChildren(old, children);
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
