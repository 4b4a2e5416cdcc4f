import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { SharedByBytes } from './shared-by-bytes.ts';
import { ShortTexts } from './short-texts.ts';

/** Bytes somewhere in a larger buffer. */
const written = fc.tuple(fc.uint8Array({ maxLength: 80 }), fc.nat(5), fc.nat(5)).map(([bytes, before, after]) => ({
  buffer: Buffer.concat([Buffer.alloc(before, 7), bytes, Buffer.alloc(after, 9)]),
  start: before,
  end: before + bytes.length,
}));

test('a value is that of its bytes, whatever was asked for before', () => {
  const values = new SharedByBytes((bytes, start, end) => ({ hex: bytes.toString('hex', start, end) }));
  fc.assert(
    fc.property(written, ({ buffer, start, end }) => {
      const first = values.get(buffer, start, end);
      expect(first.hex).toBe(buffer.toString('hex', start, end));
      expect(values.get(Buffer.concat([Buffer.from('x'), buffer]), start + 1, end + 1)).toBe(first);
    }),
  );
});

test('a value outlives the bytes it was made from', () => {
  const values = new SharedByBytes((bytes, start, end) => bytes.toString('latin1', start, end));
  const buffer = Buffer.from('app=web');
  expect(values.get(buffer, 0, 7)).toBe('app=web');
  buffer.write('app=bad');
  expect(values.get(buffer, 0, 7)).toBe('app=bad');
  expect(values.get(Buffer.from('app=web'), 0, 7)).toBe('app=web');
});

test('however many there are, each is right, and what is long is not kept', () => {
  let made = 0;
  const values = new SharedByBytes((bytes, start, end) => {
    made += 1;
    return bytes.toString('latin1', start, end);
  });
  for (let n = 0; n < 50_000; n++) expect(values.get(Buffer.from(`n${n}`), 0, `n${n}`.length)).toBe(`n${n}`);
  const long = Buffer.alloc(5_000, 97);
  const before = made;
  values.get(long, 0, long.length);
  values.get(long, 0, long.length);
  expect(made).toBe(before + 2);
});

test('a short text is what its bytes say in UTF-8', () => {
  const texts = new ShortTexts();
  fc.assert(
    fc.property(written, ({ buffer, start, end }) => {
      for (let time = 0; time < 2; time++)
        expect(texts.get(buffer, start, end)).toBe(buffer.toString('utf8', start, end));
    }),
    tries(1_000, 200),
  );
});
