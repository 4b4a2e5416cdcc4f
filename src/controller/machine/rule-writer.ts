import { rm } from 'node:fs/promises';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { localFiles, SallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { CLOSED_TABLE, type TableLine, textOf, withLearnt } from '../../machine/table-text.ts';
import type { KernelTable } from './kernel-table.ts';
import { basePolicyOf, modeOf, readIfThere, replaceFile, withBasePolicy } from './rule-files.ts';

/** What the central writer writes, and where. */
export interface RulesToWrite {
  readonly lines: readonly TableLine[];
  readonly file: string;
  /** Check alone. */
  readonly dryRun: boolean;
  /** Elements of sets as they are known when they are asked for; absent: those of the lines. */
  readonly elementsOf?: ((set: string) => readonly string[]) | undefined;
}

/** What came of writing. */
export interface Written {
  readonly change: 'nothing' | 'changed' | 'replaced' | 'checked';
  /** What nft refused, and was left out for it. */
  readonly leftOut: readonly Diagnostic[];
}

/** Objects that may be left out of one ruleset; beyond that, nft itself is what is wrong. */
const MOST_LEFT_OUT = 100;

/**
 * The one place that writes the rules of a firewall machine, into the kernel and into the file that its next start loads. The forward policy
 * of the base rules is opened after our table is in both, and never before.
 */
export class RuleWriter {
  readonly #kernel: KernelTable;
  readonly #baseFile: string;
  readonly #log: Log;
  /** What was written last, or found: the file's text, and what makes it anew. */
  #last: { readonly file: string; readonly text: string; readonly fresh: () => string } | undefined;

  constructor(options: { readonly kernel: KernelTable; readonly baseFile: string; readonly log: Log }) {
    this.#kernel = options.kernel;
    this.#baseFile = options.baseFile;
    this.#log = options.log;
  }

  /**
   * Before any source is asked: where our table is missing, what the file says is loaded, and if that cannot be, a table that lets
   * through nothing but what belongs to connections. A file that nft would refuse goes: a start of the machine would load no rules at all.
   * `true`: there are rules of an earlier process.
   */
  async close(file: string, signal: AbortSignal): Promise<boolean> {
    const text = await readIfThere(file);
    const refusal = text === undefined ? undefined : await this.#kernel.check(text, signal);
    const sound = text !== undefined && refusal === undefined;
    if (refusal !== undefined)
      this.#log.error({ file, problem: refusal }, 'the rules on disk are not valid; closed ones take their place');
    const isThere = (await this.#kernel.read(signal))?.chains.has('forward') === true;
    if (!isThere) {
      await this.#kernel.load(sound ? text : CLOSED_TABLE, signal);
      this.#log.warn({ file, from: sound ? 'file' : 'nothing' }, 'our table was missing; it is there again');
    }
    if (!sound) await replaceFile(file, CLOSED_TABLE);
    const found = sound ? text : CLOSED_TABLE;
    this.#last = { file, text: found, fresh: () => found };
    return sound && text !== CLOSED_TABLE;
  }

  /** Checks, loads, writes. Throws if that cannot be done; then what was in force still is. */
  async write({ lines, file, dryRun, elementsOf }: RulesToWrite, signal: AbortSignal): Promise<Written> {
    const { sound, leftOut } = await this.#sound(lines, signal);
    if (dryRun) return { change: 'checked', leftOut };
    // What is learnt while this is checked must be in the kernel with what was learnt before.
    const fresh = (): string => textOf(elementsOf === undefined ? sound : withLearnt(sound, elementsOf));
    const change = await this.#kernel.load(fresh, signal);
    const text = fresh();
    if ((await readIfThere(file)) !== text) await replaceFile(file, text);
    await this.#openBase(signal);
    // A file at another path would be loaded beside this one.
    const before = this.#last?.file;
    if (before !== undefined && before !== file) await localFiles(rm(before, { force: true }));
    this.#last = { file, text, fresh };
    return { change, leftOut };
  }

  /** Writes what was learnt since into the file, for the next start of the machine. */
  async keepLearnt(): Promise<void> {
    const last = this.#last;
    const text = last?.fresh();
    if (last === undefined || text === undefined || text === last.text) return;
    await replaceFile(last.file, text);
    if (this.#last === last) this.#last = { ...last, text };
  }

  /** Puts back what was written last, where somebody changed the kernel or the file. */
  async repair(signal: AbortSignal): Promise<void> {
    if (this.#last === undefined) return;
    const { file, text, fresh } = this.#last;
    if (!(await this.#kernel.isIntact(signal))) {
      this.#log.warn({}, 'somebody changed our rules in the kernel; they are put back');
      await this.#kernel.load(fresh, signal);
    }
    if ((await readIfThere(file)) !== text) {
      this.#log.warn({ file }, 'somebody changed the file of our rules; it is written again');
      await replaceFile(file, text);
    }
    await this.#openBase(signal);
  }

  /** The lines that nft takes: whatever it refuses is left out with everything of the same object. */
  async #sound(
    lines: readonly TableLine[],
    signal: AbortSignal,
  ): Promise<{ readonly sound: readonly TableLine[]; readonly leftOut: readonly Diagnostic[] }> {
    const leftOut: Diagnostic[] = [];
    let left = lines;
    for (;;) {
      const refusal = await this.#kernel.check(textOf(left), signal);
      if (refusal === undefined) return { sound: left, leftOut };
      const found = leftOut.length < MOST_LEFT_OUT ? await this.#culprit(left, signal) : undefined;
      if (found === undefined) throw new SallyportError('MACHINE_RULES_REFUSED', `nft refuses the rules: ${refusal}`);
      const { owner, because } = found;
      leftOut.push({
        severity: 'error',
        code: 'MACHINE_RULES_REFUSED',
        object: owner,
        path: '',
        message: `nft refuses its rules: ${because}`,
      });
      left = left.filter((each) => each.owner !== owner);
    }
  }

  /**
   * Whose rules nft refuses by themselves, found by halving: the line that nft names may be that of the innocent next rule. Nothing if it
   * is nobody's.
   */
  async #culprit(
    lines: readonly TableLine[],
    signal: AbortSignal,
  ): Promise<{ readonly owner: string; readonly because: string } | undefined> {
    const refusalOf = (owners: readonly string[]): Promise<string | undefined> => {
      const some = new Set(owners);
      return this.#kernel.check(textOf(lines.filter(({ owner }) => owner === undefined || some.has(owner))), signal);
    };
    if ((await refusalOf([])) !== undefined) return undefined;
    let suspects = [...new Set(lines.flatMap(({ owner }) => owner ?? []))];
    while (suspects.length > 1) {
      const half = suspects.slice(0, suspects.length >> 1);
      suspects = (await refusalOf(half)) === undefined ? suspects.slice(half.length) : half;
    }
    const [owner] = suspects;
    const because = owner === undefined ? undefined : await refusalOf([owner]);
    return owner === undefined || because === undefined ? undefined : { owner, because };
  }

  /** Lets the base rules pass on to ours, now and at the next start. */
  async #openBase(signal: AbortSignal): Promise<void> {
    if ((await this.#kernel.basePolicy(signal)) === 'drop') await this.#kernel.setBasePolicy('accept', signal);
    const base = await readIfThere(this.#baseFile);
    if (base !== undefined && basePolicyOf(base) === 'drop')
      await replaceFile(this.#baseFile, withBasePolicy(base, 'accept'), await modeOf(this.#baseFile));
  }
}
