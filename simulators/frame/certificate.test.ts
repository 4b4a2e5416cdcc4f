import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { ownCertificate } from './certificate.ts';

const wanted = {
  commonName: 'FGVM010000000001',
  names: ['127.0.0.1', '::1', '2001:db8::7:0:1', 'localhost'],
  from: Date.UTC(2026, 0, 1),
  to: Date.UTC(2051, 5, 30),
};

test('what it makes is read back by another implementation', () => {
  const { certificate, key, fingerprint } = ownCertificate(wanted);
  const read = new X509Certificate(certificate);
  expect(read.verify(read.publicKey)).toBe(true);
  expect(read.subject).toBe('CN=FGVM010000000001');
  expect(read.issuer).toBe(read.subject);
  expect(read.ca).toBe(true);
  expect(new Date(read.validFrom).getTime()).toBe(wanted.from);
  expect(new Date(read.validTo).getTime()).toBe(wanted.to);
  expect(read.fingerprint256).toBe(fingerprint);
  for (const address of wanted.names.slice(0, 3)) expect(read.checkIP(address)).toBe(address);
  expect(read.checkHost('localhost')).toBe('localhost');
  expect(read.checkHost('example.com')).toBe(undefined);
  expect(key).toContain('PRIVATE KEY');
});

test('every certificate has its own key and number', () => {
  const [one, other] = [ownCertificate(wanted), ownCertificate(wanted)];
  expect(one.fingerprint).not.toBe(other.fingerprint);
  expect(new X509Certificate(one.certificate).serialNumber).not.toBe(
    new X509Certificate(other.certificate).serialNumber,
  );
});
