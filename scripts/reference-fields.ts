import { z } from 'zod';
import { bullet, code } from './reference-markdown.ts';

/** The parts of JSON schema (2020-12) that our schemas use. */
const schemaNode = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  const: z.union([z.string(), z.number(), z.boolean()]).optional(),
  enum: z.array(z.union([z.string(), z.number()])).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  required: z.array(z.string()).optional(),
  get properties() {
    return z.record(z.string(), schemaNode).optional();
  },
  get items() {
    return schemaNode.optional();
  },
  get anyOf() {
    return z.array(schemaNode).optional();
  },
  get additionalProperties() {
    return z.union([z.boolean(), schemaNode]).optional();
  },
});

export type SchemaNode = z.infer<typeof schemaNode>;

export function readSchema(schema: object): SchemaNode {
  return schemaNode.parse(schema);
}

/** One field of a schema, as a page lists it. */
interface Field {
  readonly name: string;
  /** How many fields it stands inside of. */
  readonly depth: number;
  readonly required: boolean;
  readonly node: SchemaNode;
}

/** The fields of an object, each followed by the ones inside it, in the order of the schema. */
function* fieldsOf(node: SchemaNode, depth: number): Generator<Field> {
  const required = new Set(node.required);
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    yield { name, depth, required: required.has(name), node: child };
    yield* within(child, depth + 1);
  }
  const others = node.additionalProperties;
  if (typeof others === 'object' && node.properties === undefined && others.type !== undefined) {
    yield { name: 'NAME', depth, required: false, node: { description: 'any name', ...others } };
    yield* within(others, depth + 1);
  }
}

function* within(node: SchemaNode, depth: number): Generator<Field> {
  if (node.type === 'array' && node.items !== undefined) yield* within(node.items, depth);
  else yield* fieldsOf(node, depth);
}

/** Which fields are marked: of what people write those that must stand there, of what is printed those that may be missing. */
type Marked = 'required' | 'optional';

/** The fields below a schema as a list; throws where one has no meaning yet, so that none stays without. */
export function fieldList(node: SchemaNode, marked: Marked = 'required'): string {
  const fields = [...fieldsOf(node, 0)];
  const silent = fields.filter((field) => field.node.description === undefined).map(({ name }) => name);
  if (silent.length > 0) throw new Error(`fields without a description in their schema: ${silent.join(', ')}`);
  return fields.map((field) => bullet(line(field, marked), field.depth)).join('\n');
}

function line({ name, required, node }: Field, marked: Marked): string {
  const mark = required === (marked === 'required') ? [marked] : [];
  const about = [typeText(node), ...mark, ...defaultText(node)];
  return `${code(name)} (${about.join('; ')}): ${node.description ?? ''}.`;
}

/** What stands there when the field is absent; an empty object says nothing beyond the defaults of its fields. */
function defaultText({ default: given, properties }: SchemaNode): readonly string[] {
  if (given === undefined || (properties !== undefined && JSON.stringify(given) === '{}')) return [];
  return [`default ${code(typeof given === 'string' ? given : JSON.stringify(given))}`];
}

function typeText(node: SchemaNode): string {
  if (node.const !== undefined) return code(String(node.const));
  if (node.enum !== undefined) return either(node.enum.map((value) => code(String(value))));
  if (node.anyOf !== undefined) return either(node.anyOf.map(memberText));
  if (Array.isArray(node.type)) return either(node.type.map((type) => typeText({ ...node, type })));
  switch (node.type) {
    case 'array':
      return node.items === undefined || node.items.type === 'object' ? 'list' : `list: ${typeText(node.items)}`;
    case 'string':
      return 'text';
    case 'boolean':
      return 'true or false';
    case 'integer':
    case 'number':
      return numberText(node);
    case 'null':
      return code('null');
    default:
      return typeof node.additionalProperties === 'object' && node.properties === undefined ? 'map' : 'object';
  }
}

/** In a union an object is shown by its keys. */
function memberText(node: SchemaNode): string {
  if (node.properties === undefined) return typeText(node);
  return code(
    `{${Object.keys(node.properties)
      .map((key) => `${key}: …`)
      .join(', ')}}`,
  );
}

function numberText({ type, minimum, maximum }: SchemaNode): string {
  const noun = type === 'integer' ? 'whole number' : 'number';
  const least = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (least !== undefined && most !== undefined) return `${noun} from ${least} to ${most}`;
  if (least !== undefined) return `${noun}, at least ${least}`;
  return most === undefined ? noun : `${noun}, at most ${most}`;
}

function either(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1) ?? ''}`;
}
