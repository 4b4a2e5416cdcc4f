import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { endOfSpace, endOfValue } from './json-value.ts';
import { Undecodable } from './undecodable.ts';

/** The whole text is one value, with space around it. */
function isValue(bytes: Uint8Array): boolean {
  try {
    return endOfSpace(bytes, endOfValue(bytes, 0)) === bytes.length;
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Undecodable);
    return false;
  }
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(bytes).toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 2 });
const text = fc
  .array(fc.constantFrom('a', 'ß', '😀', '\u007f', '\\"', '\\\\', '\\/', '\\n', '\\u00fF', '\\ud800', '{', ']'), {
    maxLength: 9,
  })
  .map((parts) => `"${parts.join('')}"`);
const number = fc.constantFrom('0', '-0', '7', '120', '-3.25', '1e9', '2E+10', '0.5e-3', '12345678901234567890');
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: 'small' },
    text,
    number,
    fc.constantFrom('true', 'false', 'null', '{}', '[]', '{ }', '[\n]'),
    fc
      .array(fc.tuple(space, tie('value'), space), { maxLength: 4 })
      .map((items) => `[${items.map((item) => item.join('')).join(',')}]`),
    fc
      .array(fc.tuple(space, text, space, fc.constant(':'), space, tie('value'), space), { maxLength: 4 })
      .map((members) => `{${members.map((member) => member.join('')).join(',')}}`),
  ),
}));
/** Bytes that mean something in JSON, or spoil it. */
const byte = fc.oneof(fc.constantFrom(...Buffer.from('{}[]",:\\/u0123456789.eE+-tfn \n')), fc.nat(255));

describe('the end of a JSON value', () => {
  test('is found behind whatever JSON.parse takes', () => {
    fc.assert(
      fc.property(space, value, space, fc.constantFrom('', ',', '}', ']', ' x'), (before, inner, after, next) => {
        const whole = Buffer.from(before + inner + after);
        expect([isJson(whole), isValue(whole)]).toEqual([true, true]);
        if (/[0-9]$/.test(inner) && after === '' && next === '') return;
        expect(endOfValue(Buffer.from(before + inner + after + next), 0)).toBe(Buffer.byteLength(before + inner));
      }),
      tries(3_000, 500),
    );
  });

  test('is there where JSON.parse finds one, whatever is spoiled', () => {
    const spoiled = fc
      .tuple(value, fc.array(fc.tuple(fc.nat(), fc.nat(2), byte), { minLength: 1, maxLength: 2 }))
      .map(([inner, changes]) => {
        const bytes = [...Buffer.from(inner)];
        for (const [at, removed, put] of changes) bytes.splice(at % (bytes.length + 1), removed, put);
        return Buffer.from(bytes);
      });
    const shortened = fc
      .tuple(value, fc.nat())
      .map(([inner, length]) => Buffer.from(inner).subarray(0, length % (inner.length + 1)));
    fc.assert(
      fc.property(
        fc.oneof(
          spoiled,
          shortened,
          fc.uint8Array({ maxLength: 5 }),
          fc.array(byte, { maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          expect(isValue(bytes)).toBe(isJson(bytes));
        },
      ),
      tries(20_000, 4_000),
    );
  });

  test('is found however deep it is nested, and not where brackets do not match', () => {
    for (const depth of [1, 2, 31, 32, 33, 63, 64, 65, 97, 100_000]) {
      const mixed = Array.from({ length: depth }, (_, n) => n % 3 === 0);
      const open = mixed.map((isObject) => (isObject ? '{"a":' : '[')).join('');
      const close = mixed.map((isObject) => (isObject ? '}' : ']')).reverse();
      const whole = (ends: readonly string[]): Buffer => Buffer.from(`${open}1${ends.join('')}`);
      expect(isValue(whole(close))).toBe(true);
      expect(isValue(whole(close.slice(1)))).toBe(false);
      for (const at of [0, depth - 1, Math.max(0, depth - 32), Math.max(0, depth - 33)]) {
        const other = close[at] === '}' ? ']' : '}';
        expect(isValue(whole(close.with(at, other)))).toBe(false);
      }
    }
  });
});
