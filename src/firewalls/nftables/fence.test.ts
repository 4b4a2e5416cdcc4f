import { describe, expect, test } from 'vitest';
import { BucketMap } from '../../base/bucket-map.ts';
import { after, fence, laterEpoch, sameWriter, splitBookkeeping, writerChain } from './fence.ts';
import { isOurName } from './table/names.ts';
import { EMPTY_TABLE, type NftTable } from './table/model.ts';
import type { Operation } from './table/operation.ts';

const own = writerChain('0123456789ab');
const other = writerChain('ba9876543210');
const members: readonly Operation[] = [{ op: 'addElements', set: 'g4_a', type: 'address4', elements: ['10.0.0.1'] }];
const rebuild: readonly Operation[] = [{ op: 'addTable' }, { op: 'deleteTable' }, { op: 'addTable' }];

describe('the fence of one writer', () => {
  test.each([
    ['of the same writer', members, { writer: own, numbers: [6] }],
    ['that takes over', members, { writer: other, numbers: [6] }],
    ['on a table that lost its fence', members, { writer: undefined, numbers: undefined }],
    ['with many old numbers', members, { writer: own, numbers: Array.from({ length: 300 }, (_, index) => index) }],
    ['that makes the table', [{ op: 'createTable' } as const], undefined],
    ['that rebuilds', rebuild, { writer: own, numbers: [6] }],
    ['that leaves', [{ op: 'deleteTable' } as const], { writer: own, numbers: [6] }],
  ])('a transaction %s', async (name, operations, present) => {
    const around = fence(operations, present, own, 7);
    await expect(`${around.before}# …\n${around.after}`).toMatchFileSnapshot(
      `golden/fence-${name.replaceAll(' ', '-')}.nft`,
    );
    const left = after(present, operations, own, 7);
    expect(left?.writer).toBe(
      operations.some(({ op }) => op === 'deleteTable') && operations.length === 1 ? undefined : own,
    );
    if (left !== undefined) expect(left.numbers).toContain(7);
  });

  test('tells epochs of one Lease apart, and nothing of other Leases', () => {
    const epoch = { lease: '0b61c0e4-…', number: 7 };
    const chain = writerChain('0123456789ab', epoch);
    expect(isOurName(chain)).toBe(true);
    expect(laterEpoch(chain, { ...epoch, number: 6 })).toBe(7);
    expect(laterEpoch(chain, { ...epoch, number: 2 ** 31 - 1 })).toBe(7);
    for (const number of [7, 8]) expect(laterEpoch(chain, { ...epoch, number })).toBeUndefined();
    expect(laterEpoch(chain, { lease: 'another', number: 1 })).toBeUndefined();
    for (const none of [own, undefined]) expect(laterEpoch(none, epoch)).toBeUndefined();
    expect(sameWriter(chain, own)).toBe(true);
    expect(sameWriter(chain, other)).toBe(false);
    const chains = new Map([[chain, { rules: [] }]]);
    expect(splitBookkeeping({ ...EMPTY_TABLE, chains }).bookkeeping.writer).toBe(chain);
  });

  test('is not part of what is read', () => {
    const table: NftTable = {
      ...EMPTY_TABLE,
      chains: new Map([
        [own, { rules: [] }],
        ['c4_a', { rules: [] }],
      ]),
      sets: new Map([['m_rev', { type: 'number', elements: BucketMap.from([['3', true as const]]) }]]),
    };
    const split = splitBookkeeping(table);
    expect(split.bookkeeping).toEqual({ writer: own, numbers: [3] });
    expect([...split.table.chains.keys()]).toEqual(['c4_a']);
    expect(split.table.sets.get('m_rev')?.elements.size).toBe(0);
  });

  test('a chain of that name with rules in it was tampered with and stays to be seen', () => {
    const rules = [{ kind: 'foreign', text: 'accept' } as const];
    const { table, bookkeeping } = splitBookkeeping({ ...EMPTY_TABLE, chains: new Map([[own, { rules }]]) });
    expect(bookkeeping.writer).toBeUndefined();
    expect(table.chains.has(own)).toBe(true);
  });
});
