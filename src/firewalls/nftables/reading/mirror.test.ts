import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BucketMap } from '../../../base/bucket-map.ts';
import { Mirror } from './mirror.ts';
import type { Operation } from '../table/operation.ts';
import { EMPTY_TABLE, emptyMap, emptySet, type NftTable } from '../table/model.ts';
import { CommitReader, type Commit } from './monitor-lines.ts';
import { renderTable } from '../table/render.ts';
import { tries } from '../../../../test/kit/runs.ts';

const table: NftTable = {
  ...EMPTY_TABLE,
  sets: new Map([
    ['g4_a', emptySet('address4')],
    ['g6_a', emptySet('address6')],
    ['n4_a', emptySet('net4')],
    ['m_rev', emptySet('number')],
  ]),
  maps: new Map([
    ['by_source4', emptyMap('address4:verdict')],
    ['class_of4', emptyMap('address4:number')],
  ]),
};

/** Transactions as the monitor prints them, one text each; the generation line is added. */
function commits(...texts: readonly string[]): Commit[] {
  const reader = new CommitReader();
  return texts.flatMap((text, index) =>
    [...text.split('\n').filter((line) => line !== ''), `# new generation ${10 + index} by process 77 (nft)`].flatMap(
      (line) => reader.read(line) ?? [],
    ),
  );
}

function mirrorOf(held: NftTable = table): Mirror {
  const mirror = new Mirror();
  mirror.take({ present: true, table: held }, mirror.changes);
  return mirror;
}

describe('the lines of nft monitor', () => {
  test('become transactions', () => {
    const [first, second, third] = commits(
      'add element inet sallyport g4_a { 10.0.0.1 }\ncreate element inet sallyport m_rev { 0x0000002a }\nadd rule inet sallyport c_a accept',
      'add table ip other\nadd element inet sallyport2 g4_a { 10.0.0.1 }',
      '',
    );
    expect(first).toEqual({
      generation: 10,
      by: 'process 77 (nft)',
      elements: [
        { change: 'add', name: 'g4_a', element: '10.0.0.1' },
        { change: 'add', name: 'm_rev', element: '0x0000002a' },
      ],
      others: ['add rule inet sallyport c_a accept'],
      silent: false,
    });
    expect(second).toMatchObject({ elements: [], others: [], silent: false });
    expect(third).toMatchObject({ silent: true });
  });
});

