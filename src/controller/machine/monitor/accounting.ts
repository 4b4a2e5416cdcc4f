import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { connectionWords } from '../../../base/connection-error.ts';
import { deadline } from '../../../base/deadline.ts';
import { localFiles, SallyportError } from '../../../base/error.ts';
import { withoutPassword } from '../../../base/without-password.ts';
import type { AccountingPlace } from '../../configuration/machine-configuration.ts';
import { readIfThere } from '../rule-files.ts';

/** Where records go, and what signs them. */
export interface AccountingWish {
  readonly place: AccountingPlace;
  /** Path of an Ed25519 key as PEM; read anew for each record, so that it may be rotated. */
  readonly key: string;
}

export interface AccountingOptions {
  /** Asked for each record; `undefined`: none are wanted now. */
  readonly wish: () => AccountingWish | undefined;
  readonly machine: () => string;
}

const ANSWER_MS = 5_000;

/**
 * Records of figures, one JSON document a line: `{"record": TEXT, "signature": BASE64}`. The signature is Ed25519 over the bytes of the text,
 * itself JSON with the machine, the time, a number, and the hash of the record before, so that what is missing or was made by somebody else shows.
 * The records of a process are one chain, wherever each of them went.
 */
export class Accounting {
  readonly #options: AccountingOptions;
  #number = 0;
  #previous = '';

  constructor(options: AccountingOptions) {
    this.#options = options;
  }

  get isWanted(): boolean {
    return this.#options.wish() !== undefined;
  }

  /** Writes a record where one is wanted. Rejects with ACCOUNTING_FAILED; the number is then used by the next record. */
  async record(at: number, figures: object, signal: AbortSignal): Promise<void> {
    const wish = this.#options.wish();
    if (wish === undefined) return;
    const { place, key } = wish;
    const secret = await readKey(key);
    const record = JSON.stringify({
      machine: this.#options.machine(),
      time: new Date(at).toISOString(),
      number: this.#number,
      previous: this.#previous,
      figures,
    });
    const line = `${JSON.stringify({ record, signature: sign(null, Buffer.from(record), secret).toString('base64') })}\n`;
    if (place.kind === 'file') await localFiles(appendFile(place.path, line, { mode: 0o600 }));
    else await post(place.url, line, signal);
    this.#number += 1;
    this.#previous = createHash('sha256').update(record).digest('base64');
  }
}

async function readKey(path: string): Promise<KeyObject> {
  const text = await readIfThere(path);
  try {
    const key = createPrivateKey(text ?? '');
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // What stands in it is a secret, and no reason to say more.
  }
  throw new SallyportError('ACCOUNTING_FAILED', `${path} holds no Ed25519 key as PEM`);
}

async function post(url: string, body: string, signal: AbortSignal): Promise<void> {
  using limit = deadline(signal, ANSWER_MS, 'ACCOUNTING_FAILED');
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
      signal: limit.signal,
      redirect: 'error',
    });
    await answer.arrayBuffer();
    if (answer.ok) return;
    throw new SallyportError('ACCOUNTING_FAILED', `${withoutPassword(url)} answered with ${answer.status}`);
  } catch (thrown) {
    if (thrown instanceof SallyportError) throw thrown;
    const why = connectionWords(thrown instanceof Error ? (thrown.cause ?? thrown) : thrown, []);
    throw new SallyportError('ACCOUNTING_FAILED', `${withoutPassword(url)} does not answer: ${why}`, {}, thrown);
  }
}
