import type { ResourceKey } from '../../api/resource.ts';
import type { RawMap } from '../../api/shape.ts';
import type { Clock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import { toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { isServed } from '../../kubernetes/discovery.ts';
import { type Collection, resourcePath } from '../../kubernetes/resource-path.ts';
import { BackOff } from './back-off.ts';
import { askDefinition, isBuiltIn } from './definitions.ts';
import type { Read, Readable } from './encoding.ts';
import { Feed, type FeedProblem } from './feed.ts';
import { Informer } from './informer.ts';
import { JsonObjects } from './json-encoding.ts';
import { kindTitle } from './kind-title.ts';
import { askReady } from './served-kinds.ts';

/** Whether a kind that was served still is, and whether one that was not is now: asked at these paces. */
const ASK_SERVED_MS = 300_000;
const ASK_ABSENT_MS = 30_000;

/** One kind of one server, or of one namespace of it. */
export interface WatchedKind extends Collection {
  readonly kind: string;
  /** `''`: all of them. */
  readonly namespace: string;
  /** The one that has to do where all of them may not be read. */
  readonly elseNamespace?: string;
  /** Selectors. */
  readonly query?: Readonly<Record<string, string>>;
}

export interface KindWatchOptions<R> {
  /** For logs: whose it is. */
  readonly source: string;
  readonly api: ApiClient;
  readonly kind: WatchedKind;
  readonly read: (object: RawMap) => Read<R>;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** An event that changes nothing of what is read is not told. */
  readonly isSame: (known: R, fresh: R) => boolean;
  /** Objects, or what is known of the kind, are others; called at most once a turn. */
  readonly changed: () => void;
}

/** What is known of a kind. */
export interface KindStanding<R> {
  /** `Unheard`: its list was never whole; `Absent`: the server says that it does not serve the kind; `Known`: all else, now or not. */
  readonly state: 'Unheard' | 'Absent' | 'Known';
  /** As they were told last; what is not believed changes nothing of them. */
  readonly objects: ReadonlyMap<ResourceKey, R>;
  /** What keeps the kind from being followed. */
  readonly problem: FeedProblem | undefined;
  /** Whether the server is heard now: the watch is open. */
  readonly isHeard: boolean;
}

/**
 * One kind by itself, listed and watched for ever, its objects given as they are now. Judged like the kinds of a border (`Feed`): what goes
 * with its definition, or vanishes from a list, is not believed to be gone.
 */
export class KindWatch<R extends Readable> {
  readonly #options: KindWatchOptions<R>;
  readonly #feed: Feed<R>;
  readonly #objects = new Map<ResourceKey, R>();
  readonly #stop = new AbortController();
  #isAsked = false;
  #isListed = false;
  #isServed = false;
  #isHeard = false;
  #isTelling = false;
  #namespace: string;
  /** Another namespace is to be read from now on. */
  #isNarrowed = false;
  #askProblem: string | undefined;
  #endPause = (): void => {};

  constructor(options: KindWatchOptions<R>) {
    this.#options = options;
    const { api, kind, clock } = options;
    this.#namespace = kind.namespace;
    const changed = (): void => this.#tell();
    this.#feed = new Feed<R>({
      kind: { ...kind, type: kind.kind },
      clock,
      changed,
      isSame: options.isSame,
      inPortions: () => false,
      output: {
        put: (key, object) => {
          this.#objects.set(key, object);
          changed();
        },
        delete: (key) => {
          this.#objects.delete(key);
          changed();
        },
      },
      ...(isBuiltIn(kind)
        ? {}
        : {
            define: () =>
              askDefinition(api, kind, this.#stop.signal, ({ message }) =>
                this.#say('the right to get definitions is missing', message),
              ),
          }),
    });
  }

  get standing(): KindStanding<R> {
    const { problem } = this.#feed;
    const state = this.#isListed ? 'Known' : this.#isAsked && !this.#isServed ? 'Absent' : 'Unheard';
    const asked = this.#askProblem;
    const why: FeedProblem | undefined =
      problem ??
      (asked === undefined || this.#isAsked
        ? undefined
        : { code: 'CLUSTER_KIND_LOST', message: `${kindTitle(this.#options.kind)} cannot be read: ${asked}` });
    return { state, objects: this.#objects, problem: why, isHeard: this.#isHeard };
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#stop.abort();
    signal.addEventListener('abort', stop, { once: true });
    const { clock, random } = this.#options;
    const backOff = new BackOff(random);
    let following = { stop: new AbortController(), ended: Promise.resolve() };
    try {
      while (!signal.aborted) {
        const served = await this.#ask(signal);
        if (served !== undefined) {
          backOff.reset();
          if (served !== this.#isServed || this.#isNarrowed) {
            this.#isNarrowed = false;
            following.stop.abort();
            this.#isServed = served;
            this.#isHeard = false;
            this.#feed.serve(served);
            const next = { stop: new AbortController(), ended: following.ended };
            if (served)
              next.ended = Promise.all([following.ended, this.#follow(next.stop.signal)]).then(() => undefined);
            following = next;
          }
          this.#tell();
        }
        const wait = served === undefined ? backOff.next() : served ? ASK_SERVED_MS : ASK_ABSENT_MS;
        const pause = new AbortController();
        const end = (): void => pause.abort();
        this.#endPause = end;
        signal.addEventListener('abort', end, { once: true });
        if (!signal.aborted) await elapsed(clock, wait, pause.signal);
        signal.removeEventListener('abort', end);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      following.stop.abort();
      this.#stop.abort();
      this.#feed.close();
      await following.ended;
    }
  }

  /** Whether the kind is served; `undefined`: the server does not say. */
  async #ask(signal: AbortSignal): Promise<boolean | undefined> {
    const { api, kind } = this.#options;
    try {
      // A server that has just begun does not know all of its definitions yet.
      if (!isBuiltIn(kind) && !this.#isAsked) await askReady(api, signal);
      const served = isBuiltIn(kind) || (await isServed(api, kind, signal));
      this.#isAsked = true;
      this.#askProblem = undefined;
      return served;
    } catch (thrown) {
      if (signal.aborted) return undefined;
      const { code, message } = toSallyportError(thrown);
      if (this.#askProblem !== message) this.#say('the server does not say what it serves', message, code);
      this.#askProblem = message;
      this.#tell();
      return undefined;
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { api, kind, clock, random, read } = this.#options;
    const feed = this.#feed;
    const heard = (is: boolean): void => {
      if (this.#isHeard === is) return;
      this.#isHeard = is;
      this.#tell();
    };
    const informer = new Informer<R>({
      api,
      path: resourcePath(kind, { namespace: this.#namespace }),
      ...(kind.query === undefined ? {} : { query: kind.query }),
      encodings: [new JsonObjects<R>(read)],
      clock,
      random,
      listener: {
        listBegins: () => signal.aborted || feed.listBegins(),
        listed: (sent) => signal.aborted || feed.listed(sent),
        listEnds: () => {
          if (signal.aborted) return;
          this.#isListed = true;
          feed.listEnds();
        },
        put: (sent) => signal.aborted || feed.put(sent),
        deleted: (sent) => signal.aborted || feed.deleted(sent),
        connected: () => {
          if (signal.aborted) return;
          feed.connected();
          heard(true);
        },
        isDoubted: () => feed.isDoubted(),
        broken: (error) => {
          if (signal.aborted) return;
          if (feed.failure !== error.code) this.#say('the watch broke', error.message, error.code);
          feed.broken(error);
          heard(false);
          if (error.code === 'API_NOT_FOUND') this.#endPause();
          if (error.code === 'API_FORBIDDEN') this.#narrow();
        },
      },
      events: {
        relist: (reason) => {
          const { log, source } = this.#options;
          log.info({ source, kind: kindTitle(kind), reason }, 'the list is read again');
        },
      },
    });
    await informer.run(signal);
  }

  #narrow(): void {
    const { elseNamespace } = this.#options.kind;
    if (elseNamespace === undefined || this.#namespace !== '' || this.#isListed) return;
    this.#namespace = elseNamespace;
    this.#isNarrowed = true;
    this.#endPause();
  }

  #say(message: string, error: string, code?: string): void {
    const { log, source, kind } = this.#options;
    log.info({ source, kind: kindTitle(kind), code, error }, message);
  }

  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => {
      this.#isTelling = false;
      if (!this.#stop.signal.aborted) this.#options.changed();
    });
  }
}
