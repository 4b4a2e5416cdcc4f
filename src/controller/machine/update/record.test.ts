import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../../../base/log.ts';
import { UpdateRecord } from './record.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-record-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what is remembered of updates is taken along to another place, over what lies there', async () => {
  let path = join(folder, 'a/update.json');
  const record = new UpdateRecord(() => path, silentLog);
  const state = { replacedAt: 5, notes: [] };
  await record.write(state);
  path = join(folder, 'b/update.json');
  expect(await record.read()).toEqual(state);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(state);
  path = join(folder, 'older.json');
  writeFileSync(path, JSON.stringify({ replacedAt: 1, notes: [] }));
  expect(await record.read()).toEqual(state);
  // One that begins there has no other place to take something from.
  expect(await new UpdateRecord(() => path, silentLog).read()).toEqual(state);
});
