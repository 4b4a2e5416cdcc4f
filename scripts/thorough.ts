/**
 * `npm run test:thorough`: every property, of the unit and of the packet suite, in more random worlds: six times as many, and twice as many
 * where packets are sent (`WORLDS`: another factor for both). `npm test` tries costly ones in few, so that it stays quick.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Suites } from './suites.ts';

const root = join(import.meta.dirname, '..');
const given = process.env['WORLDS'];
process.env['CI'] ??= 'true';

/** Tests that ask how often they shall try, themselves or by the drivers' contract. */
const files = ['src', 'lab', 'simulators', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?<!\.cluster)\.test\.ts$/.test(file))
    .map((file) => join(folder, file))
    .filter((file) => /\/(runs|driver-contract)\.ts/.test(readFileSync(join(root, file), 'utf8'))),
);
const isPackets = (file: string): boolean => file.endsWith('.packets.test.ts');

const suites = new Suites();
const long = '--testTimeout=900000';
process.env['WORLDS'] = given ?? '6';
suites.suite(
  `properties, ${process.env['WORLDS']} times`,
  'unit*',
  [],
  [long, ...files.filter((file) => !isPackets(file))],
);
process.env['WORLDS'] = given ?? '2';
suites.packets(`properties with packets, ${process.env['WORLDS']} times`, 'packets*', [
  long,
  ...files.filter(isPackets),
]);
suites.end();
