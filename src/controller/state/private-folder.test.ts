import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makePrivateFolder, removePrivateFolder } from './private-folder.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
});
afterEach(() => rmSync(base, { recursive: true }));

test('nobody else reads it; it goes with all that is in it', () => {
  const folder = makePrivateFolder('device', base);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  writeFileSync(join(folder, 'text'), 'secret');
  removePrivateFolder(folder);
  removePrivateFolder(folder);
  expect(existsSync(folder)).toBe(false);
});

test('what a killed process left goes; what lives, what is of another use or out of sight stays', () => {
  const gone = spawnSync('true').pid;
  const here = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  const make = (name: string): string => {
    mkdirSync(join(base, name));
    return join(base, name);
  };
  const left = make(`sallyport-device-${here}-${gone}-abcdef`);
  const stays = [
    makePrivateFolder('device', base),
    make(`sallyport-device-${here}-1-abcdef`),
    make(`sallyport-lab-${here}-${gone}-abcdef`),
    make(`sallyport-device-7-${gone}-abcdef`),
    make('sallyport-device-somebody'),
  ];
  makePrivateFolder('device', base);
  expect(existsSync(left)).toBe(false);
  expect(stays.filter((folder) => !existsSync(folder))).toEqual([]);
});
