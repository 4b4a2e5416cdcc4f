import { type FieldSet, equal, isMap } from './object.ts';

/** How a list or map is owned and merged. */
export type Merging =
  | { readonly type: 'atomic' }
  | { readonly type: 'granular' }
  | { readonly type: 'set' }
  | { readonly type: 'map'; readonly keys: readonly string[]; readonly defaults: Readonly<Record<string, unknown>> };

/** How the value at a path of field names (elements of lists leave no name) is merged. */
export type Schema = (path: readonly string[]) => Merging;

/** A path as `managedFields` writes it: `f:spec`, `k:{"type":"Ready"}`, `v:"x"`. */
export type Path = readonly string[];
/** Paths, joined by NUL. */
export type Paths = Set<string>;

const NUL = '\0';
export const joined = (path: Path): string => path.join(NUL);
export const split = (path: string): Path => path.split(NUL);

const canonical = (value: unknown): string =>
  isMap(value) ? JSON.stringify(value, Object.keys(value).toSorted()) : JSON.stringify(value);

/** What names an element of a list that is merged by key or as a set. */
export function elementOf(value: unknown, merging: Merging): string {
  if (merging.type !== 'map' || !isMap(value)) return `v:${canonical(value)}`;
  const keys = merging.keys.map((key) => [key, value[key] ?? merging.defaults[key]] as const);
  return `k:${canonical(Object.fromEntries(keys.filter(([, one]) => one !== undefined)))}`;
}

/** Every field that a value sets. Elements of keyed lists count themselves as well. */
export function pathsOf(value: unknown, schema: Schema, path: Path = [], names: readonly string[] = []): Paths {
  const found: Paths = new Set();
  const leaf = (): Paths => found.add(joined(path));
  const add = (more: Paths): void => {
    for (const one of more) found.add(one);
  };
  const merging = schema(names);
  if (isMap(value)) {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    if (path.length > 0 && (merging.type === 'atomic' || entries.length === 0)) return leaf();
    for (const [key, one] of entries) add(pathsOf(one, schema, [...path, `f:${key}`], [...names, key]));
    return found;
  }
  if (!Array.isArray(value) || (merging.type !== 'map' && merging.type !== 'set')) return leaf();
  for (const one of value as readonly unknown[]) {
    const element = [...path, elementOf(one, merging)];
    found.add(joined(element));
    if (merging.type === 'map') add(pathsOf(one, schema, element, names));
  }
  return found;
}

/** The value at a path, or `undefined`. */
export function at(value: unknown, path: Path, schema: Schema, names: readonly string[] = []): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (first.startsWith('f:')) {
    const key = first.slice(2);
    return isMap(value) ? at(value[key], rest, schema, [...names, key]) : undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const merging = schema(names);
  return at(
    (value as readonly unknown[]).find((one) => elementOf(one, merging) === first),
    rest,
    schema,
    names,
  );
}

/** Without what is at a path; what becomes empty by that goes too. */
export function without(value: unknown, path: Path, schema: Schema, names: readonly string[] = []): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return undefined;
  if (first.startsWith('f:')) {
    const key = first.slice(2);
    if (!isMap(value) || !(key in value)) return value;
    const { [key]: inner, ...others } = value;
    const left = without(inner, rest, schema, [...names, key]);
    if (left !== undefined) return { ...value, [key]: left };
    return Object.keys(others).length === 0 && names.length > 0 ? undefined : others;
  }
  if (!Array.isArray(value)) return value;
  const merging = schema(names);
  const kept = (value as readonly unknown[]).flatMap((one) => {
    if (elementOf(one, merging) !== first) return [one];
    const left = without(one, rest, schema, names);
    return left === undefined ? [] : [left];
  });
  return kept.length === 0 ? undefined : kept;
}

/** `live` with everything that `applied` sets. */
export function merged(live: unknown, applied: unknown, schema: Schema, names: readonly string[] = []): unknown {
  const merging = schema(names);
  if (isMap(applied) && merging.type !== 'atomic') {
    const result: Record<string, unknown> = isMap(live) ? { ...live } : {};
    for (const [key, one] of Object.entries(applied)) result[key] = merged(result[key], one, schema, [...names, key]);
    return result;
  }
  if (!Array.isArray(applied) || !Array.isArray(live) || (merging.type !== 'map' && merging.type !== 'set'))
    return applied;
  const wanted = new Map((applied as readonly unknown[]).map((one) => [elementOf(one, merging), one]));
  const kept = (live as readonly unknown[]).map((one) => {
    const element = elementOf(one, merging);
    const mine = wanted.get(element);
    wanted.delete(element);
    return mine === undefined ? one : merging.type === 'map' ? merged(one, mine, schema, names) : mine;
  });
  return [...kept, ...wanted.values()];
}

/** Fields whose value is another one than before, or new. */
export function changedPaths(before: unknown, after: unknown, schema: Schema): Paths {
  const paths = pathsOf(after, schema);
  for (const path of paths) {
    const route = split(path);
    const old = at(before, route, schema);
    const isElement = /^[kv]:/.test(route.at(-1) ?? '');
    if (old !== undefined && (isElement || equal(old, at(after, route, schema)))) paths.delete(path);
  }
  return paths;
}

export function toTree(paths: Iterable<string>): FieldSet {
  const tree: Record<string, FieldSet> = {};
  const all = [...paths].toSorted();
  const nodes = new Set(all);
  for (const path of all) {
    let node = tree;
    const route = split(path);
    for (const segment of route) node = (node[segment] ??= {}) as Record<string, FieldSet>;
    // An element of a list that owns itself and has fields that are owned.
    if (nodes.has(path) && all.some((one) => one.startsWith(path + NUL))) node['.'] = {};
  }
  return tree;
}

export function fromTree(tree: FieldSet, path: Path = []): Paths {
  const found: Paths = new Set();
  const keys = Object.keys(tree);
  if (keys.length === 0 && path.length > 0) found.add(joined(path));
  for (const key of keys) {
    if (key === '.') found.add(joined(path));
    else for (const one of fromTree(tree[key] ?? {}, [...path, key])) found.add(one);
  }
  return found;
}
