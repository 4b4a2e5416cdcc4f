import { timingSafeEqual, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import type { BorderFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { SallyportError } from '../../base/error.ts';

/** `tls` of a BorderFirewall; absent: a certificate from one of the authorities that Node trusts. */
export type DeviceTls = BorderFirewall['tls'];

/** Hand-shakes of small devices are slow; nothing is sent before. */
const CONNECT_MS = 10_000;

/** SHA-256 of the whole certificate, as `openssl x509 -fingerprint -sha256` prints it, with colons or without. */
const FINGERPRINT = /^([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** What is wrong with `tls`, found without asking the device. */
export function checkTls(tls: DeviceTls): readonly Diagnostic[] {
  const wrong = (path: string, message: string): readonly Diagnostic[] => [
    { severity: 'error', code: 'DEVICE_SETTING', path, message },
  ];
  if (tls?.pin !== undefined && !FINGERPRINT.test(tls.pin))
    return wrong(
      'spec.tls.pin',
      'write the SHA-256 fingerprint of the certificate: 64 hexadecimal digits, as `openssl x509 -fingerprint -sha256` prints them',
    );
  // Node takes no notice of what is none, and then believes nobody, which reads as if the device had the wrong certificate.
  if (tls?.ca !== undefined && !(tls.ca.match(CERTIFICATE) ?? []).some(isCertificate))
    return wrong(
      'spec.tls.ca',
      'there is no certificate in it; write the text of its PEM file, from "-----BEGIN CERTIFICATE-----" on, not its path',
    );
  return [];
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
}

/** Connects and believes what `tls` says; whoever is not believed is hung up on before a byte of a request is sent. */
export function deviceConnector(tls: DeviceTls): buildConnector.connector {
  const pin = tls?.pin?.replaceAll(':', '').toLowerCase();
  const connect = buildConnector({
    timeout: CONNECT_MS,
    // Said in either case: the environment (NODE_TLS_REJECT_UNAUTHORIZED) shall not decide it. A pin takes the place of authorities.
    rejectUnauthorized: tls?.insecure === undefined && pin === undefined,
    // A session that is taken up again shows no certificate to compare.
    ...(pin === undefined ? {} : { maxCachedSessions: 0 }),
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
  });
  if (pin === undefined) return connect;
  return (options, done) => {
    connect(options, (...[failure, socket]) => {
      // undici leaves the second argument out of a failure, whatever its types say.
      if (failure !== null) return done(failure, null);
      const shown = fingerprintOf(socket);
      if (shown !== undefined && isSame(shown, pin)) return done(null, socket);
      socket.destroy();
      const written = shown?.toUpperCase().match(/../g)?.join(':') ?? '(none)';
      const said = `its certificate has the fingerprint ${written}, and spec.tls.pin another one`;
      done(new SallyportError('DEVICE_CERTIFICATE', said), null);
    });
  };
}

function fingerprintOf(socket: Socket | TLSSocket): string | undefined {
  if (!('getPeerCertificate' in socket)) return undefined;
  const { fingerprint256 } = socket.getPeerCertificate() as { readonly fingerprint256?: string };
  return fingerprint256?.replaceAll(':', '').toLowerCase();
}

function isSame(shown: string, pinned: string): boolean {
  const [a, b] = [Buffer.from(shown), Buffer.from(pinned)];
  return a.length === b.length && timingSafeEqual(a, b);
}
