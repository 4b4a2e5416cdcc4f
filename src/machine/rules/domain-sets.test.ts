import { describe, expect, test } from 'vitest';
import { canonicalDomain, DomainSets, domainSetName, patternMatcher, setsOf } from './domain-sets.ts';

describe('sets of names', () => {
  test('are called as today', () => {
    expect(domainSetName('example.org.', 'ipv4_addr')).toBe('e91c11d2b23d2393');
    expect(domainSetName('example.org.', 'ipv6_addr')).not.toBe('e91c11d2b23d2393');
    for (let n = 0; n < 2_000; n++) expect(domainSetName(`n${n}.example.`, 'ipv4_addr')).toMatch(/^[a-f][0-9a-f]{15}$/);
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
  ])('%s and %s: %s', (pattern, name, expected) => {
    expect(patternMatcher(pattern)(name)).toBe(expected);
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
    expect(sets.all()).toHaveLength(2);
  });
});
