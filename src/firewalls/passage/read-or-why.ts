import { SallyportError } from '../../base/error.ts';

/** The device is there, and does not tell that alone. */
const TOLD: ReadonlySet<string> = new Set(['DEVICE_CHANGED', 'DEVICE_UNREADABLE', 'DEVICE_LIMIT', 'DEVICE_REJECTED']);

/** What was read, or why it was not. Rejects where the device does not answer at all. */
export async function readOrWhy<T>(read: () => Promise<T>, noRight: string): Promise<T | string> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof SallyportError)) throw thrown;
    if (thrown.code === 'DEVICE_RIGHTS') return noRight;
    if (TOLD.has(thrown.code)) return thrown.message;
    throw thrown;
  }
}
