import { tame } from './secret-text.ts';

/** The error code of Node, OpenSSL or undici. */
export function codeOfThrown(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

const foreignAuthority =
  'its certificate is not from an authority that it may come from; compare the CA that was given';

/** What codes about the server's certificate mean to people. */
const certificates: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate, or one above it, has expired',
  CERT_NOT_YET_VALID: 'its certificate, or one above it, is not valid yet; compare the clocks',
  SELF_SIGNED_CERT_IN_CHAIN: foreignAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: foreignAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: foreignAuthority,
  UNABLE_TO_GET_ISSUER_CERT: foreignAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: foreignAuthority,
  CERT_SIGNATURE_FAILURE: foreignAuthority,
};

/** What other codes of Node and undici mean to people. */
const connections: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be resolved now',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_DESTROYED: 'this client is closed',
  UND_ERR_CLOSED: 'this client is closed',
};

/** It connected, and showed a certificate that is not believed. */
export function isCertificateCode(code: string | undefined): boolean {
  return code !== undefined && (code in certificates || code === 'ERR_TLS_CERT_ALTNAME_INVALID');
}

/** Why there is no answer, for people; the code, where there is one, in brackets behind it. */
export function connectionWords(thrown: unknown, secrets: readonly string[]): string {
  const code = codeOfThrown(thrown);
  const text = code === undefined ? undefined : (certificates[code] ?? connections[code]);
  const message = thrown instanceof Error ? tame(thrown.message, secrets) : 'no answer';
  const said = text ?? (message === '' ? 'no answer' : message);
  return code === undefined ? said : `${said} (${code})`;
}
