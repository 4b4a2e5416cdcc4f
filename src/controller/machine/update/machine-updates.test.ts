import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { updateKey } from './machine-updates.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-update-key-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a wish that is gone is not taken for one without a signature', async () => {
  const file = join(folder, 'key.pem');
  const { publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
  let wish: { readonly key?: string } | undefined = { key: file };
  const key = updateKey(() => wish);
  expect((await key())?.equals(publicKey)).toBe(true);
  wish = {};
  expect(await key()).toBeUndefined();
  wish = undefined;
  await expect(key()).rejects.toMatchObject({ code: 'UPDATE_REFUSED' });
});
