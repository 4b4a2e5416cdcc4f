import type { Diagnostic, Place } from '../base/diagnostic.ts';
import { readAddressGroup } from './address-group.ts';
import { readAdminNetworkPolicy, readBaselineAdminNetworkPolicy, readClusterNetworkPolicy } from './admin-policy.ts';
import { readBorderApproval } from './border-approval.ts';
import { readBorderFirewall } from './border-firewall.ts';
import { readBorderPolicy, readClusterBorderPolicy } from './border-policy.ts';
import { readGlobalNetworkPolicy, readNetworkPolicy } from './calico-policy.ts';
import { readEndpointSlice } from './endpoint-slice.ts';
import { readFelixConfiguration } from './felix-configuration.ts';
import { readHostEndpoint } from './host-endpoint.ts';
import { readIPPool } from './ip-pool.ts';
import type { KindReader } from './kind-reader.ts';
import { type Kind, type KindFound, OUR_GROUP, kindOf } from './kinds.ts';
import { readKubernetesNetworkPolicy } from './kubernetes-network-policy.ts';
import { warnOfUnknownFields } from './known-fields.ts';
import { type Identity, readIdentity, readMeta } from './meta.ts';
import { provisionalName } from './names.ts';
import { readNamespace } from './namespace.ts';
import { readNetworkSet } from './network-set.ts';
import { readNode } from './node.ts';
import { ownMeta } from './own.ts';
import { readPod } from './pod.ts';
import { readProfile } from './profile.ts';
import { type ReadResource, type Resource, type ResourceType, type UnreadFirewall, resourceKey } from './resource.ts';
import { type Locate, type Reading, Scope } from './scope.ts';
import { type RawMap, isMap, show } from './shape.ts';
import { readSourceNAT } from './source-nat.ts';
import {
  readStagedGlobalNetworkPolicy,
  readStagedKubernetesNetworkPolicy,
  readStagedNetworkPolicy,
} from './staged-policy.ts';
import { fromStorageForm } from './storage-form.ts';
import { readTier } from './tier.ts';
import { readUnreadFirewall } from './unread-firewall.ts';
import { readWorkloadEndpoint } from './workload-endpoint.ts';

const readers: Readonly<Record<ResourceType, KindReader>> = {
  Pod: readPod,
  Namespace: readNamespace,
  ServiceAccount: (meta) => ({ ...meta, type: 'ServiceAccount' }),
  Node: readNode,
  EndpointSlice: readEndpointSlice,
  KubernetesNetworkPolicy: readKubernetesNetworkPolicy,
  KubernetesClusterNetworkPolicy: readClusterNetworkPolicy,
  AdminNetworkPolicy: readAdminNetworkPolicy,
  BaselineAdminNetworkPolicy: readBaselineAdminNetworkPolicy,
  NetworkPolicy: readNetworkPolicy,
  GlobalNetworkPolicy: readGlobalNetworkPolicy,
  StagedNetworkPolicy: readStagedNetworkPolicy,
  StagedGlobalNetworkPolicy: readStagedGlobalNetworkPolicy,
  StagedKubernetesNetworkPolicy: readStagedKubernetesNetworkPolicy,
  Tier: readTier,
  NetworkSet: (meta, raw, scope) => readNetworkSet('NetworkSet', meta, raw, scope),
  GlobalNetworkSet: (meta, raw, scope) => readNetworkSet('GlobalNetworkSet', meta, raw, scope),
  IPPool: readIPPool,
  Profile: readProfile,
  HostEndpoint: readHostEndpoint,
  WorkloadEndpoint: readWorkloadEndpoint,
  FelixConfiguration: readFelixConfiguration,
  BorderFirewall: readBorderFirewall,
  ClusterBorderPolicy: readClusterBorderPolicy,
  BorderPolicy: readBorderPolicy,
  AddressGroup: readAddressGroup,
  SourceNAT: readSourceNAT,
  BorderApproval: readBorderApproval,
};

/**
 * Reads one API object as YAML or JSON gave it: dispatches by `apiVersion` and `kind`, applies defaults, and tells every mistake at once
 * with what is done instead (design invariant 5). Never throws, whatever the object is.
 *
 * `place` is where the object stands; `locate` finds the place of a field inside it. A list is no object: `unfoldList` first.
 * @example
 * readResource({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }, { file: 'shop.yaml' }).resource?.name; // 'shop'
 */
export function readResource(raw: unknown, place: Place, locate?: Locate): ReadResource {
  const diagnostics: Diagnostic[] = [];
  const reading: Reading = { object: undefined, place, locate, diagnostics };
  const scope = new Scope(reading).otherwise('It is left out.');
  if (!isMap(raw)) {
    scope.mistake('OBJECT_INVALID', `this document is ${show(raw)} and has to be an API object`);
    return { diagnostics };
  }
  const { apiVersion, kind } = raw;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || apiVersion === '' || kind === '') {
    const absent = [
      ...(typeof apiVersion === 'string' && apiVersion !== '' ? [] : ['apiVersion']),
      ...(typeof kind === 'string' && kind !== '' ? [] : ['kind']),
    ];
    scope.mistake('OBJECT_INVALID', `this document is no API object: it has no ${absent.join(' and no ')}`);
    return { diagnostics };
  }
  const found = kindOf(apiVersion, kind);
  if (found.found !== 'kind') return notRead(found, apiVersion, kind, raw, reading);
  return readKind(found, raw, reading);
}

