/**
 * `npm run test:machines`: firewall machines with packets, names and routes (arguments go to vitest). `npm test` sends packets through the borders
 * of clusters alone, so that it stays quick.
 */
import process from 'node:process';
import { Suites } from './suites.ts';

process.env['CI'] ??= 'true'; // a missing golden file fails instead of being written
const suites = new Suites();
suites.packets('firewall machines, with packets', 'packets-machines', process.argv.slice(2));
suites.end();
