import { toSallyportError } from '../../base/error.ts';
import { type Pieces, atOnce } from '../../base/pieces.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Behaviour } from '../../plan/behaviour.ts';
import { fateUnder } from '../../plan/fate.ts';
import { comparing } from '../../plan/traffic.ts';
import type { Connections, OpenConnection } from '../connections.ts';
import type { Confirmed } from './course.ts';
import { sendersApart } from './senders-apart.ts';

/** What a device was read to hold; of a process that has just begun it is not known whose the addresses were. */
export type Held = Pick<Confirmed, 'behaviour'> & Partial<Pick<Confirmed, 'ruleset' | 'owners'>>;

/**
 * The senders who may do less than before, or from another address, or are somebody else's: of their connections some may have lost
 * their right. Works out flows of those alone about whom the two differ.
 */
export function* sendersWhoLost(before: Held, now: Confirmed): Pieces<ReadonlySet<string>> {
  const found = new Set<string>();
  const isSame = before.ruleset === now.ruleset && before.behaviour === now.behaviour;
  if (!isSame) {
    const only = before.ruleset === undefined ? undefined : yield* sendersApart(before.ruleset, now.ruleset);
    const traffic = yield* comparing(before.behaviour, now.behaviour, only === undefined ? {} : { only });
    for (const { senders, flows } of traffic.changes)
      if (flows === undefined || !flows.lost.isEmpty) for (const sender of senders) found.add(sender);
    for (const { senders } of traffic.translations) for (const sender of senders) found.add(sender);
  }
  if (before.owners !== undefined && now.owners !== undefined)
    for (const [sender] of (yield* before.owners.differing(now.owners)).changed)
      if (before.behaviour.senders.has(sender)) found.add(sender);
  return found;
}

/**
 * Whether a connection may go on: its first packet would pass now, from the address that it leaves from. Which addresses a domain name stands for is
 * the device's own, so that what may be allowed by a name is left alone.
 */
export function mayGoOn(
  behaviour: Behaviour,
  { packet, leavesAs }: OpenConnection,
  domains: readonly string[],
): boolean {
  const fates = [fateUnder(behaviour, packet), fateUnder(behaviour, packet, domains)];
  return fates.some(
    (fate) => fate.passes && (fate.from === undefined || leavesAs === undefined || fate.from === leavesAs),
  );
}

/** The names that rules of a ruleset allow. */
export function domainsIn({ classes }: Ruleset): readonly string[] {
  const names = new Set<string>();
  for (const { parts, widened } of classes.values())
    for (const part of [...parts, ...widened])
      for (const { rules } of part.stages)
        for (const { outside } of rules) for (const name of outside.domains) names.add(name);
  return [...names];
}

/** Of more senders it is not counted: each of them is a question. */
const MOST_COUNTED = 500;

/**
 * How many open connections would lose their right by going from what is held to what is wished for. `undefined`: the device does not say, or there are
 * too many to ask about.
 */
export async function countLost(
  connections: Connections,
  held: Held,
  wanted: Confirmed,
  signal: AbortSignal,
): Promise<number | undefined> {
  const senders = [...atOnce(sendersWhoLost(held, wanted))];
  if (senders.length > MOST_COUNTED) return undefined;
  const domains = domainsIn(wanted.ruleset);
  let count = 0;
  try {
    for (const sender of senders) {
      const open = await connections.opened(sender, signal);
      count += open.filter((one) => one.isGoverned && !mayGoOn(wanted.behaviour, one, domains)).length;
    }
  } catch (thrown) {
    if (toSallyportError(thrown).blame === 'bug') throw thrown;
    return undefined;
  }
  return count;
}
