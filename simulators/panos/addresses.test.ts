import { isIP } from 'node:net';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { parseAddress, parseNetmask, parseRange, parseWildcard, printAddress, within } from './addresses.ts';

const anyText = fc.oneof(
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6(),
  fc.stringMatching(/^[0-9.]{1,15}$/),
  fc.stringMatching(/^[0-9a-f:.]{2,20}$/),
);
/** As URLs write it: one oracle reads IPv4 inside IPv6 wrongly. */
const canonical = (text: string): string =>
  isIP(text) === 6 ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : text;
const address = fc.oneof(fc.ipV4(), fc.ipV6());

describe('addresses', () => {
  test('the same texts are addresses as elsewhere', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(parseAddress(text)?.family ?? 0).toBe(isIP(text));
      }),
      tries(2000, 667),
    );
  });

  test('are the same numbers as elsewhere, and print as they were', () => {
    fc.assert(
      fc.property(address, (text) => {
        const span = parseAddress(text);
        const bytes = ipaddr.parse(canonical(text)).toByteArray();
        expect(span?.low).toBe(bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n));
        if (span === undefined) return;
        const printed = printAddress(span);
        expect(parseAddress(printed)).toEqual(span);
        expect(printed).toBe(canonical(text));
      }),
      tries(1000, 334),
    );
  });

  test('lie in the same prefixes as elsewhere', () => {
    fc.assert(
      fc.property(address, address, fc.nat(128), (base, inside, given) => {
        const net = ipaddr.parse(canonical(base));
        const length = net.kind() === 'ipv4' ? given % 33 : given;
        const one = ipaddr.parse(canonical(inside));
        const expected = one.kind() === net.kind() && one.match(net, length);
        const span = parseNetmask(`${base}/${length}`);
        const single = parseAddress(inside);
        if (span === undefined || single === undefined) throw new Error('both are addresses');
        expect(within(single, span)).toBe(expected);
      }),
      tries(1000, 334),
    );
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/+8',
    '10.0.0.0/08',
    '/8',
    '2001:db8::/129',
    '10.0.0.1-10.0.0.2',
    '',
  ])('%s is no prefix', (text) => expect(parseNetmask(text)).toBe(undefined));

  test.each([
    '10.0.0.2-10.0.0.1',
    '10.0.0.1-2001:db8::1',
    '10.0.0.1',
    '10.0.0.0/24-10.0.1.0',
    '10.0.0.1-10.0.0.2-10.0.0.3',
  ])('%s is no range', (text) => expect(parseRange(text)).toBe(undefined));

  test.each(['10.0.0.1', '10.0.0.1/24', '2001:db8::1/::', '10.0.0.1/0.0.0.255/1'])('%s is no wildcard', (text) =>
    expect(parseWildcard(text)).toBe(undefined),
  );
});
