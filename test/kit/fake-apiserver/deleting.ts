import { admitted } from './admission.ts';
import type { KindCall } from './call.ts';
import { decode } from './decoding.ts';
import { DEFINITIONS } from './definitions.ts';
import type { Encoding } from './encoding.ts';
import type { Entry } from './entry.ts';
import { collectionOf } from './kinds.ts';
import { type KubeObject, isMap, keyOf } from './object.ts';
import { type Reply, json } from './reply.ts';
import { selection } from './selectors.ts';
import { type Named, badRequest, conflict, methodNotAllowed, notFound } from './status.ts';
import { type WriteParts, dryRun, timestamp } from './writing.ts';

interface DeleteOptions {
  readonly gracePeriodSeconds: number | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
}

function optionsOf(call: KindCall): DeleteOptions {
  const body = call.body.length === 0 ? {} : decode(call.body);
  if (!isMap(body)) throw badRequest('the body of a DELETE is DeleteOptions');
  const { gracePeriodSeconds, preconditions } = body;
  const asked = gracePeriodSeconds ?? call.query.get('gracePeriodSeconds') ?? undefined;
  const { uid, resourceVersion } = isMap(preconditions) ? preconditions : {};
  return {
    gracePeriodSeconds: asked === undefined ? undefined : Number(asked),
    uid: typeof uid === 'string' ? uid : undefined,
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : undefined,
  };
}

/** A pod on a node waits for its kubelet. */
function graceOf(entry: Entry, { gracePeriodSeconds }: DeleteOptions): number {
  if (entry.object.kind !== 'Pod') return 0;
  const { spec = {}, status = {} } = entry.object as {
    readonly spec?: { readonly nodeName?: string; readonly terminationGracePeriodSeconds?: number };
    readonly status?: { readonly phase?: string };
  };
  if (spec.nodeName === undefined || status.phase === 'Succeeded' || status.phase === 'Failed') return 0;
  return gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30;
}

const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

/** The object with the mark of a deletion that has begun. */
function marked(object: KubeObject, at: string, grace: number, finalizers: readonly string[]): KubeObject {
  const { metadata } = object;
  const begun = metadata.deletionTimestamp !== undefined;
  return {
    ...object,
    metadata: {
      ...metadata,
      deletionTimestamp: at,
      deletionGracePeriodSeconds: grace,
      ...(finalizers.length === 0 ? {} : { finalizers: [...new Set(finalizers)] }),
      ...(metadata.generation === undefined ? {} : { generation: metadata.generation + (begun ? 0 : 1) }),
    },
    ...(object.kind === 'Namespace' ? { status: { phase: 'Terminating' } } : {}),
  };
}

/** Deletes one object, or begins to. `true`: it is gone. */
function deleteOne(
  call: KindCall,
  parts: WriteParts,
  entry: Entry,
  options: DeleteOptions,
): { gone: boolean; entry: Entry } {
  const { kind } = call;
  const { store, clock } = parts;
  const { metadata } = entry.object;
  const failed = (what: string, asked: string, is: string): Error =>
    conflict(
      { ...kind, plural: kind.kind },
      entry.name,
      `the ${what} in the precondition (${asked}) does not match the ${what} in record (${is}). The object might have been deleted and then recreated`,
    );
  if (options.uid !== undefined && options.uid !== metadata.uid) throw failed('UID', options.uid, metadata.uid ?? '');
  if (options.resourceVersion !== undefined && options.resourceVersion !== metadata.resourceVersion)
    throw failed('ResourceVersion', options.resourceVersion, metadata.resourceVersion ?? '');
  admitted(parts.webhooks, {
    operation: 'DELETE',
    kind,
    part: '',
    user: call.user,
    dryRun: dryRun(call),
    before: entry.object,
  });
  const grace = graceOf(entry, options);
  const ownFinalizers = (entry.object['spec'] as { readonly finalizers?: readonly string[] } | undefined)?.finalizers;
  // The server takes the objects of a definition away first.
  const finalizers = [...(metadata.finalizers ?? []), ...(collectionOf(kind) === DEFINITIONS ? [CLEANUP] : [])];
  const held = finalizers.length > 0 || (kind.kind === 'Namespace' && (ownFinalizers ?? []).length > 0);
  if (!held && grace === 0) {
    if (dryRun(call)) return { gone: true, entry };
    let last = entry;
    // A pod is marked before it goes, even without grace.
    if (kind.kind === 'Pod' && metadata.deletionGracePeriodSeconds !== 0)
      last = store.set(collectionOf(kind), (version) =>
        parts.entry(marked(entry.object, timestamp(clock), 0, []), version),
      );
    store.remove(collectionOf(kind), entry.namespace, entry.name, (before, version) => {
      last = parts.entry(before.object, version);
      return last;
    });
    return { gone: true, entry: last };
  }
  const begun = metadata.deletionTimestamp !== undefined;
  if (begun && (metadata.deletionGracePeriodSeconds ?? 0) <= grace) return { gone: false, entry };
  const at = new Date(clock.wall() + grace * 1_000).toISOString().replace(/\.\d+Z$/, 'Z');
  const object = marked(entry.object, grace === 0 ? timestamp(clock) : at, grace, finalizers);
  if (dryRun(call)) return { gone: false, entry: parts.entry(object, entry.version) };
  return { gone: false, entry: store.set(collectionOf(kind), (version) => parts.entry(object, version)) };
}

export function remove(call: KindCall, parts: WriteParts, encoding: Encoding): Reply {
  const { kind, name, namespace } = call;
  if (call.part !== '') throw methodNotAllowed();
  const entry = parts.store.get(collectionOf(kind), kind.namespaced ? namespace : '', name);
  if (entry === undefined) throw notFound(kind, name);
  const done = deleteOne(call, parts, entry, optionsOf(call));
  // Pods and namespaces answer with themselves, gone or not.
  const shows = !done.gone || kind.kind === 'Pod' || kind.kind === 'Namespace';
  if (shows)
    return { status: 200, headers: { 'content-type': encoding.contentType }, body: encoding.object(done.entry) };
  return json(200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...named(kind), uid: entry.object.metadata.uid },
  });
}

const named = ({ group, plural }: Named): object => (group === '' ? { kind: plural } : { group, kind: plural });

export function removeCollection(call: KindCall, parts: WriteParts, encoding: Encoding): Reply {
  const { kind, namespace } = call;
  if (kind.namespaced && namespace === '') throw methodNotAllowed();
  const matches = selection(call.query, kind);
  const options = optionsOf(call);
  const table = parts.store.table(collectionOf(kind));
  const all = [...table.entries.values()]
    .filter((entry) => (namespace === '' || entry.namespace === namespace) && matches?.(entry) !== false)
    .toSorted((a, b) => (keyOf(a.namespace, a.name) < keyOf(b.namespace, b.name) ? -1 : 1));
  const gone = all.map((entry) => deleteOne(call, parts, entry, options).entry);
  return {
    status: 200,
    headers: { 'content-type': encoding.contentType },
    body: encoding.list(gone, { resourceVersion: String(parts.store.version) }),
  };
}
