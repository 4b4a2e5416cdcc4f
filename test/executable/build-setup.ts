import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildExecutables, type Executable } from '../../scripts/executable.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The files for both architectures, made once for all tests, and the keys (PEM) by which they are signed. */
    executables: {
      readonly folder: string;
      readonly made: readonly Executable[];
      readonly privateKey: string;
      readonly publicKey: string;
    };
  }
}

/** Before the suite `executable`: the program is made as one file. Fails the suite where it cannot be. */
export default async function setUp(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-executable-test-'));
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const made = await buildExecutables(folder, ['amd64', 'arm64'], privateKey);
  project.provide('executables', { folder, made, privateKey, publicKey });
  return () => rmSync(folder, { recursive: true, force: true });
}
