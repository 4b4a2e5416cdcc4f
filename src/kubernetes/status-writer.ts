import { type RawMap, isMap } from '../api/shape.ts';
import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import { type SallyportError, toSallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { ApiClient } from './api-client.ts';
import { resourcePath } from './resource-path.ts';
import { type Portion, type StatusObject, canonical, managerOf, portionOf, statusWith } from './status-part.ts';

/** Something that a status is to say. */
export interface StatusWish {
  readonly object: StatusObject;
  readonly portion: Portion;
  /**
   * What the portion is to be, made from what it is (`undefined`: nothing of it is there) shortly before it is sent; `undefined`: it
   * shall not be there. `status` is the whole status, as it was seen last. Pure.
   */
  readonly compose: (now: RawMap | undefined, status: RawMap | undefined) => RawMap | undefined;
  /** Members of the portion that are not worth a write of their own within `SLOW_MS`: numbers that follow pods. */
  readonly slow?: readonly string[];
  /** Whether this copy may still say it; asked before each write. */
  readonly mayWrite: () => boolean;
}

export interface StatusWriterOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  /** One request was made: `written`, `read`, or the code of the error. */
  readonly measure?: (result: string) => void;
}

/** Changes within this time are one write. */
const GATHER_MS = 1_000;
/** Two writes of one portion are at least so far apart. */
const APART_MS = 5_000;
const SLOW_MS = 30_000;
/** All requests together. */
const BURST = 40;
const PER_SECOND = 20;
/** What a watch tells so soon after a write may be older than the write. */
const SETTLE_MS = 5_000;
/** Pauses of one portion that is refused, and of all while the server does not answer or does not let us. */
const REFUSED_MS = { first: 60_000, most: 600_000 };
const AWAY_MS = { first: 1_000, most: 60_000 };
const FORBIDDEN_MS = { first: 30_000, most: 300_000 };

interface Part {
  readonly id: string;
  readonly path: string;
  wish: StatusWish;
  /** As the server acknowledged it, or as it was read; `unread`: nobody knows. */
  known: { readonly value: RawMap | undefined } | 'unread';
  /** The last one written, and what the server made of it: one that does not know a field yet leaves it out. */
  sent: { readonly wanted: RawMap | undefined; readonly served: string | undefined } | undefined;
  /** When it may be looked at (monotonic); absent: nothing is to be done. */
  due: number | undefined;
  wroteAt: number;
  pauseMs: number;
  /** Wished again while a request for it was under way. */
  again: boolean;
}

