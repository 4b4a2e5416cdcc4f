import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import type { Credentials, Identity, KeyPair } from './credentials.ts';
import { WatchedFile } from './watched-file.ts';

/** A text that is given as it is, or in a file that may be replaced. */
export type Given = { readonly text: string } | { readonly file: string };

/** What makes credentials when it is asked: an exec plugin, an auth provider. */
export interface CredentialMaker {
  /** Whatever of the two it gives. `isFresh`: the server did not take what was made before. Throws `API_CREDENTIALS`. */
  make(isFresh: boolean, signal: AbortSignal): Promise<MadeCredential>;
  /** Ends what is under way. */
  close(): void;
}

export interface MadeCredential {
  readonly token?: string | undefined;
  readonly clientCertificate?: KeyPair | undefined;
}

/** All that a kubeconfig, or a pod, can say of who it is. */
export interface GivenParts {
  readonly authorities?: Given | undefined;
  readonly token?: Given | undefined;
  readonly certificate?: Given | undefined;
  readonly key?: Given | undefined;
  readonly basic?: { readonly username: string; readonly password: string } | undefined;
  readonly maker?: CredentialMaker | undefined;
  /** `impersonate-…`. */
  readonly impersonation?: Readonly<Record<string, string | string[]>> | undefined;
}

type Values = Omit<Identity, 'headers' | 'secrets'> & { readonly token?: string | undefined };

/** Credentials from texts, files that may be replaced, and makers. */
export class GivenCredentials implements Credentials {
  readonly #parts: GivenParts;
  readonly #files = new Map<string, WatchedFile>();
  readonly #clock: Clock;
  #last: { readonly values: Values; readonly identity: Identity } | undefined;

  constructor(parts: GivenParts, clock: Clock) {
    this.#parts = parts;
    this.#clock = clock;
  }

  async current(signal: AbortSignal): Promise<Identity> {
    return this.#identity(await this.#values(false, signal));
  }

  async renew(refused: Identity, signal: AbortSignal): Promise<Identity> {
    // Somebody else's request was refused as well, and has renewed it.
    if (this.#last !== undefined && this.#last.identity !== refused) return await this.current(signal);
    return this.#identity(await this.#values(true, signal));
  }

  close(): void {
    this.#parts.maker?.close();
  }

  async #values(isFresh: boolean, signal: AbortSignal): Promise<Values> {
    const { authorities, token, certificate, key, maker } = this.#parts;
    const [authoritiesText, tokenText, certificateText, keyText, made] = await Promise.all([
      this.#read(authorities, 'the certificate authority', isFresh),
      this.#read(token, 'the token', isFresh),
      this.#read(certificate, 'the client certificate', isFresh),
      this.#read(key, 'the client key', isFresh),
      maker?.make(isFresh, signal),
    ]);
    const pair =
      certificateText === undefined || keyText === undefined
        ? undefined
        : { certificate: certificateText, key: keyText };
    return {
      authorities: authoritiesText,
      token: tokenText?.trim() ?? made?.token,
      clientCertificate: pair ?? made?.clientCertificate,
    };
  }

  async #read(given: Given | undefined, what: string, isFresh: boolean): Promise<string | undefined> {
    if (given === undefined || 'text' in given) return given?.text;
    let file = this.#files.get(given.file);
    if (file === undefined) this.#files.set(given.file, (file = new WatchedFile(given.file, this.#clock)));
    let text: string;
    try {
      text = await file.text(isFresh);
    } catch (thrown) {
      throw new SallyportError('API_CREDENTIALS', `${what} cannot be read: ${(thrown as Error).message}`);
    }
    if (text.trim() === '') throw new SallyportError('API_CREDENTIALS', `${what} is empty: ${given.file}`);
    return text;
  }

  /** The identity of these values: the last one as long as they are the same. */
  #identity(values: Values): Identity {
    if (this.#last !== undefined && isSame(this.#last.values, values)) return this.#last.identity;
    const { basic, impersonation } = this.#parts;
    const { token, clientCertificate, authorities } = values;
    if (clientCertificate !== undefined) checkPair(clientCertificate);
    if (authorities !== undefined) checkAuthorities(authorities);
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
      throw new SallyportError('API_CREDENTIALS', 'the token holds characters that no token has');
    const pair = basic === undefined ? '' : Buffer.from(`${basic.username}:${basic.password}`).toString('base64');
    const authorization = token !== undefined ? `Bearer ${token}` : basic !== undefined ? `Basic ${pair}` : undefined;
    const secrets = [token, pair, basic?.password, clientCertificate?.key];
    const identity: Identity = {
      headers: { ...impersonation, ...(authorization === undefined ? {} : { authorization }) },
      clientCertificate,
      authorities,
      secrets: secrets.filter((secret): secret is string => secret !== undefined && secret !== ''),
    };
    this.#last = { values, identity };
    return identity;
  }
}

function isSame(a: Values, b: Values): boolean {
  return (
    a.token === b.token &&
    a.authorities === b.authorities &&
    a.clientCertificate?.certificate === b.clientCertificate?.certificate &&
    a.clientCertificate?.key === b.clientCertificate?.key
  );
}

/** A text without a certificate would be taken for an authority that signed nothing, and the server blamed for it. */
function checkAuthorities(pem: string): void {
  try {
    new X509Certificate(pem);
  } catch {
    throw new SallyportError('API_CREDENTIALS', 'the certificate authority is no PEM certificate');
  }
}

/** Files are replaced one after the other: a certificate beside the key of another one is not shown to anybody. */
function checkPair({ certificate, key }: KeyPair): void {
  let isPair: boolean;
  try {
    isPair = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch (thrown) {
    // OpenSSL's words tell the kind of mistake and nothing of the key.
    throw new SallyportError(
      'API_CREDENTIALS',
      `the client certificate or its key is no PEM: ${(thrown as Error).message}`,
    );
  }
  if (!isPair) throw new SallyportError('API_CREDENTIALS', 'the client certificate does not belong to the client key');
}
