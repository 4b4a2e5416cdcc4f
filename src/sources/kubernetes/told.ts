import { type Resource, type ResourceKey, resourceKey, type UnreadFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { show } from '../../api/shape.ts';
import type { Read, Readable, Sent } from './encoding.ts';
import { Undecodable } from './undecodable.ts';

/** Where changes go. */
export interface Output<R = Resource> {
  put(key: ResourceKey, resource: R): void;
  /** `isEvent`: the server told of its deletion; it is not only missing from a list. */
  delete(key: ResourceKey, isEvent?: boolean): void;
}

/** An object of the server, compared with what was told of it. */
export interface Fresh<R = Resource> {
  /** Which object it is to everybody else. */
  readonly key: ResourceKey;
  /** Which it is to the server; another only in Calico's storage form. */
  readonly raw: ResourceKey;
  readonly uid: string;
  readonly version: string;
  /** Absent: as it was told last. */
  readonly read?: Read<R>;
  /** In Calico's storage form, where two objects can have one key. */
  readonly isStored?: true;
}

interface Known<R> {
  readonly raw: ResourceKey;
  readonly uid: string;
  version: string;
  /** As it was told last, where there are so many events that those which say nothing new are worth looking for. */
  readonly kept?: R | undefined;
  /** Whoever listens has it. */
  readonly isOut: boolean;
  /** The list that named it last, of those that are told as they come. */
  list: number;
  /** The object itself, where another one could take its key for a time. */
  readonly stored?: Fresh<R>;
}

/** They go when they cannot be read: nobody may keep a right that his labels, if they could be read, might no longer give him. */
const ENDPOINTS: ReadonlySet<string> = new Set(['Pod', 'HostEndpoint', 'WorkloadEndpoint']);

/** The objects of one kind, as they were told to whoever listens. */
export class Told<R extends Readable = Resource> {
  /** Objects that are there and cannot be read; of BorderFirewalls what can. */
  readonly broken = new Map<ResourceKey, UnreadFirewall | undefined>();
  readonly #type: string;
  readonly #output: Output<R>;
  readonly #isSame: ((known: R, fresh: R) => boolean) | undefined;
  readonly #said: () => void;
  readonly #objects = new Map<ResourceKey, Known<R>>();
  readonly #diagnostics = new Map<ResourceKey, readonly Diagnostic[]>();
  /** Keys of objects that the server calls by another name. */
  readonly #renamed = new Map<ResourceKey, ResourceKey>();
  /** Objects whose key another one has, by the server's name; the one whose name sorts first counts. */
  readonly #seconds = new Map<ResourceKey, Fresh<R>>();
  #all: readonly Diagnostic[] | undefined;
  /** The list under way, and how many objects it named. */
  #list = 0;
  #named = 0;

  /**
   * `isSame`: an event that says nothing new of an object is not told; for kinds with so many events that it is worth the memory. `said`: what is
   * wrong may be another thing, though nothing was told.
   */
  constructor(
    type: string,
    output: Output<R>,
    isSame?: (known: R, fresh: R) => boolean,
    said: () => void = () => undefined,
  ) {
    this.#type = type;
    this.#output = output;
    this.#isSame = isSame;
    this.#said = said;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Objects that the list under way has named. */
  get named(): number {
    return this.#named;
  }

  /** Everything that is wrong with the objects that are there; the same list as long as nothing changed in it. */
  get diagnostics(): readonly Diagnostic[] {
    this.#all ??= [...this.#diagnostics.values()].flat();
    return this.#all;
  }

  keys(): Iterable<ResourceKey> {
    return this.#objects.keys();
  }

  rawOf({ namespace, name }: Sent<R>): ResourceKey {
    return resourceKey({ type: this.#type, namespace, name });
  }

  /** All objects, as they were told. */
  *present(): Generator<Fresh<R>> {
    for (const [key, { raw, uid, version, stored }] of this.#objects) yield stored ?? { key, raw, uid, version };
  }

  /** Reads an object, unless it is as it was. `isStored`: in Calico's storage form, where names are others. */
  fresh(sent: Sent<R>, isStored: boolean): Fresh<R> {
    const { uid, version } = sent;
    const raw = this.rawOf(sent);
    const key = this.#keyOf(raw);
    const known = this.#objects.get(key);
    if (known !== undefined && known.raw === raw && known.uid === uid && known.version === version)
      return { key, raw, uid, version };
    const read = readSafely(sent, key);
    if (!isStored) return { key: raw, raw, uid, version, read };
    return { key: read.key ?? key, raw, uid, version, read, isStored };
  }

  /** A list begins that is told as it comes; what an earlier one named is void. */
  listBegins(): void {
    this.#list += 1;
    this.#named = 0;
  }

  /** Tells an object of the list under way, which is not in Calico's storage form. */
  name(sent: Sent<R>): void {
    const { uid, version } = sent;
    const raw = this.rawOf(sent);
    let known = this.#objects.get(raw);
    if (known === undefined || known.raw !== raw || known.uid !== uid || known.version !== version)
      known = this.#put({ key: raw, raw, uid, version, read: readSafely(sent, raw) }, known);
    if (known === undefined || known.list === this.#list) return;
    known.list = this.#list;
    this.#named += 1;
  }

  put(fresh: Fresh<R>): void {
    this.#put(fresh, this.#objects.get(fresh.key));
  }

  /** Gives what is known of it then. */
  #put(fresh: Fresh<R>, known: Known<R> | undefined): Known<R> | undefined {
    const { key, raw, uid, version, read } = fresh;
    const former = this.#keyOf(raw);
    if (former !== key && this.#objects.get(former)?.raw === raw) this.#forget(former);
    if (read === undefined) return known;
    if (known !== undefined && known.raw !== raw && this.#isSecond(known, fresh)) return known;
    if (this.#seconds.size > 0) this.#seconds.delete(raw);
    const kept = this.#isSame === undefined ? undefined : read.resource;
    if (kept !== undefined && known?.kept !== undefined && this.#isSame?.(known.kept, kept) === true) {
      known.version = version;
      this.#say(key, read.diagnostics);
      return known;
    }
    let isOut = known?.isOut ?? false;
    if (isOut && known?.uid !== uid) {
      this.#output.delete(key);
      isOut = false;
    }
    if (read.resource !== undefined) {
      this.#output.put(key, read.resource);
      isOut = true;
      if (this.broken.size > 0) this.broken.delete(key);
    } else {
      if (isOut && ENDPOINTS.has(this.#type)) {
        this.#output.delete(key);
        isOut = false;
      }
      this.broken.set(key, read.unread);
    }
    this.#say(key, read.diagnostics);
    if (raw !== key) this.#renamed.set(raw, key);
    // The texts of the resource serve here too.
    const entry = { raw, uid: read.resource?.uid === uid ? read.resource.uid : uid, version, kept, isOut, list: 0 };
    const now = fresh.isStored === true ? { ...entry, stored: fresh } : entry;
    this.#objects.set(key, now);
    return now;
  }

  #keyOf(raw: ResourceKey): ResourceKey {
    return this.#renamed.size === 0 ? raw : (this.#renamed.get(raw) ?? raw);
  }

  /** Whether another object has the key and keeps it. */
  #isSecond(known: Known<R>, fresh: Fresh<R>): boolean {
    if (fresh.raw > known.raw) {
      this.#seconds.set(fresh.raw, fresh);
      return true;
    }
    if (known.stored !== undefined) this.#seconds.set(known.raw, known.stored);
    return false;
  }

  /** An object of the server is gone. `uid`: of the one that is; `''`: whichever. */
  remove(raw: ResourceKey, uid = ''): void {
    this.#seconds.delete(raw);
    const key = this.#keyOf(raw);
    const known = this.#objects.get(key);
    if (known === undefined || known.raw !== raw || (uid !== '' && known.uid !== uid)) return;
    this.#forget(key, true);
    const next = [...this.#seconds.values()].filter((second) => second.key === key).sort(byRaw)[0];
    if (next !== undefined) this.put(next);
  }

  #forget(key: ResourceKey, isEvent = false): void {
    const known = this.#objects.get(key);
    if (known === undefined) return;
    if (known.isOut) this.#output.delete(key, isEvent);
    this.#objects.delete(key);
    this.#renamed.delete(known.raw);
    this.broken.delete(key);
    this.#say(key, []);
  }

  /** What there is now is exactly this, and what the list under way has named. */
  become(target: ReadonlyMap<ResourceKey, Fresh<R>>): void {
    this.#seconds.clear();
    const list = this.#list;
    // All of it was told as it came: a hundred thousand objects need not be looked at once more.
    const isTold = target.size === 0 && this.#named === this.#objects.size;
    const hasNamed = this.#named > 0;
    this.#named = 0;
    if (isTold) return;
    const keys = new Set<ResourceKey>();
    for (const { key } of target.values()) keys.add(key);
    for (const [key, known] of this.#objects) {
      if (hasNamed && known.list === list) continue;
      if (!keys.has(key)) this.#forget(key);
      // The key went over to another object of the server.
      else if (!target.has(known.raw)) this.#forget(key);
    }
    for (const fresh of target.values()) this.put(fresh);
  }

  #say(key: ResourceKey, diagnostics: readonly Diagnostic[]): void {
    if (diagnostics.length > 0) this.#diagnostics.set(key, diagnostics);
    else if (this.#diagnostics.size === 0 || !this.#diagnostics.delete(key)) return;
    this.#all = undefined;
    this.#said();
  }
}

/** A reader that throws is our mistake, and harms the one object: it counts as unreadable. */
function readSafely<R>(sent: Sent<R>, key: ResourceKey): Read<R> {
  try {
    return sent.read();
  } catch (thrown) {
    // That is about the whole of what the server sent.
    if (thrown instanceof Undecodable) throw thrown;
    const message = `reading it failed: ${show(String(thrown))}. The object counts as unreadable.`;
    return { diagnostics: [{ severity: 'error', code: 'READER_FAILED', object: key, path: '', message }] };
  }
}

function byRaw(a: Pick<Fresh, 'raw'>, b: Pick<Fresh, 'raw'>): number {
  return a.raw < b.raw ? -1 : 1;
}
