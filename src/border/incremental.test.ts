import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BorderWorld, type Manifest, calico, firewall } from '../../test/kit/border-world.ts';
import { endpointSlice } from '../../test/kit/objects.ts';
import { basis, objects, pods, worlds } from '../../test/kit/random-border.ts';
import { plain, shown } from '../../test/kit/shown-view.ts';
import { resourceKey } from '../api/resource.ts';
import { PortSet, PrefixSet } from '../ip/index.ts';
import type { Class, Ruleset } from './ruleset.ts';
import { tries } from '../../test/kit/runs.ts';

type Operation = { readonly put: readonly Manifest[] } | { readonly delete: number };

const operation = (of: fc.Arbitrary<Manifest>): fc.Arbitrary<Operation> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.array(of, { minLength: 1, maxLength: 3 }).map((put) => ({ put })) },
    { weight: 2, arbitrary: fc.nat().map((index) => ({ delete: index })) },
  );

const steps = (of: fc.Arbitrary<Manifest>, maxLength: number): fc.Arbitrary<Operation[]> =>
  fc.array(operation(of), { maxLength });

function perform(world: BorderWorld, step: Operation, isTarget: (key: string) => boolean = () => true): void {
  if ('put' in step) {
    world.put(...step.put);
    return;
  }
  const keys = world.resources.map(resourceKey).filter(isTarget).sort();
  const key = keys[step.delete % keys.length];
  if (key !== undefined) world.delete(key);
}

test('what it shows is what it would show from nothing', () => {
  fc.assert(
    fc.property(worlds, steps(objects, 4), steps(pods, 10), (start, things, comings) => {
      const world = new BorderWorld(...start);
      for (const step of things) perform(world, step);
      for (const step of comings) perform(world, step, (key) => key.startsWith('Pod/'));
      const fresh = world.fresh();
      expect([...world.border.firewalls().keys()]).toEqual([...fresh.border.firewalls().keys()]);
      for (const [name, view] of fresh.border.firewalls()) expect(shown(world.view(name))).toEqual(shown(view));
      expect(world.border.findings()).toEqual(fresh.border.findings());
    }),
    tries(18, 6),
  );
});

test('so it is where rules match on services whose backends change', () => {
  const slice = fc
    .tuple(
      fc.constantFrom('s1', 's2'),
      fc.constantFrom('bank', 'shop'),
      fc.subarray(['10.1.0.1', '203.0.113.1', '203.0.113.9', '2001:db8::1', '10.3.0.7']),
      fc.subarray(['443', '80', '53/UDP']),
    )
    .map(([name, service, ips, ports]): Manifest => ({ ...endpointSlice(`a/${name}`, service, ips, ports) }));
  const rule = fc
    .tuple(fc.constantFrom('Allow', 'Deny', 'Pass'), fc.constantFrom('bank', 'shop', 'none'))
    .map(([action, name]) => ({ action, destination: { services: { namespace: 'a', name } } }));
  const policies = fc
    .array(rule, { maxLength: 3 })
    .map((egress) => [
      calico('GlobalNetworkPolicy', 'services', { selector: 'all()', order: 0, types: ['Egress'], egress }),
      firewall('edge', { address: 'netns:9', policies: { tiers: ['default'] } }),
    ]);
  fc.assert(
    fc.property(worlds, policies, steps(fc.oneof(slice, pods), 10), (start, more, changes) => {
      const world = new BorderWorld(...start, ...more);
      for (const step of changes) perform(world, step, (key) => key.startsWith('EndpointSlice/'));
      const fresh = world.fresh();
      for (const [name, view] of fresh.border.firewalls()) expect(shown(world.view(name))).toEqual(shown(view));
    }),
    tries(14, 5),
  );
});

test('a view that was handed out never changes', () => {
  fc.assert(
    fc.property(steps(objects, 6), fc.array(pods, { maxLength: 4 }), (things, more) => {
      const world = new BorderWorld(...basis);
      for (const step of things) perform(world, step);
      const views = [...world.border.firewalls().values()];
      const before = views.map(({ ruleset }) => ruleset && plain(ruleset));
      const copies = world.fresh();
      world.put(...more);
      expect(views.map(({ ruleset }) => ruleset && plain(ruleset))).toEqual(before);
      // Findings are made late, from the tables of their own version.
      for (const view of views) expect(view.findings).toEqual(copies.view(view.firewall.name).findings);
    }),
    tries(10, 4),
  );
});

test('no membership change ever changes a rule', () => {
  fc.assert(
    fc.property(worlds, steps(pods, 8), (things, comings) => {
      // Translations avoid the addresses of live pods, on purpose; that is not about rules.
      const world = new BorderWorld(...things);
      const stages = new Map<string, string>();
      for (const step of [{ put: [] }, ...comings] as const) {
        perform(world, step, (key) => key.startsWith('Pod/'));
        for (const { ruleset } of world.border.firewalls().values())
          if (ruleset !== undefined) compare(ruleset, stages);
      }
    }),
    tries(18, 6),
  );
});

/** Every class and stage of one id is the same in every version. */
function compare(ruleset: Ruleset, seen: Map<string, string>): void {
  const same = (id: string, what: unknown): void => {
    const text = JSON.stringify(what, (_, value: unknown) =>
      value instanceof PrefixSet || value instanceof PortSet ? value.toString() : value,
    );
    expect(seen.get(id) ?? text).toBe(text);
    seen.set(id, text);
  };
  for (const one of ruleset.classes.values()) same(`${ruleset.firewall} ${one.id}`, one satisfies Class);
  for (const group of ruleset.groups.values())
    if (group.kind === 'Outside') same(`${ruleset.firewall} ${group.id}`, group);
  same(`${ruleset.firewall} frame`, [ruleset.networks, ruleset.inside, ruleset.nats.map((nat) => nat.id)]);
}
