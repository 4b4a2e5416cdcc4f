import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { BucketMap } from './bucket-map.ts';
import { hashOf } from './bucket.ts';

const key = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '10.0.0.1', '__proto__', 'constructor', ''),
  fc.string({ maxLength: 3 }),
);
const change = fc.tuple(key, fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }));
const changes = fc.array(change, { maxLength: 20 });

function applied(
  map: ReadonlyMap<string, number>,
  list: readonly (readonly [string, number | undefined])[],
): Map<string, number> {
  const next = new Map(map);
  for (const [name, value] of list) {
    if (value === undefined) next.delete(name);
    else next.set(name, value);
  }
  return next;
}

function sorted<T extends readonly [string, ...unknown[]]>(entries: Iterable<T>): T[] {
  return [...entries].sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

describe('BucketMap', () => {
  test('holds what a Map holds, and older versions keep what they held', () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 5 }), (steps) => {
        let map = BucketMap.empty<number>();
        let plain: ReadonlyMap<string, number> = new Map();
        const versions: [BucketMap<number>, ReadonlyMap<string, number>][] = [[map, plain]];
        for (const step of steps) {
          map = map.with(step);
          plain = applied(plain, step);
          versions.push([map, plain]);
        }
        for (const [version, expected] of versions) {
          expect(sorted(version.entries())).toEqual(sorted(expected));
          expect([...version.keys()].sort()).toEqual([...expected.keys()].sort());
          expect(version.size).toBe(expected.size);
          const names = steps.flat().map(([name]) => name);
          expect(names.map((name) => version.get(name))).toEqual(names.map((name) => expected.get(name)));
          expect(names.map((name) => version.has(name))).toEqual(names.map((name) => expected.has(name)));
        }
      }),
      tries(200, 40),
    );
  });

  test('is made, mapped and sorted as a Map would be', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.integer({ min: 0, max: 3 }))), (entries) => {
        const map = BucketMap.from(entries);
        expect(map.sorted()).toEqual(sorted(new Map(entries)));
        expect(map.size).toBe(new Map(entries).size);
        const odd = map.mapped((name, value) => (value % 2 === 1 ? `${name}=${value}` : undefined));
        const expected = [...new Map(entries)].filter(([, value]) => value % 2 === 1);
        expect(odd.sorted()).toEqual(sorted(expected.map(([name, value]) => [name, `${name}=${value}`] as const)));
        expect(odd.size).toBe(expected.length);
        expect(expected.map(([name]) => odd.get(name))).toEqual(expected.map(([name, value]) => `${name}=${value}`));
      }),
      tries(200, 40),
    );
  });

  test('the difference of two versions is what leads from one to the other, sorted', () => {
    fc.assert(
      fc.property(changes, changes, (first, second) => {
        const [before, after] = [applied(new Map(), first), applied(applied(new Map(), first), second)];
        const { added, removed, changed } = BucketMap.from(before).difference(BucketMap.from(after));
        expect(added).toEqual(sorted(after).filter(([name]) => !before.has(name)));
        expect(removed).toEqual(sorted(before).filter(([name]) => !after.has(name)));
        expect(changed).toEqual(
          sorted(before)
            .filter(([name, value]) => after.has(name) && after.get(name) !== value)
            .map(([name, value]) => [name, value, after.get(name)]),
        );
        // The same whether the versions share buckets or not.
        expect(BucketMap.from(before).difference(BucketMap.from(before).with(second))).toEqual({
          added,
          removed,
          changed,
        });
      }),
      tries(200, 40),
    );
  });

  test('versions are compared the same however often, in whatever order, and whatever each was compared with before', () => {
    const apart = (from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>): string =>
      [...new Set([...from.keys(), ...to.keys()])]
        .filter((name) => from.get(name) !== to.get(name) || from.has(name) !== to.has(name))
        .sort()
        .map((name) => `${name}: ${from.get(name)} to ${to.get(name)}`)
        .join(', ');
    const asked = fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { minLength: 5, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(changes, { minLength: 6, maxLength: 6 }), asked, (steps, pairs) => {
        const plain = steps.map((_, at) => steps.slice(0, at + 1).reduce(applied, new Map<string, number>()));
        // Half of the versions share buckets with the one before, and half have the same content in buckets of their own.
        let last = BucketMap.empty<number>();
        const versions = steps.map((step, at) => {
          last = last.with(step);
          return at % 2 === 0 ? last : BucketMap.from(plain[at] ?? []);
        });
        for (const [i, j] of pairs) {
          const [from, to] = [versions[i] ?? last, versions[j] ?? last];
          const { added, removed, changed } = from.difference(to);
          const told = [
            ...added.map(([name, value]) => [name, undefined, value] as const),
            ...removed.map(([name, value]) => [name, value, undefined] as const),
            ...changed,
          ];
          const text = told.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, was, is]) => `${name}: ${was} to ${is}`);
          expect(text.join(', ')).toBe(apart(plain[i] ?? new Map(), plain[j] ?? new Map()));
          // Known from now on if it is so, and to none that are not the same.
          expect(from.isKnownEqual(to)).toBe(told.length === 0);
          for (const [at, other] of versions.entries())
            if (from.isKnownEqual(other)) expect(apart(plain[i] ?? new Map(), plain[at] ?? new Map())).toBe('');
        }
      }),
      tries(200, 40),
    );
  });

  test('holds the same with many keys, where buckets are spread and gathered again', () => {
    const addresses = Array.from({ length: 4_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const some = fc.record({
      first: fc.nat(3_999),
      count: fc.nat(4_000),
      value: fc.option(fc.nat(2), { nil: undefined }),
    });
    const plainDifference = (from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>): object => ({
      added: sorted(to).filter(([name]) => !from.has(name)),
      removed: sorted(from).filter(([name]) => !to.has(name)),
      changed: sorted(from).flatMap(([name, was]) => {
        const is = to.get(name);
        return is === undefined || is === was ? [] : [[name, was, is]];
      }),
    });
    fc.assert(
      fc.property(fc.array(some, { minLength: 3, maxLength: 4 }), (steps) => {
        let map = BucketMap.empty<number>();
        let plain: ReadonlyMap<string, number> = new Map();
        const versions = [{ map, plain }];
        for (const { first, count, value } of steps) {
          const step = addresses.slice(first, first + count).map((address) => [address, value] as const);
          map = map.with(step);
          plain = applied(plain, step);
          versions.push({ map, plain }, { map: BucketMap.from(plain), plain });
        }
        const [newest] = versions.slice(-1);
        if (newest === undefined) throw new Error('there is no version');
        for (const one of versions) {
          expect(one.map.size).toBe(one.plain.size);
          expect(JSON.stringify(one.map.sorted())).toBe(JSON.stringify(sorted(one.plain)));
          expect(one.map.mapped((_, value) => (value === 1 ? true : undefined)).size).toBe(
            [...one.plain.values()].filter((value) => value === 1).length,
          );
          for (const [from, to] of [
            [one, newest],
            [newest, one],
            [one, newest],
          ] as const)
            expect(JSON.stringify(from.map.difference(to.map))).toBe(
              JSON.stringify(plainDifference(from.plain, to.plain)),
            );
        }
        for (const { map: last, plain: all } of versions)
          expect(addresses.every((address) => last.get(address) === all.get(address))).toBe(true);
      }),
      tries(4),
    );
  });

  test('keys of which all is the same but their text are kept apart', () => {
    const [one, other] = ['10.0.107.237', '10.2.219.40'] as const;
    expect(hashOf(one)).toBe(hashOf(other));
    const map = BucketMap.from([[one, 1]]);
    expect([map.get(other), map.has(other), map.with([[other, undefined]])]).toEqual([undefined, false, map]);
    const both = map.with([[other, 2]]);
    expect([both.size, both.get(one), both.get(other)]).toEqual([2, 1, 2]);
    expect(map.difference(both)).toEqual({ added: [[other, 2]], removed: [], changed: [] });
    expect(map.difference(BucketMap.from([[other, 1]]))).toEqual({
      added: [[other, 1]],
      removed: [[one, 1]],
      changed: [],
    });
    expect(both.with([[one, undefined]]).sorted()).toEqual([[other, 2]]);
  });

  test('a change that changes nothing gives the same version', () => {
    const map = BucketMap.from([['a', 1]]);
    expect(map.with([])).toBe(map);
    expect(
      map.with([
        ['a', 1],
        ['b', undefined],
      ]),
    ).toBe(map);
    expect(
      map
        .with([
          ['a', 2],
          ['a', 1],
        ])
        .difference(map),
    ).toEqual({ added: [], removed: [], changed: [] });
  });

  test('what was found equal once is told the same way again, and nothing else is', () => {
    const keys = Array.from({ length: 600 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const [one, other] = [BucketMap.from(keys.map((key) => [key, 1])), BucketMap.from(keys.map((key) => [key, 1]))];
    expect(one.difference(other)).toEqual(one.difference(other));
    for (const [key, value] of [
      ['10.0.0.0', undefined],
      ['10.0.0.0', 2],
      ['new', 1],
    ] as const) {
      const there = value === undefined ? 'removed' : key === 'new' ? 'added' : 'changed';
      expect(one.difference(other.with([[key, value]]))[there].map(([found]) => found)).toEqual([key]);
      const back = value === undefined ? 'added' : key === 'new' ? 'removed' : 'changed';
      expect(
        other
          .with([[key, value]])
          .difference(one)
          [back].map(([found]) => found),
      ).toEqual([key]);
    }
    // A bucket of one key that goes: the other version has no such bucket.
    const small = BucketMap.from([['a', 1]]);
    expect(small.difference(small.with([['a', undefined]])).removed).toEqual([['a', 1]]);
    expect(small.with([['b', 1]]).difference(BucketMap.from([['b', 1]])).removed).toEqual([['a', 1]]);
  });

  test('values compare as the caller says', () => {
    const [before, after] = [BucketMap.from([['a', { n: 1 }]]), BucketMap.from([['a', { n: 1 }]])];
    expect(before.difference(after).changed).toHaveLength(1);
    expect(before.difference(after, (x, y) => x.n === y.n).changed).toEqual([]);
  });
});
