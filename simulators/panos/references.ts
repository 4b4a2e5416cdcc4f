import { parseNetmask, parseRange } from './addresses.ts';
import { keyOf, type Place, spoken } from './path.ts';
import { type Kind, type Shape, shapeAt, shapeBelow } from './shape.ts';
import { childAt, find } from './tree.ts';
import type { Element } from './xml.ts';

/** A part of the configuration in which names are looked up, and the parts that are asked after it, nearest first. */
export interface Scope {
  /** `vsys1`, `shared`, or a device group's name. */
  readonly name: string;
  readonly place: Place;
  readonly sees: readonly Scope[];
  /** What is not in the tree but can be named all the same: what a Panorama has pushed. Nearest first. */
  readonly beside: readonly Element[];
}

/** Where an entry names others: one text, or a list of members. */
export interface Reference {
  /** Below the entry that holds it. */
  readonly within: Place;
  readonly kind: Kind;
  readonly holder: Element;
}

/** The names themselves. */
export const namesIn = ({ holder }: Reference): readonly string[] =>
  holder.children.length > 0 ? holder.children.map(({ text }) => text) : holder.text === '' ? [] : [holder.text];

/** Whether it names this. */
export const isNamedIn = ({ holder }: Reference, name: string): boolean =>
  holder.text === name || childAt(holder, `member ${name}`) !== undefined;

/** Folders in which a kind of name is looked up, in this order. */
export const foldersOf: Readonly<Record<Kind, readonly (readonly string[])[]>> = {
  address: [['address'], ['address-group']],
  'source address': [['address'], ['address-group'], ['external-list']],
  service: [['service'], ['service-group']],
  tag: [['tag']],
  zone: [['zone']],
  'profile-group': [['profile-group']],
  'log-profile': [['log-settings', 'profiles']],
  schedule: [['schedule']],
  'certificate-profile': [['certificate-profile']],
};

/** Where entries stand that can be named, or that name others. */
const unitFolders: readonly (readonly string[])[] = [
  ['address'],
  ['address-group'],
  ['service'],
  ['service-group'],
  ['external-list'],
  ...['rulebase', 'pre-rulebase', 'post-rulebase'].flatMap((base) => [
    [base, 'security', 'rules'],
    [base, 'nat', 'rules'],
  ]),
];

/** Names that need no definition: literal addresses, two-letter regions, `any`, predefined services, tags of filters. */
export function isBuiltIn(kind: Kind, name: string): boolean {
  switch (kind) {
    case 'address':
    case 'source address':
      return (
        (kind === 'source address' && (name === 'any' || /^[A-Z]{2}$/.test(name))) ||
        parseNetmask(name) !== undefined ||
        parseRange(name) !== undefined
      );
    case 'service':
      return name === 'any' || name === 'application-default' || name === 'service-http' || name === 'service-https';
    case 'zone':
      return name === 'any';
    case 'log-profile':
      return false;
    case 'tag':
    case 'profile-group':
    case 'schedule':
    case 'certificate-profile':
      return false;
  }
}

const folderIn = (of: Element | undefined, way: readonly string[]): Element | undefined =>
  way.reduce<Element | undefined>((at, key) => childAt(at, key), of);

/** The nearest scope or pushed part that defines a name, with the folder. */
export function definition(
  root: Element,
  scope: Scope,
  kind: Kind,
  name: string,
): { readonly scope: Scope | undefined; readonly folder: readonly string[] } | undefined {
  const inside = (of: Element | undefined): readonly string[] | undefined =>
    foldersOf[kind].find((folder) => childAt(folderIn(of, folder), `entry ${name}`) !== undefined);
  for (const one of [scope, ...scope.sees]) {
    const folder = inside(find(root, one.place));
    if (folder !== undefined) return { scope: one, folder };
  }
  for (const pushed of scope.beside) {
    const folder = inside(pushed);
    if (folder !== undefined) return { scope: undefined, folder };
  }
  return undefined;
}

export const resolves = (root: Element, scope: Scope, kind: Kind, name: string): boolean =>
  definition(root, scope, kind, name) !== undefined || isBuiltIn(kind, name);

