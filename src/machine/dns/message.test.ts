import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { a, aaaa, cname, edns, QUESTION, soa, wire, type WireRecord } from '../../../test/kit/dns-wire.ts';
import { formatError, putId, question, refusal, truncated } from './compose.ts';
import { readMessage } from './message.ts';

const label = fc.stringMatching(/^[-a-zA-Z0-9_]{1,12}$/);
const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => `${labels.join('.')}.`);
const ttl = fc.integer({ min: 0, max: 0x7fff_ffff });
const record: fc.Arbitrary<WireRecord> = fc.oneof(
  fc.tuple(name, fc.ipV4(), ttl).map(([owner, address, life]) => a(owner, address, life)),
  fc
    .tuple(name, fc.array(fc.integer({ min: 0, max: 65_535 }), { minLength: 8, maxLength: 8 }), ttl)
    .map(([owner, groups, life]) => aaaa(owner, groups, life)),
  fc.tuple(name, name, ttl).map(([owner, target, life]) => cname(owner, target, life)),
  fc
    .tuple(name, fc.uint8Array({ maxLength: 40 }), ttl)
    .map(([owner, data, life]): WireRecord => ({ name: owner, type: 16, ttl: life, data: Buffer.from(data) })),
);
const message = fc.record({
  id: fc.integer({ min: 0, max: 65_535 }),
  question: fc.record({ name, type: fc.integer({ min: 1, max: 255 }) }),
  answers: fc.array(record, { maxLength: 8 }),
  authorities: fc.array(record, { maxLength: 3 }),
  additionals: fc.array(record, { maxLength: 3 }),
});

const header = (counts: readonly number[]): number[] => [0, 1, 0x81, 0x80, ...counts.flatMap((count) => [0, count])];

describe('DNS messages', () => {
  test('read back as they were written, compressed or not', () => {
    fc.assert(
      fc.property(message, fc.boolean(), (written, compressed) => {
        const bytes = wire(written, compressed);
        const read = readMessage(bytes);
        expect(read?.id).toBe(written.id);
        expect(read?.question).toEqual({
          name: written.question.name.toLowerCase(),
          type: written.question.type,
          class: 1,
        });
        const shown = (records: readonly WireRecord[]) =>
          records.map(({ name: owner, type, ttl: life, data }) => [
            owner.toLowerCase(),
            type,
            life,
            Buffer.isBuffer(data) ? data.toString('hex') : (data as { name: string }).name.toLowerCase(),
          ]);
        for (const section of ['answers', 'authorities'] as const)
          expect(
            read?.[section].map((each) => [
              each.name,
              each.type,
              each.ttl,
              each.target ?? bytes.toString('hex', each.dataAt, each.dataAt + each.dataLength),
            ]),
          ).toEqual(shown(written[section]));
      }),
    );
  });

  test('whatever is cut, or has something over, is nothing', () => {
    fc.assert(
      fc.property(message, (written) => {
        const bytes = wire(written);
        for (let length = 0; length < bytes.length; length++)
          expect(readMessage(bytes.subarray(0, length))).toBeUndefined();
        expect(readMessage(Buffer.concat([bytes, Buffer.from([0])]))).toBeUndefined();
      }),
      tries(20, 4),
    );
  });

  test('hostile octets are read or refused, and never more than that', () => {
    const spoilt = fc.tuple(message, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }));
    fc.assert(
      fc.property(spoilt, ([written, changes]) => {
        const bytes = wire(written);
        for (const [at, octet] of changes) bytes[at % bytes.length] = octet;
        const read = readMessage(bytes);
        for (const each of [...(read?.answers ?? []), ...(read?.authorities ?? [])]) {
          expect(each.dataAt + each.dataLength).toBeLessThanOrEqual(bytes.length);
          expect(each.name).toMatch(/^(\.|([!-~]+\.))$/);
        }
      }),
      tries(2_000, 400),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        readMessage(Buffer.from(octets));
      }),
      tries(2_000, 400),
    );
  });

  const broken: Readonly<Record<string, readonly number[]>> = {
    'a name that points to itself': [...header([1, 0, 0, 0]), 0xc0, 12, 0, 1, 0, 1],
    'a name that points forward': [...header([1, 0, 0, 0]), 0xc0, 14, 1, 97, 0, 0, 1, 0, 1],
    'a name that points into the header': [...header([1, 0, 0, 0]), 0xc0, 0, 0, 1, 0, 1],
    'two names that point to each other': [...header([1, 0, 0, 0]), 1, 97, 0xc0, 12, 0, 1, 0, 1],
    'a label of a kind that there is not': [...header([1, 0, 0, 0]), 0x41, 97, 0, 0, 1, 0, 1],
    'a name beyond 255 octets': [
      ...header([1, 0, 0, 0]),
      ...Array.from({ length: 4 }, () => [63, ...Array.from({ length: 63 }, () => 97)]).flat(),
      0,
      0,
      1,
      0,
      1,
    ],
    'two questions': [...header([2, 0, 0, 0]), 1, 97, 0, 0, 1, 0, 1, 1, 97, 0, 0, 1, 0, 1],
    'no question': header([0, 0, 0, 0]),
    'more records than there are octets': [...header([1, 255, 0, 0]), 1, 97, 0, 0, 1, 0, 1],
    'an IPv4 address of three octets': [
      ...header([1, 1, 0, 0]),
      1,
      97,
      0,
      0,
      1,
      0,
      1,
      0xc0,
      12,
      0,
      1,
      0,
      1,
      0,
      0,
      0,
      9,
      0,
      3,
      1,
      2,
      3,
    ],
    'an alias with octets behind its name': [
      ...header([1, 1, 0, 0]),
      1,
      97,
      0,
      0,
      1,
      0,
      1,
      0xc0,
      12,
      0,
      5,
      0,
      1,
      0,
      0,
      0,
      9,
      0,
      3,
      0xc0,
      12,
      0,
    ],
  };
  test.each(Object.entries(broken))('%s: refused', (_, octets) => {
    expect(readMessage(Buffer.from(octets))).toBeUndefined();
  });

  test('a name of 255 octets is one', () => {
    const long = `${`${'a'.repeat(63)}.`.repeat(3)}${'b'.repeat(61)}.`;
    expect(readMessage(wire({ question: { name: long, type: 1 } }))?.question.name).toBe(long);
  });

  test('a chain of names of nothing but jumps is no work', () => {
    const jumps = Array.from({ length: 200 }, (_, n) =>
      n === 0 ? [0] : [0xc0 | ((13 + (n - 1) * 2) >> 8), 13 + (n - 1) * 2],
    ).flat();
    const bytes = Buffer.from([...header([1, 0, 0, 0]), ...jumps, 0, 1, 0, 1]);
    expect(readMessage(bytes)).toBeUndefined();
  });

  test('octets that no policy can write cannot be taken for others', () => {
    const bytes = Buffer.from([...header([1, 0, 0, 0]), 3, 97, 46, 98, 2, 0, 92, 0, 0, 1, 0, 1]);
    expect(readMessage(bytes)?.question.name).toBe(String.raw`a\046b.\000\092.`);
  });

  test('times to live beyond 31 bits are none', () => {
    const written = { question: { name: 'a.', type: 1 }, answers: [a('a.', '192.0.2.1', 0xffff_ffff)] };
    expect(readMessage(wire(written))?.answers[0]?.ttl).toBe(0);
  });

  test('two options of EDNS, or one in a wrong place, are refused; one tells how much its sender takes', () => {
    const asked = { question: { name: 'a.', type: 1 }, flags: QUESTION };
    expect(readMessage(wire({ ...asked, additionals: [edns(1_400)] }))?.udpBytes).toBe(1_400);
    expect(readMessage(wire({ ...asked, additionals: [edns(1_400), edns(1_400)] }))).toBeUndefined();
    expect(readMessage(wire({ ...asked, answers: [edns(1_400)] }))).toBeUndefined();
  });
});

