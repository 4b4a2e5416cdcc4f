import type { Merging, Schema } from './fields.ts';
import type { CustomSchema } from './kinds.ts';
import { builtInSchema, granular } from './merging.ts';
import { type KubeObject, isMap } from './object.ts';
import { mistakesOf } from './validation.ts';

/** `JSONSchemaProps`, as far as a structural schema uses it. */
export interface Node {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly uniqueItems?: boolean;
  readonly default?: unknown;
  readonly allOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly not?: Node;
  readonly $ref?: string;
  readonly description?: string;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'granular' | 'atomic';
  readonly 'x-kubernetes-validations'?: readonly { readonly rule?: string; readonly message?: string }[];
}

const KEEP = 'x-kubernetes-preserve-unknown-fields';
/** Of every object, whatever the schema says. */
const always = new Set(['apiVersion', 'kind', 'metadata']);

/** Without fields that the schema does not know; their paths go to `pruned`. */
export function prune(value: unknown, node: Node, pruned: string[], path = ''): unknown {
  if (Array.isArray(value))
    return (value as readonly unknown[]).map((one, index) =>
      prune(one, node.items ?? { [KEEP]: true }, pruned, `${path}[${index}]`),
    );
  if (!isMap(value)) return value;
  const { properties = {}, additionalProperties } = node;
  const embedded = path === '' || node['x-kubernetes-embedded-resource'] === true;
  const result: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`;
    const inner = properties[key] ?? (isMap(additionalProperties) ? (additionalProperties as Node) : undefined);
    if (embedded && always.has(key)) result[key] = one;
    else if (inner !== undefined) result[key] = prune(one, inner, pruned, at);
    else if (node[KEEP] === true || additionalProperties === true) result[key] = one;
    else pruned.push(at);
  }
  return result;
}

/** With the defaults of fields that are absent (or null where null is no value). */
export function defaulted(value: unknown, node: Node): unknown {
  if (Array.isArray(value)) {
    const { items } = node;
    return items === undefined ? value : (value as readonly unknown[]).map((one) => defaulted(one, items));
  }
  if (!isMap(value)) return value;
  const { properties = {}, additionalProperties } = node;
  const result: Record<string, unknown> = { ...value };
  for (const [key, inner] of Object.entries(properties)) {
    if (inner.default === undefined) continue;
    if (result[key] === undefined || (result[key] === null && inner.nullable !== true))
      result[key] = structuredClone(inner.default);
  }
  for (const [key, one] of Object.entries(result)) {
    const inner = properties[key] ?? (isMap(additionalProperties) ? (additionalProperties as Node) : undefined);
    if (inner !== undefined) result[key] = defaulted(one, inner);
  }
  return result;
}

/** How a custom resource's fields are merged: lists are atomic unless the schema says more. */
function mergingOf(root: Node): Schema {
  const metadata = builtInSchema('', '');
  return (path) => {
    if (path[0] === 'metadata') return metadata(path);
    let node: Node | undefined = root;
    for (const name of path) {
      // Elements of lists leave no name.
      while (node?.items !== undefined) node = node.items;
      const more: Node | undefined = isMap(node?.additionalProperties)
        ? (node?.additionalProperties as Node)
        : undefined;
      node = node?.properties?.[name] ?? more;
    }
    return merging(node);
  };
}

function merging(node: Node | undefined): Merging {
  const listType = node?.['x-kubernetes-list-type'];
  if (listType === 'set') return { type: 'set' };
  if (listType === 'map') {
    const keys = node?.['x-kubernetes-list-map-keys'] ?? [];
    const known = keys.map((key) => [key, node?.items?.properties?.[key]?.default] as const);
    return { type: 'map', keys, defaults: Object.fromEntries(known.filter(([, value]) => value !== undefined)) };
  }
  return node?.['x-kubernetes-map-type'] === 'atomic' ? { type: 'atomic' } : granular;
}

/** What a schema does with objects of its kind. CEL rules are not evaluated. */
export function customSchema(root: Node): CustomSchema {
  return {
    merging: mergingOf(root),
    prepare(object) {
      const pruned: string[] = [];
      const kept = prune(object, root, pruned);
      return { object: defaulted(kept, root) as KubeObject, pruned };
    },
    mistakes: (object) =>
      // What every object has was judged before.
      mistakesOf(Object.fromEntries(Object.entries(object).filter(([key]) => !always.has(key))), {
        ...root,
        required: (root.required ?? []).filter((one) => !always.has(one)),
      }),
  };
}
