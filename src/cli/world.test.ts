import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readWorld } from './world.ts';

const namespace = (name: string): string => `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n`;
const FIREWALL =
  'apiVersion: sallyport.dev/v1alpha1\nkind: BorderFirewall\nmetadata:\n  name: edge-1\nspec:\n  driver: nftables\n  address: local\n  workloads: { namespaceSelector: all() }\n  sees: Pod\n';

test('an object that goes over to another file while a folder is read is never missing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-world-'));
  for (let n = 100; n < 130; n++) writeFileSync(join(folder, `${n}.yaml`), namespace(`n${n}`));
  writeFileSync(join(folder, 'a.yaml'), FIREWALL);
  let next: NodeJS.Timeout | undefined;
  const move = (round: number): void => {
    const [to, from] = round % 2 === 1 ? ['z.yaml', 'a.yaml'] : ['a.yaml', 'z.yaml'];
    writeFileSync(join(folder, to), FIREWALL);
    rmSync(join(folder, from));
    next = setTimeout(() => move(round + 1), round % 7);
  };
  const silent = { out: () => {}, err: () => {} };
  const isThere = async (): Promise<boolean | undefined> => {
    const { world } = await readWorld(silent, { filename: [folder] });
    if (world.state.kind !== 'complete') return undefined;
    return world.firewalls.has('edge-1');
  };
  move(1);
  const found = new Set<boolean | undefined>();
  for (let readings = 0; readings < 40; readings++) found.add(await isThere());
  clearTimeout(next);
  expect(await isThere()).toBe(true);
  expect(found).not.toContain(false);
  rmSync(folder, { recursive: true, force: true });
});