const cached = new WeakMap<Element, readonly Reference[]>();

/** Every place at which an entry names others. */
export function referencesOf(unit: Element, shape: Shape): readonly Reference[] {
  const known = cached.get(unit);
  if (known !== undefined) return known;
  const found: Reference[] = [];
  const go = (of: Element, at: Shape, within: Place): void => {
    if (at.kind === 'text' || at.kind === 'members') {
      if (at.text.refers !== undefined) found.push({ within, kind: at.text.refers, holder: of });
      return;
    }
    for (const one of of.children) {
      const below = shapeBelow(at, one.name);
      if (below !== undefined && below.kind !== 'opaque') go(one, below, [...within, keyOf(one)]);
    }
  };
  go(unit, shape, []);
  cached.set(unit, found);
  return found;
}

const kindsOf = new WeakMap<Shape, ReadonlySet<Kind>>();

/** What entries of a shape can name. */
function kindsIn(shape: Shape): ReadonlySet<Kind> {
  const known = kindsOf.get(shape);
  if (known !== undefined) return known;
  const found = new Set<Kind>();
  const go = (at: Shape): void => {
    if (at.kind === 'folder') Object.values(at.children).forEach(go);
    else if (at.kind === 'entries') go(at.of);
    else if (at.kind !== 'opaque' && at.text.refers !== undefined) found.add(at.text.refers);
  };
  go(shape);
  kindsOf.set(shape, found);
  return found;
}

interface Unit {
  readonly place: Place;
  readonly element: Element;
  readonly shape: Shape;
}

/** Every entry of a scope that may name others; with `kinds`, others of these kinds. */
export function* unitsOf(root: Element, scope: Scope, schema: Shape, kinds?: ReadonlySet<Kind>): Generator<Unit> {
  const home = find(root, scope.place);
  for (const way of unitFolders) {
    const place = [...scope.place, ...way];
    const shape = shapeAt(schema, place);
    if (shape?.kind !== 'entries') continue;
    if (kinds !== undefined && ![...kindsIn(shape.of)].some((kind) => kinds.has(kind))) continue;
    for (const one of folderIn(home, way)?.children ?? [])
      yield { place: [...place, keyOf(one)], element: one, shape: shape.of };
  }
}

/** How a device tells where a name is used: ` vsys -> vsys1 -> rulebase -> security -> rules -> r1 -> source`. */
const told = (place: Place, { within }: Reference): string =>
  ` ${spoken([...(place[1] === 'devices' ? place.slice(3) : place.slice(1)), ...within])}`;

/** Names that lead nowhere, told as a commit tells them. `zones`: whether zones are known here at all. */
export function dangling(root: Element, scopes: readonly Scope[], schema: Shape, zones: boolean): readonly string[] {
  const found: string[] = [];
  for (const scope of scopes)
    for (const { place, element, shape } of unitsOf(root, scope, schema))
      for (const reference of referencesOf(element, shape)) {
        if (reference.kind === 'zone' && !zones) continue;
        for (const name of namesIn(reference))
          if (!resolves(root, scope, reference.kind, name))
            found.push(`${told(place, reference)} '${name}' is not a valid reference`);
      }
  return found;
}

/** Who would be left with a name that leads nowhere if `root` were the configuration: one line for each. */
export function referrers(
  root: Element,
  scopes: readonly Scope[],
  schema: Shape,
  lost: { readonly folder: readonly string[]; readonly name: string },
): readonly string[] {
  const kinds = new Set(
    (Object.keys(foldersOf) as Kind[]).filter((kind) =>
      foldersOf[kind].some((folder) => folder.join('/') === lost.folder.join('/')),
    ),
  );
  const found = new Set<string>();
  for (const scope of scopes)
    for (const { place, element, shape } of unitsOf(root, scope, schema, kinds))
      for (const reference of referencesOf(element, shape))
        if (
          kinds.has(reference.kind) &&
          isNamedIn(reference, lost.name) &&
          !resolves(root, scope, reference.kind, lost.name)
        )
          found.add(told(place, reference));
  return [...found];
}
