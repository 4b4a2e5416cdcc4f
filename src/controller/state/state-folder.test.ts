import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isCurrent } from '../approvals/approvals.ts';
import { FolderApprovals, stateFolder } from './state-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-state-'));
});
afterEach(() => rm(folder, { recursive: true }));

const yes = { firewall: 'edge-1', digest: 'abc', madeAt: 1, by: 'me' };

test('an approval is kept until it is taken; the newest counts', async () => {
  const approvals = new FolderApprovals(folder);
  expect(await approvals.get('edge-1')).toBeUndefined();
  await approvals.put(yes);
  await approvals.put({ ...yes, digest: 'def' });
  expect(await new FolderApprovals(folder).get('edge-1')).toEqual({ ...yes, digest: 'def' });
  expect(await approvals.take('edge-1', undefined)).toBeUndefined();
  expect(await approvals.take('edge-1', {})).toMatchObject({ digest: 'def' });
  expect(await approvals.take('edge-1', {})).toBeUndefined();
  expect(await approvals.get('edge-1')).toBeUndefined();
});

test.each([
  '',
  '{',
  '{"firewall":"edge-1"}',
  JSON.stringify({ ...yes, firewall: 'edge-2' }),
  JSON.stringify({ ...yes, digest: 7 }),
])('a file that is no approval of this firewall is no yes: %j', async (text) => {
  const approvals = new FolderApprovals(folder);
  await approvals.put(yes);
  await writeFile(join(folder, 'approvals/edge-1.json'), text);
  expect(await approvals.get('edge-1')).toBeUndefined();
});

test.each([
  [0, true],
  [3_600_000, true],
  [3_600_001, false],
  [-60_000, true],
  [-60_001, false],
])('a yes that is %d ms old: %j', (age, expected) => {
  expect(isCurrent({ ...yes, madeAt: 1e12 }, 1e12 + age)).toBe(expected);
});

test('systemd decides where the state lives; clusters do not share it', () => {
  expect(stateFolder('shop', { STATE_DIRECTORY: '/var/lib/a:/var/lib/b' })).toBe('/var/lib/a/shop');
  expect(stateFolder('shop', { XDG_STATE_HOME: '/x' })).not.toBe(stateFolder('bank', { XDG_STATE_HOME: '/x' }));
});
