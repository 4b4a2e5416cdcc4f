import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { PortSet, parsePortRange } from './port-set.ts';

const port = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 65530, max: 65535 }));
const ranges = fc.array(
  fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
  { maxLength: 5 },
);
const probes = [...Array.from({ length: 15 }, (_, n) => n), 30000, ...Array.from({ length: 8 }, (_, n) => 65528 + n)];

describe('PortSet', () => {
  test('the algebra is that of sets of ports', () => {
    fc.assert(
      fc.property(ranges, ranges, (p, q) => {
        const [a, b] = [PortSet.of(...p), PortSet.of(...q)];
        const inP = (n: number): boolean => p.some(([first, last]) => first <= n && n <= last);
        const inQ = (n: number): boolean => q.some(([first, last]) => first <= n && n <= last);
        for (const n of probes) {
          expect(a.contains(n)).toBe(inP(n));
          expect(a.union(b).contains(n)).toBe(inP(n) || inQ(n));
          expect(a.intersect(b).contains(n)).toBe(inP(n) && inQ(n));
          expect(a.subtract(b).contains(n)).toBe(inP(n) && !inQ(n));
          expect(a.complement().contains(n)).toBe(!inP(n));
        }
        expect(a.equals(b)).toBe(probes.every((n) => inP(n) === inQ(n)));
        expect(a.covers(b)).toBe(probes.every((n) => !inQ(n) || inP(n)));
        expect(a.overlaps(b)).toBe(probes.some((n) => inP(n) && inQ(n)));
        expect(a.isEmpty).toBe(p.length === 0);
      }),
      tries(300, 60),
    );
  });

  test('ranges are sorted, disjoint and never adjacent, and make the same set', () => {
    fc.assert(
      fc.property(ranges, (p) => {
        const set = PortSet.of(...p);
        const found = set.ranges();
        for (const [i, [first, last]] of found.entries()) {
          expect(first <= last).toBe(true);
          const next = found[i + 1];
          if (next !== undefined) expect(last + 1 < next[0]).toBe(true);
        }
        expect(PortSet.of(...found).equals(set)).toBe(true);
      }),
    );
  });

  test('prints for people', () => {
    expect(PortSet.of([8000, 8080], 443, 80).toString()).toBe('80, 443, 8000-8080');
    expect(PortSet.empty.toString()).toBe('');
    expect(PortSet.all.toString()).toBe('0-65535');
    expect(PortSet.of([0, 100], [101, 65535]).isAll).toBe(true);
  });

  test('what is no port is a mistake of the caller', () => {
    for (const bad of [-1, 65536, 1.5, Number.NaN]) expect(() => PortSet.of(bad)).toThrow('not a range of ports');
    expect(() => PortSet.of([2, 1])).toThrow('2-1 is not a range of ports');
  });
});

describe('parsePortRange', () => {
  test.each([
    [80, [80, 80]],
    [0, [0, 0]],
    ['80', [80, 80]],
    ['65535', [65535, 65535]],
    ['8000:8080', [8000, 8080]],
    ['8000-8080', [8000, 8080]],
    ['1:1', [1, 1]],
  ] as const)('reads %j', (text, value) => {
    expect(parsePortRange(text)).toEqual({ value });
  });

  test.each([
    [65536, '65536 is not a port; use 0 to 65535'],
    [-1, '-1 is not a port; use 0 to 65535'],
    [1.5, '1.5 is not a port; use 0 to 65535'],
    ['65536', '"65536" goes beyond the last port, 65535'],
    ['1:65536', '"1:65536" goes beyond the last port, 65535'],
    ['8080:8000', '"8080:8000" ends before it starts; write "8000:8080"'],
    ['080', '"080" is neither a port nor a range; write one like "443" or "8000:8080"'],
    [' 80', '" 80" is neither a port nor a range; write one like "443" or "8000:8080"'],
    ['80\n', '"80\\n" is neither a port nor a range; write one like "443" or "8000:8080"'],
    ['http', '"http" is neither a port nor a range; write one like "443" or "8000:8080"'],
    ['1:2:3', '"1:2:3" is neither a port nor a range; write one like "443" or "8000:8080"'],
    ['', '"" is neither a port nor a range; write one like "443" or "8000:8080"'],
  ] as const)('refuses %j', (text, problem) => {
    expect(parsePortRange(text)).toEqual({ problem });
  });
});
