import type { Clock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import type { DeviceCredentials } from '../../device-credentials.ts';
import type { DeviceApi } from '../../https/device-api.ts';
import { type Envelope, readEnvelope } from './envelope.ts';
import { refusal } from './errors.ts';
import { textAt } from './xml.ts';

/** Where the API answers; `/api` without the slash is answered by some releases only. */
export const API_PATH = '/api/';

/** A password that was refused is not shown again sooner: a device may lock an account that fails to log in a few times. */
const REFUSED_MS = 5_000;

export interface Key {
  readonly key: string;
  /** The name of the account, where it was written down. */
  readonly user: string | undefined;
  /** Nobody makes another one in its place. */
  readonly isWritten: boolean;
}

/**
 * The key that requests are let in by (reference 1.1): written down as `key`, or made by the device from `user` and `password`. Kept until the
 * device does not let it in any more; the credentials are read again then.
 */
export class Login {
  readonly #credentials: DeviceCredentials;
  readonly #clock: Clock;
  #key: Key | undefined;
  /** Questions go side by side: whoever needs a key meanwhile waits for the same one. */
  #making: Promise<Key> | undefined;
  #refused: { readonly said: string; readonly at: number; readonly error: SallyportError } | undefined;

  constructor(credentials: DeviceCredentials, clock: Clock) {
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** Throws `DEVICE_CREDENTIALS`. */
  async key(device: DeviceApi, signal: AbortSignal): Promise<Key> {
    for (;;) {
      if (this.#key !== undefined) return this.#key;
      const isOwn = this.#making === undefined;
      this.#making ??= this.#make(device, signal);
      try {
        return await this.#making;
      } catch (thrown) {
        // It failed for whoever asked first, whose time may have been over.
        if (isOwn || (thrown instanceof SallyportError && thrown.code === 'DEVICE_CREDENTIALS')) throw thrown;
        signal.throwIfAborted();
      }
    }
  }

  /** Another key than this one, which `refused` is about: made once, however many requests were not let in by it. */
  async renewed(key: Key, refused: SallyportError, device: DeviceApi, signal: AbortSignal): Promise<Key> {
    if (this.#key === key) this.#key = undefined;
    const other = await this.key(device, signal);
    if (!other.isWritten || other.key !== key.key) return other;
    this.#key = undefined;
    throw refused;
  }

  /** The name of the account, where it was written down. */
  get user(): string | undefined {
    return this.#key?.user;
  }

  async #make(device: DeviceApi, signal: AbortSignal): Promise<Key> {
    try {
      this.#key = await this.#made(device, signal);
      return this.#key;
    } finally {
      this.#making = undefined;
    }
  }

  async #made(device: DeviceApi, signal: AbortSignal): Promise<Key> {
    const { title } = this.#credentials;
    const found = await this.#credentials.read(signal);
    const [key, user, password] = [found.get('key'), found.get('user'), found.get('password')];
    if (key !== undefined) {
      // It becomes a header: a line break in it would be another header.
      if (!/^[\x21-\x7e]+$/.test(key))
        throw new SallyportError('DEVICE_CREDENTIALS', `${title}: the key "key" is no API key`);
      return { key, user, isWritten: true };
    }
    if (user === undefined || password === undefined)
      throw new SallyportError('DEVICE_CREDENTIALS', `${title}: write "key", or "user" and "password", into it`);
    const said = JSON.stringify([user, password]);
    const known = this.#refused;
    if (known?.said === said && this.#clock.monotonic() - known.at < REFUSED_MS) throw known.error;
    const answer = await ask(device, { type: 'keygen', user, password }, {}, [password], signal).catch(
      (thrown: unknown) => {
        if (thrown instanceof SallyportError && thrown.code === 'DEVICE_CREDENTIALS')
          this.#refused = { said, at: this.#clock.monotonic(), error: thrown };
        throw thrown;
      },
    );
    const made = textAt(answer.result, 'key');
    if (made === undefined || made === '')
      throw new SallyportError('DEVICE_UNREADABLE', 'keygen: the answer holds no key');
    return { key: made, user, isWritten: false };
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
