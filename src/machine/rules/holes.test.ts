import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { ipv4Address } from '../../ip/address.ts';
import { prefixOf } from '../../ip/prefix.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { matchesOf } from './holes.ts';

const prefix = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }))
  .map(([last, length]) => prefixOf(ipv4Address(0x0a00_0000 + last), length));
const block = fc.record({ cidr: prefix, except: fc.array(prefix, { maxLength: 3 }) });

describe('holes', () => {
  test('rules match exactly what each block says, less what was written at a wrong block', () => {
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 4 }), (blocks) => {
        // Sets once for each draw, and not for each address.
        const matches = matchesOf(blocks).matches.map(({ nets, except }) => [PrefixSet.of(nets), PrefixSet.of(except)]);
        const written = blocks.map(({ cidr, except }) => [PrefixSet.of([cidr]), PrefixSet.of(except)]);
        const astray = blocks.flatMap(({ cidr, except }) =>
          except.map((hole) => PrefixSet.of([hole])).filter((hole) => !PrefixSet.of([cidr]).covers(hole)),
        );
        for (let last = 0; last < 256; last++) {
          const address = ipv4Address(0x0a00_0000 + last);
          const isIn = ([within, without]: readonly PrefixSet[]): boolean =>
            within?.contains(address) === true && without?.contains(address) === false;
          const meant = !astray.some((hole) => hole.contains(address)) && written.some(isIn);
          expect(matches.some(isIn)).toBe(meant);
        }
      }),
      tries(300, 60),
    );
  });

  test("today's one rule is kept while no exception touches another block", () => {
    const [a, b, hole] = [0x0a00_0000, 0x0a00_0080, 0x0a00_0010].map((value) => prefixOf(ipv4Address(value), 25));
    if (a === undefined || b === undefined || hole === undefined) throw new Error('none');
    const small = prefixOf(ipv4Address(0x0a00_0010), 28);
    expect(
      matchesOf([
        { cidr: a, except: [small] },
        { cidr: b, except: [] },
      ]).matches,
    ).toHaveLength(1);
    expect(
      matchesOf([
        { cidr: a, except: [small] },
        { cidr: small, except: [] },
      ]).matches,
    ).toHaveLength(2);
  });
});
