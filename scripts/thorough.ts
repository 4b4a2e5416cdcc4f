/**
 * `npm run test:thorough`: every property of the unit suite in ten times as many random worlds (`WORLDS`: another factor). The unit suite
 * tries each in few, so that it stays quick.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Suites } from './suites.ts';

const root = join(import.meta.dirname, '..');
process.env['CI'] ??= 'true';
process.env['WORLDS'] ??= '10';

/** Tests that ask `tries` how often. */
const files = ['src', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?<!\.packets|\.cluster)\.test\.ts$/.test(file))
    .map((file) => join(folder, file))
    .filter((file) => readFileSync(join(root, file), 'utf8').includes('/runs.ts')),
);

const suites = new Suites();
suites.suite(`properties, ${process.env['WORLDS']} times`, 'unit', [], ['--testTimeout=900000', ...files]);
suites.end();
