import type { KindCall } from './call.ts';
import { decode, mediaTypeOf, objectIn } from './decoding.ts';
import { collectionOf } from './kinds.ts';
import { applyFields, recordUpdate } from './managed-fields.ts';
import { schemaOf } from './natures.ts';
import { type KubeObject, isMap } from './object.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from './patches.ts';
import {
  type Cause,
  Refusal,
  badRequest,
  invalid,
  methodNotAllowed,
  notFound,
  unsupportedMediaType,
} from './status.ts';
import { type WriteParts, type Written, checkWriteQuery, insert, replace, writerOf } from './writing.ts';

const APPLY = 'application/apply-patch+yaml';
const patchOptions = { group: 'meta.k8s.io', plural: 'PatchOptions', kind: 'PatchOptions' };

type Patcher = (target: unknown, patch: unknown) => unknown;
const patchers: Readonly<Record<string, Patcher>> = {
  'application/json-patch+json': jsonPatch,
  'application/merge-patch+json': mergePatch,
  'application/strategic-merge-patch+json': strategicMergePatch,
};

export function patch(call: KindCall, parts: WriteParts): Written {
  if (call.name === '') throw methodNotAllowed();
  checkWriteQuery(call);
  const type = mediaTypeOf(call);
  if (type === APPLY) return apply(call, parts);
  const offered = Object.keys(patchers).filter((one) => call.kind.custom === undefined || !one.includes('strategic'));
  const patcher = patchers[type];
  if (patcher !== undefined && !offered.includes(type)) throw unsupportedMediaType([...offered, APPLY]);
  if (patcher === undefined) throw new Refusal(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  if (call.query.get('force') !== null)
    throw invalid(patchOptions, '', [
      { reason: 'FieldValueForbidden', field: 'force', message: 'Forbidden: may not be specified for non-apply patch' },
    ]);
  const before = parts.store.get(collectionOf(call.kind), call.kind.namespaced ? call.namespace : '', call.name);
  if (before === undefined) throw notFound(call.kind, call.name);
  const wanted = objectIn(patcher(before.object, decode(call.body)), call);
  const writer = writerOf(call, parts.clock, 'Update');
  return replace(call, parts, before, wanted, (old, after) => recordUpdate(old, after, writer, schemaOf(call.kind)));
}

/** What of an applied object counts: through a sub-resource only that, through the object all but the sub-resource. */
function ownPart({ kind, part }: KindCall, { metadata, status, ...rest }: KubeObject): KubeObject {
  const own = { apiVersion: rest.apiVersion, kind: rest.kind, metadata: { name: metadata.name ?? '' } };
  if (part === 'status') return { ...own, ...(status === undefined ? {} : { status }) };
  const withStatus = status === undefined || kind.parts.includes('status') ? {} : { status };
  return { ...rest, metadata, ...withStatus };
}

function apply(call: KindCall, parts: WriteParts): Written {
  const { kind, name, namespace, query, part } = call;
  if (!query.get('fieldManager'))
    throw invalid(patchOptions, '', [
      { reason: 'FieldValueRequired', field: 'fieldManager', message: 'Required value: is required for apply patch' },
    ]);
  const body = decode(call.body, true);
  if (!isMap(body) || body['kind'] === undefined || body['apiVersion'] === undefined)
    throw badRequest('invalid object type: /v1, Kind=');
  const given = objectIn(body, call);
  if (given.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  const schema = schemaOf(kind);
  const writer = writerOf(call, parts.clock, 'Apply');
  const force = query.get('force') === 'true';
  const before = parts.store.get(collectionOf(kind), kind.namespaced ? namespace : '', name);
  if (before === undefined) {
    if (part !== '') throw notFound(kind, name);
    // A version means nothing where there is no object yet; an identity does.
    const { uid, resourceVersion: _, ...metadata } = given.metadata;
    if (uid !== undefined)
      throw invalid(kind, name, [
        {
          reason: 'FieldValueInvalid',
          field: 'metadata.uid',
          message: `Invalid value: ${JSON.stringify(uid)}: field is immutable`,
        },
      ]);
    const wanted = ownPart(call, { ...given, metadata: { ...metadata, name } });
    return insert(call, parts, wanted, (made) => owned(applyFields(made, wanted, writer, schema, true)));
  }
  const wanted = ownPart(call, given);
  const target = owned(applyFields(before.object, wanted, writer, schema, force));
  const { managedFields } = target.metadata;
  // Versions that the applied object names are preconditions; those it does not name are no mistake.
  const { resourceVersion, uid } = given.metadata;
  const { resourceVersion: _, uid: __, managedFields: ___, ...free } = target.metadata;
  const asked = {
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(uid === undefined ? {} : { uid }),
  };
  return replace(call, parts, before, { ...target, metadata: { ...free, ...asked } }, (_old, after) => {
    const { managedFields: ____, ...metadata } = after.metadata;
    return { ...after, metadata: { ...metadata, ...(managedFields === undefined ? {} : { managedFields }) } };
  });
}

function owned(applied: ReturnType<typeof applyFields>): KubeObject {
  if (applied.conflicts === undefined) return applied.object;
  throw applyConflict(applied.conflicts);
}

function applyConflict(causes: readonly Required<Cause>[]): Refusal {
  const byManager = new Map<string, string[]>();
  for (const { message, field } of causes) byManager.set(message, [...(byManager.get(message) ?? []), field]);
  const told = [...byManager].map(([message, fields]) => {
    const who = message.replace('conflict with ', 'conflicts with ');
    return fields.length === 1 ? `${message}: ${fields.join('')}` : `${who}:\n- ${fields.join('\n- ')}`;
  });
  const count = causes.length === 1 ? '1 conflict' : `${causes.length} conflicts`;
  return new Refusal(409, 'Conflict', `Apply failed with ${count}: ${told.join('\n')}`, { causes });
}
