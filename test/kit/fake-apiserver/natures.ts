import { builtInSchema } from './merging.ts';
import type { Schema } from './fields.ts';
import { type Kind, collectionOf } from './kinds.ts';

/** Built-in kinds whose PUT has to name the version that it replaces; custom resources always have to. */
const conditional = new Set([
  'leases.coordination.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'validatingadmissionpolicybindings.admissionregistration.k8s.io',
]);

/** Kinds that a PUT creates where there is nothing. */
const createdByPut = new Set([
  'leases.coordination.k8s.io',
  'events',
  'events.events.k8s.io',
  'endpoints',
  'roles.rbac.authorization.k8s.io',
  'rolebindings.rbac.authorization.k8s.io',
  'clusterroles.rbac.authorization.k8s.io',
  'clusterrolebindings.rbac.authorization.k8s.io',
]);

/** Built-in kinds that count changes of their spec. */
const counted = new Set([
  'pods',
  'networkpolicies.networking.k8s.io',
  'ingresses.networking.k8s.io',
  'poddisruptionbudgets.policy',
  'jobs.batch',
  'customresourcedefinitions.apiextensions.k8s.io',
]);

export const needsVersion = (kind: Kind): boolean => kind.custom !== undefined || conditional.has(collectionOf(kind));

export const putCreates = (kind: Kind): boolean => createdByPut.has(collectionOf(kind));

export const hasGeneration = (kind: Kind): boolean =>
  kind.custom !== undefined ||
  kind.group === 'apps' ||
  kind.group === 'admissionregistration.k8s.io' ||
  counted.has(collectionOf(kind));

export const schemaOf = (kind: Kind): Schema => kind.custom?.merging ?? builtInSchema(kind.group, kind.kind);
