import type { Diagnostic } from '../../base/diagnostic.ts';

/** What the device of a firewall cannot say. */
interface Refusal extends Diagnostic {
  readonly firewall: string;
}

/** What each device cannot say of what is wanted. */
export class Refusals {
  /** By name of the firewall; without those that can say all. */
  readonly #known = new Map<string, readonly Refusal[]>();
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  all(): readonly Refusal[] {
    return [...this.#known.values()].flat();
  }

  /** Takes over those of one firewall. Translations are made anew with each change; mostly they refuse the same. */
  note(name: string, refusals: readonly Diagnostic[]): void {
    const before = this.#known.get(name) ?? [];
    if (before.length === 0 && refusals.length === 0) return;
    const now = refusals.map((refusal) => ({ ...refusal, firewall: name }));
    if (JSON.stringify(now) === JSON.stringify(before)) return;
    if (now.length === 0) this.#known.delete(name);
    else this.#known.set(name, now);
    this.#changed();
  }
}
