import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Resource } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import { SallyportError, toSallyportError } from '../../base/error.ts';
import type { ApiClient, ApiStream } from '../../kubernetes/api-client.ts';
import { refusal } from '../../kubernetes/api-errors.ts';
import { BackOff } from './back-off.ts';
import type { Encoding, Page, Sent, WatchEvent } from './encoding.ts';
import { Undecodable } from './undecodable.ts';
import { Gathered } from './gathered.ts';
import { looksOlder } from './versions.ts';

/** Objects of a page: parsing one takes 15 ms. */
const PAGE = 500;
/** A page may take longer than other requests: servers read them from etcd. */
const PAGE_DEADLINE_MS = 60_000;
/** Bytes of a page; some servers ignore `limit`. */
const LARGEST_PAGE = 256 * 1024 * 1024;
/** Bookmarks come about once a minute, so a watch that is silent for longer is a dead connection. */
const SILENCE_MS = 150_000;
/** A streamed list that stays silent for so long comes from a server that does not know streamed lists. */
const LIST_SILENCE_MS = 5_000;
/** Events after which other work has its turn: a few milliseconds of parsing. */
const SLICE = 100;
/** A watch that has been open for so long without failing is taken to work, though nothing has come. */
const STEADY_MS = 2_000;
/** From the opening of one watch to that of the next, where the server ends them at once. */
const SPACING_MS = 1_000;
/**
 * A server that was away for longer, however often it was asked, is not gone on with where it ended: it need not remember what happened since (etcd
 * forgets after five minutes by default), and one that was restored may have come to the version that is known by another history.
 */
const LONGEST_AWAY_MS = 300_000;
/** So often a list that is older than what is known is taken for that of a server that lags behind. */
const OLDER_LISTS = 3;

/** What becomes of what an informer reads. All calls are synchronous, in order, and must not throw. */
export interface Listener<R = Resource> {
  /** A list begins; `listed` gives its objects, and what an earlier list gave that did not end is void. */
  listBegins(): void;
  listed(sent: Sent<R>): void;
  /** The list is whole: what it did not name is not there. */
  listEnds(): void;
  put(sent: Sent<R>): void;
  deleted(sent: Sent<R>): void;
  /** The server answers: from here on the watch tells what changes. */
  connected(): void;
  /** It does not, for now. */
  broken(error: SallyportError): void;
  /** What the last list said is not believed, and it was read some time ago; looked at before each watch. */
  isDoubted?(): boolean;
}

/** For metrics and logs; nothing depends on them. */
export interface InformerEvents {
  /** The whole list is read again, and why. */
  relist?(reason: string): void;
  /** Events that came in one piece. */
  events?(count: number): void;
}

export interface InformerOptions<R = Resource> {
  readonly api: ApiClient;
  /** Of the collection: `/api/v1/pods`. */
  readonly path: string;
  /** What every request asks besides: selectors. */
  readonly query?: Readonly<Record<string, string>>;
  /** The first that the server takes is used; the last is one that every server takes. */
  readonly encodings: readonly [Encoding<R>, ...Encoding<R>[]];
  readonly listener: Listener<R>;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly events?: InformerEvents;
}

/** A streamed list that may not be whole: it is read in pages instead. */
class Doubt extends Error {}

/**
 * Lists one kind and watches it, for ever: there is no error after which it stops. The first list is streamed where the server can, else
 * read in pages; a watch that ends goes on where it ended.
 */
export class Informer<R = Resource> {
  readonly #options: InformerOptions<R>;
  readonly #backOff: BackOff;
  #encodings: readonly [Encoding<R>, ...Encoding<R>[]];
  /** Where the watch goes on; `undefined`: the list has to be read. */
  #version: string | undefined;
  /** The last version that was known, for noticing a server whose history is another. */
  #latest = '';
  #olderLists = 0;
  #streams = true;
  /** The connection broke: whoever answers now need not be who answered before. */
  #suspicious = false;
  /** Where something could not be decoded last. */
  #undecodable: string | undefined;
  #opened = Number.NEGATIVE_INFINITY;
  /** Since when (monotonic) nothing but failures came; `undefined`: the server tells what happens. */
  #awaySince: number | undefined;

