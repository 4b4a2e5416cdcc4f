import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFactsFile, readMachineFolder } from './files.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-files-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('what the installation says', () => {
  test('stands in the first file that is there', async () => {
    const [older, newer] = [join(folder, 'install.yaml'), join(folder, 'machine-allocation.yaml')];
    const missing = await readFactsFile([older, newer]);
    expect(missing.facts).toBeUndefined();
    expect(missing.diagnostics.map(({ code, at }) => [code, at?.file])).toEqual([['MACHINE_FACTS', older]]);
    writeFileSync(newer, 'hostname: newer\n');
    expect((await readFactsFile([older, newer])).facts?.hostname).toBe('newer');
    writeFileSync(older, 'hostname: older\n');
    expect((await readFactsFile([older, newer])).facts?.hostname).toBe('older');
  });

  test('is read once for each text, wherever it stands', async () => {
    const [older, newer] = [join(folder, 'once-older.yaml'), join(folder, 'once-newer.yaml')];
    const missing = await readFactsFile([older, newer]);
    writeFileSync(older, '');
    const empty = await readFactsFile([older, newer], missing);
    expect(empty.diagnostics).not.toEqual(missing.diagnostics);
    rmSync(older);
    writeFileSync(newer, 'hostname: one\n');
    const first = await readFactsFile([older, newer], empty);
    expect(await readFactsFile([older, newer], first)).toBe(first);
    writeFileSync(older, 'hostname: one\n');
    const moved = await readFactsFile([older, newer], first);
    expect(moved.file).toBe(older);
    writeFileSync(older, 'hostname: two\n');
    expect((await readFactsFile([older, newer], moved)).facts?.hostname).toBe('two');
  });

  test('is not taken from the next file where the first is there and cannot be read', async () => {
    const [older, newer] = [join(folder, 'broken.yaml'), join(folder, 'sound.yaml')];
    writeFileSync(older, 'hostname: [\n');
    writeFileSync(newer, 'hostname: newer\n');
    const { facts, diagnostics } = await readFactsFile([older, newer]);
    expect(facts).toBeUndefined();
    expect(diagnostics.map(({ at }) => at?.file)).toEqual([older]);
  });
});

test('a policy that goes over to another file while a folder is read is never missing', async () => {
  const manifests = mkdtempSync(join(folder, 'manifests-'));
  const policy = (name: string): string =>
    `apiVersion: metal-stack.io/v1\nkind: ClusterwideNetworkPolicy\nmetadata:\n  name: ${name}\n  namespace: firewall\nspec:\n  egress: []\n`;
  for (let n = 100; n < 130; n++) writeFileSync(join(manifests, `${n}.yaml`), policy(`n${n}`));
  writeFileSync(join(manifests, 'a.yaml'), policy('moving'));
  let next: NodeJS.Timeout | undefined;
  const move = (round: number): void => {
    const [to, from] = round % 2 === 1 ? ['z.yaml', 'a.yaml'] : ['a.yaml', 'z.yaml'];
    writeFileSync(join(manifests, to), policy('moving'));
    rmSync(join(manifests, from));
    next = setTimeout(() => move(round + 1), round % 7);
  };
  move(1);
  const counts = new Set<number>();
  for (let readings = 0; readings < 40; readings++) {
    const { objects, diagnostics } = await readMachineFolder(manifests);
    if (objects !== undefined) counts.add(objects.policies.length);
    else expect(new Set(diagnostics.map(({ code }) => code))).toEqual(new Set(['MANIFEST_UNREADABLE']));
  }
  clearTimeout(next);
  counts.add((await readMachineFolder(manifests)).objects?.policies.length ?? 0);
  expect([...counts]).toEqual([31]);
});
