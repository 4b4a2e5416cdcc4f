import { SallyportError } from '../../../base/error.ts';
import type { DeviceCredentials } from '../../device-credentials.ts';
import type { DeviceApi } from '../../https/device-api.ts';
import { type Envelope, readEnvelope } from './envelope.ts';
import { refusal } from './errors.ts';
import { textAt } from './xml.ts';

/** Where the API answers; `/api` without the slash is answered by some releases only. */
export const API_PATH = '/api/';

/**
 * The key that requests are let in by (reference 1.1): written down as `key`, or made by the device from `user` and `password`. Kept until it is
 * forgotten; the credentials are read again then.
 */
export class Login {
  readonly #credentials: DeviceCredentials;
  #key: { readonly key: string; readonly user: string | undefined } | undefined;

  constructor(credentials: DeviceCredentials) {
    this.#credentials = credentials;
  }

  /** Throws `DEVICE_CREDENTIALS`. */
  async key(device: DeviceApi, signal: AbortSignal): Promise<string> {
    this.#key ??= await this.#made(device, signal);
    return this.#key.key;
  }

  /** What must not be repeated by an error. */
  get secrets(): readonly string[] {
    return this.#key === undefined ? [] : [this.#key.key];
  }

  /** The name of the account, where it was written down. */
  get user(): string | undefined {
    return this.#key?.user;
  }

  /** The device did not let it in. */
  forget(): void {
    this.#key = undefined;
  }

  async #made(
    device: DeviceApi,
    signal: AbortSignal,
  ): Promise<{ readonly key: string; readonly user: string | undefined }> {
    const { title } = this.#credentials;
    const found = await this.#credentials.read(signal);
    const [key, user, password] = [found.get('key'), found.get('user'), found.get('password')];
    if (key !== undefined) {
      // It becomes a header: a line break in it would be another header.
      if (!/^[\x21-\x7e]+$/.test(key))
        throw new SallyportError('DEVICE_CREDENTIALS', `${title}: the key "key" is no API key`);
      return { key, user };
    }
    if (user === undefined || password === undefined)
      throw new SallyportError('DEVICE_CREDENTIALS', `${title}: write "key", or "user" and "password", into it`);
    const answer = await ask(device, { type: 'keygen', user, password }, {}, [password], signal);
    const made = textAt(answer.result, 'key');
    if (made === undefined || made === '')
      throw new SallyportError('DEVICE_UNREADABLE', 'keygen: the answer holds no key');
    return { key: made, user };
  }
}

/** One request, whatever it is: parameters in the body, never in the address. Rejects with what the device refused. */
export async function ask(
  device: DeviceApi,
  parameters: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
  secrets: readonly string[],
  signal: AbortSignal,
): Promise<Envelope> {
  const title = [parameters['type'], parameters['action'], parameters['xpath']]
    .filter((word) => word !== undefined)
    .join(' ');
  const answer = await device.ask(
    {
      method: 'POST',
      path: API_PATH,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(parameters).toString(),
      secrets,
    },
    signal,
  );
  const { status } = answer;
  let envelope: Envelope;
  try {
    envelope = readEnvelope(answer.body.toString('utf8'));
  } catch (thrown) {
    // Something before the API answered: a proxy, a web server that starts.
    if (status !== 200) throw refusal(title, { status, code: undefined, messages: [] }, secrets);
    if (thrown instanceof SallyportError) throw new SallyportError(thrown.code, `${title}: ${thrown.message}`);
    throw thrown;
  }
  if (!envelope.succeeded || status !== 200) throw refusal(title, { status, ...envelope }, secrets);
  return envelope;
}
