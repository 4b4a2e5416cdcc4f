import { spawnSync } from 'node:child_process';
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

describe('`npm run test:cluster` where nothing can be built', () => {
  // No Go, and nothing built before.
  const run = (
    environment: Readonly<Record<string, string>>,
  ): { readonly status: number | null; readonly said: string } => {
    const script = join(import.meta.dirname, '../../scripts/cluster.ts');
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script], {
      env: { PATH: folder, HOME: folder, XDG_CACHE_HOME: folder, ...environment },
      encoding: 'utf8',
    });
    return { status, said: stdout + stderr };
  };

  test('says that all of it is skipped, and why', () => {
    const { status, said } = run({});
    expect(said).toMatch(
      /^SKIPPED, ALL OF IT: cluster tests cannot run here, nothing about real API servers was shown\. .*there is no `go` in PATH/m,
    );
    expect(said).toMatch(/^0 passed, 0 failed$/m);
    expect(status).toBe(0);
  });

  test('fails in CI', () => {
    const { status, said } = run({ CI: 'true' });
    expect(said).toMatch(/^FAILED: cluster tests cannot run\. .*there is no `go` in PATH/m);
    expect(said).toMatch(/^0 passed, 1 failed$/m);
    expect(status).toBe(1);
  });
});
