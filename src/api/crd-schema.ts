import { z } from 'zod';

/** A schema as a CustomResourceDefinition holds it. */
export type Structural = Record<string, unknown>;

/** The parts of zod's OpenAPI 3.0 schemas that ours use. Anything else is a mistake of ours and throws. */
const openapi = z.strictObject({
  type: z.enum(['object', 'array', 'string', 'integer', 'number', 'boolean']).optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  format: z.enum(['cidr', 'date-time']).optional(),
  pattern: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.int().optional(),
  maxLength: z.int().optional(),
  minItems: z.int().optional(),
  maxItems: z.int().optional(),
  maxProperties: z.int().optional(),
  required: z.array(z.string()).optional(),
  get properties() {
    return z.record(z.string(), openapi).optional();
  },
  get items() {
    return openapi.optional();
  },
  get additionalProperties() {
    return z.union([z.literal(false), openapi]).optional();
  },
  get anyOf() {
    return z.array(openapi).length(2).optional();
  },
  // Of records: JSON has only texts for keys.
  propertyNames: z.unknown().optional(),
  'x-kubernetes-validations': z.array(z.unknown()).optional(),
});

type OpenApi = z.infer<typeof openapi>;

/** Name of a list to the field that its entries are told apart by; other lists are of one piece. */
type ListKeys = Readonly<Record<string, string>>;

/** The structural schema of what a zod schema reads: what an API server takes, checks, fills in and drops. */
export function structural(schema: z.ZodType, listKeys: ListKeys = {}): Structural {
  return convert(openapi.parse(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' })), listKeys);
}

/** What is known of a field from where it stands. */
interface Member {
  /** Of the list that it is: what its entries are told apart by. */
  readonly key?: string | undefined;
  readonly optional?: boolean;
}

/**
 * An API server drops `null` from a field that does not take it, as if the line were not there: `nets:` without a value would become every
 * address. So where there is no default to take its place, `null` is kept, and whoever reads it takes the safe side.
 */
function convert(node: OpenApi, listKeys: ListKeys, { key, optional = false }: Member = {}): Structural {
  const {
    type,
    description,
    default: given,
    properties,
    items,
    additionalProperties,
    anyOf,
    propertyNames: _,
    required,
    ...checks
  } = node;
  return withoutAbsent({
    type: anyOf === undefined ? typeOf(node) : undefined,
    description,
    nullable: optional && given === undefined ? true : undefined,
    default: isEmpty(given) && !hasDefaults(node) ? undefined : given,
    ...(anyOf === undefined ? {} : integerOrText(anyOf)),
    ...(type === 'integer' ? { ...checks, minimum: undefined, maximum: undefined, ...integer(node) } : checks),
    ...(key === undefined ? {} : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] }),
    required,
    ...(type === 'object' && properties === undefined && additionalProperties === undefined ? open : {}),
    ...(typeof additionalProperties === 'object' ? others(additionalProperties, listKeys) : {}),
    properties:
      properties === undefined || Object.keys(properties).length === 0
        ? undefined
        : Object.fromEntries(
            Object.entries(properties).map(([name, child]) => [
              name,
              convert(child, listKeys, { key: listKeys[name], optional: required?.includes(name) !== true }),
            ]),
          ),
    items: items && convert(items, listKeys),
  });
}

/** An API server drops unknown fields unless it is told to keep them. */
const open = { 'x-kubernetes-preserve-unknown-fields': true };

function others(schema: OpenApi, listKeys: ListKeys): Structural {
  return Object.keys(schema).length === 0 ? open : { additionalProperties: convert(schema, listKeys) };
}

/** A literal number is a whole one. */
function typeOf(node: OpenApi): string | undefined {
  return node.type === 'number' && node.enum?.every(Number.isInteger) === true ? 'integer' : node.type;
}

const INT32 = 2 ** 31 - 1;

/** zod gives every integer the bounds of JavaScript's; those that say nothing go, and the width is said instead. */
function integer({ minimum, maximum }: OpenApi): Structural {
  const small = (bound: number | undefined): boolean => bound !== undefined && Math.abs(bound) <= INT32;
  return {
    format: small(minimum) && small(maximum) ? 'int32' : 'int64',
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
  };
}

/** The one union that a structural schema can say; bounds of the number and of the text stand side by side. */
function integerOrText([number, text]: readonly OpenApi[]): Structural {
  if (number?.type !== 'integer' || text?.type !== 'string')
    throw new Error('a union of ours is one of a whole number and a text');
  const { type: _, ...textChecks } = text;
  return {
    'x-kubernetes-int-or-string': true,
    minimum: number.minimum,
    maximum: number.maximum,
    ...textChecks,
  };
}

/** `[]` or `{}`: as a default it says no more than the field's absence does. */
function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** Something inside would be filled in, if only the object were there. */
function hasDefaults({ properties = {} }: OpenApi): boolean {
  return Object.values(properties).some(
    (child) => (child.default !== undefined && !isEmpty(child.default)) || hasDefaults(child),
  );
}

function withoutAbsent(schema: Structural): Structural {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}
