import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../../src/base/clock.ts';
import { type Admit, admitted } from './admission.ts';
import type { KindCall } from './call.ts';
import { bodyObject, checkMetadata } from './decoding.ts';
import { apiVersionOf } from './encoding.ts';
import type { Entry } from './entry.ts';
import { collectionOf } from './kinds.ts';
import { type Writer, recordUpdate } from './managed-fields.ts';
import { hasGeneration, needsVersion, putCreates, schemaOf } from './natures.ts';
import { type KubeObject, type Metadata, equal, keyOf } from './object.ts';
import {
  CHANGED,
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  methodNotAllowed,
  notFound,
  Refusal,
} from './status.ts';
import type { Store } from './store.ts';

/** What writes need of the server. */
export interface WriteParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly webhooks: ReadonlyMap<string, Admit>;
  /** Makes an entry that can be encoded in every way its kind can. */
  readonly entry: (object: KubeObject, version: number) => Entry;
  /** Called before an object is stored (`undefined`: removed); a kind that the server itself looks after has work then. */
  readonly beforeStore: (object: KubeObject, kind: KindCall['kind']) => KubeObject;
}

/** A write that was carried out. */
export interface Written {
  readonly status: number;
  readonly entry: Entry;
  /** Nothing was stored because nothing changed or nothing should be. */
  readonly warnings?: readonly string[];
}

export const timestamp = (clock: Clock): string => new Date(clock.wall()).toISOString().replace(/\.\d+Z$/, 'Z');

