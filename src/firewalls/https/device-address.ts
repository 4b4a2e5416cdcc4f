import type { Diagnostic } from '../../base/diagnostic.ts';
import { SallyportError } from '../../base/error.ts';
import { withoutPassword } from '../../base/without-password.ts';
import { quoteForMessage } from '../../ip/address.ts';

const FORM = /^https:\/\/(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?$/i;

/** The origin of a device's API, from `address`: `https://HOST[:PORT]` and nothing else. Throws `DEVICE_ADDRESS`. */
export function parseHttpsAddress(address: string): URL {
  if (FORM.test(address) && URL.canParse(address)) return new URL(address);
  throw new SallyportError(
    'DEVICE_ADDRESS',
    `${quoteForMessage(withoutPassword(address))} is not https://HOST or https://HOST:PORT`,
  );
}

/** What is wrong with such an address. */
export function checkHttpsAddress(address: string): readonly Diagnostic[] {
  try {
    parseHttpsAddress(address);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof SallyportError)) throw thrown;
    return [{ severity: 'error', code: thrown.code, path: 'spec.address', message: thrown.message }];
  }
}
