import { isDeepStrictEqual } from 'node:util';
import type { BorderFirewall, UnreadFirewall } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import type { Border } from '../../border/border.ts';
import type { Sending } from '../../border/profile.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Confirmed } from '../../firewalls/worker/course.ts';
import type { Owners } from '../../firewalls/guard/interim.ts';
import type { EndpointId } from '../../inventory/model.ts';
import { Changes } from './changes.ts';
import { notHeld } from './held.ts';
import { type HolderQuestion, askOverHttp } from './holders.ts';

/** How one firewall on a pod's way stands. */
export interface FirewallStanding {
  readonly firewall: string;
  /** `Released`: it has not confirmed in time, and its owner lets pods start then. `Watches`: mode Observe, which holds nobody. */
  readonly state: 'Confirmed' | 'Waiting' | 'Released' | 'Watches';
  /** For people. */
  readonly message: string;
}

/** Whether the border holds a pod's addresses, so that it may start to send. */
export interface PodStanding {
  readonly ready: boolean;
  /** One sentence for people. */
  readonly message: string;
  /** By name. */
  readonly firewalls: readonly FirewallStanding[];
}

/** What is known of a border; the controller is one. */
export interface BorderKnowledge {
  readonly border: Pick<Border, 'appearanceOf' | 'firewalls'>;
  readonly owners: Owners;
  /** What a firewall was read back to hold last; `undefined`: nothing was yet, or another copy keeps it. */
  confirmed(firewall: string): Confirmed | undefined;
  /** Firewalls that `border` knows nothing of, since they cannot be read, and that may drop what the endpoint sends. */
  unread(endpoint: EndpointId): readonly UnreadFirewall[];
  /** A change is being worked out: what is known does not belong together for a moment. */
  readonly isComputing: boolean;
  /** Of the pod that has this name now. */
  uidOf(endpoint: EndpointId): string | undefined;
  /** Where the copy that keeps a firewall is asked; `undefined`: it is this one, or nobody says. */
  elsewhere?(firewall: string): string | undefined;
}

/** How a copy that keeps a firewall is asked; the standard way goes over HTTP. Anything but a clear yes is no. */
export type AskHolder = (base: string, question: HolderQuestion, signal: AbortSignal) => Promise<boolean>;

/** How often somebody is looked at while a change is worked out. */
const LOOK_MS = 200;
/** The same, where another copy may have to be asked: nobody tells what it confirms. */
const ASK_MS = 1_000;
const NOTHING_YET = 'nothing was confirmed there yet';
const NOT_KNOWN: PodStanding = { ready: false, message: 'the pod is not known here yet', firewalls: [] };
const WORKED_OUT: PodStanding = { ready: false, message: 'a change is being worked out', firewalls: [] };
const UNREAD = 'its BorderFirewall cannot be read; its status, or `sallyport validate`, says why';
const ELSEWHERE = 'the copy that keeps it has not confirmed it';
/** Pods whose waiting time is remembered; of more than that the time of the oldest begins anew. */
const MOST_REMEMBERED = 100_000;

/** A pod that somebody asked about and that was not ready. */
interface Waiting {
  readonly addresses: string;
  /** Since when (monotonic) it waits with these addresses. */
  readonly at: number;
  /** How it stood when it was looked at last: after so many changes, and until then (monotonic) unless there are more. */
  last?: { readonly standing: PodStanding; readonly changes: number; readonly until: number };
}

/** Tells whether pods may start, as far as the border is concerned (design section 10). */
export class Readiness {
  readonly #known: () => BorderKnowledge;
  readonly #clock: Clock;
  readonly #askHolder: AskHolder;
  readonly #waiting = new Map<EndpointId, Waiting>();
  readonly #changes: Changes;
  /** What each firewall was read back to hold when it was told last. */
  readonly #confirmed = new Map<string, Confirmed>();

  constructor(known: () => BorderKnowledge, clock: Clock, askHolder: AskHolder = askOverHttp) {
    this.#known = known;
    this.#askHolder = askHolder;
    this.#clock = clock;
    this.#changes = new Changes(clock);
  }

  /** The world is another: those who wait are looked at again. */
  changed(): void {
    this.#changes.changed();
  }

