import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GuardFolder } from './guard-folder.ts';

const OF = { cluster: 'lab', firewall: 'edge-1' };
const MEMORY = {
  hour: [{ list: '', gained: [[60_000, 3] as [number, number]], lost: [] }],
  yeses: [['a'.repeat(64), 1] as [string, number]],
  unsureUntil: 0,
};
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'sallyport-guard-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('keeps what it is given, whole, for one firewall', async () => {
  const place = new GuardFolder(folder, OF);
  expect(await place.load()).toBeUndefined();
  await place.keep(MEMORY);
  await place.keep({ ...MEMORY, yeses: [] });
  expect(await new GuardFolder(folder, OF).load()).toEqual({ ...MEMORY, yeses: [] });
  expect(await new GuardFolder(folder, { ...OF, firewall: 'edge-2' }).load()).toBeUndefined();
  expect(readdirSync(join(folder, 'guard'))).toEqual(['edge-1.json']);
});

test('a half-written file beside it, of whoever was killed, changes nothing', async () => {
  const place = new GuardFolder(folder, OF);
  await place.keep(MEMORY);
  writeFileSync(join(folder, 'guard', 'edge-1.json.new'), '{"half');
  expect(await place.load()).toEqual(MEMORY);
  await place.keep(MEMORY);
  expect(readdirSync(join(folder, 'guard'))).toEqual(['edge-1.json']);
});

test('what cannot be read whole is told, and replaced', async () => {
  const place = new GuardFolder(folder, OF);
  mkdirSync(join(folder, 'guard'));
  writeFileSync(join(folder, 'guard', 'edge-1.json'), 'nonsense');
  await expect(place.load()).rejects.toMatchObject({
    code: 'GUARD_MEMORY',
    message: expect.stringContaining('edge-1.json') as string,
  });
  await place.keep(MEMORY);
  expect(await place.load()).toEqual(MEMORY);
});

test('a folder that cannot be written is told', async () => {
  writeFileSync(join(folder, 'guard'), 'a file');
  await expect(new GuardFolder(folder, OF).keep(MEMORY)).rejects.toMatchObject({ code: 'LOCAL_SYSTEM' });
});
