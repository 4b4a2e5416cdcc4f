import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import type { PlainFlow, PlainObject } from '../../../test/kit/plain-objects.ts';
import { cluster, flow } from '../../../test/kit/random-cluster.ts';
import { type World, loadWorld } from '../world.ts';
import { lint } from './lint.ts';

const USELESS = ['LINT_SHADOWED', 'LINT_REDUNDANT', 'LINT_MATCHES_NOTHING'];

/** What each end says to a flow. */
function words(world: World, question: PlainFlow): object {
  const { egress, ingress } = world.verdict(question);
  return { question, egress: egress?.allowed, ingress: ingress?.allowed };
}

/** The objects, the policy without one of its rules; its types stay what they were. */
function without(
  objects: readonly PlainObject[],
  policy: string,
  direction: 'ingress' | 'egress',
  rule: number,
): PlainObject[] {
  const [kind, ...names] = policy.split('/');
  const at = objects.findIndex(
    ({ kind: is, apiVersion, metadata }) =>
      apiVersion.startsWith('projectcalico.org') &&
      is === kind &&
      [metadata.namespace, metadata.name].filter((part) => part !== undefined).join('/') === names.join('/'),
  );
  const found = objects[at];
  const types = found?.spec?.['types'] as string[] | undefined;
  if (found === undefined || types === undefined || types.length === 0) return [...objects];
  const rules = ((found.spec?.[direction] ?? []) as unknown[]).toSpliced(rule, 1);
  return objects.with(at, { ...found, spec: { ...found.spec, [direction]: rules } });
}

test(
  'no flow gets another word from either end when a rule that lint calls useless is taken out',
  () => {
    fc.assert(
      fc.property(cluster, fc.array(flow, { minLength: 1, maxLength: 15 }), (objects, flows) => {
        const world = loadWorld(objects);
        for (const { code, object, direction, rule } of lint(world)) {
          if (!USELESS.includes(code) || direction === undefined || rule === undefined) continue;
          const other = loadWorld(without(objects, object, direction, rule));
          for (const question of flows) expect(words(other, question)).toEqual(words(world, question));
        }
      }),
      tries(12, 4),
    );
  },
  PATIENCE_MS,
);
