import { describe, expect, test } from 'vitest';
import { BorderWorld, firewall, namespace, node, pod, pool } from '../../../test/kit/border-world.ts';
import { fateOf } from '../../../test/kit/ruleset-oracle.ts';
import { PATIENCE_MS } from '../../../test/kit/runs.ts';
import { everyPacket } from '../../../test/kit/universe.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type Ability, type AbilityDriver, abilities } from '../abilities.ts';
import {
  type AnyDriver,
  type DriverHarness,
  OWNER,
  behaviourNow,
  bring,
  fates,
  sameFate,
  translationOf,
} from './harness.ts';

const packets = everyPacket();

function rulesetOf({ asks }: Ability): Ruleset {
  const world = new BorderWorld(
    namespace('shop'),
    node('n1', '172.20.0.1'),
    pool('pods-v4', '10.0.0.0/16'),
    pool('pods-v6', 'fd00::/64'),
    pod('shop/web', ['10.0.0.1', 'fd00::1'], { labels: { app: 'web' } }),
    pod('shop/idle', ['10.0.0.2'], { labels: { app: 'idle' } }),
    firewall('edge', { workloads: { namespaceSelector: 'all()' } }),
    ...asks,
  );
  return { ...world.ruleset(), ...OWNER };
}

/**
 * Each cell of the table of drivers: what a driver is said to do it does on its device, and what it refuses opens nothing. Firewalls that fetch
 * lists decide by rules of others: of them the refusal alone is asked. `lacks`: titles of what this release refuses beyond its column.
 */
export function abilityPromises(
  driver: AbilityDriver,
  harness: () => DriverHarness,
  fresh: () => Promise<AnyDriver>,
  lacks: readonly string[] = [],
): void {
  describe('what it can say', () => {
    test.each(abilities.map((ability) => [ability.title, ability] as const))(
      '%s',
      async (title, ability) => {
        const says = lacks.includes(title) ? false : ability.says[driver];
        const ruleset = rulesetOf(ability);
        const connected = await fresh();
        const { refusals } = await translationOf(connected, ruleset);
        expect(refusals.length === 0, JSON.stringify(refusals)).toBe(says === true);
        if (driver === 'feed') return;
        await bring(connected, ruleset);
        const behaviour = await behaviourNow(harness().connect());
        const wrong = fates(behaviour, packets).flatMap((fate, at) => {
          const packet = packets[at];
          if (packet === undefined) return [];
          const said = fateOf(ruleset, packet);
          // What cannot be said narrows.
          const isRight = says === true ? sameFate(fate, said) : !fate.passes || sameFate(fate, said);
          return isRight ? [] : [{ packet, fate, said }];
        });
        expect(wrong).toEqual([]);
      },
      PATIENCE_MS,
    );
  });
}