  constructor(options: InformerOptions<R>) {
    this.#options = options;
    this.#backOff = new BackOff(options.random);
    this.#encodings = options.encodings;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      let wait: number;
      try {
        await this.#follow(signal);
        wait = this.#opened + SPACING_MS * (1 + 0.2 * this.#options.random()) - clock.monotonic();
      } catch (thrown) {
        if (signal.aborted) return;
        wait = this.#after(thrown);
      }
      if (signal.aborted) return;
      if (wait > 0) await elapsed(clock, wait, signal);
    }
  }

  /** Reads the list if that is needed, and one watch to its clean end. */
  async #follow(signal: AbortSignal): Promise<void> {
    if (this.#suspicious && this.#version !== undefined) {
      const now = this.#options.clock.monotonic();
      if (now - (this.#awaySince ?? now) > LONGEST_AWAY_MS)
        this.#relist('the server was away for so long that it may have begun another history');
      else await this.#compareHistory(this.#version, signal);
    }
    this.#suspicious = false;
    if (this.#version !== undefined && this.#options.listener.isDoubted?.() === true)
      this.#relist('it is not believed');
    if (this.#version === undefined) {
      if (this.#streams) {
        try {
          return await this.#stream(true, signal);
        } catch (thrown) {
          if (!(thrown instanceof Doubt)) throw thrown;
          this.#streams = false;
        }
      }
      await this.#listPages(signal);
    }
    return this.#stream(false, signal);
  }

  /** A server that was restored from a backup would silently leave out what happened up to the version that we know. */
  async #compareHistory(version: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#options.api.call(
      { method: 'GET', path: this.#options.path, query: { ...this.#options.query, limit: '1' } },
      signal,
    );
    const { metadata } = (answer ?? {}) as { readonly metadata?: { readonly resourceVersion?: unknown } };
    const now = metadata?.resourceVersion;
    if (typeof now === 'string' && looksOlder(now, version)) this.#relist('the history of the server went back');
  }

  #relist(reason: string): void {
    this.#version = undefined;
    this.#options.events?.relist?.(reason);
  }

  async #listPages(signal: AbortSignal): Promise<void> {
    const { listener } = this.#options;
    let version: string | undefined;
    let next = '';
    const body = new Gathered();
    listener.listBegins();
    do {
      const page = await this.#page(next, body, signal);
      if (version === undefined) this.#refuseOlder(page.version);
      version ??= page.version;
      next = page.next;
      let read = 0;
      for (const sent of page.items) {
        if (read++ % SLICE === 0) await nextTurn();
        listener.listed(sent);
      }
    } while (next !== '');
    listener.listEnds();
    this.#connected();
    this.#knows(version);
  }

  #connected(): void {
    this.#awaySince = undefined;
    this.#options.listener.connected();
  }

  /** A list that is older than what is known comes from a server that lags behind, or from a restored one: time tells which. */
  #refuseOlder(version: string): void {
    if (!looksOlder(version, this.#latest) || this.#olderLists >= OLDER_LISTS) return;
    this.#olderLists += 1;
    throw new SallyportError('API_FAILED', `${this.#title}: the list is older than what was read before`);
  }

  #knows(version: string): void {
    this.#version = version;
    this.#latest = version;
    this.#olderLists = 0;
  }

  async #page(next: string, body: Gathered, signal: AbortSignal): Promise<Page<R>> {
    const query = { limit: String(PAGE), ...(next === '' ? {} : { continue: next }) };
    const { stream, encoding } = await this.#open(query, 'list', signal);
    body.clear();
    for await (const chunk of stream.chunks) {
      if (body.size + chunk.length > LARGEST_PAGE)
        throw new SallyportError(
          'API_FAILED',
          `${this.#title}: a page of the list is larger than ${LARGEST_PAGE} bytes`,
        );
      body.add(chunk);
    }
    return encoding.page(body.bytes);
  }

  /** One watch. `listing`: one that begins with the state there is. */
  async #stream(listing: boolean, parent: AbortSignal): Promise<void> {
    const { clock, listener } = this.#options;
    // An abort that came before, while a list was taken in, is told to no listener any more.
    parent.throwIfAborted();
    const child = new AbortController();
    const stop = (): void => child.abort(parent.reason);
    parent.addEventListener('abort', stop, { once: true });
    let cancelSilence = (): void => {};
    let cancelSteady = (): void => {};
    let isSilent = false;
    let isListing = false;
    /** What the server took back before the list was whole; the list has it. */
    const gone = new Map<string, Sent<R>>();
    const heard = (): void => {
      cancelSilence();
      cancelSilence = clock.after(LIST_SILENCE_MS, () => {
        isSilent = true;
        child.abort();
      });
    };
    try {
      const { stream, encoding } = await this.#openWatch(listing, child.signal);
      isListing = listing;
      if (listing) {
        listener.listBegins();
        heard();
      } else cancelSteady = clock.after(STEADY_MS, () => this.#connected());
      const records = encoding.records();
      let read = 0;
      for await (const chunk of stream.chunks) {
        const before = read;
        for (const record of records.push(chunk)) {
          const event = encoding.event(record);
          if (!isListing) this.#take(event);
          else if (event.kind !== 'bookmark') this.#takeListed(event, gone);
          else {
            cancelSilence();
            this.#endList(event, gone);
            isListing = false;
          }
          if (++read % SLICE === 0) await nextTurn();
        }
        if (isListing) heard();
        if (read > before) this.#options.events?.events?.(read - before);
      }
      if (isListing) throw new Doubt('the streamed list ended before it was whole');
      if (records.pending > 0)
        throw new SallyportError('API_UNREACHABLE', `${this.#title}: the connection ended within an event`);
      this.#connected();
    } catch (thrown) {
      if (isSilent) throw new Doubt('the streamed list went silent');
      // What broke in the middle is tried in pieces.
      if (isListing) this.#streams = false;
      throw thrown;
    } finally {
      cancelSilence();
      cancelSteady();
      parent.removeEventListener('abort', stop);
      child.abort();
    }
  }

  async #openWatch(listing: boolean, signal: AbortSignal): Promise<{ stream: ApiStream; encoding: Encoding<R> }> {
    const { clock, random } = this.#options;
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(240 + Math.floor(random() * 241)),
      ...(listing
        ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
        : { resourceVersion: this.#version ?? '' }),
    };
    this.#opened = clock.monotonic();
    try {
      return await this.#open(query, 'watch', signal);
    } catch (thrown) {
      // The paged list tells whether it is the list that is refused, or only this way of it.
      const { code } = toSallyportError(thrown);
      if (listing && (code === 'API_REFUSED' || code === 'API_FORBIDDEN') && !isEncodingRefused(thrown))
        throw new Doubt('no streamed lists here');
      throw thrown;
    }
  }

  /** Ends a streamed list, if that is what the bookmark says. */
  #endList(
    { version, endsList }: Extract<WatchEvent<R>, { kind: 'bookmark' }>,
    gone: ReadonlyMap<string, Sent<R>>,
  ): void {
    if (!endsList) throw new Doubt('the server took the streamed list for a watch');
    this.#refuseOlder(version);
    this.#options.listener.listEnds();
    for (const sent of gone.values()) this.#options.listener.deleted(sent);
    this.#connected();
    this.#backOff.reset();
    this.#knows(version);
  }

  /**
   * Before the bookmark come the objects there are, and what happens to them meanwhile: the server promises no more than that the state is at
   * least as new as the bookmark says.
   * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists
   */
  #takeListed(event: Exclude<WatchEvent<R>, { kind: 'bookmark' }>, gone: Map<string, Sent<R>>): void {
    if (event.kind === 'failure') throw new Doubt('the streamed list failed');
    const { sent } = event;
    const key = `${sent.namespace}/${sent.name}`;
    if (event.kind === 'put') {
      gone.delete(key);
      this.#options.listener.listed(sent);
    } else gone.set(key, sent);
  }

  #take(event: WatchEvent<R>): void {
    const { listener } = this.#options;
    if (event.kind === 'failure')
      throw refusal({ title: this.#title, secrets: [] }, event.failure.code ?? 500, event.failure);
    this.#backOff.reset();
    this.#connected();
    if (event.kind === 'bookmark') {
      if (looksOlder(event.version, this.#latest))
        throw new SallyportError('API_EXPIRED', `${this.#title}: the history of the server went back`);
      this.#knows(event.version);
      return;
    }
    if (event.kind === 'put') listener.put(event.sent);
    else listener.deleted(event.sent);
    this.#knows(event.sent.version);
  }

  async #open(
    query: Readonly<Record<string, string>>,
    form: 'list' | 'watch',
    signal: AbortSignal,
  ): Promise<{ stream: ApiStream; encoding: Encoding<R> }> {
    const { api, path, query: selectors } = this.#options;
    const accept = [...new Set(this.#encodings.map((encoding) => encoding.accept[form]))].join(',');
    const deadline = form === 'list' ? { deadlineMs: PAGE_DEADLINE_MS } : {};
    const stream = await api.open(
      { method: 'GET', path, query: { ...selectors, ...query }, accept, ...deadline },
      signal,
      SILENCE_MS,
    );
    const encoding = this.#encodings.find(({ contentType }) => contentType === stream.contentType);
    if (encoding === undefined)
      throw new SallyportError('API_FAILED', `${this.#title}: the answer is ${stream.contentType || 'of no type'}`);
    return { stream, encoding };
  }

  /** What follows from an error; gives the milliseconds to wait. */
  #after(thrown: unknown): number {
    const error = this.#explain(thrown);
    if (this.#encodings.length > 1 && (thrown instanceof Undecodable || isEncodingRefused(error))) {
      // JSON is what every server can, and what everybody can read.
      const last = this.#encodings.at(-1);
      if (last !== undefined) this.#encodings = [last];
      this.#relist('the server and we do not understand each other in protobuf');
      return 0;
    }
    this.#options.listener.broken(error);
    this.#awaySince ??= this.#options.clock.monotonic();
    const wait = this.#backOff.next();
    if (error.code === 'API_EXPIRED') {
      this.#relist('the version to go on from is too old');
      return this.#backOff.failures === 1 ? 0 : wait;
    }
    this.#suspicious = true;
    if (thrown instanceof Undecodable) {
      // Once it may be the connection; twice at the same place it is the event.
      if (this.#undecodable === this.#latest) this.#relist('an event cannot be understood');
      this.#undecodable = this.#latest;
    }
    const asked = error.details['retryAfterMs'];
    return typeof asked === 'number' ? Math.max(asked * (1 + 0.1 * this.#options.random()), wait) : wait;
  }

  #explain(thrown: unknown): SallyportError {
    if (thrown instanceof Undecodable)
      return new SallyportError('API_FAILED', `${this.#title}: ${thrown.message}`, {}, thrown);
    return toSallyportError(thrown);
  }

  get #title(): string {
    return `${this.#options.api.title}${this.#options.path}`;
  }
}

function isEncodingRefused(thrown: unknown): boolean {
  const status = thrown instanceof SallyportError ? thrown.details['status'] : undefined;
  return status === 406 || status === 415;
}