  /** A firewall was read back, or is kept no longer. */
  looked(firewall: string, confirmed: Confirmed | undefined): void {
    if (this.#confirmed.get(firewall) === confirmed) return;
    if (confirmed === undefined) this.#confirmed.delete(firewall);
    else this.#confirmed.set(firewall, confirmed);
    this.#changes.changed();
  }

  /** As far as this copy knows by itself. */
  standing(endpoint: EndpointId): PodStanding {
    return this.#stand(endpoint, new Set());
  }

  /** What this copy would ask of the one that keeps a firewall; `undefined`: it does not know enough itself. */
  question(endpoint: EndpointId, firewall: string): HolderQuestion | undefined {
    const { border, isComputing } = this.#known();
    if (isComputing) return undefined;
    const members = border.firewalls().get(firewall)?.ruleset?.members;
    const sendings = (border.appearanceOf(endpoint)?.sendings ?? []).filter((one) => one.firewall === firewall);
    const at = sendings.map(({ address }) => [address, members?.get(address) ?? ''] as const);
    if (at.length === 0 || at.some(([, id]) => id === '')) return undefined;
    return { endpoint, firewall, at: at.toSorted(([a], [b]) => (a < b ? -1 : 1)) };
  }

  /** For another copy: whether a firewall of this one has confirmed a pod that both know with the same addresses and classes. */
  holds(question: HolderQuestion): boolean {
    const { endpoint, firewall } = question;
    if (!isDeepStrictEqual(this.question(endpoint, firewall), question)) return false;
    const { firewalls } = this.standing(endpoint);
    return firewalls.some((one) => one.firewall === firewall && one.state === 'Confirmed');
  }

  /** With the word of the copies that keep firewalls on the pod's way, if it waits for nothing else. */
  async standingEverywhere(endpoint: EndpointId, signal: AbortSignal): Promise<PodStanding> {
    const changes = this.#changes.number;
    const last = this.#waiting.get(endpoint)?.last;
    const isSame = last?.changes === changes && this.#clock.monotonic() < last.until && !this.#known().isComputing;
    if (last !== undefined && isSame) return last.standing;
    const standing = await this.#askEverywhere(endpoint, signal);
    const waiting = this.#waiting.get(endpoint);
    if (waiting !== undefined && !standing.ready) {
      const until = this.#clock.monotonic() + this.#restMs(endpoint, standing);
      waiting.last = { standing, changes, until };
    }
    return standing;
  }

  async #askEverywhere(endpoint: EndpointId, signal: AbortSignal): Promise<PodStanding> {
    const alone = this.standing(endpoint);
    const known = this.#known();
    const asked = alone.firewalls
      .filter(({ state }) => state === 'Waiting')
      .map(({ firewall }) => ({ base: known.elsewhere?.(firewall), question: this.question(endpoint, firewall) }));
    const yes = new Map<string, HolderQuestion>();
    const ask = async ({ base, question }: (typeof asked)[number]): Promise<void> => {
      if (base === undefined || question === undefined) return;
      if (await this.#askHolder(base, question, signal)) yes.set(question.firewall, question);
    };
    if (asked.length === 0 || asked.some(({ base }) => base === undefined)) return alone;
    await Promise.all(asked.map(ask));
    // What was asked may have changed meanwhile; then it was not answered.
    const still = [...yes].filter(([name, question]) => isDeepStrictEqual(this.question(endpoint, name), question));
    return this.#stand(endpoint, new Set(still.map(([name]) => name)));
  }

  /** `yes`: other firewalls that have confirmed it, as their copies say. */
  #stand(endpoint: EndpointId, yes: ReadonlySet<string>): PodStanding {
    const known = this.#known();
    if (known.isComputing) return WORKED_OUT;
    const appearance = known.border.appearanceOf(endpoint);
    if (appearance === undefined)
      return { ready: false, message: 'the pod is not known here, or has no address that is believed', firewalls: [] };
    const asked = new Set([...appearance.sendings, ...appearance.unseen].map(({ firewall }) => firewall));
    const unread = new Map(known.unread(endpoint).map((firewall) => [firewall.name, firewall]));
    for (const name of unread.keys()) asked.add(name);
    if (asked.size === 0) return { ready: true, message: 'no border firewall is on its way', firewalls: [] };
    const waitedMs = this.#waited(
      endpoint,
      appearance.sendings
        .map(({ address }) => address)
        .toSorted()
        .join(' '),
    );
    const firewalls = [...asked].toSorted().map((name): FirewallStanding => {
      const view = known.border.firewalls().get(name);
      const unknown = unread.get(name);
      if (unknown !== undefined) return waitingAt(name, unknown.readiness, UNREAD, waitedMs);
      const sendings = appearance.sendings.filter(({ firewall }) => firewall === name);
      const isElsewhere = known.elsewhere?.(name) !== undefined;
      const own = whyNot(sendings, view?.ruleset, known.owners, isElsewhere ? undefined : known.confirmed(name));
      const why = isElsewhere && own === NOTHING_YET ? ELSEWHERE : own;
      if (yes.has(name) && view?.firewall.mode !== 'Observe')
        return { firewall: name, state: 'Confirmed', message: 'read back by the copy that keeps it' };
      return standingAt(name, view?.firewall, why, waitedMs);
    });
    const waiting = firewalls.filter(({ state }) => state === 'Waiting');
    if (waiting.length === 0) this.#waiting.delete(endpoint);
    return { ready: waiting.length === 0, message: messageOf(firewalls, waiting), firewalls };
  }

  /**
   * Resolves with the standing as soon as the pod is ready, else after `ms` or with the signal. `uid`: of the pod that is meant; one that is
   * made anew under its name is another.
   */
  async whenReady(endpoint: EndpointId, uid: string, ms: number, signal: AbortSignal): Promise<PodStanding> {
    const until = this.#clock.monotonic() + ms;
    for (;;) {
      const seen = this.#changes.number;
      const isKnown = this.#known().uidOf(endpoint) === uid;
      const standing = isKnown ? await this.standingEverywhere(endpoint, signal) : NOT_KNOWN;
      const left = until - this.#clock.monotonic();
      if (standing.ready || left <= 0 || signal.aborted) return standing;
      await this.#changes.after(seen, Math.min(this.#restMs(endpoint, standing), left), signal);
    }
  }

  /** After this time a pod that waits may stand otherwise without any change that is told. */
  #restMs(endpoint: EndpointId, standing: PodStanding): number {
    if (standing === WORKED_OUT) return LOOK_MS;
    const known = this.#known();
    const unread = new Map(known.unread(endpoint).map((one) => [one.name, one.readiness]));
    const now = this.#clock.monotonic();
    const since = this.#waiting.get(endpoint)?.at ?? now;
    const rests = standing.firewalls.map(({ firewall, state, message }) => {
      if (state !== 'Waiting') return Number.POSITIVE_INFINITY;
      const readiness = known.border.firewalls().get(firewall)?.firewall.readiness ?? unread.get(firewall);
      const releaseMs =
        readiness?.onTimeout === 'Release' ? since + readiness.timeoutMs - now : Number.POSITIVE_INFINITY;
      return message === ELSEWHERE || message === NOTHING_YET ? Math.min(ASK_MS, releaseMs) : releaseMs;
    });
    return Math.max(0, Math.min(...rests));
  }

  #waited(endpoint: EndpointId, addresses: string): number {
    const now = this.#clock.monotonic();
    const known = this.#waiting.get(endpoint);
    if (known?.addresses === addresses) return now - known.at;
    this.#waiting.delete(endpoint);
    this.#waiting.set(endpoint, { addresses, at: now });
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= MOST_REMEMBERED) break;
      this.#waiting.delete(oldest);
    }
    return 0;
  }
}

