import { TABLE } from '../table/model.ts';

/** One element that came or went, in nft's words. */
export interface ElementEvent {
  readonly change: 'add' | 'delete';
  /** Name of the set or map. */
  readonly name: string;
  /** `10.0.0.1`, `10.0.0.1 : goto c_x`, `0x0000002a`. */
  readonly element: string;
}

/** One transaction of anybody, as `nft monitor` tells it. */
export interface Commit {
  /** Rises by one with each transaction in the namespace, whatever table it is about. */
  readonly generation: number;
  /** `process 8599 (nft)`: the id is that of the initial pid namespace, so it may differ from the one we know. */
  readonly by: string;
  /** What it did in the tables that are followed: elements, and the text of everything else. */
  readonly elements: readonly ElementEvent[];
  readonly others: readonly string[];
  /** It printed nothing at all: nft 1.0.6 hides the first element of a concatenated interval set, so it may have been about us. */
  readonly silent: boolean;
}

const GENERATION = /^# new generation (\d+) by (process \d+ \(.*\))\s*$/;

/** Puts the lines of `nft monitor` together to transactions. */
export class CommitReader {
  readonly #about: RegExp;
  #elements: ElementEvent[] = [];
  #others: string[] = [];
  #lines = 0;

  /** `tables`: names of those of `inet` that are followed. */
  constructor(tables: readonly string[] = [TABLE]) {
    const verbs = 'add|delete|insert|replace|create|update|flush|destroy';
    this.#about = new RegExp(`^(${verbs}) (\\S+) inet (?:${tables.join('|')})(?: (\\S+)(.*))?\\s*$`);
  }

  /** Lines of a transaction whose end has not come yet. */
  get pending(): boolean {
    return this.#lines > 0;
  }

  /** A transaction when this line ends one. */
  read(line: string): Commit | undefined {
    const generation = GENERATION.exec(line);
    if (generation === null) {
      this.#note(line);
      return undefined;
    }
    const commit: Commit = {
      generation: Number(generation[1]),
      by: generation[2] ?? '',
      elements: this.#elements,
      others: this.#others,
      silent: this.#lines === 0,
    };
    this.#elements = [];
    this.#others = [];
    this.#lines = 0;
    return commit;
  }

  #note(line: string): void {
    this.#lines++;
    const [, change, kind, name = '', rest = ''] = this.#about.exec(line) ?? [];
    if (change === undefined) return;
    const list = /^ \{ (.*) \}$/.exec(rest)?.[1];
    const direction = change === 'add' || change === 'create' ? 'add' : change === 'delete' ? 'delete' : undefined;
    if (kind !== 'element' || direction === undefined || list === undefined) this.#others.push(line);
    else for (const element of list.split(', ')) this.#elements.push({ change: direction, name, element });
  }
}
