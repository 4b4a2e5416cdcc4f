import {
  type Paths,
  type Schema,
  at,
  changedPaths,
  fromTree,
  merged,
  pathsOf,
  split,
  toTree,
  without,
} from './fields.ts';
import { type KubeObject, type ManagedFields, equal } from './object.ts';
import type { Cause } from './status.ts';

/** Who writes, how, and through which sub-resource. */
export interface Writer {
  /** Whether the kind has a `status` sub-resource: then nobody owns the other part of what he writes through. */
  readonly hasStatus: boolean;
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly part: string;
  readonly time: string;
}

interface Owner {
  readonly entry: ManagedFields;
  readonly paths: Paths;
}

/** The server's own fields belong to nobody. */
const nobodys =
  /^f:(apiVersion|kind|metadata)$|^f:metadata\0f:(name|generateName|namespace|uid|resourceVersion|generation|creationTimestamp|selfLink|deletionTimestamp|deletionGracePeriodSeconds|managedFields)(\0|$)/;

function ownable(paths: Paths, { hasStatus, part }: Writer): Paths {
  const foreign = part === 'status' ? /^f:spec(\0|$)/ : hasStatus ? /^f:status(\0|$)/ : undefined;
  // The API server itself finalizes namespaces.
  const finalizers = 'f:spec\0f:finalizers\0';
  return new Set(
    [...paths].filter((path) => !nobodys.test(path) && foreign?.test(path) !== true && !path.startsWith(finalizers)),
  );
}

const ownersOf = ({ metadata }: KubeObject): readonly Owner[] =>
  (metadata.managedFields ?? []).map((entry) => ({ entry, paths: fromTree(entry.fieldsV1) }));

const isOf = ({ entry }: Owner, { manager, operation, part, apiVersion }: Writer): boolean =>
  entry.manager === manager &&
  entry.operation === operation &&
  (entry.subresource ?? '') === part &&
  (operation === 'Apply' || entry.apiVersion === apiVersion);

function entryOf(writer: Writer, paths: Paths, before: Owner | undefined): ManagedFields {
  const fieldsV1 = toTree(paths);
  if (before !== undefined && equal(before.entry.fieldsV1, fieldsV1) && before.entry.apiVersion === writer.apiVersion)
    return before.entry;
  return {
    manager: writer.manager,
    operation: writer.operation,
    apiVersion: writer.apiVersion,
    time: writer.time,
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(writer.part === '' ? {} : { subresource: writer.part }),
  };
}

/** Entries without `taken`; those that own nothing any more go. */
function less(owners: readonly Owner[], taken: Paths): ManagedFields[] {
  return owners.flatMap(({ entry, paths }) => {
    const left = new Set([...paths].filter((path) => !taken.has(path)));
    if (left.size === paths.size) return [entry];
    return left.size === 0 ? [] : [{ ...entry, fieldsV1: toTree(left) }];
  });
}

function withEntries(object: KubeObject, entries: readonly ManagedFields[]): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  if (entries.length === 0) return { ...object, metadata };
  // Those who apply come first, then the older ones.
  const rank = ({ operation, time, manager }: ManagedFields): string => `${operation} ${time} ${manager}`;
  const sorted = entries.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
  return { ...object, metadata: { ...metadata, managedFields: sorted } };
}

/** Records a write that is no apply: what it changed is its own, what it removed is nobody's. */
export function recordUpdate(
  before: KubeObject | undefined,
  after: KubeObject,
  writer: Writer,
  schema: Schema,
): KubeObject {
  const owners = before === undefined ? [] : ownersOf(before);
  const changed = ownable(changedPaths(before, after, schema), writer);
  const gone: Paths = new Set();
  for (const { paths } of owners)
    for (const path of paths) if (at(after, split(path), schema) === undefined) gone.add(path);
  const mine = owners.find((one) => isOf(one, writer));
  const others = owners.filter((one) => one !== mine);
  const own = new Set([...(mine?.paths ?? []), ...changed].filter((path) => !gone.has(path)));
  const entries = less(others, new Set([...changed, ...gone]));
  return withEntries(after, own.size === 0 ? entries : [...entries, entryOf(writer, own, mine)]);
}

/** What an apply makes of an object, or whom it would take fields from. */
export type Applied =
  | { readonly object: KubeObject; readonly conflicts?: never }
  | { readonly conflicts: readonly Required<Cause>[] };

/** `.spec.replicas`, `.status.conditions[type="Ready"].status`: as messages write it. */
export function shownPath(path: string): string {
  return split(path)
    .map((segment) => {
      if (segment.startsWith('f:')) return `.${segment.slice(2)}`;
      if (segment.startsWith('v:')) return `[=${segment.slice(2)}]`;
      const keys = JSON.parse(segment.slice(2)) as Readonly<Record<string, unknown>>;
      return `[${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}

/** Server-side apply: `wanted` is everything that the writer wants to own. */
export function applyFields(
  live: KubeObject,
  wanted: KubeObject,
  writer: Writer,
  schema: Schema,
  force: boolean,
): Applied {
  const owners = ownersOf(live);
  const mine = owners.find((one) => isOf(one, writer));
  const others = owners.filter((one) => one !== mine);
  const own = ownable(pathsOf(wanted, schema), writer);
  const fought: Paths = new Set();
  const conflicts: Required<Cause>[] = [];
  for (const { entry, paths } of others)
    for (const path of paths) {
      if (!own.has(path)) continue;
      const route = split(path);
      if (/^[kv]:/.test(route.at(-1) ?? '') || equal(at(live, route, schema), at(wanted, route, schema))) continue;
      fought.add(path);
      const through = entry.subresource === undefined ? '' : ` with subresource "${entry.subresource}"`;
      const using = entry.operation === 'Update' ? ` using ${entry.apiVersion}` : '';
      conflicts.push({
        reason: 'FieldManagerConflict',
        message: `conflict with "${entry.manager}"${through}${using}`,
        field: shownPath(path),
      });
    }
  if (conflicts.length > 0 && !force) return { conflicts };
  let result = merged(live, wanted, schema);
  const kept = new Set(others.flatMap(({ paths }) => [...paths]));
  const isKept = (path: string): boolean =>
    [...kept, ...own].some((one) => one === path || one.startsWith(`${path}\0`));
  // Elements go after what is in them.
  for (const path of [...(mine?.paths ?? [])].toSorted((a, b) => b.length - a.length))
    if (!own.has(path) && !isKept(path)) result = without(result, split(path), schema);
  const entries = less(others, fought);
  const all = own.size === 0 ? entries : [...entries, entryOf(writer, own, mine)];
  return { object: withEntries(result as KubeObject, all) };
}
