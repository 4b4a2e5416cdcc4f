import { describe, expect, test } from 'vitest';
import { jsonSchemas } from './json-schema.ts';

describe('JSON schemas of our kinds', () => {
  for (const [type, schema] of jsonSchemas())
    test(`${type} is as published`, async () => {
      await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(`golden/schema/${type}.json`);
    });

  test('each of our kinds has one', () => {
    expect([...jsonSchemas().keys()]).toEqual([
      'BorderFirewall',
      'ClusterBorderPolicy',
      'BorderPolicy',
      'AddressGroup',
      'SourceNAT',
      'BorderApproval',
    ]);
  });

  // What a structural CRD cannot say (dependencies.md 7) must not creep in: unions are numbers or texts and nothing else.
  test('they hold nothing that a CRD could not say', () => {
    const found: string[] = [];
    const look = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (['oneOf', 'allOf', 'not', '$ref', '$defs', 'if', 'patternProperties'].includes(key))
          found.push(`${path}.${key}`);
        if (
          key === 'anyOf' &&
          JSON.stringify((value as { type: string }[]).map(({ type }) => type)) !== '["integer","string"]'
        )
          found.push(`${path}.anyOf`);
        look(value, `${path}.${key}`);
      }
      if ('type' in node && node.type === 'array' && !('maxItems' in node)) found.push(`${path} without maxItems`);
    };
    for (const [type, schema] of jsonSchemas()) look(schema, type);
    expect(found).toEqual([]);
  });
});
