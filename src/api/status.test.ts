import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { kinds } from './kinds.ts';
import { STATUS_LIST_KEYS, statusSchemas } from './status.ts';

interface Node {
  readonly type?: string;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

/** Every node below one, each with its path. */
function* nodes(node: Node, path: string): Generator<readonly [string, Node]> {
  yield [path, node];
  for (const [name, child] of Object.entries(node.properties ?? {})) yield* nodes(child, `${path}.${name}`);
  if (node.items !== undefined) yield* nodes(node.items, `${path}[]`);
}

/** The most bytes that a value of this form can have as JSON; a character counts for four. */
function mostBytes(node: Node): number {
  switch (node.type) {
    case 'array':
      return 2 + (node.maxItems ?? Number.POSITIVE_INFINITY) * (mostBytes(node.items ?? {}) + 1);
    case 'object':
      return Object.entries(node.properties ?? {}).reduce(
        (sum, [name, child]) => sum + name.length + 4 + mostBytes(child),
        2,
      );
    case 'string':
      return 2 + 4 * (node.maxLength ?? Math.max(0, ...(node.enum ?? [[]]).map(({ length }) => length)));
    default:
      return 20;
  }
}

const schemas = [...statusSchemas].map(([type, schema]) => [type, z.toJSONSchema(schema) as Node] as const);

describe('statuses of our kinds', () => {
  test('each kind has one', () => {
    expect([...statusSchemas.keys()]).toEqual(kinds.filter(({ ours }) => ours).map(({ type }) => type));
  });

  test.each(schemas)('%s is closed, and every list, text and field has its limit and meaning', (type, schema) => {
    for (const [path, node] of nodes(schema, type)) {
      if (node.type === 'object') expect(node.additionalProperties, path).toBe(false);
      if (node.type === 'array') expect(node.maxItems, path).toBeGreaterThan(0);
      if (node.type === 'string') expect(node.maxLength ?? node.enum, path).toBeDefined();
      if (node.description === undefined) expect(path.endsWith('[]') || path === type, path).toBe(true);
    }
  });

  // etcd takes 1.5 MiB; the spec needs its part of it, and so does the list of fields that each writer has.
  test.each(schemas)('%s stays below what the store of a cluster takes, however full', (type, schema) => {
    expect(mostBytes(schema), type).toBeLessThan(1_100_000);
  });

  test.each(schemas)('%s: lists of entries have the key that parts them', (_, schema) => {
    for (const [name, key] of Object.entries(STATUS_LIST_KEYS))
      for (const [path, node] of nodes(schema, ''))
        if (path.endsWith(`.${name}`)) expect(node.items?.properties, path).toHaveProperty(key);
  });
});
