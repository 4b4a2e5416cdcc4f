import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFactsFile } from './files.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-files-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('what the installation says', () => {
  test('stands in the first file that is there', async () => {
    const [older, newer] = [join(folder, 'install.yaml'), join(folder, 'machine-allocation.yaml')];
    const missing = await readFactsFile(older, newer);
    expect(missing.facts).toBeUndefined();
    expect(missing.diagnostics.map(({ code, at }) => [code, at?.file])).toEqual([['MACHINE_FACTS', older]]);
    writeFileSync(newer, 'hostname: newer\n');
    expect((await readFactsFile(older, newer)).facts?.hostname).toBe('newer');
    writeFileSync(older, 'hostname: older\n');
    expect((await readFactsFile(older, newer)).facts?.hostname).toBe('older');
  });

  test('is not taken from the next file where the first is there and cannot be read', async () => {
    const [older, newer] = [join(folder, 'broken.yaml'), join(folder, 'sound.yaml')];
    writeFileSync(older, 'hostname: [\n');
    writeFileSync(newer, 'hostname: newer\n');
    const { facts, diagnostics } = await readFactsFile(older, newer);
    expect(facts).toBeUndefined();
    expect(diagnostics.map(({ at }) => at?.file)).toEqual([older]);
  });
});
