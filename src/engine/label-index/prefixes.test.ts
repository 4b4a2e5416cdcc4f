import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Prefix, formatPrefix, parsePrefix } from '../../ip/prefix.ts';
import { PrefixNumbers } from './prefixes.ts';

function read(text: string): Prefix {
  const prefix = parsePrefix(text, { bareAddress: true, hostBits: 'mask' });
  if ('problem' in prefix) throw new Error(prefix.problem);
  return prefix.value;
}

const prefix = fc
  .oneof(
    fc.tuple(fc.ipV4(), fc.constantFrom('', '/32', '/31', '/24', '/8', '/1', '/0')),
    fc.tuple(fc.constantFrom('10.0.0.1', '10.0.0.2', '255.255.255.255', '0.0.0.0'), fc.constantFrom('', '/32', '/31')),
    fc.tuple(fc.constantFrom('::', '::1', 'fd00::1', '2001:db8::'), fc.constantFrom('', '/128', '/32', '/64')),
  )
  .map(([address, length]) => read(address + length));

test('a prefix keeps its number while it is used, and numbers are told apart by it', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(prefix, fc.boolean()), { maxLength: 300 }), (steps) => {
      const numbers = new PrefixNumbers();
      const model = new Map<string, { number: number; uses: number }>();
      for (const [one, acquired] of steps) {
        const text = formatPrefix(one);
        const known = model.get(text);
        expect(numbers.find(one)).toBe(known?.number ?? 0);
        if (acquired) {
          const number = numbers.acquire(one);
          if (known === undefined) expect([...model.values()].map((other) => other.number)).not.toContain(number);
          model.set(text, { number, uses: (known?.uses ?? 0) + 1 });
        } else if (known !== undefined) {
          numbers.release(known.number);
          if (known.uses === 1) model.delete(text);
          else known.uses--;
        }
      }
      for (const [text, { number }] of model) {
        expect(numbers.textOf(number)).toBe(text);
        const [, host] = /^(.*)(?:(?<=:.*)\/128|(?<!:.*)\/32)$/.exec(text) ?? [];
        expect(numbers.hostOf(number)).toBe(host);
      }
    }),
  );
});

test('addresses that come and go leave nothing behind', () => {
  const numbers = new PrefixNumbers();
  let largest = 0;
  for (let round = 0; round < 10_000; round++) {
    const number = numbers.acquire(read(`10.${round >> 8}.${round & 255}.1`));
    largest = Math.max(largest, number);
    numbers.release(number);
  }
  expect(largest).toBe(1);
});

test('a hundred thousand neighbours', () => {
  const numbers = new PrefixNumbers();
  const prefixes = Array.from({ length: 100_000 }, (_, n) => read(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`));
  const given = prefixes.map((one) => numbers.acquire(one));
  expect(new Set(given).size).toBe(given.length);
  expect(prefixes.map((one) => numbers.find(one))).toEqual(given);
  given.forEach((number, n) => n % 2 === 0 && numbers.release(number));
  expect(prefixes.every((one, n) => numbers.find(one) === (n % 2 === 0 ? 0 : given[n]))).toBe(true);
});
