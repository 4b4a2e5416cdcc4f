import { isWorthOneMore } from './errors.ts';

/** Asks once more for what a device may be able to do by then. Work has no effect where it fails. Rejects with what the second attempt failed with. */
export async function onceMore<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!isWorthOneMore(thrown)) throw thrown;
    return await work();
  }
}
