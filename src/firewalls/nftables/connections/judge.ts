import type { Flow } from '../../../engine/flows/flow-set.ts';
import { formatAddress } from '../../../ip/address.ts';
import type { NftTable } from '../table/model.ts';
import { familyName } from '../table/names.ts';
import { decide, firstPacket, prefixSetOf } from '../meaning/walk.ts';

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
 * the next packet opens it anew, under the present rules and translation. `Restart`: cut now, and forget once the far side is quiet.
 */
export type Judgement = 'Keep' | 'Cut' | 'Forget' | 'Restart';

const TCP = 6;

/**
 * Judges one connection by the table as it is now. An entry is deleted only when its flow may go on: a far side that keeps sending would
 * open it again as a connection from outside, whose answers nobody governs and nothing translates.
 * - Not governed: none of our business, unless we cut it when it was.
 * - Not allowed, or the address was given back: it ends, and stays ended for as long as anybody sends.
 * - Allowed, but dead: the right came back.
 * - Allowed, but not with the translation that it has to have: it must not go on with another, or with none; TCP cannot go on at all and
 *   is told so by a reset. Where we do not translate somebody else's table may, so a translated connection is left alone then.
 */
export function judge(table: NftTable, { flow, answersTo, dead }: Connection): Judgement {
  if (!isGoverned(table, flow)) return dead ? 'Forget' : 'Keep';
  const source = formatAddress(flow.source);
  const outcome = decide(table, firstPacket(flow));
  if (!outcome.passes) return dead ? 'Keep' : 'Cut';
  if (dead) return 'Forget';
  if (outcome.leavesAs === source || outcome.leavesAs === answersTo) return 'Keep';
  return flow.protocol === TCP ? 'Cut' : 'Restart';
}

function isGoverned(table: NftTable, { family, destination }: Flow): boolean {
  const has = (name: 'destinations' | 'inside'): boolean => {
    const set = table.sets.get(familyName(name, family));
    return set !== undefined && prefixSetOf(set.elements).contains(destination);
  };
  return has('destinations') && !has('inside');
}
