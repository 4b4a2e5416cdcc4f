import { CEL_RULES, type CelRule } from './cel.ts';
import { type Structural, structural } from './crd-schema.ts';
import { type Kind, OUR_GROUP, kinds } from './kinds.ts';
import { type OwnKind, ownKinds } from './own-kinds.ts';
import { STATUS_LIST_KEYS, statusSchemas } from './status.ts';

/** A CustomResourceDefinition, ready to be written as YAML or JSON. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: object;
}

/** The CustomResourceDefinitions of our kinds, from the schemas that `readResource` reads by. */
export function customResourceDefinitions(): readonly CustomResourceDefinition[] {
  return kinds.flatMap((kind) => {
    const own = ownKinds[kind.type];
    return own === undefined ? [] : [definition(kind, own)];
  });
}

function definition(kind: Kind, own: OwnKind): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${kind.plural}.${OUR_GROUP}`,
      // To delete a definition deletes every object of its kind; no uninstall may do that by the way.
      annotations: { 'helm.sh/resource-policy': 'keep' },
    },
    spec: {
      group: OUR_GROUP,
      scope: kind.scope === 'Cluster' ? 'Cluster' : 'Namespaced',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        shortNames: own.shortNames,
        categories: ['sallyport'],
      },
      versions: kind.versions.map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        additionalPrinterColumns: own.columns.map(({ name: title, type, path, priority, description }) => ({
          name: title,
          type,
          jsonPath: path,
          ...(priority === 0 ? {} : { priority }),
          description,
        })),
        schema: { openAPIV3Schema: objectSchema(kind, own) },
        subresources: { status: {} },
      })),
    },
  };
}

function objectSchema(kind: Kind, own: OwnKind): Structural {
  const status = statusSchemas.get(kind.type);
  return {
    type: 'object',
    required: ['spec'],
    ...(own.rules === undefined ? {} : { [CEL_RULES]: own.rules }),
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: specSchema(own),
      ...(status === undefined ? {} : { status: structural(status, STATUS_LIST_KEYS) }),
    },
  };
}

/** As long as any list of rules: its length is not what is wrong with it. */
const LIST_LIMIT = 1024;

function specSchema({ spec, notYet = {} }: OwnKind): Structural {
  const schema = structural(spec);
  const fields = Object.entries(notYet);
  if (fields.length === 0) return schema;
  const list = {
    type: 'array',
    maxItems: LIST_LIMIT,
    items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  };
  return {
    ...schema,
    [CEL_RULES]: fields.map(([field, message]): CelRule => ({ rule: `!has(self.${field})`, message })),
    properties: {
      ...(schema['properties'] as Structural),
      ...Object.fromEntries(fields.map(([field, description]) => [field, { ...list, description }])),
    },
  };
}
