import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Resource, ResourceKey } from '../../api/resource.ts';
import type { Clock } from '../../base/clock.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Delivery, ResourceChange, Source, SourceState } from '../source.ts';
import {
  type FolderState,
  isAsItWas,
  lookAtFolder,
  READ_AGAIN,
  readManifestFile,
  UNSTEADY,
  type WatchedFolder,
} from './folder.ts';
import { FolderWatch } from './folder-watch.ts';
import { combineReadings, type Reading, readText, type TextReading } from './reading.ts';

/** How long the folder must stay still before it is read: an editor or `git checkout` writes a file in several steps. */
const SETTLE_MS = 10;
/** A folder that never stays still is read all the same after so many waits. */
const SETTLE_WAITS = 20;
/** Looking without being told; file systems that do not tell (NFS, some containers) are followed at this pace. */
const LOOK_MS = 2_000;
/** The previous look's files by path, each with what it gave. */
type Cache = ReadonlyMap<string, { readonly signature: string; readonly reading: TextReading }>;

/** What has labels and addresses of its own. */
const ENDPOINTS: ReadonlySet<Resource['type']> = new Set(['Pod', 'HostEndpoint', 'WorkloadEndpoint']);

/**
 * A folder (or one file) of manifests, watched. Each change gives one delivery: the difference to what was delivered last. What cannot be
 * believed (an unreadable file, an empty folder, more than half of the objects gone at once) freezes the folder's last complete reading;
 * before the first complete reading it means `loading`.
 */
export class ManifestsSource implements Source {
  readonly name: string;
  readonly #path: string;
  readonly #clock: Clock;
  #cache: Cache = new Map();
  #delivered: ReadonlyMap<ResourceKey, Resource> | undefined;
  #frozenSince: number | undefined;
  #lastLook = '';
  #unsteadyReadings = 0;

  constructor(name: string, path: string, clock: Clock) {
    this.name = name;
    this.#path = path;
    this.#clock = clock;
  }

  async run(deliver: (delivery: Delivery) => void, signal: AbortSignal): Promise<void> {
    let told = false;
    let wake = (): void => {};
    const tell = (): void => {
      told = true;
      wake();
    };
    const sleep = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        if (told || signal.aborted) return resolve();
        const cancel = this.#clock.after(ms, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
    signal.addEventListener('abort', tell);
    const watching = new FolderWatch(tell);
    try {
      while (!signal.aborted) {
        told = false;
        const { folders, again } = await this.#look(deliver);
        if (watching.follow(folders) || again) told = true;
        await sleep(LOOK_MS);
        for (let waits = 0; told && waits < SETTLE_WAITS && !signal.aborted; waits++) {
          told = false;
          await sleep(SETTLE_MS);
        }
      }
    } finally {
      signal.removeEventListener('abort', tell);
      watching.close();
    }
  }

