import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PortSet } from '../../ip/port-set.ts';
import type { FlatService } from '../../plan/flat/flat-list.ts';
import { serviceText } from '../flat/service-parts.ts';
import { readService, sayService } from './services.ts';

const ports = fc
  .uniqueArray(fc.constantFrom<[number, number]>([0, 0], [80, 80], [443, 443], [8000, 8080], [60_000, 65_535]), {
    minLength: 1,
  })
  .map((ranges) => PortSet.of(...ranges));
const some = (from: readonly number[]): fc.Arbitrary<number[]> =>
  fc.subarray([...from], { minLength: 1 }).map((list) => list.toSorted((a, b) => a - b));
const ported = fc.record(
  { protocols: some([6, 17, 132]), ports, sourcePorts: ports },
  { requiredKeys: ['protocols', 'ports'] },
);
const sourced = fc.record({ protocols: some([6, 17]), sourcePorts: ports });
const plain = fc.record({ protocols: some([1, 6, 47, 50, 254]) });
const allBut = some([1, 6, 17, 47, 254]).map((list) => ({
  protocols: Array.from({ length: 256 }, (_, protocol) => protocol).filter((protocol) => !list.includes(protocol)),
}));
const icmp = fc.record({
  protocols: fc.constantFrom([1], [58]),
  icmp: fc
    .uniqueArray(fc.constantFrom<[number, number]>([0, 255], [768, 768], [771, 774], [2048, 2303]), { minLength: 1 })
    .chain((ranges) => {
      const set = PortSet.of(...ranges);
      return fc.constantFrom(set, set.complement());
    }),
});
const service: fc.Arbitrary<FlatService> = fc.oneof<fc.Arbitrary<FlatService>[]>(ported, sourced, plain, allBut, icmp);

test('what is written is read back as what it is', () => {
  fc.assert(
    fc.property(service, (match) => {
      const said = sayService(match);
      if (typeof said === 'string') throw new Error(said);
      const read = readService({ ...said, rows: said.rows.toReversed() });
      expect(read && serviceText(read)).toBe(serviceText(match));
    }),
  );
});

test.each([0, 255])('protocol %s cannot be said, because there it means something else', (protocol) => {
  expect(sayService({ protocols: [protocol] })).toMatch(/by its number/);
});

test('every protocol but TCP is one service, negated', () => {
  const protocols = Array.from({ length: 256 }, (_, protocol) => protocol).filter((protocol) => protocol !== 6);
  expect(sayService({ protocols })).toMatchObject({
    isNegated: true,
    rows: [{ protocol: 'IP', 'protocol-number': '6' }],
  });
});
