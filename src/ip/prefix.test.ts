import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { ipv4Address, parseAddress } from './address.ts';
import { type PrefixOptions, comparePrefixes, formatPrefix, parsePrefix, prefixOf, readBlock4 } from './prefix.ts';

function read(text: string, options?: PrefixOptions): string {
  const result = parsePrefix(text, options);
  return 'problem' in result ? `! ${result.problem}` : formatPrefix(result.value);
}

/** Without `::1.2.3.4`, which ipaddr.js takes for `::ffff:1.2.3.4`. */
const addressText = fc.oneof(
  fc.ipV4(),
  fc.ipV6().filter((text) => !text.includes('.') && parseAddress(text) !== undefined),
);

describe('parsePrefix', () => {
  test.each([
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['255.255.255.255/32', '255.255.255.255/32'],
    ['128.0.0.0/1', '128.0.0.0/1'],
    ['2001:DB8:0::/32', '2001:db8::/32'],
    ['::/0', '::/0'],
    ['::1/128', '::1/128'],
    ['8000::/1', '8000::/1'],
  ])('reads %s as %s', (text, canonical) => {
    expect(read(text)).toBe(canonical);
  });

  test.each([
    [
      '10.0.0.7/24',
      '"10.0.0.7/24" has bits set after its length; write "10.0.0.0/24" for the net or "10.0.0.7/32" for the one address',
    ],
    [
      '2001:db8::1/64',
      '"2001:db8::1/64" has bits set after its length; write "2001:db8::/64" for the net or "2001:db8::1/128" for the one address',
    ],
    ['10.0.0.1', '"10.0.0.1" has no prefix length; write "10.0.0.1/32"'],
    ['::1', '"::1" has no prefix length; write "::1/128"'],
    ['10.0.0.0/08', '"10.0.0.0/08" has a leading zero in its length; write "10.0.0.0/8"'],
    ['10.0.0.0/00', '"10.0.0.0/00" has a leading zero in its length; write "10.0.0.0/0"'],
    ['10.0.0.0/33', '"10.0.0.0/33" has the length "33"; a prefix length of IPv4 is a number from 0 to 32'],
    ['::/129', '"::/129" has the length "129"; a prefix length of IPv6 is a number from 0 to 128'],
    ['10.0.0.0/', '"10.0.0.0/" has the length ""; a prefix length of IPv4 is a number from 0 to 32'],
    ['10.0.0.0/+8', '"10.0.0.0/+8" has the length "+8"; a prefix length of IPv4 is a number from 0 to 32'],
    ['10.0.0.0/8 ', '"10.0.0.0/8 " has the length "8 "; a prefix length of IPv4 is a number from 0 to 32'],
    [
      '10.0.0.0/255.0.0.0',
      '"10.0.0.0/255.0.0.0" has the length "255.0.0.0"; a prefix length of IPv4 is a number from 0 to 32',
    ],
    ['/8', '"/8" has no address before the "/"'],
    ['10.0.0.0/8/8', '"10.0.0.0/8" is not an IP address; write one like "192.0.2.1" or "2001:db8::1"'],
    ['010.0.0.0/8', '"010.0.0.0/8" has leading zeros, which some read as octal; write "10.0.0.0/8"'],
    [
      '::ffff:10.1.2.3/104',
      '"::ffff:10.1.2.3/104" is IPv4-mapped IPv6, a second name of an IPv4 address; write "10.0.0.0/8"',
    ],
    ['::ffff:10.0.0.0/8', '"::ffff:10.0.0.0" is IPv4-mapped IPv6, a second name of an IPv4 address; write "10.0.0.0"'],
    [' 10.0.0.0/8', '" 10.0.0.0/8" has space around it; write "10.0.0.0/8"'],
    ['10.0.0.0/١', '"10.0.0.0/١" has the length "١"; a prefix length of IPv4 is a number from 0 to 32'],
  ])('refuses %j', (text, problem) => {
    expect(read(text)).toBe(`! ${problem}`);
  });

  test('options loosen exactly what they name', () => {
    expect(read('10.0.0.7', { bareAddress: true })).toBe('10.0.0.7/32');
    expect(read('::7', { bareAddress: true })).toBe('::7/128');
    expect(read('10.0.0.7/24', { hostBits: 'mask' })).toBe('10.0.0.0/24');
    expect(read('10.0.0.7/24', { bareAddress: true })).toContain('write "10.0.0.0/24"');
    expect(read('10.0.0.7', { hostBits: 'mask' })).toContain('write "10.0.0.7/32"');
  });

  test('masks as ipaddr.js does', () => {
    fc.assert(
      fc.property(addressText, fc.nat(128), (text, n) => {
        const parsed = ipaddr.parse(text);
        const length = parsed.kind() === 'ipv4' ? n % 33 : n;
        const net =
          parsed.kind() === 'ipv4'
            ? ipaddr.IPv4.networkAddressFromCIDR(`${text}/${length}`).toString()
            : ipaddr.IPv6.networkAddressFromCIDR(`${text}/${length}`).toRFC5952String();
        expect(read(`${text}/${length}`, { hostBits: 'mask' })).toBe(`${net}/${length}`);
      }),
      tries(1000, 200),
    );
  });

  test('what it prints it reads, and printing again changes nothing', () => {
    fc.assert(
      fc.property(addressText, fc.nat(128), (text, n) => {
        const address = parseAddress(text);
        fc.pre(address !== undefined);
        const printed = formatPrefix(prefixOf(address, address.family === 4 ? n % 33 : n));
        expect(read(printed)).toBe(printed);
      }),
      tries(300, 60),
    );
  });
});

test('an IPv4 block is read in one go exactly where it is read at all', () => {
  const octet = fc.oneof(fc.nat(256), fc.constantFrom('', '00', '07', 'x', '1 ', 128, 0)).map(String);
  const length = fc.oneof(fc.nat(34), fc.constantFrom('', '00', '08', '-1', '1/8', ' 8')).map((text) => `/${text}`);
  const written = fc
    .tuple(fc.array(octet, { minLength: 3, maxLength: 5 }), fc.oneof(fc.constant(''), length))
    .map(([octets, rest]) => octets.join('.') + rest);
  const net = fc.tuple(fc.ipV4(), fc.nat(32)).map(([text, bits]) => {
    const address = parseAddress(text);
    return address === undefined ? text : formatPrefix(prefixOf(address, bits));
  });
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(fc.oneof(written, net, addressText), (text) => {
      const found: string[] = [];
      const isTaken = readBlock4(text, (value, bits) => found.push(formatPrefix(prefixOf(ipv4Address(value), bits))));
      const expected = read(text, { bareAddress: true });
      const is4 = !expected.startsWith('!') && !expected.includes(':');
      expect({ isTaken, found }).toEqual({ isTaken: is4, found: is4 ? [expected] : [] });
      seen[isTaken ? 'taken' : 'refused'] += 1;
    }),
    tries(2000, 300),
  );
  expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(20);
});

test('prefixes order by family, address, and then the wider first', () => {
  const sorted = ['0.0.0.0/0', '0.0.0.0/8', '9.0.0.0/8', '10.0.0.0/8', '::/0', '::/128', '1::/16'];
  const prefixes = sorted.flatMap((text) => {
    const result = parsePrefix(text);
    return 'value' in result ? [result.value] : [];
  });
  expect(prefixes.toReversed().sort(comparePrefixes).map(formatPrefix)).toEqual(sorted);
});
