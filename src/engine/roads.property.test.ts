import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cluster, given, services, surroundings } from '../../test/kit/random-cluster.ts';
import { otherKinds } from '../../test/kit/random-kinds.ts';
import { type Road, type State, walk } from '../../test/kit/roads.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { readResource } from '../api/read.ts';
import { resourceKey } from '../api/resource.ts';
import type { Belief } from '../inventory/credible-address.ts';
import { Inventory } from '../inventory/inventory.ts';
import { formatAddress } from '../ip/address.ts';
import { parseSelector } from '../selector/selector.ts';
import { Engine, type EngineChanges } from './engine.ts';
import { packetOf } from './packet.ts';
import { policiesOf } from './queries.ts';
import { worldOf } from './world.ts';
import { tries } from '../../test/kit/runs.ts';

const WATCHED = ["app == 'x'", "pcns.env == 'x'", 'has(pcns.team)', 'all()', "role != 'y'"].flatMap(
  (text) => parseSelector(text).value ?? [],
);

function stateOf(objects: readonly PlainObject[]): State {
  return new Map(
    objects.flatMap((object) => {
      const { resource } = readResource(object, {});
      return resource === undefined ? [] : [[resourceKey(resource), resource] as const];
    }),
  );
}

/** Answers about flows between the first few addresses, of which something may be remembered. */
function verdicts(engine: Engine): readonly object[] {
  const addresses = [...engine.endpoints.values()]
    .flatMap(({ addresses: own }) => own.map(formatAddress))
    .sort()
    .slice(0, 4)
    .concat('192.0.2.77');
  return addresses.flatMap((src) =>
    addresses
      .filter((dst) => dst.includes(':') === src.includes(':'))
      .map((dst) => engine.verdict(packetOf({ src, dst, proto: 'TCP', dport: 80 }))),
  );
}

/** Everything that anybody can read, in order. */
function dump(engine: Engine): object {
  const { inventory } = engine;
  const sorted = <V>(map: ReadonlyMap<string, V>, show: (value: V) => unknown): unknown[] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, show(value)]);
  return {
    endpoints: sorted(engine.endpoints, ({ addresses, labels, ...rest }) => ({
      ...rest,
      labels,
      addresses: addresses.map(formatAddress),
      matching: [...engine.matching(rest.id)].sort(),
      policies: policiesOf(engine, rest.id),
    })),
    selected: WATCHED.map(({ id }) => [...engine.endpointsOf(id)].sort()),
    outside: WATCHED.map((selector) => engine.outsideOf(selector).nets.toString()),
    parents: sorted(inventory.parents, ({ labels, rules: { ingress, egress } }) => [
      labels,
      [ingress, egress].map((rules) => rules.map(({ action, index }) => [action, index])),
    ]),
    networkSets: sorted(inventory.networkSets, ({ nets, labels }) => [nets.toString(), labels]),
    backends: ['a/web', 'a/dns', 'b/web', 'b/dns'].map((service) => {
      const { addresses, ports } = engine.backendsOf(service);
      return [addresses.toString(), ports.map((each) => [each.protocol, each.port, each.addresses.toString()])];
    }),
    tiers: engine.order.tiers,
    shown: worldOf(engine).endpoints(),
    scopes: [...worldOf(engine).policySelectors()],
    sets: worldOf(engine).ipSets(),
    pools: sorted(inventory.pools, ({ cidr, ...rest }) => [cidr.toString(), rest]),
    nodes: sorted(inventory.nodes, ({ addresses }) => addresses.map(({ address }) => formatAddress(address))),
    policies: [...engine.policies.keys()].sort(),
    staged: [...engine.staged.keys()].sort(),
    diagnostics: inventory.diagnostics(),
    verdicts: verdicts(engine),
  };
}

function fresh(whose: Belief): Engine {
  const engine = new Engine(new Inventory(whose));
  for (const selector of WATCHED) engine.register(selector);
  for (const selector of WATCHED) engine.outsideOf(selector);
  return engine;
}

/** What a follower of the flushes believes; it must not miss anything, and must not be told of nothing. */
class Follower {
  readonly #engine: Engine;
  readonly #endpoints = new Map<string, string>();
  readonly #outside = new Map<string, string>();

  constructor(engine: Engine) {
    this.#engine = engine;
    for (const selector of WATCHED) this.#outside.set(selector.id, '');
  }

  take({ inventory, changedEndpoints, changedOutside }: EngineChanges): void {
    const { added, changed, removed } = inventory.endpoints;
    // Somebody looks on the way: nothing may be remembered for longer than it holds.
    for (const id of this.#engine.endpoints.keys()) policiesOf(this.#engine, id);
    verdicts(this.#engine);
    for (const id of added) expect(this.#endpoints.has(id)).toBe(false);
    for (const id of [...changed, ...removed]) expect(this.#endpoints.has(id)).toBe(true);
    for (const id of [...added, ...changed]) expect(this.#engine.endpoints.has(id)).toBe(true);
    for (const id of changedEndpoints) this.#endpoints.set(id, this.#show(id));
    for (const id of removed) this.#endpoints.delete(id);
    const told = new Set(changedOutside);
    for (const selector of WATCHED) {
      const now = this.#engine.outsideOf(selector).nets.toString();
      expect(told.has(selector.id)).toBe(now !== this.#outside.get(selector.id));
      this.#outside.set(selector.id, now);
    }
    const known = [...this.#engine.endpoints.keys()].map((id) => [id, this.#show(id)]);
    expect(Object.fromEntries(this.#endpoints)).toEqual(Object.fromEntries(known));
  }

  #show(id: string): string {
    return [...this.#engine.matching(id)].sort().join(' ');
  }
}

/** Workload endpoints that are given count where Calico is believed alone. */
const belief = fc.constantFrom<Belief[]>('Credible', 'Calico');
const road: fc.Arbitrary<Road> = fc.record({
  reversed: fc.boolean(),
  doubled: fc.boolean(),
  emptied: fc.boolean(),
  deletedFirst: fc.boolean(),
  squashed: fc.constantFrom(false, false, false, true),
  backwards: fc.boolean(),
  flush: fc.constantFrom('each change', 'each state', 'end'),
});
const world = fc.tuple(cluster, surroundings, services, otherKinds, given).map((parts) => parts.flat());

describe('what the inventory and the engine say depends on the present state alone', () => {
  test('whatever road led to it', () => {
    fc.assert(
      fc.property(fc.array(world, { minLength: 1, maxLength: 3 }), road, belief, (worlds, way, whose) => {
        const { steps, end } = walk(worlds.map(stateOf), way);
        const travelled = fresh(whose);
        const follower = new Follower(travelled);
        for (const step of steps) {
          if (step.kind === 'flush') follower.take(travelled.flush());
          else travelled.inventory.apply(step.change);
        }
        const direct = fresh(whose);
        for (const resource of end.values()) direct.inventory.apply({ kind: 'put', resource });
        direct.flush();
        expect(dump(travelled)).toEqual(dump(direct));
      }),
      tries(12, 4),
    );
  });

  test('a second flush says that nothing changed', () => {
    fc.assert(
      fc.property(world, belief, (objects, whose) => {
        const engine = fresh(whose);
        for (const resource of stateOf(objects).values()) engine.inventory.apply({ kind: 'put', resource });
        engine.flush();
        const { inventory, changedEndpoints, changedOutside } = engine.flush();
        expect([...inventory.other, ...changedEndpoints, ...changedOutside, ...inventory.endpoints.changed]).toEqual(
          [],
        );
      }),
      tries(8, 3),
    );
  });
});
