import { SallyportError } from '../../base/error.ts';
import type { Ruleset } from '../../border/ruleset.ts';

/** So many writes of one target without its being read back mean that the device does not keep it. */
const MOST_ATTEMPTS = 5;

/** What was sent since the last confirmation, and how often. */
export class Attempts {
  #sent: { readonly target: Ruleset | undefined; readonly times: number } | undefined;

  /** Something was sent, so that a difference from what is confirmed is no drift. */
  get isOpen(): boolean {
    return this.#sent !== undefined;
  }

  /** How often this target is sent now, once more included. Throws NOT_KEPT. `byRival`: what a rival took away was kept by the device. */
  count(target: Ruleset | undefined, byRival: boolean): number {
    const again = !byRival && this.#sent !== undefined && this.#sent.target === target;
    const times = again ? (this.#sent?.times ?? 0) + 1 : 1;
    this.#sent = times > MOST_ATTEMPTS ? undefined : { target, times };
    if (times > MOST_ATTEMPTS)
      throw new SallyportError(
        'NOT_KEPT',
        `${MOST_ATTEMPTS} times the same changes were accepted and were not there when read back`,
      );
    return times;
  }

  /** Steps to the target that was counted last. What fails was not accepted, and says nothing about whether the device keeps what it accepts. */
  async sending<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (thrown) {
      if (this.#sent !== undefined) this.#sent = { ...this.#sent, times: this.#sent.times - 1 };
      throw thrown;
    }
  }

  /** It was read back, or somebody else may have been the writer since. */
  over(): void {
    this.#sent = undefined;
  }
}
