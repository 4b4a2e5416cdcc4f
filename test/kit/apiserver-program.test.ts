import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApiServer, whyNoApiServer } from './apiserver-program.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-program-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('KUBEBUILDER_ASSETS', () => {
  test('of a folder without the servers is told with what is missing, before anything is built', async () => {
    writeFileSync(join(folder, 'etcd'), '', { mode: 0o755 });
    // There, but nobody may run it.
    writeFileSync(join(folder, 'kube-apiserver'), '', { mode: 0o644 });
    const environment = { ...process.env, KUBEBUILDER_ASSETS: folder };
    const why = new RegExp(
      `^KUBEBUILDER_ASSETS names ${folder}, where there is no program kube-apiserver\\. Name the folder`,
    );
    expect(whyNoApiServer(environment)).toMatch(why);
    await expect(buildApiServer(() => undefined, environment)).rejects.toThrow(why);
    const nowhere = { ...environment, KUBEBUILDER_ASSETS: join(folder, 'nowhere') };
    expect(whyNoApiServer(nowhere)).toContain('no program etcd and no kube-apiserver');
  });
});
