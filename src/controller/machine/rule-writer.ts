import { rm } from 'node:fs/promises';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { localFiles, SallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { atOnce } from '../../base/pieces.ts';
import { Turn } from '../../base/turns.ts';
import type { OwnFlow } from '../../machine/own-flows.ts';
import { tableParts } from '../../machine/table-change.ts';
import {
  CLOSED_TABLE,
  isSameTable,
  linesOf,
  type TableLines,
  textParts,
  withLearnt,
} from '../../machine/table-text.ts';
import { BaseFile, type BaseToWrite } from './base-file.ts';
import { closeStart } from './closed-start.ts';
import type { KernelTable } from './kernel-table.ts';
import { closesForwarding, holdsText, readIfThere, replaceFile } from './rule-files.ts';
import { briefly } from './table-differences.ts';

/** The elements that a set has now. */
type ElementsOf = (set: string) => readonly string[];

/** What the central writer writes, and where. */
export interface RulesToWrite {
  readonly lines: readonly TableLines[];
  readonly file: string;
  /** Check alone. */
  readonly dryRun: boolean;
  /** Elements of sets as they are known when they are asked for; absent: those of the lines. */
  readonly elementsOf?: ElementsOf | undefined;
  /** Absent: base rules stay as they are, but for the forward policy. */
  readonly base?: BaseToWrite | undefined;
  /** Hears that the kernel has taken them; the file and base rules come after that. */
  readonly committed?: (() => void) | undefined;
}

/** What came of writing. */
export interface Written {
  readonly change: 'nothing' | 'changed' | 'replaced' | 'checked';
  /** What nft refused, or would deny what this machine needs, and was left out for it. */
  readonly leftOut: readonly Diagnostic[];
}

/** Somebody else's change, which is put back. */
export interface Repair {
  readonly where: 'kernel' | 'file' | 'base';
  /** What was changed, in words; empty: not known. */
  readonly what: string;
}

/** How the rules stand, in numbers. */
export interface RuleStanding {
  /** In a large table, those that stand behind the others. */
  readonly late: number;
  /** How often somebody else's change was put back, and where. */
  readonly repairs: Readonly<Record<Repair['where'], number>>;
  /** Flows of this machine that base rules are kept from denying, and those that were let through again. */
  readonly ownFlows: { readonly refused: number; readonly allowedBack: number };
}

/** Objects that may be left out of one ruleset; beyond that, nft itself is what is wrong. */
const MOST_LEFT_OUT = 100;

/** What was learnt is kept beside answers of the DNS proxy, which are what somebody waits for: so long at once, and then a rest of so many times as long. */
const TURN_MS = 1;
const REST_TIMES = 5;

/**
 * The one place that writes the rules of a firewall machine, into the kernel and into the file that its next start loads. The forward policy
 * of the base rules is opened after our table is in both, and never before.
 */
export class RuleWriter {
  readonly #kernel: KernelTable;
  readonly #base: BaseFile;
  readonly #log: Log;
  readonly #told: (repair: Repair) => void;
  readonly #repairs = { kernel: 0, file: 0, base: 0 };
  /** Forwarding was closed at once, and that is not told yet. */
  #wasOpen = false;
  /** What was written last, or found: the file and its lines, what was learnt since, its tables besides ours, and the base rules. */
  #last:
    | {
        readonly file: string;
        readonly lines: readonly TableLines[];
        readonly elementsOf: ElementsOf | undefined;
        readonly others: string;
        readonly base: BaseToWrite | undefined;
      }
    | undefined;

  constructor({
    kernel,
    baseFile,
    log,
    told = () => {},
  }: {
    readonly kernel: KernelTable;
    readonly baseFile: string;
    readonly log: Log;
    /** Hears of each change of others that was put back. */
    readonly told?: (repair: Repair) => void;
  }) {
    this.#kernel = kernel;
    this.#base = new BaseFile({ path: baseFile, kernel, log });
    this.#log = log;
    this.#told = told;
  }

  /** Base rules are written there from now on. */
  moveBase(path: string): void {
    this.#base.moveTo(path);
  }

  get standing(): RuleStanding {
    return { late: this.#kernel.lateRules, repairs: this.#repairs, ownFlows: this.#base.ownFlows };
  }

  /**
   * Before any source is asked: where our table is missing, what the file says is loaded, and if that cannot be, a table that lets
   * through nothing but what belongs to connections. A file that nft would refuse goes: a start of the machine would load no rules at all.
   * `true`: there are rules of an earlier process.
   */
  async close(file: string, signal: AbortSignal): Promise<boolean> {
    const text = await readIfThere(file);
    const refusal =
      text === undefined
        ? undefined
        : closesForwarding(text)
          ? await this.#kernel.check(linesOf(text), signal)
          : 'it has no chain that closes forwarding';
    const sound = text !== undefined && refusal === undefined;
    if (refusal !== undefined)
      this.#log.error({ file, problem: refusal }, 'the rules on disk are not valid; closed ones take their place');
    const lines = linesOf(sound ? text : CLOSED_TABLE);
    if (!(await this.#kernel.isClosed(signal))) {
      await this.#kernel.load(() => lines, signal);
      this.#log.warn({ file, from: sound ? 'file' : 'nothing' }, 'our table was missing; it is there again');
    } else await this.#kernel.wake(signal);
    if (!sound) await replaceFile(file, CLOSED_TABLE);
    this.#last = { file, lines, elementsOf: undefined, others: tableParts(lines).others, base: undefined };
    return sound && text !== CLOSED_TABLE;
  }

  /**
   * Loads, checks as a whole, writes. Throws if that cannot be done; then what was in force still is. The kernel comes first: it takes all of a
   * transaction or nothing, so that what it takes needs no check before. The file of the next start is written only when nft takes all of it.
   */
  async write(
    { lines, file, dryRun, elementsOf, base, committed }: RulesToWrite,
    signal: AbortSignal,
  ): Promise<Written> {
    const leftOut: Diagnostic[] = [];
    let left = lines;
    if (dryRun) {
      await this.#sound(left, leftOut, signal);
      return { change: 'checked', leftOut };
    }
    // What is learnt while this waits for its turn must be in the kernel with what was learnt before.
    const freshOf = (some: readonly TableLines[]) => (): readonly TableLines[] => freshLines(some, elementsOf);
    let change = await this.#loaded(freshOf(left), signal, committed);
    if (change === undefined) {
      left = await this.#sound(left, leftOut, signal);
      change = await this.#kernel.load(freshOf(left), signal, committed);
    }
    const written = freshLines(left, elementsOf);
    // A table that was loaded whole is checked by that.
    if (change === 'changed' && (await this.#kernel.check(written, signal)) !== undefined)
      throw new SallyportError(
        'MACHINE_RULES_REFUSED',
        'nft takes the change and not the whole; the file stays as it is',
      );
    if (!(await holdsText(file, textParts(written)))) await replaceFile(file, textParts(written));
    // Before the base rules are opened.
    const closed = await closeStart(this.#base.path, file);
    const { others } = tableParts(written);
    const { isNew, changes, wrong } = await this.#base.write(base ?? { flows: [] }, others, signal);
    if (changes.length > 0) this.#repaired('base', changes);
    // A file at another path would be loaded beside this one.
    const before = this.#last?.file;
    if (before !== undefined && before !== file && before !== closed) await localFiles(rm(before, { force: true }));
    this.#last = { file, lines: written, elementsOf, others, base };
    return { change: change === 'nothing' && isNew ? 'changed' : change, leftOut: [...leftOut, ...wrong] };
  }

  /** Lets flows through again that this machine needs and that were lost after a change. */
  async allowBack(flows: readonly OwnFlow[], signal: AbortSignal): Promise<void> {
    await this.#base.allowBack(flows, signal);
  }

  /** Writes what was learnt since into the file, for the next start of the machine. Until the signal aborts nobody waits for it. */
  async keepLearnt(signal: AbortSignal): Promise<void> {
    const last = this.#last;
    if (last?.elementsOf === undefined) return;
    const turn = new Turn(this.#kernel.clock, TURN_MS, { times: REST_TIMES, signal });
    const lines = await turn.finish(withLearnt(last.lines, last.elementsOf));
    if (await turn.finish(isSameTable(lines, last.lines))) return;
    await replaceFile(last.file, textParts(lines));
    if (this.#last === last) this.#last = { ...last, lines };
  }

  /** Somebody else changed one of our tables, by now: `KernelTable.suspect`. */
  suspect(): void {
    this.#kernel.suspect();
    this.#base.suspect();
  }

  /** Where forwarding is open because somebody changed our table: closes it, before anything is read; `true`: it was. All else is for `repair`. */
  async closeAtOnce(signal: AbortSignal): Promise<boolean> {
    const wasOpen = this.#last !== undefined && (await this.#kernel.closeAtOnce(signal));
    this.#wasOpen ||= wasOpen;
    return wasOpen;
  }

  /** Puts back what was written last, where somebody changed the kernel or the file. `all`: all of the kernel is read, however lately it was. `by`: who changed it, where that is known. */
  async repair(signal: AbortSignal, { all = false, by = '' } = {}): Promise<void> {
    if (this.#last === undefined) return;
    const { file, lines, elementsOf, others, base } = this.#last;
    const changes = await this.#kernel.changes(signal, all);
    if (changes !== undefined) {
      await this.#kernel.load(() => freshLines(lines, elementsOf), signal);
      const opened = this.#wasOpen ? ['our table was gone, or forwarding open'] : [];
      this.#wasOpen = false;
      this.#repaired('kernel', [...opened, ...changes], by);
    }
    if (!(await holdsText(file, textParts(lines)))) {
      await replaceFile(file, textParts(lines));
      this.#repaired('file', [file]);
    }
    await closeStart(this.#base.path, file);
    const written = await this.#base.write(base ?? { flows: [] }, others, signal);
    if (written.isNew) this.#repaired('base', written.changes, by);
  }

  #repaired(where: Repair['where'], changes: readonly string[], by = ''): void {
    const what = `${briefly(changes)}${by === '' ? '' : ` (by ${by})`}`;
    this.#repairs[where] += 1;
    this.#log.warn({ where, what }, 'somebody changed our rules; they were put back');
    this.#told({ where, what });
  }

  /** What loading did; nothing if the rules are refused, and who is to blame has to be found. */
  async #loaded(
    make: () => readonly TableLines[],
    signal: AbortSignal,
    committed: (() => void) | undefined,
  ): Promise<'nothing' | 'changed' | 'replaced' | undefined> {
    try {
      return await this.#kernel.load(make, signal, committed);
    } catch (thrown) {
      if (signal.aborted || (await this.#kernel.check(make(), signal)) === undefined) throw thrown;
      return undefined;
    }
  }

  /** The lines that nft takes: whatever it refuses is left out with everything of the same object. */
  async #sound(
    lines: readonly TableLines[],
    leftOut: Diagnostic[],
    signal: AbortSignal,
  ): Promise<readonly TableLines[]> {
    let left = lines;
    for (;;) {
      const refusal = await this.#kernel.check(left, signal);
      if (refusal === undefined) return left;
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
    lines: readonly TableLines[],
    signal: AbortSignal,
  ): Promise<{ readonly owner: string; readonly because: string } | undefined> {
    const refusalOf = (owners: readonly string[]): Promise<string | undefined> => {
      const some = new Set(owners);
      return this.#kernel.check(
        lines.filter(({ owner }) => owner === undefined || some.has(owner)),
        signal,
      );
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
}

/** The lines with what is known by now. */
function freshLines(lines: readonly TableLines[], elementsOf: ElementsOf | undefined): readonly TableLines[] {
  return elementsOf === undefined ? lines : atOnce(withLearnt(lines, elementsOf));
}
