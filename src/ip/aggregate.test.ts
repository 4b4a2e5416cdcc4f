import { expect, test } from 'vitest';
import { aggregate, subtract } from './index.ts';

test('aggregate gives the minimal cover of both families, sorted, in canonical text', () => {
  expect(aggregate(['::1', '10.0.0.128/25', '2001:DB8::/33', '10.0.0.0/25', '2001:db8:8000::/33', '10.0.0.7'])).toEqual(
    ['10.0.0.0/24', '::1/128', '2001:db8::/32'],
  );
  expect(aggregate([])).toEqual([]);
  expect(aggregate(['0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1'])).toEqual(['0.0.0.0/0', '::/0']);
});

test('aggregate joins 65,536 addresses in any order to one net', () => {
  const texts = Array.from({ length: 65536 }, (_, n) => {
    const mixed = (n * 40503) & 0xffff;
    return `10.1.${mixed >> 8}.${mixed & 255}/32`;
  });
  expect(aggregate(texts)).toEqual(['10.1.0.0/16']);
});

test('subtract expands exactly', () => {
  expect(subtract(['10.0.0.0/24'], ['10.0.0.0/25', '10.0.0.129'])).toEqual([
    '10.0.0.128/32',
    '10.0.0.130/31',
    '10.0.0.132/30',
    '10.0.0.136/29',
    '10.0.0.144/28',
    '10.0.0.160/27',
    '10.0.0.192/26',
  ]);
  expect(subtract(['::/0'], ['::/0'])).toEqual([]);
  expect(subtract(['10.0.0.0/24'], ['::/0', '11.0.0.0/8'])).toEqual(['10.0.0.0/24']);
});

test('a bad text is refused with what is wrong', () => {
  expect(() => aggregate(['10.0.0.1/24'])).toThrow('write "10.0.0.0/24"');
  expect(() => subtract(['10.0.0.0/24'], ['10.0.0'])).toThrow('"10.0.0" is not an IP address');
});