/**
 * Writes statuses: by server-side apply to the `status` sub-resource alone, only what differs from what the server holds, the newest wish
 * only, and never faster than a token bucket lets it. Its failures harm nothing else: they are logged once for each code, and tried again.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #bucket: TokenBucket;
  readonly #parts = new Map<string, Part>();
  /** The same by path of the object. */
  readonly #partsAt = new Map<string, Set<Part>>();
  /** The newest status of each object, as seen or answered, by path. */
  readonly #seen = new Map<string, { readonly uid: string | undefined; readonly status: RawMap | undefined }>();
  readonly #said = new Set<string>();
  /** Portions that the server refuses. */
  readonly #refused = new Set<string>();
  readonly #stop = new AbortController();
  #cancel = (): void => {};
  #wakeAt: number | undefined;
  #running: Promise<void> | undefined;
  /** Nothing is sent before (monotonic). */
  #closedUntil = 0;
  #closedMs = 0;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(options.clock, BURST, PER_SECOND);
  }

  /** How many portions wait to be written, and how many the server refuses. */
  get counts(): { readonly waiting: number; readonly refused: number } {
    let waiting = 0;
    for (const { due } of this.#parts.values()) if (due !== undefined) waiting += 1;
    return { waiting, refused: this.#refused.size };
  }

  /** The status of an object as it was seen last. */
  statusOf(object: StatusObject): RawMap | undefined {
    return this.#seen.get(pathOf(object))?.status;
  }

  /** Takes over a wish, and looks at it soon; returns at once. The newest for a portion counts. */
  wish(wish: StatusWish): void {
    const path = pathOf(wish.object);
    const id = `${path} ${managerOf(wish.portion)}`;
    const part = this.#parts.get(id);
    if (part === undefined || part.wish.object.uid !== wish.object.uid) {
      const seen = this.#seen.get(path);
      const known =
        seen !== undefined && seen.uid === wish.object.uid
          ? { value: portionOf(seen.status, wish.portion) }
          : ('unread' as const);
      const wroteAt = Number.NEGATIVE_INFINITY;
      this.#drop(id);
      this.#add({ id, path, wish, known, sent: undefined, due: undefined, wroteAt, pauseMs: 0, again: false });
    } else part.wish = wish;
    this.#mark(id);
  }

  /** The object as a watch tells it. Parts of it that differ from what was acknowledged are looked at again. */
  seen(object: StatusObject, status: RawMap | undefined): void {
    const path = pathOf(object);
    this.#seen.set(path, { uid: object.uid, status });
    for (const part of this.#partsAt.get(path) ?? []) {
      if (part.wish.object.uid !== object.uid) continue;
      const value = understood(part, portionOf(status, part.wish.portion));
      if (part.known !== 'unread' && canonical(part.known.value) === canonical(value)) continue;
      const fresh = this.#options.clock.monotonic() - part.wroteAt < SETTLE_MS;
      // Right after a write the watch may be behind; who is right is found out by reading.
      part.known = fresh ? 'unread' : { value };
      this.#mark(part.id, fresh ? SETTLE_MS : GATHER_MS);
    }
  }

  /** Somebody else speaks for this portion from now on: what was to be said of it is void, and what he writes is not answered. */
  leave(object: StatusObject, portion: Portion): void {
    this.#drop(`${pathOf(object)} ${managerOf(portion)}`);
  }

  /** The object is gone, and with it whatever was to be said of it. */
  forget(object: Omit<StatusObject, 'uid' | 'kind'>): void {
    const path = pathOf(object);
    this.#seen.delete(path);
    for (const { id } of this.#partsAt.get(path) ?? []) this.#drop(id);
  }

  /** Resolves when nothing is under way; what waits for its time does not count. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Ends the request under way; nothing more is sent. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancel();
    await this.settled();
  }

  #add(part: Part): void {
    this.#parts.set(part.id, part);
    const others = this.#partsAt.get(part.path);
    if (others === undefined) this.#partsAt.set(part.path, new Set([part]));
    else others.add(part);
  }

  #drop(id: string): void {
    const part = this.#parts.get(id);
    if (part === undefined) return;
    this.#parts.delete(id);
    this.#refused.delete(id);
    const others = this.#partsAt.get(part.path);
    others?.delete(part);
    if (others?.size === 0) this.#partsAt.delete(part.path);
  }

  #mark(id: string, afterMs = GATHER_MS): void {
    const part = this.#parts.get(id);
    if (part === undefined) return;
    part.again = true;
    const now = this.#options.clock.monotonic();
    const apart = Math.max(APART_MS, this.#refused.has(id) ? part.pauseMs : 0);
    part.due = Math.min(part.due ?? Number.POSITIVE_INFINITY, Math.max(now + afterMs, part.wroteAt + apart));
    this.#wake(part.due);
  }

  #wake(at: number): void {
    const { clock, log } = this.#options;
    if (this.#stop.signal.aborted || this.#running !== undefined) return;
    if (this.#wakeAt !== undefined && this.#wakeAt <= at) return;
    this.#cancel();
    this.#wakeAt = at;
    this.#cancel = clock.after(Math.max(0, at - clock.monotonic()), () => {
      this.#wakeAt = undefined;
      this.#running = this.#work().finally(() => {
        this.#running = undefined;
        this.#wakeNext();
      });
      background('writing statuses', this.#running, log);
    });
  }

  #wakeNext(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { due } of this.#parts.values()) if (due !== undefined && due < next) next = due;
    if (next !== Number.POSITIVE_INFINITY) this.#wake(Math.max(next, this.#closedUntil));
  }

  /** Everything that is due, one request after the other: a server that is slow to answer is not asked twice at once. */
  async #work(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const now = clock.monotonic();
      const due = [...this.#parts.values()].filter((part) => part.due !== undefined && part.due <= now);
      if (due.length === 0) return;
      for (const part of due) {
        if (this.#stop.signal.aborted || clock.monotonic() < this.#closedUntil) return;
        const wait = await this.#look(part);
        if (wait === 0) continue;
        this.#closedUntil = clock.monotonic() + wait;
        return;
      }
    }
  }

  /** Brings one portion up to date; milliseconds until the bucket has another token, where there was none. */
  async #look(part: Part): Promise<number> {
    const { clock } = this.#options;
    const { id, wish } = part;
    if (this.#parts.get(id) !== part) return 0;
    if (!wish.mayWrite()) {
      part.due = undefined;
      return 0;
    }
    if (part.known === 'unread') {
      const wait = this.#bucket.take();
      if (wait > 0) return wait;
      await this.#try(part, 'read', () => this.#read(part));
      return 0;
    }
    const { value } = part.known;
    const wanted = wish.compose(value, this.#seen.get(part.path)?.status);
    if (canonical(wanted) === canonical(value)) {
      part.due = undefined;
      part.again = false;
      if (this.#refused.has(id)) this.#mended(part);
      return 0;
    }
    const slowUntil = part.wroteAt + SLOW_MS;
    if (
      clock.monotonic() < slowUntil &&
      canonical(without(wanted, wish.slow)) === canonical(without(value, wish.slow))
    ) {
      part.due = slowUntil;
      return 0;
    }
    const wait = this.#bucket.take();
    if (wait > 0) return wait;
    part.again = false;
    await this.#try(part, 'written', () => this.#write(part, wanted));
    return 0;
  }

  async #read(part: Part): Promise<void> {
    const { object, portion } = part.wish;
    const answer = await this.#options.client.call(
      { method: 'GET', path: resourcePath(object, { namespace: object.namespace, name: object.name }) },
      this.#stop.signal,
    );
    const { uid, status } = readAnswer(answer);
    if (object.uid !== undefined && uid !== object.uid) {
      // Another object has the name now; whoever sees it wishes for it.
      this.#drop(part.id);
      return;
    }
    this.#seen.set(part.path, { uid: object.uid, status });
    part.known = { value: understood(part, portionOf(status, portion)) };
  }

  async #write(part: Part, wanted: RawMap | undefined): Promise<void> {
    const { object, portion } = part.wish;
    const { group, version, kind, namespace, name, uid } = object;
    const answer = await this.#options.client.call(
      {
        method: 'PATCH',
        path: resourcePath(object, { namespace, name, part: 'status' }),
        query: { fieldManager: managerOf(portion), force: 'true' },
        contentType: 'application/apply-patch+yaml',
        body: {
          apiVersion: group === '' ? version : `${group}/${version}`,
          kind,
          metadata: { name, ...(namespace === '' ? {} : { namespace }) },
          status: statusWith(wanted, portion),
        },
      },
      this.#stop.signal,
    );
    const { uid: answered, status } = readAnswer(answer);
    if (uid !== undefined && answered !== uid) {
      // A write to a status cannot be bound to a uid: this one met the successor. What that one's own wish says takes its place.
      this.#drop(part.id);
      return;
    }
    this.#seen.set(part.path, { uid, status });
    part.known = { value: wanted };
    part.sent = { wanted, served: canonical(portionOf(status, portion)) };
    part.wroteAt = this.#options.clock.monotonic();
    part.due = part.again ? part.wroteAt + APART_MS : undefined;
  }

  async #try(part: Part, what: 'read' | 'written', request: () => Promise<void>): Promise<void> {
    const { measure } = this.#options;
    try {
      await request();
    } catch (thrown) {
      if (this.#stop.signal.aborted) return;
      const error = toSallyportError(thrown);
      measure?.(error.code);
      this.#failed(part, error);
      return;
    }
    measure?.(what);
    this.#closedMs = 0;
    if (what === 'written') this.#mended(part);
  }

  /** The server holds what the portion is to be. */
  #mended(part: Part): void {
    part.pauseMs = 0;
    this.#refused.delete(part.id);
    if (this.#refused.size > 0 || this.#said.size === 0) return;
    this.#said.clear();
    this.#options.log.info({}, 'statuses are written again');
  }

  #failed(part: Part, error: SallyportError): void {
    const { clock, log } = this.#options;
    const now = clock.monotonic();
    const { code } = error;
    if (code === 'API_NOT_FOUND') return this.#drop(part.id);
    if (code === 'API_CONFLICT') {
      part.known = 'unread';
      part.due = now + APART_MS;
      return;
    }
    const fields = { code, error: error.message, object: `${part.wish.object.kind}/${part.wish.object.name}` };
    if (!this.#said.has(code)) log.warn(fields, 'a status could not be written; firewalls are served all the same');
    this.#said.add(code);
    const asked = error.details['retryAfterMs'];
    const closes = code === 'API_FORBIDDEN' || code === 'API_UNAUTHORIZED' ? FORBIDDEN_MS : AWAY_MS;
    if (error.blame === 'transient' || closes === FORBIDDEN_MS) {
      this.#closedMs = Math.min(closes.most, Math.max(closes.first, this.#closedMs * 2));
      this.#closedUntil = now + Math.max(this.#closedMs, typeof asked === 'number' ? asked : 0);
      return;
    }
    this.#refused.add(part.id);
    part.pauseMs = Math.min(REFUSED_MS.most, Math.max(REFUSED_MS.first, part.pauseMs * 2));
    part.wroteAt = now;
    part.due = now + part.pauseMs;
  }
}

function pathOf(object: Omit<StatusObject, 'uid' | 'kind'>): string {
  return resourcePath(object, { namespace: object.namespace, name: object.name });
}

/** What the server made of the last write stands for what was written. */
function understood({ sent }: Part, value: RawMap | undefined): RawMap | undefined {
  return sent !== undefined && canonical(value) === sent.served ? sent.wanted : value;
}

function without(part: RawMap | undefined, members: readonly string[] = []): RawMap | undefined {
  return part && Object.fromEntries(Object.entries(part).filter(([name]) => !members.includes(name)));
}

function readAnswer(answer: unknown): { readonly uid: unknown; readonly status: RawMap | undefined } {
  const { metadata, status } = isMap(answer) ? answer : {};
  return { uid: isMap(metadata) ? metadata['uid'] : undefined, status: isMap(status) ? status : undefined };
}
