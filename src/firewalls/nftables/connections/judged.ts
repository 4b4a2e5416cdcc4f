import type { NftTable } from '../table/model.ts';
import { familyName } from '../table/names.ts';
import { FAMILIES } from '../table/skeleton.ts';

const NOBODY: ReadonlySet<string> = new Set();

/**
 * Whose connections were judged by what the table says of them now, though they are still in `recheck` or `gone`. It is known by the process that
 * judged, and by nobody else: whoever does not know judges again.
 */
export class Judged {
  #senders = NOBODY;
  /** Senders of the round under way about whom nothing has changed since it began. */
  #round = new Set<string>();
  #ended: Promise<void> | undefined;

  /** The same set for as long as it holds the same. */
  get senders(): ReadonlySet<string> {
    return this.#senders;
  }

  /** Does a round over the connections of these senders; one at a time. What fails has judged nobody. */
  async round(senders: readonly string[], judge: () => Promise<void>): Promise<void> {
    this.#round = new Set(senders);
    const judging = judge();
    this.#ended = judging.catch(() => undefined);
    try {
      await judging;
      if (this.#round.size > 0) this.#senders = new Set([...this.#senders, ...this.#round]);
    } finally {
      this.#ended = undefined;
      this.#round = new Set();
    }
  }

  /** Resolves when no connection of these senders is being judged, or at once. */
  async apart(senders: 'everyone' | readonly string[]): Promise<void> {
    if (!this.isApart(senders)) await this.#ended;
  }

  /** Whether no connection of these senders is being judged. */
  isApart(senders: 'everyone' | readonly string[]): boolean {
    return this.#ended === undefined || (senders !== 'everyone' && !senders.some((sender) => this.#round.has(sender)));
  }

  /** Something changes for these senders. Called before it does, because a round could end in between. */
  touched(senders: 'everyone' | readonly string[]): void {
    if (senders === 'everyone') {
      this.#round.clear();
      this.#senders = NOBODY;
      return;
    }
    const touched = new Set(senders);
    for (const sender of touched) this.#round.delete(sender);
    this.#keep((sender) => !touched.has(sender));
  }

  /** Forgets those who have left both sets. */
  among(table: NftTable | undefined): void {
    const names = FAMILIES.flatMap((family) => [familyName('recheck', family), familyName('gone', family)]);
    const sets = names.flatMap((name) => table?.sets.get(name)?.elements ?? []);
    this.#keep((sender) => sets.some((set) => set.has(sender)));
  }

  #keep(stays: (sender: string) => boolean): void {
    const left = [...this.#senders].filter(stays);
    if (left.length < this.#senders.size) this.#senders = left.length === 0 ? NOBODY : new Set(left);
  }
}
