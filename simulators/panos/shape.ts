import { spoken, type Place } from './path.ts';
import type { Element } from './xml.ts';

/** What a name in the configuration stands for; each kind has folders of its own in which it is looked up. */
export type Kind =
  | 'address'
  | 'source address'
  | 'service'
  | 'tag'
  | 'zone'
  | 'profile-group'
  | 'log-profile'
  | 'schedule'
  | 'certificate-profile';

export interface TextRule {
  /** Most characters; none: not known. */
  readonly max?: number;
  readonly min?: number;
  readonly words?: readonly string[];
  readonly accepts?: (text: string) => boolean;
  readonly refers?: Kind;
}

/** What may stand at a place of the configuration. */
export type Shape =
  | {
      readonly kind: 'folder';
      readonly children: Readonly<Record<string, Shape>>;
      /** Of each group at most one child may be there. */
      readonly exclusive: readonly (readonly string[])[];
      /** Of each group at least one child must be there when it is committed. */
      readonly required: readonly (readonly string[])[];
    }
  | { readonly kind: 'entries'; readonly of: Shape; readonly name: TextRule; readonly ordered: boolean }
  | { readonly kind: 'members'; readonly text: TextRule; readonly least: number; readonly most: number }
  | { readonly kind: 'text'; readonly text: TextRule }
  /** Nothing is known of what stands below; it is kept as it comes. */
  | { readonly kind: 'opaque' };

export const folder = (
  children: Readonly<Record<string, Shape>>,
  {
    exclusive = [],
    required = [],
  }: { exclusive?: readonly (readonly string[])[]; required?: readonly (readonly string[])[] } = {},
): Shape => ({ kind: 'folder', children, exclusive, required });

/** A folder of which exactly one child is there. */
export const choice = (children: Readonly<Record<string, Shape>>): Shape =>
  folder(children, { exclusive: [Object.keys(children)], required: [Object.keys(children)] });

export const entries = (of: Shape, name: TextRule, ordered = false): Shape => ({ kind: 'entries', of, name, ordered });
export const list = (text: TextRule, least = 0, most = Number.POSITIVE_INFINITY): Shape => ({
  kind: 'members',
  text,
  least,
  most,
});
export const text = (rule: TextRule = {}): Shape => ({ kind: 'text', text: rule });
export const opaque: Shape = { kind: 'opaque' };
export const yesNo = text({ words: ['yes', 'no'] });

/** The shape at a place; `undefined`: nothing of the kind can be there. */
export function shapeAt(root: Shape, place: Place): Shape | undefined {
  let at: Shape = root;
  for (const key of place.slice(1)) {
    const next = shapeBelow(at, key);
    if (next === undefined) return undefined;
    at = next;
  }
  return at;
}

/** The shape of one child, by its key; members are texts. */
export function shapeBelow(shape: Shape, key: string): Shape | undefined {
  switch (shape.kind) {
    case 'folder':
      return Object.hasOwn(shape.children, key) ? shape.children[key] : undefined;
    case 'entries':
      return key === 'entry' || key.startsWith('entry ') ? shape.of : undefined;
    case 'members':
      return key === 'member' || key.startsWith('member ') ? { kind: 'text', text: shape.text } : undefined;
    case 'opaque':
      return opaque;
    case 'text':
      return undefined;
  }
}

const name = (rule: TextRule, given: string): string | undefined => {
  if (rule.max !== undefined && given.length > rule.max)
    return ` ${given} can be at most ${rule.max} characters, but current length: ${given.length}`;
  return rule.accepts?.(given) === false ? ` '${given}' is not a valid name` : undefined;
};

function wrongText(rule: TextRule, given: string, place: Place): string | undefined {
  if (rule.max !== undefined && given.length > rule.max)
    return ` ${spoken(place)} can be at most ${rule.max} characters, but current length: ${given.length}`;
  if (given.length < (rule.min ?? 0)) return ` ${spoken(place)} is too short`;
  if (rule.words !== undefined && !rule.words.includes(given))
    return ` ${spoken(place)} '${given}' is not an allowed keyword`;
  if (rule.accepts?.(given) === false) return ` ${spoken(place)} '${given}' is invalid`;
  return undefined;
}

/**
 * What is wrong with an element whatever the rest of the configuration says: unknown children, names and texts beyond their limits. Such an edit
 * is refused with code 12 (reference 1.2, 1.4). What is merely incomplete is found at commit.
 */
export function mistakesOf(of: Element, shape: Shape, place: Place, found: string[] = []): readonly string[] {
  const here = spoken(place.slice(-2));
  const allowed = (one: Element): boolean => shapeBelow(shape, one.name) !== undefined;
  switch (shape.kind) {
    case 'opaque':
      break;
    case 'text': {
      const wrong =
        of.children.length > 0 ? ` ${here} holds no elements` : wrongText(shape.text, of.text, place.slice(-2));
      if (wrong !== undefined) found.push(wrong);
      break;
    }
    case 'folder':
    case 'entries':
    case 'members': {
      if (of.text.trim() !== '') found.push(` ${here} holds no text`);
      const seen = new Set<string>();
      for (const one of of.children) {
        if (!allowed(one)) {
          found.push(` ${here} -> ${one.name} unexpected here`);
          continue;
        }
        const given = one.attributes.get('name');
        const key =
          one.name === 'entry' ? `entry ${given ?? ''}` : one.name === 'member' ? `member ${one.text}` : one.name;
        if (one.name === 'entry' && shape.kind === 'entries') {
          const wrong = given === undefined ? ` ${here} -> entry has no name` : name(shape.name, given);
          if (wrong !== undefined) found.push(wrong);
        }
        if (seen.has(key) && one.name !== 'member')
          found.push(` ${spoken([...place.slice(-1), key])} is already in use`);
        seen.add(key);
        const below = shapeBelow(shape, one.name);
        if (below !== undefined) mistakesOf(one, below, [...place, one.name === 'member' ? 'member' : key], found);
      }
      break;
    }
  }
  return found;
}

/** What is incomplete or contradicts itself below a place: found when it is committed (reference 1.7, *Validate*). */
export function gapsOf(of: Element, shape: Shape, place: Place, found: string[] = []): readonly string[] {
  switch (shape.kind) {
    case 'folder': {
      const there = new Set(of.children.map((one) => one.name));
      for (const group of shape.exclusive) {
        const [first, second] = group.filter((one) => there.has(one));
        if (first !== undefined && second !== undefined)
          found.push(` ${spoken(place.slice(-2))} Node ${first} and ${second} are mutually exclusive`);
      }
      for (const group of shape.required)
        if (!group.some((one) => there.has(one)))
          found.push(` ${spoken(place.slice(-2))} is missing '${group.join("' or '")}'`);
      break;
    }
    case 'members': {
      if (of.children.length < shape.least)
        found.push(` ${spoken(place.slice(-3))} needs at least ${shape.least} member`);
      if (of.children.length > shape.most) found.push(` ${spoken(place.slice(-3))} takes at most ${shape.most} member`);
      return found;
    }
    case 'entries':
      break;
    case 'text':
    case 'opaque':
      return found;
  }
  for (const one of of.children) {
    const below = shapeBelow(shape, one.name);
    if (below !== undefined)
      gapsOf(
        one,
        below,
        [...place, one.name === 'entry' ? `entry ${one.attributes.get('name') ?? ''}` : one.name],
        found,
      );
  }
  return found;
}
