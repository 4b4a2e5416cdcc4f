import type { Clock } from '../../../src/base/clock.ts';
import { type KindCall, flag } from './call.ts';
import type { Encoding } from './encoding.ts';
import { type Entry, ObjectEntry } from './entry.ts';
import type { Active } from './faults.ts';
import { collectionOf } from './kinds.ts';
import { checkOptions, readVersion, wantsInitialEvents } from './listing.ts';
import type { Reply, Sink } from './reply.ts';
import { selection } from './selectors.ts';
import { badRequest, expired, tooLarge } from './status.ts';
import type { Store, StoreEvent, Table } from './store.ts';

export interface WatchSettings {
  /** Milliseconds between bookmarks. */
  readonly bookmarkMs: number;
  /** A version that is too old is told as an ERROR event in a 200 (as a real one does), or as HTTP status 410. */
  readonly expiredAs: 'event' | 'status';
  /** Whether `sendInitialEvents` is served. */
  readonly streamingLists: boolean;
}

/** Bytes that are put together before they are written. */
const BATCH = 256 * 1024;
/** A watch without `timeoutSeconds` ends after this many. */
const LONGEST = 1_800;
/** The last bookmark comes so long before the end. */
const LAST_BOOKMARK_MS = 2_000;

/** One open watch. It follows the history of its collection at the pace at which its client reads. */
class Watcher {
  readonly #store: Store;
  readonly #table: Table;
  readonly #encoding: Encoding;
  readonly #matches: (entry: Entry) => boolean;
  readonly #active: Active;
  readonly #sink: Sink;
  /** State that is sent first, and how far it is sent. */
  readonly #initial: readonly Entry[];
  #sentInitial = 0;
  /** Of the bookmark that ends the state; `undefined`: none, or sent. */
  #end: number | undefined;
  #position: number;
  /** Events up to this version are known to the client. */
  readonly #floor: number;
  #again: Buffer | undefined;
  #blocked = false;
  #due = false;
  #closed = false;

  constructor(
    parts: { store: Store; table: Table; encoding: Encoding; matches: (entry: Entry) => boolean; active: Active },
    sink: Sink,
    from: { initial: readonly Entry[]; end: number | undefined; position: number; floor: number },
  ) {
    this.#store = parts.store;
    this.#table = parts.table;
    this.#encoding = parts.encoding;
    this.#matches = parts.matches;
    this.#active = parts.active;
    this.#sink = sink;
    this.#initial = from.initial;
    this.#end = from.end;
    this.#position = from.position;
    this.#floor = from.floor;
  }

