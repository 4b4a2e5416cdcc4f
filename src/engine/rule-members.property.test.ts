import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PATIENCE_MS, tries } from '../../test/kit/runs.ts';
import { pod, policy, stagedPolicy } from '../../test/kit/objects.ts';
import { cluster, surroundings } from '../../test/kit/random-cluster.ts';
import { staged } from '../../test/kit/random-kinds.ts';
import { type Road, type State, walk } from '../../test/kit/roads.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { readResource } from '../api/read.ts';
import { resourceKey } from '../api/resource.ts';
import { Inventory } from '../inventory/inventory.ts';
import { effectiveLabels } from '../inventory/labels.ts';
import { type Address, formatAddress } from '../ip/address.ts';
import { formatPrefix } from '../ip/prefix.ts';
import type { Selector } from '../selector/selector.ts';
import { Engine, type EngineChanges } from './engine.ts';
import { ruleSelectors } from './rule-selectors.ts';

function stateOf(objects: readonly PlainObject[]): State {
  return new Map(
    objects.flatMap((object) => {
      const { resource } = readResource(object, {});
      return resource === undefined ? [] : [[resourceKey(resource), resource] as const];
    }),
  );
}

/** Every selector of a rule or policy, enforced or staged, by its id. */
function selectorsOf({ policies, staged }: Engine): ReadonlyMap<string, Selector> {
  return new Map(
    [...policies.values(), ...staged.values()]
      .flatMap((policy) => [policy.appliesTo, ...ruleSelectors(policy)])
      .map((selector) => [selector.id, selector]),
  );
}

/** Every address of every endpoint, and every net of every network set, whose labels match (semantics 4.2 to 4.4). */
function slowMembers({ inventory }: Engine, selector: Selector): readonly string[] {
  const bringing = [
    ...Array.from(inventory.endpoints.values(), (endpoint) => ({ item: endpoint, nets: hosts(endpoint) })),
    ...Array.from(inventory.networkSets.values(), (set) => ({
      item: set,
      nets: set.written.map(formatPrefix).flatMap(halved),
    })),
  ];
  const found = bringing.filter(({ item }) => selector.matches(effectiveLabels(item, inventory.parents)));
  return [...new Set(found.flatMap(({ nets }) => nets))].sort();
}

function hosts({ addresses }: { readonly addresses: readonly Address[] }): string[] {
  return addresses.map((address) => `${formatAddress(address)}/${address.family === 4 ? 32 : 128}`);
}

function halved(cidr: string): string[] {
  if (cidr === '0.0.0.0/0') return ['0.0.0.0/1', '128.0.0.0/1'];
  return cidr === '::/0' ? ['::/1', '8000::/1'] : [cidr];
}

/** Who holds the sets and hears only of differences. */
class Follower {
  readonly #engine: Engine;
  readonly #sets = new Map<string, Set<string>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  take({ members }: EngineChanges): void {
    const selectors = selectorsOf(this.#engine);
    for (const id of this.#sets.keys()) if (!selectors.has(id)) this.#sets.delete(id);
    if (members.kind === 'first')
      for (const id of selectors.keys()) this.#sets.set(id, new Set(this.#engine.membersOf(id)));
    else {
      for (const { set, member } of members.removed)
        if (selectors.has(set)) expect(this.#sets.get(set)?.delete(member)).toBe(true);
      for (const { set, member } of members.added) {
        if (!selectors.has(set)) continue;
        const known = this.#sets.get(set) ?? new Set();
        this.#sets.set(set, known);
        expect(known.has(member)).toBe(false);
        known.add(member);
      }
    }
    for (const id of selectors.keys())
      expect([...(this.#sets.get(id) ?? [])].sort()).toEqual([...this.#engine.membersOf(id)].sort());
  }
}

const road: fc.Arbitrary<Road> = fc.record({
  reversed: fc.boolean(),
  doubled: fc.boolean(),
  emptied: fc.boolean(),
  deletedFirst: fc.boolean(),
  squashed: fc.constantFrom(false, false, true),
  backwards: fc.boolean(),
  flush: fc.constantFrom('each change', 'each state', 'end'),
});
const world = fc
  .tuple(cluster, surroundings, fc.array(staged, { maxLength: 4 }))
  .map((parts): readonly PlainObject[] => parts.flat());

test(
  'rules hold the addresses that their selectors select, and every difference is told',
  () => {
    fc.assert(
      fc.property(fc.array(world, { minLength: 1, maxLength: 3 }), road, fc.boolean(), (worlds, way, late) => {
        const { steps } = walk(worlds.map(stateOf), way);
        const engine = new Engine(new Inventory());
        if (!late) engine.followRules();
        const follower = new Follower(engine);
        for (const step of steps) {
          if (step.kind === 'change') engine.inventory.apply(step.change);
          else if (late) engine.flush();
          else follower.take(engine.flush());
        }
        engine.followRules();
        engine.flush();
        for (const selector of selectorsOf(engine).values())
          expect(engine.membersOf(selector.id)).toEqual(slowMembers(engine, selector));
      }),
      tries(20, 7),
    );
  },
  PATIENCE_MS,
);

describe('the members of a set are told when its first holder comes, and not again', () => {
  const shop = "app == 'shop'";
  const about = { selector: shop, types: ['Ingress'], ingress: [] };
  const from = {
    selector: "app == 'other'",
    types: ['Ingress'],
    ingress: [{ action: 'Allow', source: { selector: shop } }],
  };

  test.each<[string, PlainObject, PlainObject]>([
    // Random worlds of seeds 374312568 and 5 found these two, when the follower looked at the selectors of rules alone.
    ['what a policy applies to, then a rule of another', policy('first', about), policy('second', from)],
    [
      'what a policy applies to, then its own rule',
      policy('first', about),
      policy('first', { ...from, ...about, ingress: from.ingress }),
    ],
    ['a rule, then what another policy applies to', policy('first', from), policy('second', about)],
    ['what a staged policy applies to, then a rule', stagedPolicy('first', about), policy('second', from)],
    ['a rule of a staged policy, then one of an enforced', stagedPolicy('first', from), policy('second', from)],
  ])('%s', (_, first, second) => {
    const engine = new Engine(new Inventory());
    engine.followRules();
    const follower = new Follower(engine);
    const told = (...objects: readonly PlainObject[]): readonly string[] => {
      for (const resource of stateOf(objects).values()) engine.inventory.apply({ kind: 'put', resource });
      const changes = engine.flush();
      follower.take(changes);
      if (changes.members.kind === 'first') return ['first'];
      expect(changes.members.removed).toEqual([]);
      return changes.members.added.map(({ member }) => member);
    };
    expect(told(pod('a/p', { ips: ['10.0.0.1'], labels: { app: 'shop' } }))).toEqual(['first']);
    expect(told(first)).toEqual(['10.0.0.1/32']);
    expect(told(second)).toEqual([]);
  });
});
