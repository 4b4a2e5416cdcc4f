import { SallyportError } from '../../../base/error.ts';
import type { MayGoOn } from '../../driver.ts';
import { type PanosApi, command } from './api.ts';
import { isNoLock, isOwnLock } from './errors.ts';
import { type XmlElement, element, entriesAt, nameOf, textAt } from './xml.ts';

/** How long giving a lock back may take when all else has failed. */
const RELEASE_MS = 5_000;
const COMMENT = 'Sallyport writes';
const REMOVE = command(['request', 'config-lock', 'remove']);

/** What is sent to give a lock back, as plans show it. */
export const REMOVE_TEXT = '<request><config-lock><remove/></config-lock></request>\n';

/**
 * The config lock of one scope (reference 1.7), so that nobody edits between our reading and our commit. The device knows it by the account: one
 * that a process of ours left is taken over by the next one, and so one that must not write any more does not give it back either, for it
 * may be its successor's by then.
 */
export class ConfigLock {
  readonly #api: PanosApi;
  readonly #scope: string;
  /** One of ours may be held that nobody is going to give back: of a process that died, or whose answer was lost. */
  #mayStay = true;

  constructor(api: PanosApi, scope: string) {
    this.#api = api;
    this.#scope = scope;
  }

  /** Runs with the lock. Rejects with `DEVICE_EDIT_LOCK` where somebody else has it. */
  async hold<T>(signal: AbortSignal, mayGoOn: MayGoOn, work: () => Promise<T>): Promise<T> {
    this.#mayStay = true;
    await this.#take(signal, mayGoOn);
    try {
      return await work();
    } finally {
      await this.#release(mayGoOn).catch(() => undefined);
    }
  }

  /** Whether one of ours stays that keeps people out until it is held, and given back, once more. */
  async stays(signal: AbortSignal): Promise<boolean> {
    if (!this.#mayStay) return false;
    const { user } = await this.#api.account(signal);
    const locks = user === undefined ? [] : await this.#list(signal);
    this.#mayStay = locks.some((lock) => nameOf(lock) === user && textAt(lock, 'comment') === COMMENT);
    return this.#mayStay;
  }

  async #take(signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    const add = command(['request', 'config-lock', 'add'], [element('comment', COMMENT)]);
    try {
      await this.#api.order(add, signal, mayGoOn, { vsys: this.#scope });
    } catch (thrown) {
      if (!isOwnLock(thrown)) throw thrown;
    }
  }

  async #release(mayGoOn: MayGoOn): Promise<void> {
    try {
      // The caller's signal may have ended: a lock that stays keeps people out.
      await this.#api.order(REMOVE, AbortSignal.timeout(RELEASE_MS), mayGoOn, { vsys: this.#scope });
    } catch (thrown) {
      // Some releases give locks back with the commit of their owner.
      if (!isNoLock(thrown)) throw thrown;
    }
    this.#mayStay = false;
  }

  /** Where the account may not ask, or the release does not answer, nothing is known of any. */
  async #list(signal: AbortSignal): Promise<readonly XmlElement[]> {
    try {
      const result = await this.#api.op(command(['show', 'config-locks']), signal, { vsys: this.#scope });
      // The reference has what an entry says, and not what it stands in.
      return [...entriesAt(result), ...entriesAt(result, 'config-locks')];
    } catch (thrown) {
      if (thrown instanceof SallyportError && thrown.blame === 'rejected') return [];
      throw thrown;
    }
  }
}
