/**
 * `npm run test:program`: the whole program inside the test's own process: its commands on folders and on an API server over TLS, and stories from start to
 * end (arguments go to vitest). Each of them goes through everything, which takes long, so `npm test` leaves them out.
 */
import process from 'node:process';
import { Suites } from './suites.ts';

process.env['CI'] ??= 'true'; // a missing golden file fails instead of being written
const suites = new Suites();
suites.suite('the whole program', 'unit-program', [], process.argv.slice(2));
suites.end();
