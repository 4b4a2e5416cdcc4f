/**
 * `npm run test:processes`: what only a process of its own shows: that it is started, put to sleep, killed, and built; what its heap holds (arguments go to
 * vitest). It costs half as much as all unit tests, so `npm test` leaves it out.
 */
import process from 'node:process';
import { Suites } from './suites.ts';

process.env['CI'] ??= 'true'; // a missing golden file fails instead of being written
const suites = new Suites();
suites.suite('the program in processes of its own', 'processes', [], process.argv.slice(2));
suites.end();
