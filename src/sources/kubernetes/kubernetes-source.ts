import type { Resource, ResourceKey, ResourceType, UnreadFirewall } from '../../api/resource.ts';
import { feedingOf } from '../../api/feeding.ts';
import { CALICO_STORAGE, type Kind, kinds } from '../../api/kinds.ts';
import type { Clock } from '../../base/clock.ts';
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { elapsed } from '../../base/elapsed.ts';
import { type SallyportError, toSallyportError } from '../../base/error.ts';
import { type Log, silentLog } from '../../base/log.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { type Collection, resourcePath } from '../../kubernetes/resource-path.ts';
import type { Delivery, Source, SourceState } from '../source.ts';
import { BackOff } from './back-off.ts';
import { DefinitionWatch } from './definition-watch.ts';
import { askDefinition, isBuiltIn } from './definitions.ts';
import type { Encoding } from './encoding.ts';
import { Feed } from './feed.ts';
import { kindTitle } from './kind-title.ts';
import { Informer } from './informer.ts';
import { JsonEncoding } from './json-encoding.ts';
import { PendingChanges } from './pending-changes.ts';
import { PodEncoding } from './pod-encoding.ts';
import { samePod } from './same-pod.ts';
import { type ServedKinds, askReady, servedKinds } from './served-kinds.ts';

/** Which kinds are served is asked again at this pace; changes of definitions say so at once. */
const ASK_SERVED_MS = 300_000;
/** The same where definitions may not be watched. */
const ASK_SERVED_BLIND_MS = 30_000;
/** So many of them at most. */
const ASK_SPACING_MS = 1_000;
/** While the first state is loading, so many objects are told together. */
const PORTION = 2_000;
const PROGRESS_MS = 5_000;
/** So long at most are events gathered, where working out what follows from the last ones took longer. */
const LONGEST_GATHERING_MS = 20;

/** Where objects of a cluster stand, for people: they look them up by name. */
const CLUSTER: Place = { file: 'cluster' };

/** For metrics; nothing depends on them. */
export interface KubernetesSourceEvents {
  /** Events of one kind that came in one piece. */
  events?(kind: string, count: number): void;
  /** The list of a kind is read again. */
  relist?(kind: string, reason: string): void;
  /** A kind is followed, or not. */
  following?(kind: string, isFollowing: boolean): void;
  /** Milliseconds from the first change of a delivery being known to its being told. */
  lag?(ms: number): void;
}

export interface KubernetesSourceOptions {
  readonly name: string;
  readonly api: ApiClient;
  readonly clock: Clock;
  readonly log?: Log;
  /** From 0 up to 1; `Math.random` if absent. */
  readonly random?: () => number;
  readonly events?: KubernetesSourceEvents;
}

/** One kind that is followed. */
interface Following {
  readonly feed: Feed;
  /** Where the informer reads; `undefined`: none is running. */
  path: string | undefined;
  stop: AbortController;
  ended: Promise<void>;
}

/**
 * A Kubernetes cluster: every kind that is read, listed and watched, in one stream of deliveries. What cannot be followed, or not be
 * believed, freezes what it feeds (design invariant 2): a kind of policies some firewalls, and all else goes on being told; any other kind the
 * whole, and nothing is told until it is sound again, but that a pod was deleted (docs/decisions/0013).
 */
export class KubernetesSource implements Source {
  readonly name: string;
  readonly #options: KubernetesSourceOptions;
  readonly #log: Log;
  readonly #random: () => number;
  readonly #pending: PendingChanges;
  readonly #following = new Map<Kind, Following>();
  /** Which kinds are served was answered for all of them once. */
  #isServedKnown = false;
  #servedProblem: string | undefined;
  #isLoading = true;
  #isScheduled = false;
  #needsTelling = false;
  #firstPending = 0;
  /** Monotonic: until then events are gathered. */
  #notBefore = 0;
  #lastState = '';
  #deliver: (delivery: Delivery) => void = () => {};
  #isRunning = false;
  #mustAskAgain = false;
  readonly #blindTo = new Set<string>();
  #endPause: () => void = () => {};

  constructor(options: KubernetesSourceOptions) {
    this.name = options.name;
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#random = options.random ?? Math.random;
    this.#pending = new PendingChanges(() => this.#schedule());
  }

