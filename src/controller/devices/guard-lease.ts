import { SallyportError } from '../../base/error.ts';
import { type GuardMemory, type MemoryPlace, readMemory, writeMemory } from '../../firewalls/guard/guard-memory.ts';
import type { LeftMemory } from './writers.ts';

/** What a firewall's guard must not forget, in its Lease: whoever has the right to write next has it too, on whichever node. */
export class GuardLease implements MemoryPlace {
  readonly #left: LeftMemory;
  readonly #of: { readonly cluster: string; readonly firewall: string };

  constructor(left: LeftMemory, of: { readonly cluster: string; readonly firewall: string }) {
    this.#left = left;
    this.#of = of;
  }

  async load(): Promise<GuardMemory | undefined> {
    const text = await Promise.resolve(this.#left.read());
    if (text === undefined) return undefined;
    const memory = readMemory(text, this.#of);
    if (memory === undefined)
      throw new SallyportError('GUARD_MEMORY', `what the Lease of ${this.#of.firewall} holds is no whole memory of it`);
    return memory;
  }

  keep(memory: GuardMemory): Promise<void> {
    return this.#left.keep(writeMemory(memory, this.#of));
  }
}
