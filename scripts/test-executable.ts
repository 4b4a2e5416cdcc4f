/** `npm run test:executable`: makes the program as one file for both architectures, runs the one for amd64, and kills updates at every step (arguments go to vitest). */
import process from 'node:process';
import { namespaceWrapper } from '../lab/inside.ts';
import { setUp } from './setup.ts';
import { Suites } from './suites.ts';

const suites = new Suites();
setUp(suites.say);
const wrapper = namespaceWrapper();
if (wrapper.kind === 'available')
  suites.suite('the single executable', 'executable', wrapper.command, process.argv.slice(2));
else suites.fail(`the single executable cannot be tried. ${wrapper.why}`);
suites.end();
