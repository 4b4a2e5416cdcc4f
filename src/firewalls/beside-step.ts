import type { Clock } from '../base/clock.ts';
import { elapsed } from '../base/elapsed.ts';
import type { Wished } from './wishes.ts';

/** Between two rounds beside one step: a stream of wishes shall not make a request of each. */
const PAUSE_MS = 200;

export interface BesideOptions {
  readonly clock: Clock;
  /** What is wished for by now, where that is newer than what the step is for and may be gone for. */
  readonly newer: () => Wished | undefined;
  /** Resolves when a newer wish comes, or with the signal. */
  readonly next: (signal: AbortSignal) => Promise<void>;
  /** Takes addresses off the device that were given up; resolves with whether there were any, and never rejects. */
  readonly release: (isGivenUp: (address: string) => boolean) => Promise<boolean>;
  /** Lets newcomers join who may; resolves with those that may be there now, each with its owner, if any was sent, and never rejects. */
  readonly join: (wished: Wished) => Promise<ReadonlyMap<string, string> | undefined>;
}

/**
 * Waits for a step. Meanwhile addresses leave that nobody owns any more and nothing wants, and newcomers join whose rights the step does not
 * touch. Resolves with whether any did, and rejects as the step does.
 */
export async function besideStep(step: Promise<void>, options: BesideOptions): Promise<boolean> {
  const ended = new AbortController();
  const moving = moveUntil(ended.signal, options);
  try {
    await step;
  } finally {
    ended.abort();
    await moving;
  }
  return await moving;
}

async function moveUntil(ended: AbortSignal, options: BesideOptions): Promise<boolean> {
  const { clock, newer, next, release, join } = options;
  /** Who joined beside this step, and whose the address was. */
  const joined = new Map<string, string>();
  let any = false;
  let seen: Wished | undefined;
  while (!ended.aborted) {
    const wished = newer();
    if (wished === undefined || wished === seen) {
      await next(ended);
      continue;
    }
    seen = wished;
    const isGivenUp = givenUpIn(wished, joined);
    if (isGivenUp !== undefined && (await release(isGivenUp))) any = true;
    const fresh = ended.aborted ? undefined : await join(wished);
    if (fresh !== undefined) any = true;
    for (const [address, owner] of fresh ?? []) joined.set(address, owner);
    await elapsed(clock, PAUSE_MS, ended);
  }
  return any;
}

/**
 * Addresses without an owner, which no class and no group has either: some that are wanted never had one. And those that joined beside this step
 * and are somebody else's by now, as nobody else knows of them. `undefined`: nobody knows owners, or a group stays as it is, whoever is in it.
 */
function givenUpIn(
  { owners, ruleset }: Wished,
  joined: ReadonlyMap<string, string>,
): ((address: string) => boolean) | undefined {
  const groups = [...ruleset.groups.values()].filter((group) => group.kind === 'AddressGroup');
  if (owners === undefined || groups.some(({ held }) => held === true)) return undefined;
  return (address) => {
    const owner = owners.get(address);
    if (joined.has(address) && joined.get(address) !== owner) return true;
    return owner === undefined && !ruleset.members.has(address) && !groups.some(({ members }) => members.has(address));
  };
}
