import type { Clock } from '../base/clock.ts';
import { elapsed } from '../base/elapsed.ts';
import type { Wished } from './wishes.ts';

/** Between two releases beside one step: a stream of wishes shall not make a request of each. */
const PAUSE_MS = 200;

export interface ReleaseOptions {
  readonly clock: Clock;
  /** What is wished for by now, where that is newer than what the step is for and may be gone for. */
  readonly newer: () => Wished | undefined;
  /** Resolves when a newer wish comes, or with the signal. */
  readonly next: (signal: AbortSignal) => Promise<void>;
  /** Takes addresses off the device that were given up; resolves with whether there were any, and never rejects. */
  readonly release: (isGivenUp: (address: string) => boolean) => Promise<boolean>;
}

/**
 * Waits for a step, and lets addresses leave meanwhile that nobody owns any more and nothing wants. Resolves with whether any did, and rejects
 * as the step does.
 */
export async function releasingBeside(step: Promise<void>, options: ReleaseOptions): Promise<boolean> {
  const ended = new AbortController();
  const releasing = releaseUntil(ended.signal, options);
  try {
    await step;
  } finally {
    ended.abort();
    await releasing;
  }
  return await releasing;
}

async function releaseUntil(ended: AbortSignal, { clock, newer, next, release }: ReleaseOptions): Promise<boolean> {
  let any = false;
  let seen: Wished | undefined;
  while (!ended.aborted) {
    const wished = newer();
    if (wished === undefined || wished === seen) {
      await next(ended);
      continue;
    }
    seen = wished;
    const isGivenUp = givenUpIn(wished);
    if (isGivenUp !== undefined && (await release(isGivenUp))) any = true;
    await elapsed(clock, PAUSE_MS, ended);
  }
  return any;
}

/**
 * Addresses without an owner, which no class and no group has either: some that are wanted never had one. `undefined`: nobody knows owners, or
 * a group stays as it is, whoever is in it.
 */
function givenUpIn({ owners, ruleset }: Wished): ((address: string) => boolean) | undefined {
  const groups = [...ruleset.groups.values()].filter((group) => group.kind === 'AddressGroup');
  if (owners === undefined || groups.some(({ held }) => held === true)) return undefined;
  return (address) =>
    !owners.has(address) && !ruleset.members.has(address) && !groups.some(({ members }) => members.has(address));
}
