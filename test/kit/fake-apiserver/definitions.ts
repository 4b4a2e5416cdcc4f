import { type Node, customSchema, prune } from './custom-schema.ts';
import type { Kind } from './kinds.ts';
import { type KubeObject, equal } from './object.ts';
import type { Cause } from './status.ts';
import { structuralMistakes } from './structural.ts';
import { mistakesOf } from './validation.ts';

export const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';

interface Names {
  readonly plural?: string;
  readonly singular?: string;
  readonly kind?: string;
  readonly listKind?: string;
  readonly shortNames?: readonly string[];
}

interface Version {
  readonly name?: string;
  readonly served?: boolean;
  readonly storage?: boolean;
  readonly schema?: { readonly openAPIV3Schema?: Node };
  readonly subresources?: { readonly status?: object; readonly scale?: object };
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

interface Spec {
  readonly group?: string;
  readonly scope?: string;
  readonly names?: Names;
  readonly versions?: readonly Version[];
}

const specOf = (definition: KubeObject): Spec => (definition['spec'] ?? {}) as Spec;

/** The kinds that an established definition makes the server serve, one for each version. */
export function kindsOf(definition: KubeObject): readonly Kind[] {
  const { group = '', names = {}, scope, versions = [] } = specOf(definition);
  if (!isEstablished(definition)) return [];
  return versions
    .filter(({ served }) => served === true)
    .map(({ name = '', schema, subresources = {}, selectableFields = [] }) => ({
      group,
      version: name,
      plural: names.plural ?? '',
      singular: names.singular ?? names.kind?.toLowerCase() ?? '',
      kind: names.kind ?? '',
      namespaced: scope === 'Namespaced',
      shortNames: names.shortNames ?? [],
      parts: subresources.status === undefined ? [] : ['status'],
      selectableFields: selectableFields.map(({ jsonPath }) => jsonPath.replace(/^\./, '')),
      custom: customSchema(schema?.openAPIV3Schema ?? {}),
    }));
}

/** Everything for which the server refuses a definition. */
export function definitionMistakes(definition: KubeObject): readonly Required<Cause>[] {
  const found: Required<Cause>[] = [];
  const required = (field: string, why = ''): void => {
    found.push({ reason: 'FieldValueRequired', field, message: `Required value${why === '' ? '' : `: ${why}`}` });
  };
  const invalid = (field: string, value: unknown, why: string): void => {
    found.push({ reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${why}` });
  };
  const { group = '', names = {}, scope = '', versions = [] } = specOf(definition);
  const name = definition.metadata.name ?? '';
  if (name !== `${names.plural ?? ''}.${group}`)
    invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group');
  if (!group.includes('.')) invalid('spec.group', group, 'should be a domain with at least one dot');
  if (!['Cluster', 'Namespaced'].includes(scope))
    found.push({
      reason: 'FieldValueNotSupported',
      field: 'spec.scope',
      message: `Unsupported value: ${JSON.stringify(scope)}: supported values: "Cluster", "Namespaced"`,
    });
  if (names.kind === undefined) required('spec.names.kind');
  if (names.plural === undefined) required('spec.names.plural');
  if (versions.filter(({ storage }) => storage === true).length !== 1)
    invalid(
      'spec.versions',
      versions.map((one) => one.name),
      'must have exactly one version marked as storage version',
    );
  if (new Set(versions.map((one) => one.name)).size !== versions.length)
    invalid(
      'spec.versions',
      versions.map((one) => one.name),
      'must contain unique version names',
    );
  // Schemas that are all the same are talked of as the one that they were before there were versions.
  const alike = versions.every(({ schema }) => equal(schema, versions[0]?.schema));
  for (const [index, { schema }] of (alike ? versions.slice(0, 1) : versions).entries()) {
    const field = alike ? 'spec.validation.openAPIV3Schema' : `spec.versions[${index}].schema.openAPIV3Schema`;
    const root = schema?.openAPIV3Schema;
    if (root === undefined) required(field, 'schemas are required');
    else {
      const wrong = structuralMistakes(root, field);
      found.push(...wrong);
      if (wrong.length === 0) found.push(...defaultMistakes(root, field));
    }
  }
  return found;
}

/** Defaults that their own schema refuses. */
function defaultMistakes(node: Node, field: string): readonly Required<Cause>[] {
  const found: Required<Cause>[] = [];
  if (node.default !== undefined) {
    const pruned: string[] = [];
    const kept = prune(node.default, node, pruned, 'default');
    if (!equal(kept, node.default))
      found.push({
        reason: 'FieldValueInvalid',
        field: `${field}.default`,
        message: `Invalid value: ${JSON.stringify(node.default)}: must not have unknown fields`,
      });
    for (const { reason, message } of mistakesOf(node.default, node))
      found.push({ reason, field: `${field}.default`, message });
  }
  for (const [key, inner] of Object.entries(node.properties ?? {}))
    found.push(...defaultMistakes(inner, `${field}.properties[${key}]`));
  if (node.items !== undefined) found.push(...defaultMistakes(node.items, `${field}.items`));
  if (typeof node.additionalProperties === 'object')
    found.push(...defaultMistakes(node.additionalProperties, `${field}.additionalProperties`));
  return found;
}

interface Status {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null;
  readonly storedVersions?: readonly string[];
}

const statusOf = (definition: KubeObject): Status => (definition['status'] ?? {}) as Status;

export const isEstablished = (definition: KubeObject): boolean =>
  (statusOf(definition).conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True');

/** As the server takes it: names filled in, nothing accepted yet unless it was before. */
export function taken(definition: KubeObject): KubeObject {
  const { names = {}, versions = [] } = specOf(definition);
  const full = {
    ...names,
    singular: names.singular ?? names.kind?.toLowerCase() ?? '',
    listKind: names.listKind ?? `${names.kind ?? ''}List`,
  };
  const { storedVersions = [] } = statusOf(definition);
  const stored = versions.find(({ storage }) => storage === true)?.name ?? '';
  return {
    ...definition,
    spec: { conversion: { strategy: 'None' }, ...specOf(definition), names: full },
    status: {
      acceptedNames: { kind: '', plural: '' },
      conditions: null,
      ...statusOf(definition),
      storedVersions: [...new Set([...storedVersions, stored])],
    },
  };
}

/** What the server makes of it a moment later: its kinds are served from now on. */
export function established(definition: KubeObject, now: string): KubeObject {
  const { names } = specOf(definition);
  const condition = (type: string, reason: string, message: string): object => ({
    type,
    status: 'True',
    lastTransitionTime: now,
    reason,
    message,
  });
  return {
    ...definition,
    status: {
      ...statusOf(definition),
      acceptedNames: names,
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
    },
  };
}
