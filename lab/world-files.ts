import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unfoldList } from '../src/api/list.ts';
import type { Diagnostic } from '../src/base/diagnostic.ts';
import { encodeForDevice } from '../src/base/encode.ts';
import { SallyportError } from '../src/base/error.ts';
import { type Address, formatAddress, parseAddress } from '../src/ip/address.ts';
import { PrefixSet } from '../src/ip/prefix-set.ts';
import { readManifestText } from '../src/sources/manifests/document.ts';
import { lookAtFolder, readManifestFile } from '../src/sources/manifests/folder.ts';

/** An API object as it was written; only what the lab changes is looked at. */
export interface RawObject {
  kind: string;
  metadata: { name: string; namespace?: string; uid?: string; labels?: Record<string, string> };
  spec?: Record<string, unknown>;
  status?: { podIP?: string; podIPs?: { ip: string }[] };
}

function isRawObject(value: unknown): value is RawObject {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('metadata' in value)) return false;
  const { kind, metadata } = value;
  return (
    typeof kind === 'string' &&
    typeof metadata === 'object' &&
    metadata !== null &&
    'name' in metadata &&
    typeof metadata.name === 'string'
  );
}

/** `Kind/namespace/name`, or `Kind/name` without a namespace. */
export function rawKey(object: RawObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? `${object.kind}/${name}` : `${object.kind}/${namespace}/${name}`;
}

/**
 * A private copy of a manifests folder, one file per object, that the lab may change as a user would: each change is a file that
 * appears, is replaced in one step, or goes. The original is never touched.
 */
export class WorldFiles {
  readonly folder: string;
  readonly #objects = new Map<string, { object: RawObject; file: string }>();
  #count = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Copies what reads below `path` into a new `folder`; what does not read is returned as diagnostics. */
  static async copy(path: string, folder: string): Promise<{ files: WorldFiles; diagnostics: readonly Diagnostic[] }> {
    await mkdir(folder);
    const files = new WorldFiles(folder);
    const { files: found, problems } = await lookAtFolder(path);
    const diagnostics: Diagnostic[] = [...problems];
    for (const { path: file } of found) {
      const read = await readManifestFile(file);
      if ('problem' in read) {
        diagnostics.push(read.problem);
        continue;
      }
      const { objects, problems: mistakes } = readManifestText(read.text, file);
      diagnostics.push(...mistakes);
      for (const { raw } of objects)
        for (const { item } of unfoldList(raw) ?? [{ item: raw }]) if (isRawObject(item)) await files.put(item);
    }
    return { files, diagnostics };
  }

  list(kind: string): readonly RawObject[] {
    return this.all().filter((object) => object.kind === kind);
  }

  all(): readonly RawObject[] {
    return [...this.#objects.values()].map((entry) => entry.object);
  }

  get(key: string): RawObject | undefined {
    return this.#objects.get(key)?.object;
  }

  async put(object: RawObject): Promise<void> {
    const key = rawKey(object);
    const file = this.#objects.get(key)?.file ?? join(this.folder, this.#newName(key));
    this.#objects.set(key, { object, file });
    await writeFile(`${file}.new`, `${JSON.stringify(object, null, 2)}\n`);
    await rename(`${file}.new`, file);
  }

  async delete(key: string): Promise<void> {
    const entry = this.#objects.get(key);
    if (entry === undefined) throw new SallyportError('NOT_FOUND', `there is no ${key} in the lab's world`);
    this.#objects.delete(key);
    await rm(entry.file);
  }

  /**
   * Adds pods like the first whose name begins so, each with free addresses next to its. `wire` is called before any of them is written:
   * a pod's network is there before its address is known.
   */
  async scale(
    like: string,
    add: number,
    name: string,
    wire: (pods: readonly RawObject[]) => Promise<void>,
  ): Promise<readonly RawObject[]> {
    const [namespace = '', prefix = ''] = like.split('/');
    const model = this.list('Pod').find(
      (pod) => pod.metadata.namespace === namespace && pod.metadata.name.startsWith(prefix),
    );
    if (model === undefined) throw new SallyportError('NOT_FOUND', `no pod is named ${like}`);
    const made: RawObject[] = [];
    const taken = new Set<string>();
    for (let index = 1; index <= add; index++) {
      const podIPs = (model.status?.podIPs ?? []).map(({ ip }) => ({ ip: this.#freeAddress(ip, taken) }));
      const { uid: _, ...metadata } = model.metadata;
      made.push({
        ...model,
        metadata: { ...metadata, name: `${name}-${index}` },
        status: { ...model.status, podIPs, ...(podIPs[0] === undefined ? {} : { podIP: podIPs[0].ip }) },
      });
    }
    await wire(made);
    for (const pod of made) await this.put(pod);
    return made;
  }

  /** Sets labels of one pod; `null` takes a label away. */
  async label(pod: string, set: Readonly<Record<string, string | null>>): Promise<void> {
    const object = this.get(`Pod/${pod}`);
    if (object === undefined) throw new SallyportError('NOT_FOUND', `there is no pod ${pod} in the lab's world`);
    const labels = new Map(Object.entries(object.metadata.labels ?? {}));
    for (const [key, value] of Object.entries(set)) {
      if (value === null) labels.delete(key);
      else labels.set(key, value);
    }
    await this.put({ ...object, metadata: { ...object.metadata, labels: Object.fromEntries(labels) } });
  }

  /** A name that nobody else has and that says what is inside: `053-ClusterBorderPolicy-baseline.json`. */
  #newName(key: string): string {
    const number = String(this.#count++).padStart(3, '0');
    return `${number}-${encodeForDevice(key, 120).replaceAll('/', '-')}.json`;
  }

  /** The nearest address above `ip` that no pod has and that is not `taken`; takes it. */
  #freeAddress(ip: string, taken: Set<string>): string {
    const start = parseAddress(ip);
    if (start === undefined) throw new SallyportError('NOT_FOUND', `${ip} is no address`);
    const used = this.list('Pod')
      .flatMap((pod) => (pod.status?.podIPs ?? []).map((entry) => entry.ip))
      .concat([...taken])
      .map(parseAddress)
      .filter((address): address is Address => address !== undefined);
    const last = parseAddress(start.family === 4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
    const free = PrefixSet.range(start, last ?? start)
      .subtract(PrefixSet.ofAddresses(used))
      .first(start.family);
    if (free === undefined) throw new SallyportError('NOT_FOUND', `no address is free above ${ip}`);
    const text = formatAddress(free);
    taken.add(text);
    return text;
  }
}

/** The text of the story beside a manifests folder: `examples/shop` → `examples/shop.lab.yaml`. */
export async function storyBeside(path: string): Promise<{ text: string; file: string } | undefined> {
  const file = `${path.replace(/\/+$/, '')}.lab.yaml`;
  try {
    return { text: await readFile(file, 'utf8'), file };
  } catch {
    return undefined;
  }
}
