import type { Flow } from '../../engine/flow-set.ts';
import { formatAddress } from '../../ip/address.ts';
import type { NftTable } from './model.ts';
import { familyName } from './names.ts';
import { decide, firstPacket, prefixSetOf } from './walk.ts';

/** One entry of the connection table. */
export interface Connection {
  /** The direction that opened it, addresses before any translation. */
  readonly flow: Flow;
  /** Where its answers go, canonical: the source itself where nothing was translated. */
  readonly answersTo: string;
  /** It bears the dead mark. */
  readonly dead: boolean;
}

/**
 * What has to be done with a connection. `Cut`: give it the dead mark, so that both directions are refused. `Forget`: delete its entry;
 * the next packet opens it anew, under the present rules and translation.
 */
export type Judgement = 'Keep' | 'Cut' | 'Forget';

/**
 * Judges one connection by the table as it is now.
 * - Not governed: none of our business, unless we cut it when it was.
 * - The address was given back: what its next owner does must start from nothing.
 * - Allowed, but dead: the right came back.
 * - Allowed, but not with the translation that it has to have: it must not go on with another, or with none. Where we do not translate
 *   somebody else's table may, so a translated connection is left alone then.
 */
export function judge(table: NftTable, { flow, answersTo, dead }: Connection): Judgement {
  if (!isGoverned(table, flow)) return dead ? 'Forget' : 'Keep';
  const source = formatAddress(flow.source);
  if (table.sets.get(familyName('gone', flow.family))?.elements.has(source) === true) return 'Forget';
  const outcome = decide(table, firstPacket(flow));
  if (!outcome.passes) return dead ? 'Keep' : 'Cut';
  if (dead) return 'Forget';
  return outcome.leavesAs !== source && outcome.leavesAs !== answersTo ? 'Forget' : 'Keep';
}

function isGoverned(table: NftTable, { family, destination }: Flow): boolean {
  const has = (name: 'destinations' | 'inside'): boolean => {
    const set = table.sets.get(familyName(name, family));
    return set !== undefined && prefixSetOf(set.elements).contains(destination);
  };
  return has('destinations') && !has('inside');
}
