import type { Node } from './custom-schema.ts';
import { isMap } from './object.ts';
import type { Cause } from './status.ts';

type Mistake = Required<Cause>;

const types = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);
/** What may not stand inside `allOf`, `anyOf`, `oneOf`, `not`. */
const structure = [
  'description',
  'type',
  'default',
  'additionalProperties',
  'nullable',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
] as const;

const forbidden = (field: string, why: string): Mistake => ({
  reason: 'FieldValueForbidden',
  field,
  message: `Forbidden: ${why}`,
});
const required = (field: string, why: string): Mistake => ({
  reason: 'FieldValueRequired',
  field,
  message: `Required value: ${why}`,
});
const invalid = (field: string, value: unknown, why: string): Mistake => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
});

/** Everything in which a schema is not structural. */
export function structuralMistakes(node: Node, field: string, depth = 0): readonly Mistake[] {
  const found: Mistake[] = [];
  const intOrString = node['x-kubernetes-int-or-string'] === true;
  const keeps = node['x-kubernetes-preserve-unknown-fields'] === true;
  if (node.$ref !== undefined) found.push(forbidden(`${field}.$ref`, '$ref is not supported'));
  if (node.type === undefined) {
    if (!intOrString && !(keeps && depth > 0))
      found.push(
        required(
          `${field}.type`,
          depth === 0 ? 'must not be empty at the root' : 'must not be empty for specified object fields',
        ),
      );
  } else if (!types.has(node.type)) {
    found.push({
      reason: 'FieldValueNotSupported',
      field: `${field}.type`,
      message: `Unsupported value: ${JSON.stringify(node.type)}: supported values: "array", "boolean", "integer", "number", "object", "string"`,
    });
  } else if (depth === 0 && node.type !== 'object') {
    found.push(invalid(`${field}.type`, node.type, 'must be object at the root'));
  }
  if (intOrString && node.type !== undefined)
    found.push(forbidden(`${field}.type`, 'must be empty if x-kubernetes-int-or-string is true'));
  if (node.uniqueItems === true) found.push(forbidden(`${field}.uniqueItems`, 'uniqueItems cannot be set to true'));
  if (node.additionalProperties === false)
    found.push(forbidden(`${field}.additionalProperties`, 'additionalProperties cannot be set to false'));
  if (Object.keys(node.properties ?? {}).length > 0 && node.additionalProperties !== undefined)
    found.push(forbidden(`${field}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
  if (node.type === 'array' && node.items === undefined) found.push(required(`${field}.items`, 'must be specified'));
  if (node.pattern !== undefined && !compiles(node.pattern))
    found.push(invalid(`${field}.pattern`, node.pattern, 'must be a valid regular expression'));
  found.push(...listMistakes(node, field));
  for (const [index, { rule = '' }] of (node['x-kubernetes-validations'] ?? []).entries())
    if (rule.trim() === '')
      found.push(required(`${field}.x-kubernetes-validations[${index}].rule`, 'rule is not specified'));
  for (const [key, inner] of Object.entries(node.properties ?? {})) {
    const at = `${field}.properties[${key}]`;
    if (depth === 0 && key === 'metadata') found.push(...metadataMistakes(inner, at));
    else found.push(...structuralMistakes(inner, at, depth + 1));
  }
  if (node.items !== undefined) found.push(...structuralMistakes(node.items, `${field}.items`, depth + 1));
  if (isMap(node.additionalProperties))
    found.push(...structuralMistakes(node.additionalProperties as Node, `${field}.additionalProperties`, depth + 1));
  for (const word of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [index, inner] of (node[word] ?? []).entries())
      found.push(...valueMistakes(inner, node, `${field}.${word}[${index}]`, intOrString));
  if (node.not !== undefined) found.push(...valueMistakes(node.not, node, `${field}.not`, false));
  return found;
}

/** The root's `metadata` may restrict the name and nothing else. */
function metadataMistakes(node: Node, field: string): readonly Mistake[] {
  const other = Object.keys(node.properties ?? {}).some((key) => !['name', 'generateName'].includes(key));
  const found: Mistake[] = [];
  if (other)
    found.push(
      forbidden(
        field,
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    );
  if (node.type !== 'object') found.push(required(`${field}.type`, 'must be object'));
  return found;
}

function listMistakes(node: Node, field: string): readonly Mistake[] {
  const listType = node['x-kubernetes-list-type'];
  const keys = node['x-kubernetes-list-map-keys'];
  const found: Mistake[] = [];
  if (listType !== undefined && node.type !== 'array')
    found.push(invalid(`${field}.type`, node.type ?? '', 'must be array if x-kubernetes-list-type is specified'));
  if (listType !== 'map') {
    if (keys !== undefined)
      found.push(
        invalid(
          `${field}.x-kubernetes-list-type`,
          listType ?? '',
          'must be map if x-kubernetes-list-map-keys is non-empty',
        ),
      );
    return found;
  }
  if (keys === undefined || keys.length === 0)
    found.push(required(`${field}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'));
  for (const key of keys ?? []) {
    const property = node.items?.properties?.[key];
    if (property === undefined)
      found.push(invalid(`${field}.x-kubernetes-list-map-keys`, keys, 'entries must all be names of item properties'));
    else if (!(node.items?.required ?? []).includes(key) && property.default === undefined)
      found.push(
        required(
          `${field}.items.properties[${key}].default`,
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      );
  }
  return found;
}

/** Inside `allOf` and its like only values are judged. */
function valueMistakes(node: Node, around: Node, field: string, intOrString: boolean): readonly Mistake[] {
  const found: Mistake[] = [];
  for (const word of structure) {
    if (node[word] === undefined) continue;
    // The one pattern that may name types.
    if (word === 'type' && intOrString) continue;
    found.push(
      forbidden(
        `${field}.${word}`,
        word === 'type' ? 'must be empty to be structural' : 'must be undefined to be structural',
      ),
    );
  }
  for (const [key, inner] of Object.entries(node.properties ?? {})) {
    const outside = around.properties?.[key];
    if (outside === undefined)
      found.push(
        required(
          `${field.replace(/\.(all|any|one)Of\[\d+\]$|\.not$/, '')}.properties[${key}]`,
          'because it is defined in a value validation',
        ),
      );
    else
      found.push(
        ...valueMistakes(inner, outside, `${field}.properties[${key}]`, outside['x-kubernetes-int-or-string'] === true),
      );
  }
  if (node.items !== undefined && around.items !== undefined)
    found.push(...valueMistakes(node.items, around.items, `${field}.items`, false));
  return found;
}

function compiles(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}
