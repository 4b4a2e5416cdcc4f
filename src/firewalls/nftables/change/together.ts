import { changesIntervals, describeOperations, isMembership, renderOperations } from '../table/operation.ts';
import type { NftStep, TransactionStep } from './steps.ts';

/** Shorter texts are one line of the long-lived nft with what the fence puts around them, and a few milliseconds in the kernel. */
const LONGEST_TEXT = 3_000;

/**
 * The silence of addresses that were given back, and the small change of members after it, as one transaction: two would keep newcomers
 * waiting for as long again as the silence takes, and one is hardly longer than the silence alone. `undefined` where they are anything else.
 */
export function together(first: NftStep, second: NftStep): TransactionStep | undefined {
  if (first.does !== 'transaction' || second.does !== 'transaction') return undefined;
  if (!first.urgent || second.kind !== 'Members') return undefined;
  const operations = [...first.operations, ...second.operations];
  if (!operations.every(isMembership) || operations.some(changesIntervals)) return undefined;
  if (renderOperations(operations).length > LONGEST_TEXT) return undefined;
  const title = `${first.title}, ${second.title}`;
  return { ...second, title, objects: describeOperations(operations), operations };
}