function whyNot(
  sendings: readonly Sending[],
  ruleset: Ruleset | undefined,
  owners: Owners,
  confirmed: Confirmed | undefined,
): string | undefined {
  if (sendings.length === 0) return 'what it sees of the pod is not known';
  if (ruleset === undefined) return 'its BorderFirewall has mistakes';
  if (confirmed === undefined) return NOTHING_YET;
  for (const { address, blind, endpoint } of sendings) {
    // While a change is worked out, its parts do not belong together yet.
    const isOwner = blind || owners.get(address)?.split(' ').includes(endpoint) === true;
    if (!isOwner) return `${address} is somebody else's as far as is known`;
    const why = notHeld(address, ruleset, owners, confirmed);
    if (why !== undefined) return why;
  }
  return undefined;
}

function standingAt(
  firewall: string,
  described: BorderFirewall | undefined,
  why: string | undefined,
  waitedMs: number,
): FirewallStanding {
  if (described?.mode === 'Observe') return { firewall, state: 'Watches', message: 'mode Observe holds no pod' };
  if (described?.deleting === true && described.onDelete === 'Remove')
    return { firewall, state: 'Watches', message: 'what is to be left holds no pod' };
  if (why === undefined) return { firewall, state: 'Confirmed', message: 'read back from the firewall' };
  return waitingAt(firewall, described?.readiness, why, waitedMs);
}

function waitingAt(
  firewall: string,
  readiness: BorderFirewall['readiness'] | undefined,
  why: string,
  waitedMs: number,
): FirewallStanding {
  if (readiness?.onTimeout === 'Release' && waitedMs >= readiness.timeoutMs)
    return { firewall, state: 'Released', message: `${why}; let go after ${readiness.timeoutMs / 1_000} s` };
  return { firewall, state: 'Waiting', message: why };
}

function messageOf(all: readonly FirewallStanding[], waiting: readonly FirewallStanding[]): string {
  if (waiting.length > 0) return waiting.map(({ firewall, message }) => `${firewall}: ${message}`).join('; ');
  const released = all.filter(({ state }) => state === 'Released');
  if (released.length > 0) return released.map(({ firewall, message }) => `${firewall}: ${message}`).join('; ');
  return `confirmed by ${all.map(({ firewall }) => firewall).join(', ')}`;
}
