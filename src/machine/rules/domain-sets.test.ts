import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { canonicalDomain, DomainSets, domainSetName, patternMatcher, setsOf } from './domain-sets.ts';

describe('sets of names', () => {
  test('are called as today', () => {
    expect(domainSetName('example.org.', 'ipv4_addr')).toBe('e91c11d2b23d2393');
    expect(domainSetName('example.org.', 'ipv6_addr')).not.toBe('e91c11d2b23d2393');
    for (let n = 0; n < 2_000; n++) expect(domainSetName(`n${n}.example.`, 'ipv4_addr')).toMatch(/^[a-f][0-9a-f]{15}$/);
  });

  test('digits end where sixteen are left, or the next digest is taken', () => {
    // MD5: 9817879287655779d9646e399910a871, 69546811199948900b9df71e9b0b9636, and the second with "1" behind 3cf7d4ce….
    expect(domainSetName('n646.example.', 'ipv4_addr')).toBe('d9646e399910a871');
    expect(domainSetName('n11522.example.', 'ipv4_addr')).toBe('cf7d4cefa7911730');
  });

  test('names are lower case with a last dot', () => {
    expect(['Example.ORG', 'example.org.'].map(canonicalDomain)).toEqual(['example.org.', 'example.org.']);
  });

  test.each([
    ['*', 'a.b.c.', true],
    ['*.example.org', 'a.example.org.', true],
    ['*.example.org', 'a.b.example.org.', true],
    ['*.example.org', 'example.org.', false],
    ['*.Example.org.', 'a.example.org.', true],
    ['a*.org', 'axorg.', false],
    ['exam*', 'example.org.evil.', true],
    ['*.example.org', 'a.example.org.evil.', false],
    ['a.example.org', 'axexample.org.', false],
    ['a*aba*aba', 'aababa.', false],
    ['a*aba*aba', 'aabaaba.', true],
  ])('%s and %s: %s', (pattern, name, expected) => {
    expect(patternMatcher(pattern)(name)).toBe(expected);
  });

  test('what a pattern matches is what its regular expression of today does', () => {
    const piece = fc.constantFrom('a', 'B', '-', '_', '7', '.', '*', '**');
    const letters = fc.array(fc.constantFrom('a', 'b', '-', '_', '7', '.', '!', ' '), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), letters, fc.boolean(), (pieces, name, isOwn) => {
        const pattern = pieces.join('');
        // A name that is made from the pattern matches more often than one by chance.
        const domain = (isOwn ? pieces.map((each) => each.replace(/\*+/, name.join(''))).join('') : name.join(''))
          .toLowerCase()
          .replace(/\.?$/, '.');
        const body = (pattern.endsWith('.') ? pattern : `${pattern}.`).toLowerCase();
        const source = body.replaceAll('.', String.raw`\.`).replaceAll('*', '[-a-zA-Z0-9_.]*');
        expect(patternMatcher(pattern)(domain)).toBe(pattern === '*' || new RegExp(`^${source}$`).test(domain));
      }),
      tries(2_000),
    );
  });

  test('spaces around a pattern or a name say nothing', () => {
    expect([' * ', ' *.example.org '].map((pattern) => patternMatcher(pattern)('a.example.org.'))).toEqual([
      true,
      true,
    ]);
    expect(patternMatcher(' * ')('what is no name.')).toBe(true);
    expect(canonicalDomain(' Example.org ')).toBe('example.org.');
  });

  test('an address that was seen twice stands once, as text sorted', () => {
    const resolved = new Map([['a.', { ipv4: ['192.0.2.9', '192.0.2.10', '192.0.2.9'], ipv6: [] }]]);
    expect(setsOf({ kind: 'name', text: 'a' }, resolved)).toEqual([
      {
        name: domainSetName('a.', 'ipv4_addr'),
        domain: 'a.',
        type: 'ipv4_addr',
        addresses: ['192.0.2.10', '192.0.2.9'],
      },
      { name: domainSetName('a.', 'ipv6_addr'), domain: 'a.', type: 'ipv6_addr', addresses: [] },
    ]);
  });

  test('a name has its set before it was seen, a pattern has those of the names seen', () => {
    const resolved = new Map([
      ['a.example.org.', { ipv4: ['192.0.2.2', '192.0.2.1'], ipv6: ['2001:db8::1'] }],
      ['b.example.net.', { ipv4: ['192.0.2.3'], ipv6: undefined }],
    ]);
    const shown = (kind: 'name' | 'pattern', text: string) =>
      setsOf({ kind, text }, resolved).map((set) => [set.domain, set.type, set.addresses.join(' ')].join(' '));
    expect(shown('name', 'new.example')).toEqual(['new.example. ipv4_addr ']);
    expect(shown('pattern', '*.example.org')).toEqual([
      'a.example.org. ipv4_addr 192.0.2.1 192.0.2.2',
      'a.example.org. ipv6_addr 2001:db8::1',
    ]);
  });

  test('two names of one set name get two sets', () => {
    const sets = new DomainSets();
    const first = sets.add({ name: 'a000000000000000', domain: 'a.', type: 'ipv4_addr', addresses: [] });
    const second = sets.add({ name: 'a000000000000000', domain: 'b.', type: 'ipv4_addr', addresses: [] });
    expect(first.name).toBe('a000000000000000');
    expect(second.name).toMatch(/^[a-f][0-9a-f]{15}$/);
    expect(second.name).not.toBe(first.name);
    expect(sets.add({ name: 'a000000000000000', domain: 'b.', type: 'ipv4_addr', addresses: [] })).toBe(second);
    // The same name in the other family is another set.
    const other = sets.add({ name: 'a000000000000000', domain: 'a.', type: 'ipv6_addr', addresses: [] });
    expect([first.name, second.name]).not.toContain(other.name);
    expect(sets.all().map(({ name }) => name)).toEqual([first.name, second.name, other.name].toSorted());
  });
});
