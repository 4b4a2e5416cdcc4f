import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { canonicalDomain, patternMatcher } from '../rules/domain-sets.ts';
import {
  MOST_ADDRESSES,
  MOST_SEEN,
  MOST_SEEN_ADDRESSES,
  MOST_WANTED,
  MOST_WANTED_ADDRESSES,
  NameBook,
} from './name-book.ts';
import { readStateText, stateText } from './state-text.ts';
import { atOnce } from '../../base/pieces.ts';

const give = (text: string, ttl = 60) => ({ family: text.includes(':') ? (6 as const) : (4 as const), text, ttl });
const following = (...names: readonly string[]): NameBook => {
  const book = new NameBook();
  book.follow({ names: new Set(names), includes: (name) => names.includes(name) });
  return book;
};
const shown = (book: NameBook) =>
  [...book.resolved()].map(([name, { ipv4, ipv6 }]) => `${name} ${ipv4.join(' ')} | ${ipv6?.join(' ') ?? 'never'}`);

describe('the book of names', () => {
  test('an address lives as long as was said, and a little more; the same again lives longer, never shorter', () => {
    const book = following('a.');
    book.learn('a.', [give('192.0.2.1', 60), give('192.0.2.2', 30)], 0);
    book.learn('a.', [give('192.0.2.1', 10)], 1_000);
    const after = (now: number): readonly string[] => {
      atOnce(book.expire(now));
      return shown(book);
    };
    expect(after(34_999)).toEqual(['a. 192.0.2.1 192.0.2.2 | never']);
    expect(after(35_000)).toEqual(['a. 192.0.2.1 | never']);
    book.learn('a.', [give('192.0.2.1', 60)], 50_000);
    expect(after(114_999)).toEqual(['a. 192.0.2.1 | never']);
    expect(after(115_000)).toEqual(['a.  | never']);
    expect(after(115_000 + 3_600_000 - 5_001)).toEqual(['a.  | never']);
    atOnce(book.expire(115_000 + 3_600_000));
    expect(shown(book)).toEqual([]);
  });

  test('who learns hears whether a policy asks for the name; ends are whole milliseconds, and none is sooner than was said', () => {
    const book = following('a.');
    const given = [give('192.0.2.1', 60)];
    expect([book.learn('a.', given, 0.3), book.learn('a.', given, 0.4), book.learn('b.', given, 0)]).toEqual([
      true,
      true,
      false,
    ]);
    expect([...book.addresses('a.', 4)]).toEqual([['192.0.2.1', 60_001]]);
    book.follow({ names: new Set(['b.']), includes: (name) => name === 'b.' });
    expect([book.learn('a.', given, 1), book.learn('b.', given, 1)]).toEqual([false, true]);
    expect([book.learn('a.', [], 1), book.learn('b.', [], 1)]).toEqual([false, true]);
  });

  test('nothing lives for ever, and nothing ends before a client can use it', () => {
    const book = following('a.');
    book.learn('a.', [give('192.0.2.1', 0), give('192.0.2.2', 0x7fff_ffff)], 0);
    const left = (now: number): number => {
      atOnce(book.expire(now));
      return book.addresses('a.', 4).size;
    };
    const week = 7 * 24 * 3_600_000;
    expect([9_999, 10_000, week + 4_999, week + 5_000].map(left)).toEqual([2, 1, 1, 0]);
  });

  test('what was written down lives no longer than a week either, whatever end stands there', () => {
    const book = following('a.');
    const [entry] = readStateText('a.: { ipv4: { ips: { 192.0.2.1: "2999-01-01T00:00:00Z" } } }', (wall) => wall);
    if (entry === undefined) throw new Error('unread');
    book.restore(entry, 0);
    expect([...book.addresses('a.', 4)]).toEqual([['192.0.2.1', 7 * 24 * 3_600_000]]);
  });

  test('addresses that no answer teaches are not read back either: the kernel would show some of them in other words for ever', () => {
    const four = ['0.0.0.1', '127.0.0.1', '169.254.169.254', '224.0.0.1', '255.255.255.255', '192.0.2.1'];
    const six = ['::', '::1', '::10.0.0.1', '::ffff:10.0.0.1', 'fe80::1', 'ff02::1', '2001:db8::1'];
    const ips = (texts: readonly string[]): string =>
      texts.map((text) => `"${text}": "2026-01-01T00:00:00Z"`).join(', ');
    const entries = readStateText(
      `a.: { ipv4: { ips: { ${ips(four)} } }, ipv6: { ips: { ${ips(six)} } } }`,
      (wall) => wall,
    );
    expect(entries.flatMap(({ addresses }) => [...addresses.keys()])).toEqual(['192.0.2.1', '2001:db8::1']);
  });

  test('a policy that comes later finds what was seen; one that goes takes nothing with it', () => {
    const book = following();
    book.learn('a.', [give('192.0.2.1'), give('2001:db8::1')], 0);
    expect(shown(book)).toEqual([]);
    book.follow({ names: new Set(['a.']), includes: (name) => name === 'a.' });
    expect(shown(book)).toEqual(['a. 192.0.2.1 | 2001:db8::1']);
    book.follow({ names: new Set(), includes: () => false });
    expect([shown(book), book.size]).toEqual([[], { wanted: 0, seen: 1 }]);
  });

  test('it is bounded: addresses, names that policies ask for, names that were only seen', () => {
    const book = new NameBook();
    book.follow({ names: new Set(), includes: (name) => name.startsWith('w') });
    for (let n = 0; n < MOST_ADDRESSES + 50; n++) book.learn('w.', [give(`10.0.${n >> 8}.${n & 255}`, 100 + n)], 0);
    const addresses = book.addresses('w.', 4);
    expect([addresses.size, addresses.has('10.0.0.49'), addresses.has('10.0.0.50')]).toEqual([
      MOST_ADDRESSES,
      false,
      true,
    ]);
    for (let n = 0; n < MOST_SEEN + MOST_WANTED + 50; n++) {
      book.learn(`s${n}.`, [give('192.0.2.1')], 0);
      book.learn(`w${n}.`, [give('192.0.2.1')], 0);
    }
    expect([book.size, book.isFull, book.wants('w-new.')]).toEqual([
      { wanted: MOST_WANTED, seen: MOST_SEEN },
      true,
      false,
    ]);
  });

  test('a name that had no place has one as soon as others are asked for no more, however often it is asked for meanwhile', () => {
    let turnedAway = 0;
    const book = new NameBook(() => void turnedAway++);
    book.follow({ names: new Set(), includes: (name) => name.startsWith('w') });
    for (let n = 0; n < MOST_WANTED; n++) book.learn(`w${n}.`, [give('192.0.2.1', n === 7 ? 30 : 60)], 0);
    for (const now of [0, 10_000, 20_000, 30_000]) book.learn('w-late.', [give('192.0.2.2')], now);
    book.learn('other.', [give('192.0.2.3')], 0);
    expect([book.wants('w-late.'), book.addresses('w-late.', 4).size, turnedAway]).toEqual([false, 0, 4]);
    // Of those without addresses the one that has been so longest makes room.
    atOnce(book.expire(35_000));
    expect(book.wants('w-late.')).toBe(true);
    book.learn('w-late.', [give('192.0.2.2')], 36_000);
    expect([...book.addresses('w-late.', 4).keys(), book.resolved().has('w7.'), book.size.wanted]).toEqual([
      '192.0.2.2',
      false,
      MOST_WANTED,
    ]);
    expect([book.wants('w-later.'), turnedAway]).toEqual([false, 4]);
  });

  test('a name that a policy spells out always has a place, whatever patterns have taken', () => {
    const book = new NameBook();
    const includes = (name: string): boolean => name === 'bank.' || name.startsWith('w');
    book.follow({ names: new Set(), includes });
    for (let n = 0; n < MOST_WANTED + 5; n++) book.learn(`w${n}.`, [give('192.0.2.1')], 0);
    book.learn('bank.', [give('192.0.2.9')], 0);
    expect([book.wants('bank.'), book.wants('w-new.')]).toEqual([false, false]);
    book.follow({ names: new Set(['bank.']), includes });
    expect([...book.addresses('bank.', 4).keys()]).toEqual(['192.0.2.9']);
    const spelled = Array.from({ length: MOST_WANTED + 50 }, (_, n) => `s${n}.`);
    book.follow({ names: new Set(spelled), includes: (name) => spelled.includes(name) || includes(name) });
    for (const name of spelled) book.learn(name, [give('192.0.2.1')], 0);
    expect(spelled.filter((name) => book.addresses(name, 4).size !== 1)).toEqual([]);
  });

  test('whoever owns a zone cannot fill it with addresses: who has most gives up those that end first, those last that somebody was just told', () => {
    const book = new NameBook();
    book.follow({ names: new Set(['small.']), includes: (name) => name === 'small.' || name.startsWith('w') });
    const some = (n: number, ttl: number) =>
      Array.from({ length: MOST_ADDRESSES }, (_, i) => give(`10.${n}.${i >> 8}.${i & 255}`, ttl));
    book.learn('small.', [give('192.0.2.1', 10)], 0);
    const names = MOST_WANTED_ADDRESSES / MOST_ADDRESSES;
    for (let n = 0; n <= names; n++) book.learn(`w${n}.`, some(n, 100 + n), 0);
    const total = (from: Iterable<{ readonly addresses: ReadonlyMap<string, number> }>): number =>
      [...from].reduce((sum, { addresses }) => sum + addresses.size, 0);
    expect([total(book.entries()), book.addresses('small.', 4).size]).toEqual([MOST_WANTED_ADDRESSES, 1]);
    for (let n = 0; n < 20; n++) book.learn(`s${n}.`, some(n, 600), 0);
    const before = book.size.seen;
    for (let n = 0; n < 200; n++) book.learn(`t${n}.`, some(n, 600), 0);
    expect([before, book.size.seen, total(book.entries())]).toEqual([
      20,
      MOST_SEEN_ADDRESSES / MOST_ADDRESSES,
      MOST_WANTED_ADDRESSES + MOST_SEEN_ADDRESSES,
    ]);
    // What ends is counted no more.
    atOnce(book.expire(300_000));
    book.learn('w-new.', some(1, 600), 300_000);
    expect(book.addresses('w-new.', 4).size).toBe(MOST_ADDRESSES);
    const other = following('a.');
    other.learn('a.', some(1, 600), 0);
    other.learn('a.', [give('192.0.2.1', 5), give('192.0.2.2', 5)], 0);
    const left = other.addresses('a.', 4);
    expect([left.size, left.has('192.0.2.1'), left.has('192.0.2.2'), left.has('10.1.0.0')]).toEqual([
      MOST_ADDRESSES,
      true,
      true,
      false,
    ]);
  });

  test('what is written down is read back, with the time of day; what is spoilt is left out', () => {
    const book = following('a.', 'b.example.');
    book.learn('a.', [give('192.0.2.1', 60), give('2001:db8::1', 90)], 1_000);
    book.learn('b.example.', [give('192.0.2.2', 60)], 1_000);
    const text = atOnce(stateText(book.entries(), (time) => time + 1_700_000_000_000));
    expect(text).toContain(
      '"a.":\n  ipv4:\n    ips:\n      "192.0.2.1": "2023-11-14T22:14:21.000Z"\n    setName: "def39f823c086c9d"\n',
    );
    const again = following('a.', 'b.example.');
    for (const entry of readStateText(text, (wall) => wall - 1_700_000_000_000)) again.restore(entry, 1_000);
    expect([...again.entries()]).toEqual([...book.entries()]);
    expect(readStateText(atOnce(stateText([], (time) => time)), (wall) => wall)).toEqual([]);
    const spoilt = text.replace('192.0.2.1', '192.0.2.999').replace('b.example.', 'B.example.');
    expect(readStateText(spoilt, (wall) => wall).map(({ name, family }) => `${name} ${family}`)).toEqual(['a. 6']);
    for (const nonsense of ['', '[', '- a', 'a.: &x [*x]', 'a.: { ipv4: { ips: { 192.0.2.1: never } } }'])
      expect(readStateText(nonsense, (wall) => wall)).toEqual([]);
  });
});

test('patterns mean what the regular expression of today means, and take no time whatever they are', () => {
  const piece = fc.stringMatching(/^[-ab_.]{0,4}$/);
  const pattern = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join('*'));
  const name = fc.stringMatching(/^[-ab_.!]{0,12}$/).map((text) => `${text}.`);
  fc.assert(
    fc.property(pattern, name, (written, domain) => {
      if (written.trim() === '*') return;
      const literal = canonicalDomain(written).replaceAll('.', String.raw`\.`);
      const oracle = new RegExp(`^${literal.replaceAll('*', '[-a-zA-Z0-9_.]*')}$`);
      // A text without `*` is a plain name.
      expect(patternMatcher(written)(domain)).toBe(oracle.test(domain));
    }),
    tries(3_000, 600),
  );
  expect(patternMatcher('*a'.repeat(60))(`${'a'.repeat(250)}b.`)).toBe(false);
});