  get size(): number {
    let size = 0;
    for (const { feed } of this.#following.values()) size += feed.told.size;
    return size;
  }

  async run(deliver: (delivery: Delivery) => void, signal: AbortSignal): Promise<void> {
    this.#deliver = deliver;
    this.#isRunning = true;
    for (const kind of kinds) this.#following.set(kind, this.#follow(kind, signal));
    const stopProgress = this.#tellProgress();
    const { api, clock } = this.#options;
    const definitions = new DefinitionWatch({
      api,
      clock,
      random: this.#random,
      changed: () => this.#askAgain(),
      broken: (error) => this.#sayBlind(error),
    });
    const watching = definitions.run(signal);
    this.#changed();
    try {
      const backOff = new BackOff(this.#random);
      while (!signal.aborted) {
        const isKnown = await this.#askServed(signal);
        if (isKnown) backOff.reset();
        await this.#pause(
          isKnown ? (definitions.isFollowing ? ASK_SERVED_MS : ASK_SERVED_BLIND_MS) : backOff.next(),
          signal,
        );
      }
    } finally {
      this.#isRunning = false;
      stopProgress();
      for (const { feed, stop } of this.#following.values()) {
        stop.abort();
        feed.close();
      }
      await Promise.all([watching, ...[...this.#following.values()].map(({ ended }) => ended)]);
    }
  }

  #follow(kind: Kind, signal: AbortSignal): Following {
    const { api, clock } = this.#options;
    const feed = new Feed({
      kind,
      clock,
      output: this.#pending,
      changed: () => this.#changed(),
      inPortions: () => this.#isLoading,
      ...(kind.type === 'Pod' ? { isSame: sameAsPods } : {}),
      ...(isBuiltIn(kind) ? {} : { define: () => askDefinition(api, kind, signal, (error) => this.#sayBlind(error)) }),
    });
    return { feed, path: undefined, stop: new AbortController(), ended: Promise.resolve() };
  }

  /** Waits; what is learned about definitions meanwhile ends it. */
  async #pause(ms: number, parent: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (parent.aborted) return;
    if (!this.#mustAskAgain) {
      const pause = new AbortController();
      const end = (): void => pause.abort();
      this.#endPause = end;
      parent.addEventListener('abort', end, { once: true });
      await elapsed(clock, ms, pause.signal);
      parent.removeEventListener('abort', end);
    }
    // Definitions come in dozens.
    if (this.#mustAskAgain && !parent.aborted) await elapsed(clock, ASK_SPACING_MS, parent);
    this.#mustAskAgain = false;
  }

  #askAgain(): void {
    this.#mustAskAgain = true;
    this.#endPause();
  }

  /** Says once what may not be asked of definitions: nothing stops without it, so nobody would notice. */
  #sayBlind({ code, message }: SallyportError): void {
    if (code !== 'API_FORBIDDEN' || this.#blindTo.has(message)) return;
    this.#blindTo.add(message);
    this.#log.warn(
      { source: this.name, code, error: message },
      'a right is missing: what becomes of definitions, and of objects with them, is seen late or not at all',
    );
  }

  // ---- Which kinds ----

  /** Whether the server answered for every kind. */
  async #askServed(signal: AbortSignal): Promise<boolean> {
    let served: ServedKinds;
    try {
      // A server that has just begun does not know all of its definitions yet, and what it does not name would count as absent.
      if (!this.#isServedKnown) await askReady(this.#options.api, signal);
      served = await servedKinds(this.#options.api, signal);
    } catch (thrown) {
      if (signal.aborted) return false;
      const { code, message } = toSallyportError(thrown);
      const problem = `the server does not say what it serves: ${message}`;
      if (!this.#isServedKnown && this.#servedProblem !== problem)
        this.#log.warn({ source: this.name, code, error: message }, 'the server does not say what it serves');
      this.#servedProblem = problem;
      this.#changed();
      return false;
    }
    if (signal.aborted) return false;
    const unknown = kinds.filter((kind) => served.get(kind) === 'unknown').map(kindTitle);
    this.#servedProblem = unknown.length === 0 ? undefined : `whoever serves ${unknown.join(', ')} does not answer`;
    for (const [kind, answer] of served)
      if (answer !== 'unknown') this.#serve(kind, answer === 'absent' ? undefined : answer);
    if (unknown.length === 0 && !this.#isServedKnown) {
      this.#isServedKnown = true;
      const absent = kinds.filter((kind) => served.get(kind) === 'absent').map(kindTitle);
      this.#log.info({ source: this.name, kinds: absent }, 'kinds that the server does not serve count as empty');
    }
    this.#changed();
    return unknown.length === 0;
  }

  #serve(kind: Kind, collection: Collection | undefined): void {
    const following = this.#following.get(kind);
    if (following === undefined) return;
    const path = collection === undefined ? undefined : resourcePath(collection);
    if (path === following.path) return;
    if (this.#isServedKnown)
      this.#log.info(
        { source: this.name, kind: kindTitle(kind), path: path ?? '' },
        path === undefined ? 'the kind is no longer served' : 'the kind is served now',
      );
    following.stop.abort();
    following.path = path;
    following.feed.serve(path !== undefined);
    if (collection === undefined || path === undefined) return;
    following.stop = new AbortController();
    following.feed.isStored = collection.group === CALICO_STORAGE;
    following.ended = Promise.all([following.ended, this.#inform(kind, collection, path, following)]).then(
      () => undefined,
    );
  }

  async #inform(kind: Kind, { group, version }: Collection, path: string, following: Following): Promise<void> {
    const { api, clock, events } = this.#options;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const json = new JsonEncoding(apiVersion, kind.kind, CLUSTER);
    // Pods are the many; custom resources come as JSON alone.
    const encodings: readonly [Encoding, ...Encoding[]] =
      kind.type === 'Pod' ? [new PodEncoding(CLUSTER), json] : [json];
    const { feed, stop } = following;
    const isCurrent = (): boolean => following.stop === stop;
    const informer = new Informer({
      api,
      path,
      encodings,
      clock,
      random: this.#random,
      listener: {
        listBegins: () => isCurrent() && feed.listBegins(),
        listed: (sent) => isCurrent() && feed.listed(sent),
        listEnds: () => isCurrent() && feed.listEnds(),
        put: (sent) => isCurrent() && feed.put(sent),
        deleted: (sent) => isCurrent() && feed.deleted(sent),
        connected: () => isCurrent() && feed.connected(),
        isDoubted: () => feed.isDoubted(),
        broken: (error) => {
          if (!isCurrent()) return;
          const { code, message } = error;
          // Said once, though it is tried again and again.
          if (feed.failure !== code)
            this.#log.info({ source: this.name, kind: kindTitle(kind), code, error: message }, 'the watch broke');
          feed.broken(error);
          if (code === 'API_NOT_FOUND') this.#askAgain();
        },
      },
      events: {
        events: (count) => events?.events?.(kindTitle(kind), count),
        relist: (reason) => {
          this.#log.info({ source: this.name, kind: kindTitle(kind), reason }, 'the list is read again');
          events?.relist?.(kindTitle(kind), reason);
        },
      },
    });
    await informer.run(stop.signal);
  }

  // ---- Telling ----

  #state(): SourceState {
    const reasons: string[] = [];
    let isLoading = !this.#isServedKnown;
    let since = Number.POSITIVE_INFINITY;
    const lost = new Set<ResourceType>();
    let isWhole = false;
    for (const [kind, { feed }] of this.#following) {
      const { state } = feed;
      this.#options.events?.following?.(kindTitle(kind), state.kind === 'complete');
      const feeding = feedingOf(kind.type);
      // A kind that appears later counts as empty until its first list is whole, which takes a moment.
      if (state.kind === 'loading') {
        if (this.#isLoading) reasons.push(state.reason);
        isLoading = true;
      } else if (state.kind === 'lost' && feeding !== 'None') {
        reasons.push(state.reason);
        since = Math.min(since, state.sinceMs);
        lost.add(kind.type);
        isWhole ||= feeding === 'Every' || state.isShrunk === true;
      }
    }
    if (this.#isLoading && (isLoading || isWhole)) {
      if (!this.#isServedKnown && this.#servedProblem !== undefined) reasons.unshift(this.#servedProblem);
      return { kind: 'loading', reason: shorten(reasons) };
    }
    if (lost.size === 0) return { kind: 'complete' };
    return { kind: 'frozen', sinceMs: since, reason: shorten(reasons), ...(isWhole ? {} : { kinds: lost }) };
  }

  /** A state or problem may be another. */
  #changed(): void {
    this.#needsTelling = true;
    this.#schedule();
  }

  /**
   * Tells at the end of the turn: a burst of events is one delivery. While events come faster than what follows from them is worked out, as
   * much time goes to reading as to that, so that deliveries grow instead of becoming many.
   */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const { clock } = this.#options;
    this.#firstPending = clock.monotonic();
    const tell = (): void => {
      this.#isScheduled = false;
      if (!this.#isRunning) return;
      const begun = clock.monotonic();
      this.#tell();
      const ended = clock.monotonic();
      this.#notBefore = ended + Math.min(ended - begun, LONGEST_GATHERING_MS);
    };
    setImmediate(() => {
      const wait = this.#notBefore - clock.monotonic();
      if (wait < 1) tell();
      else clock.after(wait, tell);
    });
  }

  #tell(): void {
    const state = this.#state();
    if (state.kind !== 'loading') this.#isLoading = false;
    const isWhole = state.kind === 'frozen' && state.kinds === undefined;
    const isHeld = isWhole || (state.kind === 'loading' && this.#pending.size < PORTION);
    const released = isWhole && this.#hearsPods ? this.#pending.takeDeletedPods() : [];
    const isQuiet = isHeld ? released.length === 0 : this.#pending.size === 0;
    if (isQuiet && !this.#needsTelling) return;
    const diagnostics = this.#diagnostics();
    const lost = state.kind === 'frozen' ? [...(state.kinds ?? [])] : [];
    const { broken, unread } = this.#broken();
    const brief = JSON.stringify([state, lost, diagnostics, unread]);
    this.#needsTelling = false;
    if (isQuiet && brief === this.#lastState) return;
    this.#lastState = brief;
    const changes = isHeld ? released : this.#pending.take();
    if (changes.length > 0) this.#options.events?.lag?.(this.#options.clock.monotonic() - this.#firstPending);
    this.#deliver({ changes, state, diagnostics, broken, unread });
  }

  /** What is told of pods is believed, whatever becomes of other kinds. */
  get #hearsPods(): boolean {
    for (const [{ type }, { feed }] of this.#following) if (type === 'Pod') return feed.state.kind === 'complete';
    return false;
  }

  #broken(): Required<Pick<Delivery, 'broken' | 'unread'>> {
    const broken = new Set<ResourceKey>();
    const unread: UnreadFirewall[] = [];
    for (const { feed } of this.#following.values())
      for (const [key, firewall] of feed.told.broken) {
        broken.add(key);
        if (firewall !== undefined) unread.push(firewall);
      }
    return { broken, unread };
  }

  #diagnostics(): readonly Diagnostic[] {
    const all: Diagnostic[] = [];
    for (const [kind, { feed }] of this.#following) {
      const { problem } = feed;
      if (problem !== undefined)
        all.push({ severity: 'error', ...problem, object: kindTitle(kind), path: '', at: CLUSTER });
      for (const diagnostic of feed.told.diagnostics) all.push(diagnostic);
    }
    return all;
  }

  /** Lines that say how far the first lists are. */
  #tellProgress(): () => void {
    let cancel = (): void => {};
    const tell = (): void => {
      if (!this.#isLoading) return;
      const read = [...this.#following].flatMap(([kind, { feed }]) =>
        feed.state.kind === 'loading' && feed.progress > 0 ? [`${kindTitle(kind)}: ${feed.progress}`] : [],
      );
      if (read.length > 0) this.#log.info({ source: this.name, read }, 'reading the first lists');
      cancel = this.#options.clock.after(PROGRESS_MS, tell);
    };
    cancel = this.#options.clock.after(PROGRESS_MS, tell);
    return () => cancel();
  }
}

/** Most events of pods say nothing that is read. */
function sameAsPods(known: Resource, fresh: Resource): boolean {
  return known.type === 'Pod' && fresh.type === 'Pod' && samePod(known, fresh);
}

/** The first of several reasons, and how many more there are. */
function shorten(reasons: readonly string[]): string {
  const [first = 'nothing was delivered yet', ...others] = reasons;
  return others.length === 0 ? first : `${first}; and ${others.length} more`;
}