  run(): void {
    const stop = this.#table.onEvent(() => this.#soon());
    this.#sink.onDrain(() => {
      this.#blocked = false;
      this.#pump();
    });
    this.#sink.onClose(() => {
      this.#closed = true;
      stop();
    });
    this.#soon();
  }

  /** Tells the version that everything has been sent up to; nothing if not everything has. */
  bookmark(): void {
    if (this.#active.noBookmarks || this.#active.noEvents) return;
    this.#pump();
    const behind = this.#position < this.#table.end || this.#sentInitial < this.#initial.length;
    if (this.#closed || this.#blocked || behind || this.#store.version <= this.#floor) return;
    this.#write([this.#encoding.bookmark(this.#store.version, false)]);
  }

  /** Events of one turn of the event loop go out together. */
  #soon(): void {
    if (this.#due || this.#blocked || this.#closed) return;
    this.#due = true;
    setImmediate(() => {
      this.#due = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#closed && !this.#blocked) {
      const batch: Buffer[] = [];
      let size = 0;
      while (size < BATCH) {
        const next = this.#next();
        if (next === undefined) break;
        batch.push(next);
        size += next.length;
      }
      if (batch.length === 0) return;
      this.#write(batch);
    }
  }

  #write(batch: readonly Buffer[]): void {
    const [first] = batch;
    if (first === undefined || this.#closed) return;
    if (!this.#sink.write(batch.length === 1 ? first : Buffer.concat(batch))) this.#blocked = true;
  }

  /** The next thing to send. */
  #next(): Buffer | undefined {
    if (this.#active.noEvents) return undefined;
    if (this.#again !== undefined) {
      const again = this.#again;
      this.#again = undefined;
      return again;
    }
    while (this.#sentInitial < this.#initial.length) {
      const entry = this.#initial[this.#sentInitial++];
      if (entry !== undefined && this.#matches(entry)) return this.#encoding.event('ADDED', entry);
    }
    if (this.#end !== undefined) {
      const version = this.#end;
      this.#end = undefined;
      if (!this.#active.noBookmarks) return this.#encoding.bookmark(version, true);
    }
    for (;;) {
      const event = this.#table.eventAt(this.#position);
      if (event === 'lost') {
        // Too slow a reader: the real one ends its watch as well.
        this.#sink.end();
        return undefined;
      }
      if (event === undefined) return undefined;
      this.#position++;
      const told = event.version > this.#floor ? this.#told(event) : undefined;
      if (told === undefined) continue;
      if (this.#active.duplicates) this.#again = told;
      return told;
    }
  }

  /** What a client with this selector is told of an event. */
  #told({ type, entry, previous, version }: StoreEvent): Buffer | undefined {
    const was = previous !== undefined && this.#matches(previous);
    if (type === 'DELETED') return was ? this.#encoding.event('DELETED', entry) : undefined;
    const is = this.#matches(entry);
    if (is) return this.#encoding.event(was ? 'MODIFIED' : 'ADDED', entry);
    // Left the selection: told with what was selected, under the new version.
    return was ? this.#encoding.event('DELETED', new ObjectEntry(previous.object, version)) : undefined;
  }
}

function expiredWatch(encoding: Encoding, refusal: ReturnType<typeof expired>, settings: WatchSettings): Reply {
  if (settings.expiredAs === 'status') throw refusal;
  return {
    status: 200,
    headers: { 'content-type': encoding.watchContentType },
    stream: (sink) => {
      sink.write(encoding.error(refusal.body));
      sink.end();
    },
  };
}

/** Answers a watch. */
export function watch(
  call: KindCall,
  store: Store,
  encoding: Encoding,
  clock: Clock,
  settings: WatchSettings,
  active: Active,
): Reply {
  const { query, kind, namespace, name } = call;
  checkOptions(call, settings.streamingLists);
  const selected = selection(query, kind);
  const matches = (entry: Entry): boolean =>
    (namespace === '' || entry.namespace === namespace) &&
    (name === '' || entry.name === name) &&
    selected?.(entry) !== false;
  const seconds = Number(query.get('timeoutSeconds') ?? LONGEST);
  if (!Number.isInteger(seconds) || seconds < 0)
    throw badRequest(`timeoutSeconds is not valid: "${query.get('timeoutSeconds') ?? ''}"`);
  const asked = query.get('resourceVersion') ?? '';
  const version = asked === '' ? 0 : readVersion(asked, true);
  const table = store.table(collectionOf(kind));
  const streams = wantsInitialEvents(query);
  if (streams && version > store.version) throw tooLarge(asked, store.version);
  const withState = streams || (version === 0 && query.get('sendInitialEvents') === null);
  const position = withState || version === 0 ? table.end : table.positionAfter(version);
  if (position === undefined || active.expired !== undefined) {
    const told = expired(`too old resource version: ${version} (${table.oldest})`);
    return expiredWatch(encoding, told, { ...settings, expiredAs: active.expired ?? settings.expiredAs });
  }
  const state = withState ? (table.at(store.version) ?? []) : [];
  const initial = active.bend?.(state) ?? state;
  const bookmarks = flag(query, 'allowWatchBookmarks');
  const floor = withState ? 0 : version;
  const end = streams && bookmarks ? store.version : undefined;

  const stream = (sink: Sink): void => {
    const watcher = new Watcher({ store, table, encoding, matches, active }, sink, { initial, end, position, floor });
    const cancels: (() => void)[] = [];
    const later = (ms: number, act: () => void): void => {
      cancels.push(clock.after(ms, act));
    };
    sink.onClose(() => {
      for (const cancel of cancels) cancel();
    });
    const timeoutMs = (seconds === 0 ? LONGEST : seconds) * 1_000;
    later(timeoutMs, () => sink.end());
    if (bookmarks) {
      const next = (): void => {
        cancels.length = lasting;
        later(settings.bookmarkMs, () => {
          watcher.bookmark();
          next();
        });
      };
      if (timeoutMs > LAST_BOOKMARK_MS) later(timeoutMs - LAST_BOOKMARK_MS, () => watcher.bookmark());
      const lasting = cancels.length;
      next();
    }
    watcher.run();
  };
  return { status: 200, headers: { 'content-type': encoding.watchContentType }, stream };
}
