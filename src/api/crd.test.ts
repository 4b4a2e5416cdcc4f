import { describe, expect, test } from 'vitest';
import { structuralMistakes } from '../../test/kit/structural-schema.ts';
import { customResourceDefinitions } from './crd.ts';
import { kinds } from './kinds.ts';
import { type RawMap, isMap } from './shape.ts';

interface Version {
  readonly name: string;
  readonly additionalPrinterColumns: readonly {
    readonly name: string;
    readonly type: string;
    readonly jsonPath: string;
  }[];
  readonly schema: { readonly openAPIV3Schema: RawMap };
}

interface Spec {
  readonly names: { readonly kind: string; readonly shortNames: readonly string[] };
  readonly versions: readonly Version[];
}

const definitions = customResourceDefinitions().map((definition) => definition.spec as Spec);

function member(value: unknown, name: string): unknown {
  return isMap(value) ? value[name] : undefined;
}

/** The schema that a printer column's path leads to. */
function at(schema: unknown, path: string): unknown {
  const steps = path.match(/[^.[\]]+(?=[.[]|$)|\[[^\]]*\]/g) ?? [];
  return steps.reduce<unknown>(
    (node, step) => (step.startsWith('[') ? member(node, 'items') : member(member(node, 'properties'), step)),
    schema,
  );
}

describe('definitions of our kinds', () => {
  test('there is one for each, with a spec and a status', () => {
    expect(definitions.map(({ names }) => names.kind)).toEqual(
      kinds.filter((kind) => kind.ours).map(({ kind }) => kind),
    );
    for (const { versions } of definitions)
      for (const { schema } of versions)
        expect(Object.keys(schema.openAPIV3Schema['properties'] as object)).toEqual(
          expect.arrayContaining(['spec', 'status']),
        );
  });

  for (const { names, versions } of definitions) {
    test(`${names.kind} is structural, and nothing in it is without a limit`, () => {
      expect(versions.flatMap(({ schema }) => structuralMistakes(schema.openAPIV3Schema))).toEqual([]);
    });

    test(`each column of ${names.kind} shows a field that exists`, () => {
      for (const { schema, additionalPrinterColumns } of versions)
        for (const { name, type, jsonPath } of additionalPrinterColumns) {
          if (jsonPath === '.metadata.creationTimestamp') continue;
          const field = at(schema.openAPIV3Schema, jsonPath);
          expect(field, `${name}: ${jsonPath}`).toBeDefined();
          if (type === 'date') expect(member(field, 'format'), name).toBe('date-time');
          if (type === 'integer') expect(member(field, 'type'), name).toBe('integer');
          const wanted = /@\.type=="(\w+)"/.exec(jsonPath)?.[1];
          if (wanted === undefined) continue;
          const types = at(schema.openAPIV3Schema, '.status.conditions[*].type');
          expect(member(types, 'enum'), name).toContain(wanted);
        }
    });
  }

  test('no short name is used twice', () => {
    const all = definitions.flatMap(({ names }) => names.shortNames);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('the check for structural schemas', () => {
  const broken: Readonly<Record<string, RawMap>> = {
    'a closed map': { type: 'object', additionalProperties: false },
    'a typeless field': { description: 'x' },
    'a union': { anyOf: [{ type: 'string' }, { type: 'integer' }] },
    'a text without a limit': { type: 'string' },
    'a list without a limit': { type: 'array', items: { type: 'boolean' } },
    'a list of nothing': { type: 'array', maxItems: 1 },
    'a default of another type': { type: 'boolean', default: 'yes' },
    'a default that would be dropped': { type: 'object', properties: { a: { type: 'boolean' } }, default: { b: true } },
    'a required stranger': { type: 'object', properties: {}, required: ['a'] },
    'a key that may be absent': {
      type: 'array',
      maxItems: 1,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['a'],
      items: { type: 'object', properties: { a: { type: 'string', maxLength: 1 } } },
    },
  };
  for (const [what, spec] of Object.entries(broken))
    test(`finds ${what}`, () => {
      expect(structuralMistakes({ type: 'object', properties: { spec } })).not.toEqual([]);
    });
});
