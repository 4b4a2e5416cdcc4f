import { describe, expect, test } from 'vitest';
import { readResource } from '../../src/api/read.ts';
import { resourceKey } from '../../src/api/resource.ts';
import { Engine, type World, loadWorld, worldOf } from '../../src/engine/index.ts';
import { Inventory } from '../../src/inventory/inventory.ts';
import type { PlainObject } from '../kit/plain-objects.ts';
import { type Road, type State, walk } from '../kit/roads.ts';
import { SlowCluster } from '../kit/slow-cluster.ts';
import { ipSetsOf } from '../kit/slow-sets.ts';
import { ask } from '../kit/two-pods.ts';
import { type WorldName, sequences, worlds } from './worlds.ts';

const stateOf = (objects: readonly PlainObject[]): State =>
  new Map(
    objects.map((object) => {
      const { resource } = readResource(object, {});
      if (resource === undefined) throw new Error(`${object.kind} ${object.metadata.name} cannot be read`);
      return [resourceKey(resource), resource] as const;
    }),
  );

/** What is written for each world, and what the slow evaluator says of it. */
const expected = new Map(
  Object.entries(worlds).map(([name, { objects, answers }]) => {
    const slow = new SlowCluster(objects);
    const [endpoints, scopes, sets] = [slow.endpoints(), new Map(slow.policySelectors()), ipSetsOf(objects)];
    return [name, { answers, endpoints, scopes, sets }] as const;
  }),
);

/** Everything that a world shows. */
function check(world: World, name: WorldName): void {
  const questions = Object.keys(worlds[name].answers);
  expect({
    answers: Object.fromEntries(questions.map((question) => [question, ask(world, question)])),
    endpoints: world.endpoints(),
    scopes: new Map(world.policySelectors()),
    sets: world.ipSets(),
  }).toEqual(expected.get(name));
}

const both = [false, true];
const roads: readonly Road[] = both.flatMap((reversed) =>
  both.flatMap((backwards) =>
    both.flatMap((emptied) =>
      both.flatMap((squashed) =>
        (['each change', 'each state', 'end'] as const).map((flush) => ({
          reversed,
          backwards,
          emptied,
          squashed,
          // Half of the roads each, in every pair of the others.
          doubled: reversed !== backwards,
          deletedFirst: backwards !== emptied,
          flush,
        })),
      ),
    ),
  ),
);

describe('named worlds', () => {
  test.each(Object.keys(worlds) as WorldName[])('%s', (name) => {
    check(loadWorld(worlds[name].objects), name);
    check(loadWorld(worlds[name].objects.toReversed()), name);
  });
});

describe('sequences of worlds, on every road', () => {
  test.each(sequences.map((names) => [names.join(', then '), names] as const))('%s', (_, names) => {
    const states = names.map((name) => stateOf(worlds[name].objects));
    for (const road of roads) {
      const engine = new Engine(new Inventory('Calico'));
      for (const step of walk(states, road).steps) {
        if (step.kind === 'change') engine.inventory.apply(step.change);
        else engine.flush();
      }
      const last = road.reversed ? names[0] : names.at(-1);
      if (last !== undefined) check(worldOf(engine), last);
    }
  });
});
