import { isMap, type RawMap } from '../../src/api/shape.ts';

// The rules of structural schemas, from the documentation of CustomResourceDefinitions and nothing of ours: what an API server refuses,
// and what we ask of ourselves on top, that nothing is without a limit.

const KNOWN = new Set([
  'type',
  'description',
  'default',
  'enum',
  'format',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'properties',
  'items',
  'additionalProperties',
  'nullable',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
]);
const TYPES = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);
/** As the API server has them, of those that ours use. */
const FORMATS: Readonly<Record<string, string>> = {
  int32: 'integer',
  int64: 'integer',
  cidr: 'string',
  'date-time': 'string',
};

/** What an API server would not take of the schema of a version, one line each; empty when it is right. */
export function structuralMistakes(schema: RawMap): readonly string[] {
  const mistakes: string[] = [];
  const say = (path: string, problem: string): void => void mistakes.push(`${path || '(root)'}: ${problem}`);
  if (schema['type'] !== 'object') say('', 'is no object');
  const metadata = map(map(schema['properties'])['metadata']);
  if (Object.keys(metadata).some((key) => key !== 'type')) say('metadata', 'may say nothing but its type');
  for (const [name, child] of Object.entries(map(schema['properties']))) {
    if (['apiVersion', 'kind', 'metadata'].includes(name)) continue;
    look(map(child), name, say);
  }
  return mistakes;
}

function look(node: RawMap, path: string, say: (path: string, problem: string) => void): void {
  for (const key of Object.keys(node)) if (!KNOWN.has(key)) say(path, `${key} has no place in a structural schema`);
  const { properties, items, additionalProperties } = node;
  const type = typeof node['type'] === 'string' ? node['type'] : undefined;
  const free = node['x-kubernetes-preserve-unknown-fields'] === true;
  const union = node['x-kubernetes-int-or-string'] === true;
  if (union ? type !== undefined : type === undefined ? !free : !TYPES.has(type)) say(path, 'has a wrong type');
  if (properties !== undefined && additionalProperties !== undefined)
    say(path, 'has both properties and additionalProperties');
  if (additionalProperties !== undefined && !isMap(additionalProperties))
    say(path, 'additionalProperties is no schema');
  if ((type === 'array') !== (items !== undefined)) say(path, 'items go with arrays');
  if ((properties ?? additionalProperties) !== undefined && type !== 'object') say(path, 'properties go with objects');
  const format = node['format'];
  if (typeof format === 'string' && FORMATS[format] !== type) say(path, `format ${format} is not for ${type ?? 'it'}`);
  if (node['default'] !== undefined) fits(node['default'], node, path, say);
  for (const name of list(node['required']))
    if (!(String(name) in map(properties))) say(path, `requires ${String(name)}, which is no property`);
  limits(node, path, say);
  keyed(node, path, say);
  for (const [name, child] of Object.entries(map(properties))) look(map(child), `${path}.${name}`, say);
  if (isMap(items)) look(items, `${path}[]`, say);
  if (isMap(additionalProperties)) look(additionalProperties, `${path}.*`, say);
}

/** Nothing is without a limit: the API server counts what its checks may cost by these. */
function limits(node: RawMap, path: string, say: (path: string, problem: string) => void): void {
  const text = node['type'] === 'string' || node['x-kubernetes-int-or-string'] === true;
  if (text && node['enum'] === undefined && node['maxLength'] === undefined) say(path, 'is a text of any length');
  if (node['type'] === 'array' && node['maxItems'] === undefined) say(path, 'is a list of any length');
  const open = node['additionalProperties'] ?? node['x-kubernetes-preserve-unknown-fields'];
  if (open !== undefined && node['maxProperties'] === undefined && !path.endsWith('[]'))
    say(path, 'is a map of any size');
}

function keyed(node: RawMap, path: string, say: (path: string, problem: string) => void): void {
  const keys = list(node['x-kubernetes-list-map-keys']);
  if ((node['x-kubernetes-list-type'] === 'map') !== keys.length > 0) say(path, 'keys go with lists of type map');
  const entry = map(node['items']);
  for (const key of keys) {
    const member = map(map(entry['properties'])[String(key)]);
    if (!['string', 'integer', 'boolean'].includes(String(member['type'])))
      say(path, `key ${String(key)} is no scalar`);
    if (!list(entry['required']).includes(key) && member['default'] === undefined)
      say(path, `key ${String(key)} is neither required nor has a default`);
  }
}

/** A default has to be right by itself, and to hold nothing that would be dropped. */
function fits(value: unknown, node: RawMap, path: string, say: (path: string, problem: string) => void): void {
  const is = Array.isArray(value)
    ? 'array'
    : value === null
      ? 'null'
      : Number.isInteger(value)
        ? 'integer'
        : typeof value;
  const type = node['type'];
  if (is !== type && !(is === 'integer' && type === 'number')) say(path, `has a default of type ${is}`);
  const allowed = list(node['enum']);
  if (allowed.length > 0 && !allowed.includes(value)) say(path, 'has a default that is not among its values');
  if (!isMap(value)) return;
  const inside = map(node['properties']);
  for (const [name, member] of Object.entries(value)) {
    if (name in inside) fits(member, map(inside[name]), `${path}.${name}`, say);
    else say(path, `has a default with ${name}, which would be dropped`);
  }
  for (const name of list(node['required']))
    if (!(String(name) in value)) say(path, `has a default without ${String(name)}`);
}

function map(value: unknown): RawMap {
  return isMap(value) ? value : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
