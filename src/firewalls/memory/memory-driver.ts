import { shortHash } from '../../base/encode.ts';
import type { BorderRule, Ruleset } from '../../border/ruleset.ts';
import type { Step } from '../../plan/step.ts';
import type { Actual, Capabilities, Driver, Translation } from '../driver.ts';
import { refuseForms, refuseRules } from '../refuse.ts';
import type { MemoryDevice, Snapshot, Transaction } from './device.ts';
import { type Program, emptyProgram, heldTables, holding, programOf } from './program.ts';
import { lift } from './read-back.ts';
import { type Draft, drafts } from './steps.ts';

export interface MemoryActual extends Actual {
  readonly snapshot: Snapshot;
}

export interface MemoryTranslation extends Translation {
  readonly program: Program;
  /** Tables whose rows are the device's business. */
  readonly held: ReadonlySet<string>;
}

export interface MemoryStep extends Step {
  readonly transaction: Transaction;
}

/** The driver of `MemoryDevice`: for tests, and for systems without Linux namespaces. It cannot say domain names. */
export class MemoryDriver implements Driver<MemoryActual, MemoryTranslation, MemoryStep> {
  readonly #device: MemoryDevice;
  #wrote = false;

  constructor(device: MemoryDevice) {
    this.#device = device;
  }

  capabilities(signal: AbortSignal): Promise<Capabilities> {
    signal.throwIfAborted();
    return Promise.resolve({
      device: 'firewall in memory',
      families: [4, 6],
      owns: undefined,
      transactionLimit: undefined,
      notes: [],
    });
  }

  async observe(signal: AbortSignal): Promise<MemoryActual> {
    signal.throwIfAborted();
    const snapshot = await answered(() => this.#device.read());
    return {
      empty: snapshot.program.objects.size === 0 && snapshot.program.tables.size === 0,
      drift: [...snapshot.edited]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([object, by]) => ({
          object,
          what: snapshot.program.objects.has(object) ? 'changed' : 'removed or changed',
          by,
        })),
      foreign: snapshot.foreign.map((text, at) => ({ where: `line ${at + 1}`, text, effect: 'before ours' })),
      behaviour: lift(snapshot.program),
      rival: this.#wrote && snapshot.writer !== undefined && snapshot.writer !== this ? 'another driver' : undefined,
      snapshot,
    };
  }

  translate(desired: Ruleset): MemoryTranslation {
    const { ruleset: formed, refusals } = refuseForms(desired, DEVICE);
    const { ruleset, refusals: unsaid } = refuseRules(formed, DEVICE, unsayable);
    const program = programOf(ruleset);
    return { refusals: [...refusals, ...unsaid], behaviour: lift(program), program, held: heldTables(ruleset) };
  }

  steps(actual: MemoryActual, wanted: MemoryTranslation): readonly MemoryStep[] {
    const before = actual.snapshot.program;
    return chained(actual.snapshot, drafts(before, holding(wanted.program, wanted.held, before)));
  }

  leave(actual: MemoryActual): readonly MemoryStep[] {
    return chained(
      actual.snapshot,
      drafts(actual.snapshot.program, emptyProgram).map(({ step, change }) => ({
        step: { ...step, kind: 'Remove' },
        change,
      })),
    );
  }

  render(what: MemoryStep | MemoryTranslation): string {
    const changes =
      'transaction' in what ? [what.transaction] : drafts(emptyProgram, what.program).map(({ change }) => change);
    return changes.map(textOf).join('');
  }

  async apply(step: MemoryStep, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await answered(() => this.#device.commit(step.transaction, this));
    this.#wrote = true;
  }

  watch(changed: () => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = this.#device.onChange(changed);
      signal.addEventListener(
        'abort',
        () => {
          end();
          resolve();
        },
        { once: true },
      );
    });
  }
}

/** A request and its answer, never in the same turn: as with a device that is elsewhere. */
async function answered<T>(request: () => T): Promise<T> {
  await Promise.resolve();
  return request();
}

const DEVICE = 'a firewall in memory';

function unsayable(rule: BorderRule): string | undefined {
  return rule.outside.domains.length === 0 ? undefined : 'domain names';
}

function textOf({ objects, rows }: Pick<Transaction, 'objects' | 'rows'>): string {
  const lines: string[] = [];
  for (const [key, text] of objects) lines.push(text === undefined ? `delete ${key}` : `set ${key} = ${text}`);
  for (const [table, list] of rows)
    for (const [key, text] of list)
      lines.push(text === undefined ? `delete ${table}: ${key}` : `set ${table}: ${key} = ${text}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** Each transaction is for the state that the one before it leaves. */
function chained(snapshot: Snapshot, list: readonly Draft[]): readonly MemoryStep[] {
  let from = snapshot.state;
  return list.map(({ step, change: { objects, rows } }) => {
    const to = shortHash(JSON.stringify([from, [...objects].map(([key, text]) => [key, text ?? null]), [...rows]]));
    const transaction = { from, to, objects, rows };
    from = to;
    return { ...step, transaction };
  });
}