  /** Delivers what changed since the last look; gives the folders to watch, and whether to look again at once. */
  async #look(
    deliver: (delivery: Delivery) => void,
  ): Promise<{ readonly folders: readonly WatchedFolder[]; readonly again: boolean }> {
    const folder = await lookAtFolder(this.#path);
    const look = JSON.stringify([folder.files, folder.problems]);
    if (look === this.#lastLook) return { folders: folder.folders, again: false };
    const { reading, problems, whole } = await this.#read(folder);
    const all = [...folder.problems, ...problems, ...reading.diagnostics];
    this.#lastLook = whole ? look : '';
    // Of what changed meanwhile nobody knows that it ever stood there together: an object that went over to another file may be in neither.
    this.#unsteadyReadings = whole ? 0 : this.#unsteadyReadings + 1;
    if (!whole && this.#unsteadyReadings <= READ_AGAIN) return { folders: folder.folders, again: true };
    const isBroken = folder.problems.length + problems.length > 0 || reading.unreadable;
    const doubt = isBroken ? 'a file or folder of the manifests cannot be read' : whole ? undefined : UNSTEADY;
    deliver(this.#judge(reading, all, doubt));
    return { folders: folder.folders, again: false };
  }

  async #read(folder: FolderState): Promise<{ reading: Reading; problems: readonly Diagnostic[]; whole: boolean }> {
    const problems: Diagnostic[] = [];
    const cache = new Map<string, { signature: string; reading: TextReading }>();
    for (const { path, signature } of folder.files) {
      const known = this.#cache.get(path);
      if (known?.signature === signature) {
        cache.set(path, known);
        continue;
      }
      const file = await readManifestFile(path);
      if ('problem' in file) problems.push(file.problem);
      else cache.set(path, { signature, reading: readText(file.text, path) });
      await nextTurn(); // other work between files: reading a large folder takes seconds
    }
    this.#cache = cache;
    const whole = await isAsItWas(this.#path, folder);
    return { reading: combineReadings([...cache.values()].map((entry) => entry.reading)), problems, whole };
  }

  /** Whether a reading is believed, and the delivery that follows. `unsound`: why it is not, however it looks. */
  #judge(reading: Reading, diagnostics: readonly Diagnostic[], unsound: string | undefined): Delivery {
    const doubt = this.#doubt(reading, unsound) ?? this.#lost(reading);
    if (doubt === undefined) {
      const resources = this.#withBroken(reading);
      const changes = difference(this.#delivered ?? new Map(), resources);
      this.#delivered = resources;
      this.#frozenSince = undefined;
      return { changes, state: { kind: 'complete' }, diagnostics, broken: reading.broken, unread: reading.unread };
    }
    const said = doubt.diagnostic === undefined ? diagnostics : [...diagnostics, doubt.diagnostic];
    return { changes: [], state: this.#kept(doubt.reason), diagnostics: said };
  }

  /**
   * An object that broke is not gone: it stays as it was read last, where it was. But not endpoints: nobody may keep a right that his
   * labels, if they could be read, might no longer give him.
   */
  #withBroken(reading: Reading): ReadonlyMap<ResourceKey, Resource> {
    const kept = [...reading.broken].flatMap((key) => {
      const last = this.#delivered?.get(key);
      if (last === undefined || ENDPOINTS.has(last.type)) return [];
      return [[key, last] as const];
    });
    return kept.length === 0 ? reading.resources : new Map([...reading.resources, ...kept]);
  }

  #doubt(reading: Reading, unsound: string | undefined): { reason: string; diagnostic?: Diagnostic } | undefined {
    if (unsound !== undefined) return { reason: unsound };
    const at = { file: this.#path };
    if (reading.objects === 0) {
      const message = 'the folder holds no objects; what was read last stays in force';
      return {
        reason: 'the manifests folder is empty',
        diagnostic: { severity: 'error', code: 'MANIFEST_EMPTY', message, path: '', at },
      };
    }
    const before = this.#delivered?.size ?? 0;
    let kept = 0;
    for (const key of this.#delivered?.keys() ?? [])
      if (reading.resources.has(key) || reading.broken.has(key)) kept += 1;
    if (before >= 4 && kept * 2 < before) {
      const message = `${before - kept} of ${before} objects vanished at once; what was read before stays in force`;
      return {
        reason: 'more than half of the objects vanished at once',
        diagnostic: { severity: 'error', code: 'MANIFEST_SHRUNK', message, path: '', at },
      };
    }
    return undefined;
  }

  /**
   * Objects that went out of a file which is there, and in which nothing stands or something that nobody can name: half written, or with
   * a slip in the very name. Only a file that reads whole says that an object is gone.
   */
  #lost(reading: Reading): { reason: string; diagnostic: Diagnostic } | undefined {
    const doubtful = new Set<string>();
    for (const [path, entry] of this.#cache) if (entry.reading.doubtful) doubtful.add(path);
    if (doubtful.size === 0) return undefined;
    for (const [key, { place }] of this.#delivered ?? []) {
      const { file } = place;
      if (file === undefined || !doubtful.has(file) || reading.resources.has(key) || reading.broken.has(key)) continue;
      const message = `${key} stood here, and what stands here now does not say that it is gone; mend the file, or remove the object with all that cannot be read`;
      return {
        reason: 'objects vanished from a file that cannot be understood',
        diagnostic: { severity: 'error', code: 'MANIFEST_LOST', message, object: key, path: '', at: { file } },
      };
    }
    return undefined;
  }

  #kept(reason: string): SourceState {
    if (this.#delivered === undefined) return { kind: 'loading', reason };
    this.#frozenSince ??= this.#clock.wall();
    return { kind: 'frozen', sinceMs: this.#frozenSince, reason };
  }
}

/** What leads from one state to another; removals first, so that an address that moves is free before it is taken. */
function difference(
  before: ReadonlyMap<ResourceKey, Resource>,
  after: ReadonlyMap<ResourceKey, Resource>,
): readonly ResourceChange[] {
  const changes: ResourceChange[] = [];
  for (const key of before.keys()) if (!after.has(key)) changes.push({ kind: 'delete', key });
  for (const [key, resource] of after) if (before.get(key) !== resource) changes.push({ kind: 'put', resource });
  return changes;
}