function readKind(found: Extract<KindFound, { found: 'kind' }>, raw: RawMap, unnamed: Reading): ReadResource {
  const { kind, storage } = found;
  const { place, locate, diagnostics } = unnamed;
  const first = new Scope({ ...unnamed, object: provisionalName(kind.type, raw) }).otherwise('The object is left out.');
  const object = storage ? fromStorageForm(raw, first) : raw;
  const identity = readIdentity(kind, object['metadata'], first.at('metadata'));
  if (identity === undefined) return { diagnostics };
  const key = resourceKey({ type: kind.type, ...identity });
  try {
    const resource = readContent(kind, identity, object, { object: key, place, locate, diagnostics });
    if (resource === undefined && kind.type === 'BorderFirewall')
      return { unread: unreadFirewall(kind, identity, object, place), key, diagnostics };
    return { ...(resource === undefined ? {} : { resource }), key, diagnostics };
  } catch (thrown) {
    const resource = failedClosed(kind, identity, object, place);
    const instead =
      resource === undefined
        ? 'The object counts as unreadable.'
        : 'It denies what it selects, as if nothing of it could be read.';
    new Scope({ ...unnamed, object: key })
      .otherwise(instead)
      .mistake('READER_FAILED', `reading it failed: ${show(String(thrown))}`);
    return { ...(resource === undefined ? {} : { resource }), key, diagnostics };
  }
}

function readContent({ type, ours }: Kind, identity: Identity, object: RawMap, reading: Reading): Resource | undefined {
  const scope = new Scope(reading);
  const { meta, sound } = readSafeMeta(type, identity, object, reading.place, scope);
  const resource = readers[type](ours ? { ...meta, ...ownMeta(object) } : meta, object, scope);
  warnOfUnknownFields(type, object, scope);
  return sound ? resource : undefined;
}

/** Its owner is told by its status; for that its own name and numbers are needed, and for its driver what it says of that. */
function unreadFirewall({ type }: Kind, identity: Identity, object: RawMap, place: Place): UnreadFirewall {
  const { meta } = readSafeMeta(type, identity, object, place, new Scope(silent(place)));
  return readUnreadFirewall({ ...meta, ...ownMeta(object) }, object);
}

/** Where mistakes that are known go once more. */
function silent(place: Place): Reading {
  return { object: undefined, place, locate: undefined, diagnostics: [] };
}

/** Policies that have a safe reading whatever stands in them: one that denies. */
const FAIL_CLOSED: ReadonlySet<ResourceType> = new Set([
  'KubernetesNetworkPolicy',
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedGlobalNetworkPolicy',
  'StagedKubernetesNetworkPolicy',
  'ClusterBorderPolicy',
  'BorderPolicy',
]);

/**
 * What a policy is taken for at which its reader threw, so that the mistake of a reader harms that policy alone and opens nothing (design
 * invariant 5). Other objects have no such reading: whoever reads them keeps what he knew, and endpoints go.
 */
function failedClosed(kind: Kind, identity: Identity, object: RawMap, place: Place): Resource | undefined {
  if (!FAIL_CLOSED.has(kind.type)) return undefined;
  const { apiVersion, kind: name, metadata } = object;
  try {
    return readContent(kind, identity, { apiVersion, kind: name, metadata, spec: 'unreadable' }, silent(place));
  } catch {
    return undefined;
  }
}

/** Endpoints whose labels cannot be read are left out: with labels missing they could be taken for ones that may more. */
function readSafeMeta(type: ResourceType, identity: Identity, raw: RawMap, place: Place, scope: Scope) {
  const endpoint = type === 'Pod' || type === 'HostEndpoint' || type === 'WorkloadEndpoint';
  const consequence = endpoint
    ? 'The object is left out, so its addresses count as unknown.'
    : 'The object is read without this label.';
  const metadata = isMap(raw['metadata']) ? raw['metadata'] : {};
  const { meta, soundLabels } = readMeta(identity, metadata, place, scope.at('metadata').otherwise(consequence));
  return { meta, sound: soundLabels || !endpoint };
}

function notRead(
  found: Exclude<KindFound, { found: 'kind' }>,
  apiVersion: string,
  kind: string,
  raw: RawMap,
  reading: Reading,
): ReadResource {
  const { diagnostics } = reading;
  const scope = new Scope({ ...reading, object: provisionalName(kind, raw) }).otherwise('It is left out.');
  switch (found.found) {
    case 'unused':
      return { diagnostics, ignored: true };
    case 'version':
      scope.mistake('VERSION_UNKNOWN', `${kind} is read in ${found.read}, not in ${show(apiVersion)}`, 'apiVersion');
      return { diagnostics };
    case 'misspelled': {
      const group = apiVersion.startsWith(`${OUR_GROUP}/`)
        ? `there is no kind ${show(kind)} in ${OUR_GROUP}`
        : `${show(kind)} is no kind that is read`;
      const meant = found.suggestion === undefined ? '' : `; did you mean ${found.suggestion}?`;
      scope.mistake('KIND_UNKNOWN', `${group}${meant}`, 'kind');
      return { diagnostics };
    }
  }
}