export function writerOf(call: KindCall, clock: Clock, operation: Writer['operation']): Writer {
  const agent = (call.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';
  return {
    manager: call.query.get('fieldManager') ?? agent,
    operation,
    apiVersion: apiVersionOf(call.kind),
    hasStatus: call.kind.parts.includes('status'),
    part: call.part,
    time: timestamp(clock),
  };
}

/** The namespace's own part of admission. */
function checkNamespace({ kind, namespace, name }: KindCall, store: Store): void {
  if (!kind.namespaced) return;
  const home = store.get('namespaces', '', namespace);
  if (home === undefined) throw notFound({ group: '', plural: 'namespaces' }, namespace);
  if (home.object.metadata.deletionTimestamp !== undefined)
    throw forbidden(
      kind,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    );
}

const dryRun = ({ query }: KindCall): boolean => query.get('dryRun') === 'All';

function checkQuery({ query }: KindCall): void {
  const dry = query.get('dryRun');
  if (dry !== null && dry !== 'All')
    throw invalid({ group: 'meta.k8s.io', plural: 'CreateOptions' }, '', [
      {
        reason: 'FieldValueNotSupported',
        field: 'dryRun',
        message: `Unsupported value: ["${dry}"]: supported values: "All"`,
      },
    ]);
  const manager = query.get('fieldManager') ?? '';
  if (manager.length > 128) throw badRequest('fieldManager is longer than 128 characters');
}

interface Prepared {
  readonly object: KubeObject;
  readonly warnings: readonly string[];
}

/** Pruned, defaulted, admitted, valid. */
function prepared(call: KindCall, parts: WriteParts, wanted: KubeObject, before: KubeObject | undefined): Prepared {
  const { kind } = call;
  const first = kind.custom?.prepare(wanted) ?? { object: wanted, pruned: [] };
  const mode = call.query.get('fieldValidation') ?? 'Warn';
  if (mode === 'Strict' && first.pruned.length > 0)
    throw badRequest(
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: strict decoding error: ${first.pruned.map((path) => `unknown field ${JSON.stringify(path)}`).join(', ')}`,
    );
  const object =
    admitted(parts.webhooks, {
      operation: before === undefined ? 'CREATE' : 'UPDATE',
      kind,
      part: call.part,
      user: call.user,
      dryRun: dryRun(call),
      object: first.object,
      ...(before === undefined ? {} : { before }),
    }) ?? first.object;
  checkMetadata(call, object);
  const mistakes = kind.custom?.mistakes(object) ?? [];
  if (mistakes.length > 0) throw invalid(kind, object.metadata.name ?? '', mistakes);
  const warnings = mode === 'Warn' ? first.pruned.map((path) => `unknown field ${JSON.stringify(path)}`) : [];
  return { object: parts.beforeStore(object, kind), warnings };
}

export function insert(
  call: KindCall,
  parts: WriteParts,
  given: KubeObject,
  record: (made: KubeObject) => KubeObject,
): Written {
  const { kind, namespace } = call;
  const { store, clock } = parts;
  const { resourceVersion, uid: _, selfLink: __, ...kept } = given.metadata;
  if (resourceVersion !== undefined && resourceVersion !== '')
    throw new Refusal(500, '', 'resourceVersion should not be set on objects to be created');
  if (kept.namespace !== undefined && kept.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const name =
    kept.name ??
    (kept.generateName === undefined ? '' : `${kept.generateName}${randomBytes(3).toString('hex').slice(0, 5)}`);
  if (name === '')
    throw invalid(kind, '', [
      {
        reason: 'FieldValueRequired',
        field: 'metadata.name',
        message: 'Required value: name or generateName is required',
      },
    ]);
  checkNamespace(call, store);
  const metadata: Metadata = {
    ...kept,
    name,
    ...(kind.namespaced ? { namespace } : {}),
    uid: randomUUID(),
    creationTimestamp: timestamp(clock),
    ...(hasGeneration(kind) ? { generation: 1 } : {}),
  };
  const { status: ___, ...withoutStatus } = given;
  const begun: KubeObject = {
    ...(kind.parts.includes('status') ? withoutStatus : given),
    ...initialStatus(kind.kind),
    metadata,
  };
  const { object, warnings } = prepared(call, parts, begun as KubeObject, undefined);
  if (store.get(collectionOf(kind), object.metadata.namespace ?? '', name) !== undefined)
    throw alreadyExists(kind, name);
  const made = record(object);
  if (dryRun(call)) return { status: 201, entry: parts.entry(made, store.version), warnings };
  return { status: 201, entry: store.set(collectionOf(kind), (version) => parts.entry(made, version)), warnings };
}

/** What some kinds begin with. */
function initialStatus(kind: string): object {
  if (kind === 'Pod') return { status: { phase: 'Pending', qosClass: 'BestEffort' } };
  if (kind === 'Namespace') return { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
  return {};
}

export function create(call: KindCall, parts: WriteParts): Written {
  if (call.name !== '') throw methodNotAllowed();
  if (call.namespace === '' && call.kind.namespaced) throw methodNotAllowed();
  checkQuery(call);
  const given = bodyObject(call);
  const writer = writerOf(call, parts.clock, 'Update');
  return insert({ ...call, name: given.metadata.name ?? '' }, parts, given, (made) =>
    recordUpdate(
      undefined,
      { ...made, metadata: { ...made.metadata, managedFields: [] } },
      writer,
      schemaOf(call.kind),
    ),
  );
}

/** Fields that only the server writes keep their value. */
function shaped(call: KindCall, before: KubeObject, wanted: KubeObject): KubeObject {
  const { kind, part } = call;
  const old = before.metadata;
  const server: Metadata = {
    ...(old.uid === undefined ? {} : { uid: old.uid }),
    ...(old.creationTimestamp === undefined ? {} : { creationTimestamp: old.creationTimestamp }),
    ...(old.generation === undefined ? {} : { generation: old.generation }),
    ...(old.deletionTimestamp === undefined ? {} : { deletionTimestamp: old.deletionTimestamp }),
    ...(old.deletionGracePeriodSeconds === undefined
      ? {}
      : { deletionGracePeriodSeconds: old.deletionGracePeriodSeconds }),
    ...(old.managedFields === undefined ? {} : { managedFields: old.managedFields }),
    ...(old.generateName === undefined ? {} : { generateName: old.generateName }),
  };
  const names = { name: old.name ?? '', ...(old.namespace === undefined ? {} : { namespace: old.namespace }) };
  const {
    deletionTimestamp: _,
    deletionGracePeriodSeconds: __,
    generation: ___,
    managedFields: ____,
    ...free
  } = wanted.metadata;
  const put = (object: KubeObject, status: unknown): KubeObject => {
    const { status: _dropped, ...rest } = object;
    return { ...rest, ...(status === undefined ? {} : { status }) } as KubeObject;
  };
  if (part === 'status') {
    // Custom resources take the status alone; the built-in ones labels and annotations as well.
    const { finalizers: _f, ownerReferences: _o, ...labelled } = free;
    const metadata = kind.custom !== undefined ? old : { ...old, ...labelled, ...names, ...server };
    return put({ ...before, metadata }, wanted['status']);
  }
  const metadata = { ...free, ...names, ...server };
  if (part === 'finalize') return { ...before, metadata: { ...old }, spec: wanted['spec'] };
  const kept = { ...wanted, metadata };
  if (kind.kind === 'Namespace') return put({ ...kept, spec: before['spec'] }, before['status']);
  return kind.parts.includes('status') ? put(kept, before['status']) : kept;
}

function checkVersions(call: KindCall, before: KubeObject, wanted: KubeObject): void {
  const { kind, name } = call;
  const { uid, resourceVersion = '', name: said = name, namespace: home } = wanted.metadata;
  if (said !== name) throw badRequest(`the name of the object (${said}) does not match the name on the URL (${name})`);
  if (home !== undefined && kind.namespaced && home !== call.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const otherUid = uid !== undefined && uid !== '' && uid !== before.metadata.uid;
  if (otherUid && call.verb === 'patch')
    throw invalid(kind, name, [
      {
        reason: 'FieldValueInvalid',
        field: 'metadata.uid',
        message: `Invalid value: ${JSON.stringify(uid)}: field is immutable`,
      },
    ]);
  if (otherUid)
    throw conflict(
      kind,
      name,
      `StorageError: invalid object, Code: 4, Key: /registry/${kind.plural}/${keyOf(call.namespace, name)}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid ?? ''}`,
    );
  if (resourceVersion === '' || resourceVersion === '0') {
    if (call.verb === 'update' && needsVersion(kind))
      throw invalid({ ...kind, kind: kind.plural }, name, [
        {
          reason: 'FieldValueInvalid',
          field: 'metadata.resourceVersion',
          message: 'Invalid value: 0: must be specified for an update',
        },
      ]);
  } else if (resourceVersion !== before.metadata.resourceVersion) throw conflict(kind, name, CHANGED);
  const fresh = (wanted.metadata.finalizers ?? []).filter((one) => !(before.metadata.finalizers ?? []).includes(one));
  if (before.metadata.deletionTimestamp !== undefined && fresh.length > 0)
    throw invalid(kind, name, [
      {
        reason: 'FieldValueForbidden',
        field: 'metadata.finalizers',
        message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${fresh.map((one) => JSON.stringify(one)).join(', ')}}`,
      },
    ]);
}

