import type { Node } from './custom-schema.ts';
import { equal, isMap } from './object.ts';
import type { Cause } from './status.ts';

type Mistake = Required<Cause>;

const items = (count: number): string => (count === 1 ? '1 item' : `${count} items`);

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};

function isOfType(value: unknown, type: string): boolean {
  const is = typeOf(value);
  return is === type || (type === 'number' && is === 'integer');
}

const shown = (value: unknown): string => JSON.stringify(value) ?? 'null';

/** How the server's messages quote a value: objects and lists by their type alone. */
const quoted = (value: unknown): string =>
  typeof value === 'object' && value !== null ? `"${typeOf(value)}"` : shown(value);

function inRange(value: number, format: string | undefined): boolean {
  if (format === 'int32') return Math.abs(value) <= 0x7fffffff || value === -0x80000000;
  return true;
}

/** Everything in which a value breaks its schema, with the path of each field. */
export function mistakesOf(value: unknown, node: Node, path = ''): readonly Mistake[] {
  const found: Mistake[] = [];
  const invalid = (why: string): void => {
    found.push({ reason: 'FieldValueInvalid', field: path, message: `Invalid value: ${quoted(value)}: ${why}` });
  };
  const body = `${path} in body`;
  if (value === null && node.nullable === true) return found;
  const intOrString = node['x-kubernetes-int-or-string'] === true;
  if (intOrString ? !['integer', 'string'].includes(typeOf(value)) : !isOfType(value, node.type ?? typeOf(value))) {
    const wanted = intOrString ? 'integer,string' : (node.type ?? '');
    found.push({
      reason: 'FieldValueTypeInvalid',
      field: path,
      message: `Invalid value: "${typeOf(value)}": ${body} must be of type ${wanted}: "${typeOf(value)}"`,
    });
    return found;
  }
  if (node.enum !== undefined && !node.enum.some((one) => equal(one, value)))
    found.push({
      reason: 'FieldValueNotSupported',
      field: path,
      message: `Unsupported value: ${shown(value)}: supported values: ${node.enum.map(shown).join(', ')}`,
    });
  if (typeof value === 'string') {
    const { length } = Array.from(value);
    if (node.minLength !== undefined && length < node.minLength)
      invalid(`${body} should be at least ${node.minLength} chars long`);
    else if (node.maxLength !== undefined && length > node.maxLength)
      found.push({
        reason: 'FieldValueTooLong',
        field: path,
        message: `Too long: may not be more than ${node.maxLength} bytes`,
      });
    else if (node.pattern !== undefined && !new RegExp(node.pattern, 'u').test(value))
      invalid(`${body} should match '${node.pattern}'`);
    if (node.format === 'date-time' && Number.isNaN(Date.parse(value)))
      invalid(`${body} must be of type date-time: ${shown(value)}`);
  }
  if (typeof value === 'number') {
    const { minimum, maximum, exclusiveMinimum = false, exclusiveMaximum = false } = node;
    if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
      invalid(`${body} should be greater than${exclusiveMinimum ? '' : ' or equal to'} ${minimum}`);
    if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
      invalid(`${body} should be less than${exclusiveMaximum ? '' : ' or equal to'} ${maximum}`);
    if (node.multipleOf !== undefined && value % node.multipleOf !== 0)
      invalid(`${body} should be a multiple of ${node.multipleOf}`);
    if (!inRange(value, node.format)) invalid(`${body} must be of type ${node.format ?? ''}`);
  }
  if (Array.isArray(value)) found.push(...listMistakes(value as readonly unknown[], node, path));
  if (isMap(value)) found.push(...mapMistakes(value, node, path));
  for (const one of node.allOf ?? []) found.push(...mistakesOf(value, one, path));
  const fits = (one: Node): boolean => mistakesOf(value, one, path).length === 0;
  if (node.anyOf !== undefined && !node.anyOf.some(fits)) invalid(`${body} must validate at least one schema (anyOf)`);
  if (node.oneOf !== undefined && node.oneOf.filter(fits).length !== 1)
    invalid(`${body} must validate one and only one schema (oneOf)`);
  if (node.not !== undefined && fits(node.not)) invalid(`${body} must not validate the schema (not)`);
  return found;
}

const keysOf = (value: unknown, keys: readonly string[]): unknown =>
  isMap(value) ? Object.fromEntries(keys.map((key) => [key, value[key]])) : value;

function listMistakes(value: readonly unknown[], node: Node, path: string): readonly Mistake[] {
  const found: Mistake[] = [];
  if (node.maxItems !== undefined && value.length > node.maxItems)
    found.push({
      reason: 'FieldValueTooMany',
      field: path,
      message: `Too many: ${value.length}: must have at most ${items(node.maxItems)}`,
    });
  if (node.minItems !== undefined && value.length < node.minItems)
    found.push({
      reason: 'FieldValueInvalid',
      field: path,
      message: `Invalid value: ${value.length}: ${path} in body should have at least ${node.minItems} items`,
    });
  const type = node['x-kubernetes-list-type'];
  const keys = node['x-kubernetes-list-map-keys'] ?? [];
  const names = value.map((one) =>
    type === 'map' && isMap(one)
      ? JSON.stringify(keys.map((key) => one[key] ?? node.items?.properties?.[key]?.default))
      : JSON.stringify(one),
  );
  for (const [index, one] of value.entries()) {
    const at = `${path}[${index}]`;
    if ((type === 'map' || type === 'set') && names.indexOf(names[index] ?? '') < index)
      found.push({
        reason: 'FieldValueDuplicate',
        field: at,
        message: `Duplicate value: ${shown(type === 'map' ? keysOf(one, keys) : one)}`,
      });
    if (node.items !== undefined) found.push(...mistakesOf(one, node.items, at));
  }
  return found;
}

function mapMistakes(value: Readonly<Record<string, unknown>>, node: Node, path: string): readonly Mistake[] {
  const found: Mistake[] = [];
  const under = (key: string): string => (path === '' ? key : `${path}.${key}`);
  for (const key of node.required ?? [])
    if (value[key] === undefined)
      found.push({ reason: 'FieldValueRequired', field: under(key), message: 'Required value' });
  const size = Object.keys(value).length;
  if (node.maxProperties !== undefined && size > node.maxProperties)
    found.push({
      reason: 'FieldValueTooMany',
      field: path,
      message: `Too many: ${size}: must have at most ${items(node.maxProperties)}`,
    });
  if (node.minProperties !== undefined && size < node.minProperties)
    found.push({
      reason: 'FieldValueInvalid',
      field: path,
      message: `Invalid value: ${size}: ${path} in body should have at least ${node.minProperties} properties`,
    });
  for (const [key, one] of Object.entries(value)) {
    const more = isMap(node.additionalProperties) ? (node.additionalProperties as Node) : undefined;
    const inner = node.properties?.[key] ?? more;
    if (inner !== undefined && one !== undefined) found.push(...mistakesOf(one, inner, under(key)));
  }
  return found;
}
