import { isRecord } from './reach/json.ts';
import { TABLE } from './table/model.ts';
import type { Nft } from './reach/nft.ts';
import type { CounterReading } from '../driver.ts';
import type { Origin } from '../../border/ruleset.ts';

/**
 * What the rules counted, summed by origin and sorted by it: one rule of a policy may be several on the device. `origin` gives the rule
 * behind a comment, `undefined` for comments that name none.
 */
export async function readCounters(
  nft: Nft,
  origin: (comment: string) => Origin | undefined,
  signal: AbortSignal,
): Promise<readonly CounterReading[]> {
  const objects = (await nft.list(['-n', '-t', 'list', 'table', 'inet', TABLE], signal)) ?? [];
  const sums = new Map<string, Sum>();
  for (const object of objects) {
    const rule = isRecord(object) ? object['rule'] : undefined;
    if (!isRecord(rule) || typeof rule['comment'] !== 'string' || !Array.isArray(rule['expr'])) continue;
    const of = origin(rule['comment']);
    const count = of === undefined ? undefined : countOf(rule['expr']);
    if (of === undefined || count === undefined) continue;
    const denies = typeof rule['chain'] === 'string' && DENY_CHAIN.test(rule['chain']);
    const sum = sums.get(rule['comment']);
    // A denied packet is counted by the rule that denies and again in the deny chain of its origin, which sees all of them.
    if (sum === undefined || (denies && !sum.denies)) sums.set(rule['comment'], { origin: of, denies, ...count });
    else if (sum.denies === denies) {
      sum.packets += count.packets;
      sum.bytes += count.bytes;
    }
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { origin: of, packets, bytes }]) => ({ origin: of, packets, bytes }));
}

interface Sum {
  readonly origin: Origin;
  readonly denies: boolean;
  packets: number;
  bytes: number;
}

const DENY_CHAIN = /^d_/;

function countOf(expressions: readonly unknown[]): { readonly packets: number; readonly bytes: number } | undefined {
  for (const expression of expressions) {
    const counter = isRecord(expression) ? expression['counter'] : undefined;
    if (!isRecord(counter)) continue;
    const { packets, bytes } = counter;
    if (typeof packets === 'number' && typeof bytes === 'number') return { packets, bytes };
  }
  return undefined;
}