describe('the mirror', () => {
  test('follows members exactly', () => {
    const element = fc.record({
      change: fc.constantFrom('add', 'delete'),
      at: fc.nat(6),
      where: fc.constantFrom('g4_a', 'g6_a', 'by_source4', 'class_of4'),
    });
    fc.assert(
      fc.property(fc.array(fc.array(element, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (transactions) => {
        const mirror = mirrorOf();
        const held: Record<string, Map<string, string>> = {};
        const text = ({ change, at, where }: (typeof transactions)[number][number]): string => {
          const key = where === 'g6_a' ? `fd00::${at + 1}` : `10.0.0.${at}`;
          const value = where === 'by_source4' ? 'goto c4_x' : where === 'class_of4' ? `${at}` : '';
          const own = (held[where] ??= new Map<string, string>());
          if (change === 'add') own.set(key, value);
          else own.delete(key);
          const shown = where === 'class_of4' ? `0x${at.toString(16).padStart(8, '0')}` : value;
          return `${change} element inet sallyport ${where} { ${key}${value === '' ? '' : ` : ${shown}`} }`;
        };
        for (const commit of commits(...transactions.map((list) => list.map(text).join('\n'))))
          mirror.commit(commit, []);
        const of = (name: string): Map<string, string> => held[name] ?? new Map<string, string>();
        const expected: NftTable = {
          ...table,
          sets: new Map(
            [...table.sets].map(([name, set]) => [
              name,
              { ...set, elements: BucketMap.from([...of(name).keys()].map((key) => [key, true as const])) },
            ]),
          ),
          maps: new Map([...table.maps].map(([name, map]) => [name, { ...map, elements: BucketMap.from(of(name)) }])),
        };
        expect(mirror.reading && renderTable(mirror.reading.table)).toBe(renderTable(expected));
      }),
      tries(30),
    );
  });

  test.each([
    ['an interval', 'add element inet sallyport n4_a { 10.0.0.0/8 . 0-255 }'],
    ['a chain', 'add chain inet sallyport c4_b'],
    ['a set', 'delete set inet sallyport g4_a'],
    ['an element with more to it', 'add element inet sallyport g4_a { 10.0.0.1 timeout 1h }'],
    ['an element of an unknown set', 'add element inet sallyport g4_b { 10.0.0.1 }'],
    ['the table', 'delete table inet sallyport'],
    ['a word that nobody knows', 'add flowtable inet sallyport f'],
  ])('is in doubt after %s of our own', (_, line) => {
    const mirror = mirrorOf();
    for (const commit of commits(line)) expect(mirror.commit(commit, [])).toBe(true);
    expect(mirror.reading).toBeUndefined();
  });

  test('is in doubt after anything that somebody else does to us, and tells who', () => {
    const mirror = mirrorOf();
    for (const commit of commits('add element inet sallyport g4_a { 10.0.0.66 }')) mirror.commit(commit, undefined);
    expect(mirror.reading).toBeUndefined();
    expect(mirror.drift).toEqual([{ object: 'element of g4_a', what: 'add 10.0.0.66', by: 'process 77 (nft)' }]);
    mirror.settle();
    expect(mirror.drift).toEqual([]);
  });

  test('does not mind other tables, but minds a gap, and a transaction that says nothing', () => {
    const other = mirrorOf();
    const [first, second, third] = commits('add table ip a', 'add table ip b', 'add table ip c');
    if (first === undefined || second === undefined || third === undefined) throw new Error('three were written');
    expect(other.commit(first, undefined)).toBe(false);
    expect(other.commit(second, undefined)).toBe(false);
    expect(other.reading).toBeDefined();
    expect(other.othersCommitted).toBe(true);
    const gap = mirrorOf();
    gap.commit(first, undefined);
    expect(gap.commit(third, undefined)).toBe(true);
    expect(gap.reading).toBeUndefined();
    const silent = mirrorOf();
    for (const commit of commits('')) expect(silent.commit(commit, undefined)).toBe(true);
    expect(silent.reading).toBeUndefined();
  });

  test('refuses a reading during which something changed', () => {
    const mirror = new Mirror();
    const { changes } = mirror;
    for (const commit of commits('add chain inet sallyport c4_b')) mirror.commit(commit, []);
    expect(mirror.take({ present: true, table }, changes)).toBe(false);
    expect(mirror.reading).toBeUndefined();
    expect(mirror.take({ present: true, table }, mirror.changes)).toBe(true);
    expect(mirror.reading?.table).toBe(table);
  });
});

test('what an own transaction should have told and did not is read again, and nothing else', () => {
  const add = (set: string, ...elements: string[]): Operation => ({
    op: 'addElements',
    set,
    type: 'address4',
    elements,
  });
  const sent = [add('g4_a', '10.0.0.1', '10.0.0.2'), add('g4_b', '10.0.0.3')];
  const told = (...lines: string[]): Mirror => {
    const mirror = mirrorOf();
    for (const commit of commits(lines.join('\n'))) mirror.commit(commit, sent);
    return mirror;
  };
  const lines = ['g4_a { 10.0.0.1 }', 'g4_a { 10.0.0.2 }'].map((element) => `add element inet sallyport ${element}`);
  const [first = '', second = ''] = lines;
  expect(told(first, second).doubt).toEqual({ about: 'structure', sets: new Set(['g4_b']) });
  expect(told(first).doubt).toEqual({ about: 'structure', sets: new Set(['g4_a', 'g4_b']) });
  const whole = mirrorOf();
  for (const commit of commits([first, second].join('\n'))) whole.commit(commit, sent.slice(0, 1));
  expect(whole.doubt.about).toBe('nothing');
});
