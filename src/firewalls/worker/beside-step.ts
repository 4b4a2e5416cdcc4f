import type { Clock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import type { Wished } from './wishes.ts';

/** Between two rounds beside one step: a stream of wishes shall not make a request of each. */
const PAUSE_MS = 200;
/** After this time, and then twice of it each time, what failed is tried again without a newer wish, at the latest after so long. */
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;

/** What became of a message beside a step: there was nothing to send, it was carried out, or it failed and may have been carried out. */
export type Moved = 'nothing' | 'sent' | 'failed';

export interface Joined {
  readonly moved: Moved;
  /** Who may be there now, each with its owner. */
  readonly owners: ReadonlyMap<string, string>;
}

export interface BesideOptions {
  readonly clock: Clock;
  /** What is wished for by now, where that is newer than what the step is for and may be gone for. */
  readonly newer: () => Wished | undefined;
  /** Resolves when a newer wish comes, or with the signal. */
  readonly next: (signal: AbortSignal) => Promise<void>;
  /** Takes addresses off the device that were given up; never rejects. */
  readonly release: (isGivenUp: (address: string) => boolean) => Promise<Moved>;
  /** Lets newcomers join who may; never rejects. */
  readonly join: (wished: Wished) => Promise<Joined>;
}

/**
 * Waits for a step. Meanwhile addresses leave that nobody owns any more and nothing wants, and newcomers join whose rights the step does not
 * touch; what fails is tried again. Resolves with whether any may have, and rejects as the step does.
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
  const { clock, newer, release, join } = options;
  /** Who joined beside this step, and whose the address was. */
  const joined = new Map<string, string>();
  let any = false;
  let seen: Wished | undefined;
  /** Pause before what failed is tried again; absent: nothing did. */
  let retryMs: number | undefined;
  while (!ended.aborted) {
    const wished = newer();
    if (wished === undefined || wished === seen) {
      const isNewer = await nextWithin(retryMs, options, ended);
      if (!isNewer) seen = undefined;
      continue;
    }
    seen = wished;
    const isGivenUp = givenUpIn(wished, joined);
    const moved = [isGivenUp === undefined ? 'nothing' : await release(isGivenUp)];
    if (!ended.aborted) {
      const fresh = await join(wished);
      moved.push(fresh.moved);
      for (const [address, owner] of fresh.owners) joined.set(address, owner);
    }
    any ||= moved.some((one) => one !== 'nothing');
    retryMs = moved.includes('failed') ? Math.min(LONGEST_RETRY_MS, 2 * (retryMs ?? RETRY_MS / 2)) : undefined;
    await elapsed(clock, PAUSE_MS, ended);
  }
  return any;
}

/** Resolves with `true` when a newer wish comes, or with the signal; with `false` after `ms`, if there are any. */
async function nextWithin(
  ms: number | undefined,
  { clock, next }: BesideOptions,
  ended: AbortSignal,
): Promise<boolean> {
  if (ms === undefined) return await next(ended).then(() => true);
  const over = new AbortController();
  const stop = (): void => over.abort();
  ended.addEventListener('abort', stop, { once: true });
  const isNewer = await Promise.race([
    next(over.signal).then(() => true),
    elapsed(clock, ms, over.signal).then(() => over.signal.aborted),
  ]);
  ended.removeEventListener('abort', stop);
  stop();
  return isNewer;
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
