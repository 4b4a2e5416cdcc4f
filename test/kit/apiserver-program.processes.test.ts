import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-program-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

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
