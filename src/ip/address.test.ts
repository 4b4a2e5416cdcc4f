import { isIP } from 'node:net';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import {
  addressProblem,
  compareAddresses,
  formatAddress,
  ipv4Address,
  ipv6Address,
  parseAddress,
  quoteForMessage,
} from './address.ts';

/** For ipaddr.js, which takes `::1.2.3.4` for `::ffff:1.2.3.4`: the dotted end of a valid IPv6 text as two groups. */
function inGroups(text: string): string {
  if (!text.includes(':')) return text;
  return text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets: string[]) => {
    const [a, b, c, d] = octets.slice(0, 4).map((octet) => Number(octet).toString(16).padStart(2, '0'));
    return `${a}${b}:${c}${d}`;
  });
}

/** What `net.isIP` says, less the two forms that we refuse on purpose; decided by ipaddr.js, not by our parser. */
function expectedFamily(text: string): number {
  const family = isIP(text);
  if (family !== 6) return family;
  if (text.includes('%') || ipaddr.IPv6.parse(inGroups(text)).isIPv4MappedAddress()) return 0;
  return 6;
}

function valueByIpaddr(text: string): bigint {
  return ipaddr
    .parse(inGroups(text))
    .toByteArray()
    .reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

const group = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16)),
  fc.constantFrom('0', '0000', 'ffff', 'FFFF', '00a0', '1', '12345', 'g', ''),
);
const quad = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 300 }).map(String), fc.constantFrom('0', '00', '01', '255', '256', '')), {
    minLength: 3,
    maxLength: 5,
  })
  .map((parts) => parts.join('.'));
const groups = fc.array(group, { maxLength: 9 });
/** Texts near the border between valid and not: the right pieces in almost the right number. */
const almost = fc
  .tuple(groups, fc.constantFrom('', '::', ':', ':::'), groups, fc.constantFrom('', ':'), fc.option(quad))
  .map(([head, gap, tail, joint, end]) => head.join(':') + gap + tail.join(':') + joint + (end ?? ''));
const mapped = fc
  .tuple(fc.constantFrom('::ffff:', '::FFFF:', '0:0:0:0:0:ffff:', '::0:ffff:', '0::ffff:'), fc.oneof(quad, almost))
  .map(([head, tail]) => head + tail);
const edited = fc
  .tuple(
    fc.oneof(fc.ipV4(), fc.ipV6()),
    fc.nat(),
    fc.constantFrom('', '0', ':', '.', ' ', 'a', '%', '/', '\n'),
    fc.nat(1),
  )
  .map(([text, at, insert, cut]) => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + insert + text.slice(place + cut);
  });
const anyText = fc.oneof(
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6(),
  quad,
  almost,
  mapped,
  edited,
  fc.string(),
  fc.stringMatching(/^[0-9a-fA-F:.%]{0,45}$/),
);

describe('parseAddress', () => {
  test('agrees with net.isIP except for zones and IPv4-mapped IPv6', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(parseAddress(text)?.family ?? 0).toBe(expectedFamily(text));
      }),
      tries(4000, 800),
    );
  });

  test('gives the value that ipaddr.js gives', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        fc.pre(expectedFamily(text) !== 0);
        expect(BigInt(parseAddress(text)?.value ?? -1)).toBe(valueByIpaddr(text));
      }),
      tries(2000, 400),
    );
  });

  test.each([
    '010.0.0.1',
    '1.2.3',
    '0x7f.1',
    '256.1.1.1',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4.',
    '1.2.3.4.5',
    '::01.2.3.4',
    '1::2::3',
    '12345::',
    ':::',
    ':1',
    '1:',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1.2.3.4::',
    '::1.2.3.4:5',
    'fe80::1%eth0',
    '::ffff:1.2.3.4',
    '::FFFF:102:304',
    '0:0:0:0:0:ffff:0:0',
    '[::1]',
    '10.0.0.1/32',
    '1٠.0.0.1',
    '',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['::1.2.3.4', '::102:304'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:1:0:0:0:0:0', '0:0:1::'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['::ffff:0:1.2.3.4', '::ffff:0:102:304'],
  ])('reads %s as %s', (text, canonical) => {
    const address = parseAddress(text);
    expect(address && formatAddress(address)).toBe(canonical);
  });
});

describe('formatAddress', () => {
  test('is RFC 5952, and reads back as the same address', () => {
    // Zero groups often, so that runs of every length and place occur.
    const groupsOfEight = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(groupsOfEight, (parts) => {
        const address = ipv6Address(parts.reduce((value, part) => (value << 16n) | BigInt(part), 0n));
        const text = formatAddress(address);
        expect(text).toBe(new ipaddr.IPv6(parts).toRFC5952String());
        if (expectedFamily(text) === 6) expect(parseAddress(text)).toEqual(address);
      }),
      tries(1000, 200),
    );
  });

  test('reads back for IPv4', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (value) => {
        const address = ipv4Address(value);
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });
});

test('numbers outside a family are refused', () => {
  for (const value of [-1, 2 ** 32, 1.5, Number.NaN])
    expect(() => ipv4Address(value)).toThrow('is not an IPv4 address');
  for (const value of [-1n, 1n << 128n]) expect(() => ipv6Address(value)).toThrow('is not an IPv6 address');
});

test('addresses order by family, then by number', () => {
  const sorted = ['0.0.0.0', '9.0.0.0', '10.0.0.0', '255.255.255.255', '::', '::9', '::10', 'ffff::'];
  const addresses = sorted.map((text) => parseAddress(text)).filter((address) => address !== undefined);
  expect(addresses.toReversed().sort(compareAddresses).map(formatAddress)).toEqual(sorted);
});

test.each([
  ['::ffff:10.0.0.1', '"::ffff:10.0.0.1" is IPv4-mapped IPv6, a second name of an IPv4 address; write "10.0.0.1"'],
  ['::ffff:a00:1', '"::ffff:a00:1" is IPv4-mapped IPv6, a second name of an IPv4 address; write "10.0.0.1"'],
  ['fe80::1%eth0', '"fe80::1%eth0" has a zone id, which only its own host understands; write "fe80::1"'],
  ['010.0.0.1', '"010.0.0.1" has leading zeros, which some read as octal; write "10.0.0.1"'],
  [' 10.0.0.1', '" 10.0.0.1" has space around it; write "10.0.0.1"'],
  ['fe80::1%\n', '"fe80::1%\\n" has a zone id, which only its own host understands; write "fe80::1"'],
  ['bank', '"bank" is not an IP address; write one like "192.0.2.1" or "2001:db8::1"'],
  ['a\nb', '"a\\nb" is not an IP address; write one like "192.0.2.1" or "2001:db8::1"'],
])('says what is wrong with %j', (text, problem) => {
  expect(addressProblem(text)).toBe(problem);
});

test('a correction is itself a valid address', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      fc.pre(parseAddress(text) === undefined);
      const correction = / write "([^"]*)"$/.exec(addressProblem(text))?.[1];
      if (correction !== undefined) expect(parseAddress(correction)).toBeDefined();
    }),
    tries(1000, 200),
  );
});

test('what acts on a terminal or hides is shown by its number', () => {
  expect(quoteForMessage('a\u009b\u202e\u2028\u001b"é')).toBe('"a\\u{9b}\\u{202e}\\u{2028}\\u001b\\"é"');
});

test('a long text is cut in messages', () => {
  expect(quoteForMessage('x'.repeat(1000))).toHaveLength(82);
});
