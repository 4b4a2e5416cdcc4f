import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Document, parseAllDocuments } from 'yaml';
import { Nonsense } from './nonsense.ts';

/** A mishap that befalls the folder of manifests. */
export type Mishap = 'breaks' | 'vanishes' | 'empties';

const BROKEN = 'broken.yaml';

/**
 * The folder of manifests that a story changes, as a user would with an editor. Every change is done when the call returns: nothing is
 * half written while somebody reads.
 */
export class ManifestFolder {
  readonly root = mkdtempSync(join(tmpdir(), 'sallyport-scenario-'));
  readonly path = join(this.root, 'manifests');
  readonly #aside = join(this.root, 'aside');
  #mishap: Mishap | undefined;

  constructor() {
    mkdirSync(this.path);
  }

  get mishap(): Mishap | undefined {
    return this.#mishap;
  }

  /** Writes a file whole; a name that is there already is replaced. */
  write(name: string, text: string): void {
    this.#mustBeThere();
    // A new file takes the place of the old one: a changed file always looks changed, whatever its length and the clock.
    const fresh = join(this.root, 'fresh');
    writeFileSync(fresh, text);
    renameSync(fresh, join(this.path, name));
  }

  remove(name: string): void {
    rmSync(join(this.path, name));
  }

  /** Changes one object where it stands; `undefined` takes it away. `key`: `Kind/namespace/name` or `Kind/name`, the kind in any case. */
  edit(key: string, change: (object: Document) => Document | undefined): void {
    this.#mustBeThere();
    for (const name of readdirSync(this.path)) {
      const documents = parseAllDocuments(readFileSync(join(this.path, name), 'utf8'));
      if (!Array.isArray(documents)) continue;
      const at = documents.findIndex((one) => keyOf(one).toLowerCase() === key.toLowerCase());
      const found: Document | undefined = documents[at];
      if (found === undefined) continue;
      const now = change(found);
      const rest = documents.flatMap((one, index) => (index !== at ? [one] : now === undefined ? [] : [now]));
      if (rest.length === 0) this.remove(name);
      else this.write(name, rest.map((one) => one.toString({ directives: false })).join('---\n'));
      return;
    }
    throw new Nonsense(`no file of the folder holds ${key}`);
  }

  suffer(mishap: Mishap): void {
    if (this.#mishap !== undefined) throw new Nonsense(`the source ${this.#mishap} already`);
    this.#mishap = mishap;
    if (mishap === 'breaks') this.write(BROKEN, 'kind: [\n');
    else renameSync(this.path, this.#aside);
    if (mishap === 'empties') mkdirSync(this.path);
  }

  recover(): void {
    if (this.#mishap === undefined) throw new Nonsense('nothing happened to the source');
    if (this.#mishap === 'breaks') this.remove(BROKEN);
    else {
      if (existsSync(this.path)) rmSync(this.path, { recursive: true });
      renameSync(this.#aside, this.path);
    }
    this.#mishap = undefined;
  }

  #mustBeThere(): void {
    if (this.#mishap === 'vanishes') throw new Nonsense('the folder is not there');
  }

  /** Removes everything from the disk. */
  close(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

function keyOf(document: Document): string {
  const parts = [['kind'], ['metadata', 'namespace'], ['metadata', 'name']].map((path) => document.getIn(path));
  return parts.filter((part) => typeof part === 'string').join('/');
}
