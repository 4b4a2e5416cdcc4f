import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { command } from '../../test/kit/commands.ts';
import { parseExpectations } from './expectations.ts';

const read = (text: string) => parseExpectations(text, 'a.expect');
const one = (line: string) => read(line).value?.[0];
const mistakes = (text: string) =>
  read(text).diagnostics.map(({ at, message }) => `${at?.line}:${at?.column} ${message}`);

describe('a line', () => {
  test.each([
    [
      'allow shop/web -> 203.0.113.10:443/TCP via edge-1',
      { verdict: 'allow', protocol: 'TCP', services: [{ port: 443 }], via: 'edge-1' },
    ],
    ['deny  a/b\t->  c/d:53,5353/udp', { verdict: 'deny', protocol: 'udp', services: [{ port: 53 }, { port: 5353 }] }],
    [
      'allow a/b -> [2001:db8::1]:443',
      { to: { kind: 'Name', name: '2001:db8::1' }, protocol: 'TCP', services: [{ port: 443 }] },
    ],
    ['allow a/b -> c/d:443', { to: { kind: 'Name', name: 'c/d' }, protocol: 'TCP' }],
    ['allow fd00::1 -> [fd00::2]/ICMPv6', { from: { kind: 'Name', name: 'fd00::1' }, services: [{}] }],
    ['deny a/b -> 192.0.2.1:8/ICMP', { services: [{ icmpType: 8 }] }],
    ['deny a/b -> 192.0.2.1:3.4/ICMP', { services: [{ icmpType: 3, icmpCode: 4 }] }],
    ['deny a/b -> 192.0.2.1/47', { protocol: '47', services: [{}] }],
    ['allow a/b -> 192.0.2.1:1/TCP as 2001:DB8::0 via e', { as: '2001:db8::', via: 'e' }],
  ])('%s', (line, expected) => {
    expect(read(line).diagnostics).toEqual([]);
    expect(one(line)).toMatchObject(expected);
  });

  test('a selector may hold parentheses, quotes, arrows and number signs', () => {
    const found = one(`allow shop/(a == ') -> #' && (b in {"x"})) -> (has(c)):80  # for the shop`);
    expect(found).toMatchObject({
      from: { kind: 'Selector', namespace: 'shop', selector: { canonical: `(a == ") -> #" && b in {"x"})` } },
      to: { kind: 'Selector', selector: { canonical: 'has(c)' } },
      services: [{ port: 80 }],
      text: `allow shop/(a == ') -> #' && (b in {"x"})) -> (has(c)):80`,
    });
    expect(found?.to).not.toHaveProperty('namespace');
  });

  test('empty lines and comments are none, and lines keep their numbers', () => {
    expect(read('\n# nothing\r\n  \nallow a/b -> 10.0.0.1:1\n').value).toMatchObject([{ line: 4 }]);
    expect(read('# nothing').value).toEqual([]);
  });

  test('every line with a mistake is told, and then nothing is checked', async () => {
    const text = [
      'permit a/b -> 10.0.0.1:1',
      'allow a/b 10.0.0.1:1',
      'allow -> 10.0.0.1:1',
      'allow (a = 1) -> 10.0.0.1:1',
      "allow (a == 'b' -> 10.0.0.1:1",
      'allow a/b -> 10.0.0.1',
      'allow a/b -> 10.0.0.1/TCP',
      'allow a/b -> 10.0.0.1:0/TCP',
      'allow a/b -> 10.0.0.1:65536/TCP',
      'allow a/b -> 10.0.0.1:80/47',
      'allow a/b -> 10.0.0.1:80/HTTP',
      'allow a/b -> 10.0.0.1:256/ICMP',
      'allow a/b -> 10.0.0.1:1.2.3/ICMP',
      'allow a/b -> 2001:db8::1:443/TCP',
      'allow a/b -> 10.0.0.1:1 via',
      'allow a/b -> 10.0.0.1:1 by edge-1',
      'allow a/b -> 10.0.0.1:1 as web',
      'deny a/b -> 10.0.0.1:1 as 10.0.0.1',
      'allow a/b -> 10.0.0.1:1',
    ].join('\n');
    expect(read(text).value).toBeUndefined();
    const told = mistakes(text).map((line, index) => `${text.split('\n')[index]}\n  ${line}\n`);
    await expect(told.join('')).toMatchFileSnapshot('golden/expectation-mistakes.txt');
  });
});

test('failing expectations tell the reason', async () => {
  const { code, out } = await command('expect', 'src/cli/golden/failing.expect', '-f', 'examples/shop');
  expect(code).toBe(1);
  await expect(`${out}\n`).toMatchFileSnapshot('golden/failing-expectations.txt');
});

test('expectations that hold end with 0, one that fails with 2', async () => {
  const run = async (file: string): Promise<number> => (await command('expect', file, '-f', 'examples/shop')).code;
  expect(readFileSync('examples/shop.expect', 'utf8')).toContain('\nallow ');
  expect(await run('examples/shop.expect')).toBe(0);
});
