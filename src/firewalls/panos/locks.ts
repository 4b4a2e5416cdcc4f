import type { MayGoOn } from '../driver.ts';
import { type PanosApi, command } from './api.ts';
import { isNoLock, isOwnLock } from './errors.ts';
import { element } from './xml.ts';

/** How long giving a lock back may take when all else has failed. */
const RELEASE_MS = 5_000;
const COMMENT = 'Sallyport writes';

/**
 * Runs with the config lock of a scope (reference 1.7), so that nobody edits between our reading and our commit. Rejects with
 * `DEVICE_EDIT_LOCK` where somebody else has it. It is given back whatever happens; one that a process of ours died with is taken over, because
 * the device knows it by the account.
 */
export async function withConfigLock<T>(
  api: PanosApi,
  scope: string,
  signal: AbortSignal,
  mayGoOn: MayGoOn,
  work: () => Promise<T>,
): Promise<T> {
  await take(api, scope, signal, mayGoOn);
  try {
    return await work();
  } finally {
    // The caller's signal may have ended: a lock that stays keeps people out.
    await release(api, scope, AbortSignal.timeout(RELEASE_MS)).catch(() => undefined);
  }
}

async function take(api: PanosApi, scope: string, signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
  const add = command(['request', 'config-lock', 'add'], [element('comment', COMMENT)]);
  try {
    await api.order(add, signal, mayGoOn, { vsys: scope });
  } catch (thrown) {
    if (!isOwnLock(thrown)) throw thrown;
  }
}

async function release(api: PanosApi, scope: string, signal: AbortSignal): Promise<void> {
  try {
    await api.order(command(['request', 'config-lock', 'remove']), signal, () => undefined, { vsys: scope });
  } catch (thrown) {
    // Some releases give locks back with the commit of their owner.
    if (!isNoLock(thrown)) throw thrown;
  }
}
