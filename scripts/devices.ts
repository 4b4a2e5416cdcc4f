/**
 * `npm run test:devices`: drivers of firewalls with an API against simulated devices, through the contract of drivers and their bad days
 * (arguments go to vitest). It takes minutes, so `npm test` leaves it out.
 */
import process from 'node:process';
import { Suites } from './suites.ts';

process.env['CI'] ??= 'true'; // a missing golden file fails instead of being written
const suites = new Suites();
suites.suite('drivers on simulated devices', 'unit-devices', [], process.argv.slice(2));
suites.end();
