import {
  type ReadResource,
  type Resource,
  type ResourceKey,
  type ResourceType,
  resourceKey,
} from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Sent } from './encoding.ts';

/** Where changes go. */
export interface Output {
  put(key: ResourceKey, resource: Resource): void;
  delete(key: ResourceKey): void;
}

/** An object of the server, compared with what was told of it. */
export interface Fresh {
  /** Which object it is to everybody else. */
  readonly key: ResourceKey;
  /** Which it is to the server; another only in Calico's storage form. */
  readonly raw: ResourceKey;
  readonly uid: string;
  readonly version: string;
  /** Absent: as it was told last. */
  readonly read?: ReadResource;
  /** In Calico's storage form, where two objects can have one key. */
  readonly isStored?: true;
}

const NONE: ReadonlySet<ResourceKey> = new Set();

interface Known {
  readonly raw: ResourceKey;
  readonly uid: string;
  readonly version: string;
  /** Whoever listens has it. */
  readonly isOut: boolean;
  /** The object itself, where another one could take its key for a time. */
  readonly stored?: Fresh;
}

/** They go when they cannot be read: nobody may keep a right that his labels, if they could be read, might no longer give him. */
const ENDPOINTS: ReadonlySet<ResourceType> = new Set(['Pod', 'HostEndpoint', 'WorkloadEndpoint']);

/** The objects of one kind, as they were told to whoever listens. */
export class Told {
  readonly broken = new Set<ResourceKey>();
  readonly #type: ResourceType;
  readonly #output: Output;
  readonly #objects = new Map<ResourceKey, Known>();
  readonly #diagnostics = new Map<ResourceKey, readonly Diagnostic[]>();
  /** Keys of objects that the server calls by another name. */
  readonly #renamed = new Map<ResourceKey, ResourceKey>();
  /** Objects whose key another one has, by the server's name; the one whose name sorts first counts. */
  readonly #seconds = new Map<ResourceKey, Fresh>();
  #all: readonly Diagnostic[] | undefined;

  constructor(type: ResourceType, output: Output) {
    this.#type = type;
    this.#output = output;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Everything that is wrong with the objects that are there; the same list as long as nothing changed in it. */
  get diagnostics(): readonly Diagnostic[] {
    this.#all ??= [...this.#diagnostics.values()].flat();
    return this.#all;
  }

  keys(): Iterable<ResourceKey> {
    return this.#objects.keys();
  }

  rawOf({ namespace, name }: Sent): ResourceKey {
    return resourceKey({ type: this.#type, namespace, name });
  }

  /** All objects, as they were told. */
  *present(): Generator<Fresh> {
    for (const [key, { raw, uid, version, stored }] of this.#objects) yield stored ?? { key, raw, uid, version };
  }

  /** Reads an object, unless it is as it was. `isStored`: in Calico's storage form, where names are others. */
  fresh(sent: Sent, isStored: boolean): Fresh {
    const { uid, version } = sent;
    const raw = this.rawOf(sent);
    const key = this.#renamed.get(raw) ?? raw;
    const known = this.#objects.get(key);
    if (known !== undefined && known.raw === raw && known.uid === uid && known.version === version)
      return { key, raw, uid, version };
    const read = sent.read();
    if (!isStored) return { key: raw, raw, uid, version, read };
    return { key: read.key ?? raw, raw, uid, version, read, isStored };
  }

  put(fresh: Fresh): void {
    const { key, raw, uid, version, read } = fresh;
    const former = this.#renamed.get(raw) ?? raw;
    if (former !== key && this.#objects.get(former)?.raw === raw) this.#forget(former);
    const known = this.#objects.get(key);
    if (read === undefined) return;
    if (known !== undefined && known.raw !== raw && this.#isSecond(known, fresh)) return;
    this.#seconds.delete(raw);
    let isOut = known?.isOut ?? false;
    if (isOut && known?.uid !== uid) {
      this.#output.delete(key);
      isOut = false;
    }
    if (read.resource !== undefined) {
      this.#output.put(key, read.resource);
      isOut = true;
      this.broken.delete(key);
    } else {
      if (isOut && ENDPOINTS.has(this.#type)) {
        this.#output.delete(key);
        isOut = false;
      }
      this.broken.add(key);
    }
    this.#say(key, read.diagnostics);
    if (raw !== key) this.#renamed.set(raw, key);
    // The texts of the resource serve here too.
    const entry = { raw, uid: read.resource?.uid === uid ? read.resource.uid : uid, version, isOut };
    this.#objects.set(key, fresh.isStored === true ? { ...entry, stored: fresh } : entry);
  }

  /** Whether another object has the key and keeps it. */
  #isSecond(known: Known, fresh: Fresh): boolean {
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
    const key = this.#renamed.get(raw) ?? raw;
    const known = this.#objects.get(key);
    if (known === undefined || known.raw !== raw || (uid !== '' && known.uid !== uid)) return;
    this.#forget(key);
    const next = [...this.#seconds.values()].filter((second) => second.key === key).sort(byRaw)[0];
    if (next !== undefined) this.put(next);
  }

  #forget(key: ResourceKey): void {
    const known = this.#objects.get(key);
    if (known === undefined) return;
    if (known.isOut) this.#output.delete(key);
    this.#objects.delete(key);
    this.#renamed.delete(known.raw);
    this.broken.delete(key);
    this.#say(key, []);
  }

  /** What there is now is exactly this, and `named`, which was told already. */
  become(target: ReadonlyMap<ResourceKey, Fresh>, named: ReadonlySet<ResourceKey> = NONE): void {
    this.#seconds.clear();
    // All of it was told as it came: a hundred thousand objects need not be looked at once more.
    if (target.size === 0 && named.size === this.#objects.size) return;
    const keys = new Set<ResourceKey>();
    for (const { key } of target.values()) keys.add(key);
    for (const [key, known] of this.#objects) {
      if (named.has(key)) continue;
      if (!keys.has(key)) this.#forget(key);
      // The key went over to another object of the server.
      else if (!target.has(known.raw)) this.#forget(key);
    }
    for (const fresh of target.values()) this.put(fresh);
  }

  #say(key: ResourceKey, diagnostics: readonly Diagnostic[]): void {
    if (diagnostics.length > 0) this.#diagnostics.set(key, diagnostics);
    else if (!this.#diagnostics.delete(key)) return;
    this.#all = undefined;
  }
}

function byRaw(a: Fresh, b: Fresh): number {
  return a.raw < b.raw ? -1 : 1;
}
