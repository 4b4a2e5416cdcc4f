import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { concerns, connectionsWith, holders, isSelf } from '../../../test/kit/connections.ts';
import type { PlainFlow, PlainObject } from '../../../test/kit/plain-objects.ts';
import { familyOf } from '../../../test/kit/slow-address.ts';
import { cluster, flow } from '../../../test/kit/random-cluster.ts';
import { type World, loadWorld } from '../world.ts';
import { diffWorlds } from './difference.ts';

/** Two clusters that have much in common: some objects are only in one of them. */
const pair = fc.tuple(cluster, fc.infiniteStream(fc.nat(9))).map(([objects, where]): [PlainObject[], PlainObject[]] => {
  const [first, second]: [PlainObject[], PlainObject[]] = [[], []];
  for (const object of objects) {
    const place: unknown = where.next().value;
    if (place !== 0) first.push(object);
    if (place !== 1) second.push(object);
  }
  return [first, second];
});

const FAMILY = (address: string) => (ip: string) => familyOf(ip) === familyOf(address);

/** Whether an endpoint has one address of a family, and has it alone, in each world in which it has any: then it is known by its id. */
function isKnownById(worlds: readonly World[], id: string, address: string): boolean {
  return worlds.every((world) => {
    const [own, ...more] = addressesOf(world, id).filter(FAMILY(address));
    return own === undefined || (more.length === 0 && holders(world, own).length === 1);
  });
}

function addressesOf(world: World, id: string): readonly string[] {
  return world.endpoints().find((endpoint) => endpoint.id === id)?.ips ?? [];
}

/** The address in another world of whoever has it in this one; who is not there has none, and nobody's address is itself. */
function counterpart(here: World, there: World, address: string): string | undefined {
  const [id, ...more] = holders(here, address);
  const others = holders(there, address);
  if (id === undefined) return others.length === 0 ? address : undefined;
  const worlds = [here, there];
  if (more.length === 0 && isKnownById(worlds, id, address)) return addressesOf(there, id).find(FAMILY(address));
  // All others are known by their address, to others of that sort only.
  const [other, ...rest] = others;
  const isMet = other !== undefined && (rest.length > 0 || !isKnownById(worlds, other, address));
  return isMet ? address : undefined;
}

function isAllowed(world: World, question: PlainFlow): boolean {
  return concerns(world, question) && world.verdict(question).allowed;
}

function expectOnly(
  from: World,
  to: World,
  gained: ReturnType<typeof diffWorlds>['gained'],
  question: PlainFlow,
): void {
  if (isSelf(to, question)) return;
  const [src, dst] = [counterpart(to, from, question.src), counterpart(to, from, question.dst)];
  // Somebody's address in one world that is nobody's in the other is no outside address of both.
  if ([question.src, question.dst].some((end) => holders(to, end).length === 0 && holders(from, end).length > 0))
    return;
  const before = src !== undefined && dst !== undefined && isAllowed(from, { ...question, src, dst });
  const found = connectionsWith(to, gained, question).length;
  expect({ question, found }).toEqual({ question, found: isAllowed(to, question) && !before ? 1 : 0 });
}

describe('the difference of two worlds', () => {
  test(
    'is exactly what one allows and the other does not',
    () => {
      fc.assert(
        fc.property(pair, fc.array(flow, { minLength: 1, maxLength: 15 }), ([first, second], flows) => {
          const [before, after] = [loadWorld(first), loadWorld(second)];
          const { gained, lost } = diffWorlds(before, after);
          for (const question of flows) {
            expectOnly(before, after, gained, question);
            expectOnly(after, before, lost, question);
          }
        }),
        tries(14, 5),
      );
    },
    PATIENCE_MS,
  );

  test(
    'of a world with itself is nothing, and the other way round gained is lost',
    () => {
      fc.assert(
        fc.property(pair, ([first, second]) => {
          const [before, after] = [loadWorld(first), loadWorld(second)];
          expect(diffWorlds(before, loadWorld(first))).toEqual({ gained: [], lost: [], gone: [], come: [] });
          const there = diffWorlds(before, after);
          const back = diffWorlds(after, before);
          expect([back.gained, back.lost]).toEqual([there.lost, there.gained]);
          expect([back.gone, back.come]).toEqual([there.come, there.gone]);
        }),
        tries(6, 2),
      );
    },
    PATIENCE_MS,
  );
});
