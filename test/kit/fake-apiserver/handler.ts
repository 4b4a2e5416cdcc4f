import type { Clock } from '../../../src/base/clock.ts';
import { type Access, attemptOf } from './access.ts';
import type { Admit } from './admission.ts';
import type { Call, KindCall, User } from './call.ts';
import { definitionMistakes, taken } from './definitions.ts';
import { remove, removeCollection } from './deleting.ts';
import { discover } from './discovery.ts';
import type { Encoding } from './encoding.ts';
import { type Entry, ObjectEntry } from './entry.ts';
import { type Fault, activeOf } from './faults.ts';
import { type Kind, builtIn } from './kinds.ts';
import { get, list } from './listing.ts';
import { negotiate } from './negotiating.ts';
import type { KubeObject } from './object.ts';
import { patch } from './patching.ts';
import { podMessage } from './protobuf.ts';
import { faultReply, refusalReply } from './refusing.ts';
import type { Registry } from './registry.ts';
import { type Reply, json, nothingHere } from './reply.ts';
import { review } from './reviews.ts';
import { Refusal, invalid, methodNotAllowed, noSuchResource, notFound } from './status.ts';
import type { Store } from './store.ts';
import { type WatchSettings, watch } from './watching.ts';
import { type WriteParts, type Written, create, update } from './writing.ts';

export interface Settings extends WatchSettings {
  /** Whether `drop=metadata.managedFields` in `Accept` is understood; servers that do not know it ignore it. */
  readonly dropsManagedFields: boolean;
}

/** What the server is made of. */
export interface Parts {
  readonly clock: Clock;
  store: Store;
  readonly access: Access;
  readonly registry: Registry;
  readonly webhooks: ReadonlyMap<string, Admit>;
  readonly settings: Settings;
}

/** One stored state, ready to be written as the kind can be. */
export function entryOf(object: KubeObject, version: number): Entry {
  const isPod = object.kind === 'Pod' && object.apiVersion === 'v1';
  return new ObjectEntry(object, version, isPod ? podMessage : undefined);
}

/** What the server adds by itself: the name of a namespace as its label. Definitions are checked. */
export function beforeStore(object: KubeObject, kind: Kind): KubeObject {
  if (kind.kind === 'Namespace') {
    const { name = '', labels } = object.metadata;
    return {
      ...object,
      metadata: { ...object.metadata, labels: { ...labels, 'kubernetes.io/metadata.name': name } },
    };
  }
  if (kind.kind !== 'CustomResourceDefinition') return object;
  const mistakes = definitionMistakes(object);
  if (mistakes.length > 0) throw invalid(kind, object.metadata.name ?? '', mistakes);
  return taken(object);
}

/** Answers one call. */
export function answer(parts: Parts, call: Call, faults: readonly Fault[], certified: () => User | undefined): Reply {
  const { accept } = call.headers;
  try {
    const refused = faults.find((one) => one.fault === 'status');
    return refused === undefined ? route(parts, call, faults, certified) : faultReply(refused, accept);
  } catch (error) {
    if (error instanceof Refusal) return refusalReply(error, accept);
    throw error;
  }
}

const health = new Set(['/healthz', '/livez', '/readyz']);

function route(parts: Parts, call: Call, faults: readonly Fault[], certified: () => User | undefined): Reply {
  const { store, access, registry } = parts;
  const user = access.authenticate(call.headers, certified());
  if (call.resource === '') {
    if (call.path === '/version')
      return json(200, { major: '1', minor: '34', gitVersion: 'v1.34.1', platform: 'linux/amd64' });
    if (health.has(call.path))
      return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: Buffer.from('ok') };
    const found = discover(call.path, registry.all(store));
    if (found !== undefined) return found;
  }
  access.authorize(attemptOf(call, user), store);
  const kind = registry.find(store, call.group, call.version, call.resource);
  if (kind === undefined || (call.namespace !== '' && !kind.namespaced && kind.kind !== 'Namespace')) {
    if (builtIn.some(({ group, version }) => group === call.group && version === call.version)) throw noSuchResource();
    return nothingHere;
  }
  if (call.part !== '' && !kind.parts.includes(call.part))
    throw kind.custom === undefined ? noSuchResource() : notFound(kind, call.name);
  if (kind.review === true) return review({ ...call, kind, user }, access, store);
  return onKind(parts, { ...call, kind, user }, faults);
}

function onKind(parts: Parts, call: KindCall, faults: readonly Fault[]): Reply {
  const { store, clock, settings } = parts;
  const active = activeOf(faults);
  const encoding = negotiate(call.headers.accept, call.kind, settings.dropsManagedFields);
  const writes: WriteParts = {
    store,
    clock,
    webhooks: parts.webhooks,
    entry: entryOf,
    beforeStore,
  };
  switch (call.verb) {
    case 'get':
      return get(call, store, encoding);
    case 'list':
      return list(call, store, encoding, active);
    case 'watch':
      return watch(call, store, encoding, clock, settings, active);
    case 'create':
      return written(create(call, writes), encoding);
    case 'update':
      return written(update(call, writes), encoding);
    case 'patch':
      return written(patch(call, writes), encoding);
    case 'delete':
      return remove(call, writes, encoding);
    case 'deletecollection':
      return removeCollection(call, writes, encoding);
    default:
      throw methodNotAllowed();
  }
}

function written({ status, entry, warnings = [] }: Written, encoding: Encoding): Reply {
  const told = warnings.map((one) => `299 - ${JSON.stringify(one)}`).join(', ');
  return {
    status,
    headers: { 'content-type': encoding.contentType, ...(told === '' ? {} : { warning: told }) },
    body: encoding.object(entry),
  };
}
