import { toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { Approvals } from '../guard/approvals.ts';
import type { Guard } from '../guard/guard.ts';
import { HOUR_MS, type MemoryPlace, fleetingMemory } from '../guard/guard-memory.ts';

/** While nothing can be kept, nothing passes that the guard counts; it is tried again with each change. */
const UNKEPT_MS = 60_000;

/** What one firewall's guard, and the yeses in its worker's hand, leave to whoever comes after this process. */
export class WorkerMemory {
  readonly #place: MemoryPlace;
  readonly #guard: Guard;
  readonly #approvals: Approvals;
  readonly #log: Log;
  readonly #firewall: string;
  #isRecalled = false;
  #isChanged = false;
  #told = '';

  constructor(place: MemoryPlace = fleetingMemory, guard: Guard, approvals: Approvals, log: Log, firewall: string) {
    this.#place = place;
    this.#guard = guard;
    this.#approvals = approvals;
    this.#log = log;
    this.#firewall = firewall;
  }

  /** There is something to keep; `settle` does so in time. */
  changed(): void {
    this.#isChanged = true;
  }

  /** Once: takes over what was left. Then keeps what changed since. Never rejects: what cannot be read, or kept, makes the guard stricter. */
  async settle(): Promise<void> {
    if (!this.#isRecalled) await this.#recall();
    if (this.#isChanged) await this.keep();
  }

  /** Whether all of it outlives this process now. If not, the guard lets nothing pass that it counts. */
  async keep(): Promise<boolean> {
    // What changes while it is written is not in it.
    this.#isChanged = false;
    try {
      await this.#place.keep({ ...this.#guard.memory(), yeses: this.#approvals.standing() });
      this.#told = '';
      return true;
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      this.#guard.distrust(`what the guard counts cannot be kept: ${message}`, UNKEPT_MS);
      if (this.#told !== message)
        this.#log.warn({ firewall: this.#firewall, code, error: message }, 'the memory of the guard cannot be kept');
      this.#told = message;
      this.#isChanged = true;
      return false;
    }
  }

  /** What they were for was done, or is no longer so. */
  async forgetYeses(): Promise<void> {
    this.#approvals.clear();
    await this.keep();
  }

  async #recall(): Promise<void> {
    try {
      const left = await this.#place.load();
      if (left !== undefined) {
        this.#guard.takeOver(left);
        this.#approvals.takeOver(left.yeses);
      }
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      this.#log.warn({ firewall: this.#firewall, code, error: message }, 'the memory of the guard was lost');
      this.#guard.distrust(`what passed within the last hour is not known: ${message}`, HOUR_MS);
      this.#isChanged = true;
    }
    this.#isRecalled = true;
  }
}
