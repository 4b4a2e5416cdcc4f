import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sealed } from '../../../test/kit/record-on-disk.ts';
import { tries } from '../../../test/kit/runs.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { atOnce } from '../../base/pieces.ts';
import { type KnownState, changedLines, headLine, readRecord, rulesLine } from './confirmed-record.ts';
import type { Owners } from '../guard/interim.ts';
import { OwnerVersions } from './owner-versions.ts';

const OF = { cluster: 'lab', firewall: 'edge-1', device: 'd' };
const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1'];
const head = headLine(OF, undefined);

const linesOf = (before: KnownState | undefined, after: KnownState, versions?: OwnerVersions): string =>
  rulesLine(after.ruleset) + atOnce(changedLines(before, after, versions)).join('');

/** All that a record says of addresses. */
function said(...texts: readonly string[]): unknown {
  const record = atOnce(readRecord(sealed(head + (texts[0] ?? ''), ...texts.slice(1)), OF));
  if (typeof record === 'string') throw new Error(record);
  return [...record.addresses].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

const between = (versions: OwnerVersions, before: Owners, after: Owners): readonly string[] | undefined =>
  atOnce(versions.between(before, after));

/** One version after the other, most of them by a few changes from the one before. */
const owners = fc
  .array(fc.dictionary(fc.constantFrom(...ADDRESSES), fc.constantFrom('a', 'node b', 'c d', undefined)), {
    minLength: 4,
    maxLength: 8,
  })
  .map((changes) => {
    let now: Owners = BucketMap.empty();
    return changes.map((change) => (now = now.with(Object.entries(change))));
  });
const rulesets = fc
  .dictionary(fc.constantFrom(...ADDRESSES.slice(2)), fc.constantFrom('bank', 'shop'))
  .map((members) => world(members));

describe('what records of many firewalls say', () => {
  test('is for each what the last state says, whichever versions it was confirmed at, and whether they are among those of all', () => {
    let shared = 0;
    const confirmed = fc.array(fc.tuple(fc.nat(7), rulesets), { minLength: 2, maxLength: 4 });
    const isAmong = fc.array(
      fc.nat(4).map((n) => n > 0),
      { minLength: 8, maxLength: 8 },
    );
    fc.assert(
      fc.property(owners, fc.array(confirmed, { minLength: 1, maxLength: 3 }), isAmong, (all, firewalls, known) => {
        const versions = new OwnerVersions();
        for (const [at, one] of all.entries()) if (known[at] === true) versions.add(one);
        for (const [first, ...rest] of firewalls.map((one) =>
          one.map(([at, ruleset]): KnownState => ({ ruleset, owners: all[at % all.length] as Owners })),
        )) {
          let before = first as KnownState;
          const texts = [linesOf(undefined, before, versions)];
          for (const state of rest) {
            const lines = between(versions, before.owners, state.owners);
            if (lines !== undefined && lines.join('') !== '') shared += 1;
            texts.push(linesOf(before, state, versions));
            before = state;
          }
          expect(said(...texts)).toEqual(said(linesOf(undefined, before)));
        }
      }),
      tries(150, 60),
    );
    expect(shared).toBeGreaterThan(10);
  });

  test('is made once for all of them', () => {
    const versions = new OwnerVersions();
    const first: Owners = BucketMap.from([['10.0.0.1', 'a']]);
    const second = first.with([['10.0.0.2', 'b']]);
    let compared = 0;
    const differing = first.differing.bind(first);
    first.differing = (...asked) => {
      compared += 1;
      return differing(...asked);
    };
    versions.add(first);
    versions.add(second);
    const [one, other] = [between(versions, first, second), between(versions, first, second)];
    expect(one?.join('')).toMatch(/^\["10\.0\.0\.2",\["[0-9a-f]{32}"\]\]\n$/);
    expect(other).toEqual(one);
    expect(compared).toBe(1);
  });
});

describe('between two versions', () => {
  const first: Owners = BucketMap.from([['10.0.0.1', 'a']]);
  const second = first.with([['10.0.0.2', 'b']]);
  const third = second.with([['10.0.0.1', undefined]]);

  test('is nothing where they are one, and what leads there where one comes after the other', () => {
    const versions = new OwnerVersions();
    for (const one of [first, second, second, third]) versions.add(one);
    expect(between(versions, second, second)).toEqual([]);
    expect(between(versions, first, third)).toHaveLength(2);
    expect(between(versions, second, third)).toEqual(['["10.0.0.1",[]]\n']);
    expect(between(versions, third, first)).toBeUndefined();
  });

  test('is the way back where an old one came again', () => {
    const versions = new OwnerVersions();
    for (const one of [second, third, second]) versions.add(one);
    expect(between(versions, third, second)?.join('')).toMatch(/^\["10\.0\.0\.1",\["[0-9a-f]{32}"\]\]\n$/);
  });

  test('nothing is known where one is none of those of all firewalls', () => {
    const versions = new OwnerVersions();
    versions.add(first);
    versions.add(second);
    const apart = first.with([['10.0.0.3', 'c']]);
    const further = apart.with([['10.0.0.4', 'd']]);
    versions.add(further, apart);
    expect(between(versions, first, apart)).toBeUndefined();
    expect(between(versions, first, further)).toBeUndefined();
    expect(between(versions, first, second)).toHaveLength(1);
  });

  test.each([
    ['versions', 1_100, 1],
    ['lines', 60, 400],
  ])('nothing is known once many %s came later', (_, steps, changes) => {
    const versions = new OwnerVersions();
    versions.add(first);
    let now = first;
    const passed: Owners[] = [];
    for (let step = 0; step < steps; step++) {
      const next = now.with(
        Array.from({ length: changes }, (_one, n) => [`10.1.${n >> 8}.${n & 255}`, `pod-${step}`] as const),
      );
      versions.add(next);
      between(versions, now, next);
      passed.push((now = next));
    }
    expect(between(versions, first, passed[0] as Owners)).toBeUndefined();
    expect(between(versions, first, now)).toBeUndefined();
    expect(between(versions, passed.at(-2) as Owners, now)).toHaveLength(1);
  });
});
