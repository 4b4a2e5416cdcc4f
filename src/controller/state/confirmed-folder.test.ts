import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BorderFirewall } from '../../api/resource.ts';
import { MOST_TEXT } from '../../firewalls/confirmed/confirmed-record.ts';
import { ConfirmedFolder, isRecorded, recordedDevice } from './confirmed-folder.ts';

const OF = { cluster: 'lab', firewall: 'edge-1', device: 'd' };
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'sallyport-confirmed-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const open = (of = OF): ConfirmedFolder => new ConfirmedFolder(folder, of, undefined);
const files = (): readonly string[] => readdirSync(join(folder, 'confirmed'));

test('what was written whole and what was appended is read by the next one, of this firewall alone', async () => {
  const place = open();
  expect(await place.load()).toBeUndefined();
  await place.replace(['one\n', 'two\n']);
  await place.append('three\n');
  await place.close();
  expect(await open().load()).toBe('one\ntwo\nthree\n');
  expect(await open({ ...OF, firewall: 'edge-2' }).load()).toBeUndefined();
});

test('a whole one takes the place of all before it, and what follows goes after it', async () => {
  const place = open();
  await place.replace(['one\n']);
  await place.append('two\n');
  await place.replace(['three\n']);
  await place.append('four\n');
  expect(await place.load()).toBe('three\nfour\n');
  expect(files()).toEqual(['edge-1.jsonl']);
  await place.close();
});

test('it is known by name that there is one, until it is removed', async () => {
  const place = open();
  expect(isRecorded(folder, 'edge-1')).toBe(false);
  await place.replace(['one\n']);
  expect([isRecorded(folder, 'edge-1'), isRecorded(folder, 'edge')]).toEqual([true, false]);
  await place.remove();
  expect(isRecorded(folder, 'edge-1')).toBe(false);
});

test('nobody else on the machine reads it', async () => {
  const place = open();
  await place.replace(['one\n']);
  await place.close();
  expect(statSync(join(folder, 'confirmed')).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, 'confirmed', 'edge-1.jsonl')).mode & 0o777).toBe(0o600);
});

test('a copy that slept does not write into the file of its successor', async () => {
  const [slept, successor] = [open(), open()];
  await slept.replace(['old\n']);
  await successor.replace(['new\n']);
  await slept.append('late\n');
  await successor.append('newer\n');
  expect(await open().load()).toBe('new\nnewer\n');
  await Promise.all([slept.close(), successor.close()]);
});

test('nothing is appended to what this process did not write', async () => {
  const place = open();
  await expect(place.append('one\n')).rejects.toMatchObject({ code: 'INTERNAL' });
  await place.replace(['one\n']);
  await place.close();
  await expect(place.append('two\n')).rejects.toMatchObject({ code: 'INTERNAL' });
  expect(await place.load()).toBe('one\n');
});

test('what is removed is no more, and can be written again', async () => {
  const place = open();
  await place.remove();
  await place.replace(['one\n']);
  writeFileSync(join(folder, 'confirmed', 'edge-1.jsonl.new'), 'half of a whole one');
  await place.remove();
  expect([await place.load(), files()]).toEqual([undefined, []]);
  await place.replace(['two\n']);
  expect(await place.load()).toBe('two\n');
  await place.close();
});

test('what was half written by whoever was killed changes nothing', async () => {
  const place = open();
  await place.replace(['one\n']);
  await place.close();
  writeFileSync(join(folder, 'confirmed', 'edge-1.jsonl.new'), 'ha');
  const next = open();
  expect(await next.load()).toBe('one\n');
  await next.replace(['two\n']);
  await next.close();
  expect(await open().load()).toBe('two\n');
});

test('a disk that refuses is told, and what was there stays', async () => {
  const place = open();
  await place.replace(['one\n']);
  mkdirSync(join(folder, 'confirmed', 'edge-1.jsonl.new'));
  await expect(place.replace(['two\n'])).rejects.toMatchObject({ code: 'LOCAL_SYSTEM' });
  expect(await place.load()).toBe('one\n');
  await place.close();
});

test('what is longer than any record is not even read', async () => {
  const place = open();
  await place.replace(['']);
  await place.close();
  truncateSync(join(folder, 'confirmed', 'edge-1.jsonl'), MOST_TEXT + 1);
  await expect(open().load()).rejects.toThrow(/longer than any record/);
});

test('what is no file is told', async () => {
  mkdirSync(join(folder, 'confirmed', 'edge-1.jsonl'), { recursive: true });
  await expect(open().load()).rejects.toThrow(/EISDIR/);
});

test('copies under a Lease have less room, and write under its number', () => {
  const epoch = { lease: 'u', number: 7 };
  const alone = open();
  const copy = new ConfirmedFolder(folder, OF, { now: () => epoch } as never);
  expect([alone.writer(), copy.writer()]).toEqual([undefined, epoch]);
  expect(copy.room).toBeLessThan(alone.room);
  expect(2 * alone.room).toBeLessThanOrEqual(MOST_TEXT);
});

test('another object, driver, address or options are another device', () => {
  const one = { uid: 'u', driver: 'nftables', address: 'ssh:a', options: { x: 1 } } as unknown as BorderFirewall;
  const others = [{ uid: 'v' }, { driver: 'feed' }, { address: 'ssh:b' }, { options: { x: 2 } }, { uid: undefined }];
  const digests = [one, ...others.map((other) => ({ ...one, ...other }) as BorderFirewall)].map(recordedDevice);
  expect(new Set(digests).size).toBe(digests.length);
  expect(recordedDevice({ ...one, mode: 'Approve' })).toBe(digests[0]);
});