/** Without what does not count as a change: the version, and when who wrote. */
function content({ metadata, ...rest }: KubeObject): unknown {
  const { resourceVersion: _, managedFields, ...counted } = metadata;
  return { ...rest, metadata: { ...counted, managedFields: managedFields?.map(({ time: __, ...entry }) => entry) } };
}

/** What a change of makes a new generation. */
function specOf(object: KubeObject, hasStatus: boolean): unknown {
  const { metadata: _, status, ...rest } = object;
  return hasStatus ? rest : { ...rest, status };
}

/** Replaces what is stored by `wanted`, as far as this call may; `record` says whose the fields are. */
export function replace(
  call: KindCall,
  parts: WriteParts,
  before: Entry,
  wanted: KubeObject,
  record: (before: KubeObject, after: KubeObject) => KubeObject,
): Written {
  const { kind } = call;
  const { store } = parts;
  checkVersions(call, before.object, wanted);
  const { object, warnings } = prepared(call, parts, shaped(call, before.object, wanted), before.object);
  const recorded = record(before.object, object);
  if (equal(content(recorded), content(before.object))) return { status: 200, entry: before, warnings };
  const old = before.object;
  const hasStatus = kind.parts.includes('status');
  const grown = hasGeneration(kind) && !equal(specOf(old, hasStatus), specOf(recorded, hasStatus));
  const after: KubeObject = grown
    ? { ...recorded, metadata: { ...recorded.metadata, generation: (old.metadata.generation ?? 0) + 1 } }
    : recorded;
  if (dryRun(call)) return { status: 200, entry: parts.entry(after, before.version), warnings };
  if (isOver(after)) {
    let last = before;
    store.remove(
      collectionOf(kind),
      before.namespace,
      before.name,
      (_, version) => (last = parts.entry(after, version)),
    );
    return { status: 200, entry: last, warnings };
  }
  return { status: 200, entry: store.set(collectionOf(kind), (version) => parts.entry(after, version)), warnings };
}

/** Being deleted, and nothing holds it any more. */
function isOver({ metadata, spec }: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = metadata;
  const held = (spec as { readonly finalizers?: readonly string[] } | undefined)?.finalizers ?? [];
  return (
    deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0 && held.length === 0
  );
}

export function update(call: KindCall, parts: WriteParts): Written {
  if (call.name === '') throw methodNotAllowed();
  checkQuery(call);
  const given = bodyObject(call);
  const writer = writerOf(call, parts.clock, 'Update');
  const schema = schemaOf(call.kind);
  const before = parts.store.get(collectionOf(call.kind), call.kind.namespaced ? call.namespace : '', call.name);
  if (before === undefined) {
    if (!putCreates(call.kind) || call.part !== '') throw notFound(call.kind, call.name);
    const { resourceVersion: _, ...metadata } = given.metadata;
    return insert(call, parts, { ...given, metadata: { ...metadata, name: call.name } }, (made) =>
      recordUpdate(undefined, made, writer, schema),
    );
  }
  return replace(call, parts, before, given, (old, after) => recordUpdate(old, after, writer, schema));
}

export const checkWriteQuery = checkQuery;
export { dryRun, isOver };
