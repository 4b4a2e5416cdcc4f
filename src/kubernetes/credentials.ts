import { X509Certificate } from 'node:crypto';
import { visibleLine } from '../base/visible.ts';

/** A certificate and its private key, as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Who asks, and whom to believe: what goes into the headers of a request and into the TLS handshake before it. */
export interface Identity {
  /** `authorization` and `impersonate-…`, in lower case. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Absent: none is shown to the server. */
  readonly clientCertificate?: KeyPair | undefined;
  /** PEM of the authorities that the server's certificate may come from; absent: those that Node trusts. */
  readonly authorities?: string | undefined;
  /** What no error and no log line may hold. */
  readonly secrets: readonly string[];
}

/** Where an identity comes from: files, plugins, a kubeconfig. */
export interface Credentials {
  /** What to use now. The same object as before while nothing has changed. Throws `API_CREDENTIALS`. */
  current(signal: AbortSignal): Promise<Identity>;
  /** The server did not know `refused`: everything is read again, unless that has happened since. Throws `API_CREDENTIALS`. */
  renew(refused: Identity, signal: AbortSignal): Promise<Identity>;
  /** Ends what is under way. */
  close(): void;
}

/** `; the client certificate …`, if that may be why somebody is not let in; else nothing. */
export function expiryRemark({ clientCertificate }: Identity, now: number): string {
  if (clientCertificate === undefined) return '';
  const { validTo, subject } = new X509Certificate(clientCertificate.certificate);
  const end = new Date(validTo);
  if (end.getTime() > now) return '';
  return `; the client certificate (${visibleLine(subject.replaceAll('\n', ', '))}) expired on ${end.toISOString()}`;
}
