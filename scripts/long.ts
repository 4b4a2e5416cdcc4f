/**
 * `npm run test:long`: tests of parts that take seconds for each file: proofs over many worlds, floods, faults of every kind (arguments go to vitest).
 * `npm test` leaves them out, so that it stays quick.
 */
import process from 'node:process';
import { Suites } from './suites.ts';

process.env['CI'] ??= 'true'; // a missing golden file fails instead of being written
const suites = new Suites();
suites.suite('proofs, floods and faults of parts', 'unit-long', [], process.argv.slice(2));
suites.end();
