import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMap, type RawMap } from '../../../api/shape.ts';
import { toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import { readIfThere, replaceFile } from '../rule-files.ts';

const FORM = 'sallyport-machine-memory/1';

/**
 * What sources said last, on disk: after a restart each source that is not there counts as it was, and all others go on. It is written
 * before the rules that follow from it, so that it is never older than they are. No secrets are in it.
 */
export class SourceMemory {
  #path: string;
  readonly #log: Log;
  readonly #parts = new Map<string, readonly RawMap[]>();
  #written = '';
  #gaps: readonly string[] = [];
  #isBroken = false;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** Reads what an earlier process left; what cannot be read is as good as nothing. */
  async load(): Promise<void> {
    try {
      const text = await readIfThere(this.#path);
      if (text === undefined) return;
      const value: unknown = JSON.parse(text);
      if (!isMap(value) || value['form'] !== FORM || !isMap(value['parts'])) throw new Error('it is of another form');
      const { gaps } = value;
      if (Array.isArray(gaps)) this.#gaps = gaps.filter((gap): gap is string => typeof gap === 'string');
      for (const [key, objects] of Object.entries(value['parts']))
        if (Array.isArray(objects)) this.#parts.set(key, objects.filter(isMap));
      this.#written = text;
    } catch (thrown) {
      this.#log.warn(
        { file: this.#path, problem: toSallyportError(thrown).message },
        'what sources said last cannot be read; until they answer, the rules stay as they are',
      );
    }
  }

  /**
   * What the rules in force were made without, because nobody ever knew it. Rules that would lack more are not better than they are. Of
   * rules that somebody else made nothing is known, so that nothing may be lacking.
   */
  get gaps(): readonly string[] {
    return this.#gaps;
  }

  set gaps(gaps: readonly string[]) {
    this.#gaps = gaps;
  }

  /** What a part of a source held; `undefined`: nobody knows. */
  get(part: string): readonly RawMap[] | undefined {
    return this.#parts.get(part);
  }

  put(part: string, objects: readonly RawMap[]): void {
    this.#parts.set(part, objects);
  }

  /** From now on it is kept there, what is known included. What is there already is older, and what stays where it was is not read again. */
  async moveTo(path: string): Promise<void> {
    this.#path = path;
    this.#written = '';
    await this.save();
  }

  /**
   * Writes what is new. A disk that takes nothing is told, and stops nothing; what is there goes then: after a restart older words would open again
   * what was taken back, and without any the rules stay as they are.
   */
  async save(): Promise<void> {
    const sorted = [...this.#parts].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const text = `${JSON.stringify({ form: FORM, gaps: this.#gaps, parts: Object.fromEntries(sorted) })}\n`;
    if (text === this.#written && !this.#isBroken) return;
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      await replaceFile(this.#path, text);
      this.#written = text;
      this.#isBroken = false;
    } catch (thrown) {
      const isGone = await this.#forget();
      if (!this.#isBroken)
        this.#log.error(
          { file: this.#path, problem: toSallyportError(thrown).message },
          isGone
            ? 'what sources say cannot be written down; after a restart the rules stay as they are until all of them answer'
            : 'what sources say cannot be written down; a restart while one of them is away would go by older words',
        );
      this.#isBroken = true;
    }
  }

  async #forget(): Promise<boolean> {
    try {
      await rm(this.#path, { force: true });
      return true;
    } catch {
      return false;
    }
  }
}
