import { describe, expect, test } from 'vitest';
import { readResource } from './read.ts';
import type { FieldPath } from './scope.ts';
import { formatPath } from './scope.ts';
import { isMap } from './shape.ts';
import { validObjects } from './valid.fixture.ts';

const LOOKED_INTO = new Set([
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedGlobalNetworkPolicy',
  'StagedKubernetesNetworkPolicy',
  'Tier',
  'NetworkSet',
  'GlobalNetworkSet',
  'Profile',
  'HostEndpoint',
]);
/** Under these the names are the author's own. */
const FREE = new Set(['metadata', 'matchLabels', 'labelsToApply', 'status']);

const objects = validObjects.filter(({ kind }) => LOOKED_INTO.has(String(kind)));

/** The object with one name changed, at every place where a field has a name. */
function* misspelt(raw: unknown, path: FieldPath = []): Generator<{ readonly path: FieldPath; readonly raw: unknown }> {
  if (Array.isArray(raw)) {
    for (const [index, entry] of raw.entries())
      for (const inner of misspelt(entry, [...path, index])) yield { ...inner, raw: raw.with(index, inner.raw) };
    return;
  }
  if (!isMap(raw)) return;
  for (const [name, value] of Object.entries(raw)) {
    if (path.length > 0)
      yield {
        path: [...path, `${name}x`],
        raw: Object.fromEntries(Object.entries(raw).map(([key, one]) => [key === name ? `${name}x` : key, one])),
      };
    if (FREE.has(name)) continue;
    for (const inner of misspelt(value, [...path, name])) yield { ...inner, raw: { ...raw, [name]: inner.raw } };
  }
}

const unknown = (raw: unknown) => readResource(raw, {}).diagnostics.filter(({ code }) => code === 'FIELD_UNKNOWN');

describe('fields that nobody knows', () => {
  test('every kind that is looked into has an example here', () => {
    expect(new Set(objects.map(({ kind }) => kind))).toEqual(LOOKED_INTO);
  });

  test('a right object has none', () => {
    expect(validObjects.flatMap(unknown)).toEqual([]);
  });

  test.each(objects.map((object) => [`${String(object['apiVersion'])} ${String(object['kind'])}`, object] as const))(
    '%s: each field misspelt is told, with its right name',
    (_, object) => {
      const wrong = [...misspelt(object)].flatMap((variant) => {
        const at = formatPath(variant.path);
        const found = unknown(variant.raw).find(({ path }) => path === at);
        const right = String(variant.path.at(-1)).slice(0, -1);
        return found?.severity === 'warning' && found.message.includes(`did you mean "${right}"?`) ? [] : [at];
      });
      expect(wrong).toEqual([]);
    },
  );

  test('of an object made of nothing else, the first are told and the others counted', () => {
    const spec = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`field-${index}`, {}]));
    const object = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'x', namespace: 'n' },
    };
    const told = unknown({ ...object, spec });
    expect(told).toHaveLength(21);
    expect(told.at(-1)?.message).toContain('980 more');
  });
});

test('lists in lists are looked into nowhere, however deep they go', () => {
  const ingress: unknown = JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`);
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'a', namespace: 'b' } };
  const { diagnostics } = readResource({ ...policy, spec: { podSelector: {}, ingress } }, {});
  expect(diagnostics.map(({ code }) => code)).not.toContain('FIELD_UNKNOWN');
});
