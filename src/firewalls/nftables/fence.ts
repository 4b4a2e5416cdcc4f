import { BucketMap } from '../../base/bucket-map.ts';
import { shortHash } from '../../base/encode.ts';
import { type Epoch, isLaterEpoch } from '../../base/epoch.ts';
import { TABLE, type NftTable } from './table/model.ts';
import { FENCE_SET } from './table/names.ts';
import type { Operation } from './table/operation.ts';

/**
 * Two bookkeeping objects keep a second writer out; neither is part of what is wanted, so readers never see them.
 * - A chain without rules, `e_<writer>`: whoever writes flushes it first. That does nothing while it is there, and voids the whole
 *   transaction once another writer has put its own in its place: a copy that slept through that can never write again unread.
 * - A number in a set, one more with each transaction: created, never just added, so that it also tells our transactions from others
 *   in `nft monitor`.
 */
export interface Bookkeeping {
  /** The writer whose chain is there. */
  readonly writer: string | undefined;
  /** Numbers in the set; `undefined`: there is no such set. */
  readonly numbers: readonly number[] | undefined;
}

const WRITER = /^e_[0-9a-f]{12}(?:_([0-9a-f]{8})_(\d{1,10}))?$/;
/** More numbers than this are worth a deletion. */
const MOST_NUMBERS = 256;

/** The chain of a writer; `random`: 12 hex digits. Where it holds a Lease, which one and in which epoch. */
export function writerChain(random: string, epoch?: Epoch): string {
  return epoch === undefined ? `e_${random}` : `e_${random}_${shortHash(epoch.lease)}_${epoch.number}`;
}

/** A later epoch of the same Lease in the chain of another writer; `undefined`: none that is later can be told. */
export function laterEpoch(chain: string | undefined, own: Epoch): number | undefined {
  const [, lease, number] = WRITER.exec(chain ?? '') ?? [];
  if (lease !== shortHash(own.lease)) return undefined;
  return isLaterEpoch(Number(number), own.number) ? Number(number) : undefined;
}

/** Whether two chains are of one writer, whatever its epochs. */
export function sameWriter(chain: string, other: string): boolean {
  return chain.slice(0, 'e_'.length + 12) === other.slice(0, 'e_'.length + 12);
}

interface SplitChains {
  readonly chains: NftTable['chains'];
  readonly writer: string | undefined;
}

/** Chains of a table seldom change: the same ones without the writer's are the same map, so that nobody compares them again. */
const split = new WeakMap<NftTable['chains'], SplitChains>();

function splitChains(all: NftTable['chains']): SplitChains {
  const known = split.get(all);
  if (known !== undefined) return known;
  const chains = new Map(all);
  let writer: string | undefined;
  for (const [name, chain] of all) {
    // One with rules was tampered with: it stays to be seen and repaired.
    if (!WRITER.test(name) || chain.rules.length > 0 || chain.base !== undefined || writer !== undefined) continue;
    writer = name;
    chains.delete(name);
  }
  const found = { chains, writer };
  split.set(all, found);
  return found;
}

/** Takes the bookkeeping out of what was read. */
export function splitBookkeeping(table: NftTable): { readonly table: NftTable; readonly bookkeeping: Bookkeeping } {
  const { chains, writer } = splitChains(table.chains);
  const sets = new Map(table.sets);
  const fence = table.sets.get(FENCE_SET);
  const keys = fence?.type === 'number' ? [...fence.elements.keys()] : undefined;
  if (fence !== undefined && keys !== undefined) sets.set(FENCE_SET, { ...fence, elements: BucketMap.empty() });
  const numbers = keys?.map(Number);
  return { table: { ...table, chains, sets }, bookkeeping: { writer, numbers } };
}

/** A transaction that is void unless the device holds what it was made for. */
export interface Fenced {
  readonly before: string;
  readonly after: string;
}

/**
 * What goes around the commands of a transaction by writer `own` with number `number`.
 * `present`: the table is there, with this bookkeeping.
 */
export function fence(
  operations: readonly Operation[],
  present: Bookkeeping | undefined,
  own: string,
  number: number,
): Fenced {
  const rebuilds = operations.some(({ op }) => op === 'deleteTable');
  const leaves = rebuilds && !operations.some(({ op }) => op === 'addTable');
  const same = present?.writer === undefined ? '' : `flush chain inet ${TABLE} ${present.writer}\n`;
  if (leaves) return { before: same, after: '' };
  const make = `add set inet ${TABLE} ${FENCE_SET} { type mark; }\n`;
  const mark = `create element inet ${TABLE} ${FENCE_SET} { ${number} }\n`;
  const chain = `create chain inet ${TABLE} ${own}\n`;
  if (present === undefined || rebuilds) return { before: same, after: `${chain}${make}${mark}` };
  const other = present.writer === undefined ? '' : `delete chain inet ${TABLE} ${present.writer}\n`;
  const takeOver = present.writer === own ? '' : `${other}${chain}`;
  const numbers = present.numbers;
  const tidy = numbers !== undefined && isFull(numbers, number) ? `flush set inet ${TABLE} ${FENCE_SET}\n` : '';
  // nft monitor tells an `add set` of what is there as if it were new.
  return { before: `${same}${takeOver}${numbers === undefined ? make : ''}${tidy}${mark}`, after: '' };
}

/** The bookkeeping once a transaction is done. */
export function after(
  present: Bookkeeping | undefined,
  operations: readonly Operation[],
  own: string,
  number: number,
): Bookkeeping | undefined {
  const rebuilds = operations.some(({ op }) => op === 'deleteTable');
  if (rebuilds && !operations.some(({ op }) => op === 'addTable')) return undefined;
  const kept = rebuilds ? [] : (present?.numbers ?? []);
  return { writer: own, numbers: isFull(kept, number) ? [number] : [...kept, number] };
}

/** The set is emptied before this number joins: there are many, or it began again from the lowest. */
function isFull(numbers: readonly number[], number: number): boolean {
  return numbers.length > MOST_NUMBERS || numbers.some((each) => each >= number);
}