describe('what is composed', () => {
  test('our own questions can be read, with recursion and room for long answers', () => {
    const asked = question(0xabcd, 'www.example.org.', 28);
    const read = asked && readMessage(asked);
    expect(asked?.toString('hex').slice(0, 24)).toBe('abcd01000001000000000001');
    expect([read?.id, read?.question, read?.udpBytes]).toEqual([
      0xabcd,
      { name: 'www.example.org.', type: 28, class: 1 },
      1_232,
    ]);
    expect([question(1, 'a..b.', 1), question(1, String.raw`a\046.`, 1), question(1, 'a', 1)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(question(1, `${'a'.repeat(64)}.`, 1)).toBeUndefined();
  });

  test('answers without records repeat the question, its id and its wishes', () => {
    const bytes = wire({ id: 7, flags: QUESTION, question: { name: 'a.b.', type: 1 }, additionals: [edns(512)] });
    const asked = readMessage(bytes);
    if (asked === undefined) throw new Error('unread');
    const refused = readMessage(refusal(asked, 5));
    expect([refused?.id, refused?.isAnswer, refused?.rcode, refused?.question]).toEqual([7, true, 5, asked.question]);
    const whole = readMessage(wire({ id: 7, question: { name: 'a.b.', type: 1 }, answers: [a('a.b.', '192.0.2.1')] }));
    const short = whole && readMessage(truncated(whole));
    expect([short?.isTruncated, short?.answers, short?.question]).toEqual([true, [], asked.question]);
    expect(formatError(bytes.subarray(0, 13))?.toString('hex')).toBe('000781810000000000000000');
    expect(formatError(bytes.subarray(0, 5))).toBeUndefined();
    expect(formatError(wire({ question: { name: 'a.', type: 1 } }))).toBeUndefined();
    expect(soa('a.').type).toBe(6);
    expect(readMessage(putId(bytes, 0x0109))?.id).toBe(0x0109);
    // The octets are the question's own, and it is remembered how it came.
    expect([asked.bytes.readUInt16BE(0), asked.id]).toEqual([0x0109, 7]);
    expect(readMessage(refusal(asked, 5))?.id).toBe(7);
  });
});
