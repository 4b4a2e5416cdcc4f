import type { Grant, WriterHooks, Writers } from '../../src/controller/devices/writers.ts';

/** Who writes to which firewall, as a test says it; without that, this copy to all. As with Leases, a copy opens no others. */
export class HeldWriters implements Writers {
  #held: ReadonlySet<string> | undefined;
  #unkept: ReadonlySet<string> = new Set();
  #hooks: WriterHooks | undefined;

  constructor(held: readonly string[] | undefined) {
    this.#held = held && new Set(held);
  }

  /** From now on. */
  give(held: readonly string[]): void {
    const before = this.#held;
    this.#held = new Set(held);
    for (const name of before ?? []) if (!this.#held.has(name)) void this.#hooks?.ended(name);
    this.#hooks?.granted();
  }

  start(hooks: WriterHooks): void {
    this.#hooks = hooks;
  }

  want(): void {}

  grant(firewall: string): Grant | undefined {
    const holds = (): boolean => this.#held?.has(firewall) ?? true;
    if (!holds()) return undefined;
    return {
      lock: { held: holds, onChange: () => () => undefined },
      epoch: { now: () => ({ lease: firewall, number: 1 }), outranked: () => undefined },
    };
  }

  elsewhere(): undefined {
    return undefined;
  }

  isUnkept(firewall: string): boolean {
    return this.#unkept.has(firewall);
  }

  /** Firewalls that no copy can work at, of which this one speaks. */
  leaveAlone(unkept: readonly string[]): void {
    this.#unkept = new Set(unkept);
    this.#hooks?.unkept();
  }

  summary(): string {
    return 'as the test says';
  }

  counts(): { readonly own: number; readonly all: number } {
    return { own: 0, all: 0 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
