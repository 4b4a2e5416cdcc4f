import { describe, expect, test } from 'vitest';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { NftTable } from '../table/model.ts';
import { contentHash, OWNER_SET } from '../table/names.ts';
import { ownerOf, ownerText } from '../table/owner.ts';
import { needsRebuild } from './rebuild.ts';

const set = { type: 'address4', elements: BucketMap.empty<true>() } as const;
const map = { type: 'address4:verdict', elements: BucketMap.empty<string>() } as const;
const chain = { rules: [] } as const;
const mark = {
  type: 'number',
  comment: ownerText(ownerOf('c', 'edge', contentHash('rules'))),
  elements: BucketMap.empty<true>(),
} as const;

const table = (more: Partial<NftTable> = {}): NftTable => ({
  maps: new Map(),
  chains: new Map(),
  foreign: [],
  ...more,
  sets: new Map([[OWNER_SET, mark], ...(more.sets ?? [])]),
});

describe('a table', () => {
  test('is mended in place where it holds what we name so, wanted or not', () => {
    const old = { sets: new Map([['g4_old', set]]), maps: new Map([['by_source4', map]]) };
    expect(needsRebuild(table({ ...old, chains: new Map([['c4_old', chain]]) }), table())).toBe(false);
  });

  test.each([
    ['a set', { sets: new Map([['friends', set]]) }],
    ['a map', { maps: new Map([['friends', map]]) }],
    ['a chain', { chains: new Map([['friends', chain]]) }],
  ])('into which somebody put %s is made anew', (_, more) => {
    const wanted = table({ sets: new Map([['g4_shop', set]]) });
    expect(needsRebuild(table(more), wanted)).toBe(true);
  });

  test('without our mark is made anew', () => {
    expect(needsRebuild({ ...table(), sets: new Map() }, table())).toBe(true);
  });
});
