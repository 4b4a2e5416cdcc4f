/** `npm run test:executable`: makes the program as one file for both architectures, runs both, the one for arm64 emulated, and kills updates at every step (arguments go to vitest). */
import process from 'node:process';
import { namespaceWrapper } from '../lab/inside.ts';
import { howToInstall } from '../lab/programs.ts';
import { nodeProgram } from './node-programs.ts';
import { setUpForExecutable } from './setup.ts';
import { Suites } from './suites.ts';

const suites = new Suites();
const missing = setUpForExecutable(suites.say);
const wrapper = namespaceWrapper();
const why = missing.length > 0 ? howToInstall(missing) : wrapper.kind === 'unavailable' ? wrapper.why : undefined;
try {
  // Here, because inside the wrapper there is no network.
  for (const architecture of ['amd64', 'arm64'] as const) nodeProgram(architecture);
  if (wrapper.kind === 'available' && why === undefined)
    suites.suite('the single executable', 'executable', wrapper.command, process.argv.slice(2));
  else suites.fail(`the single executable cannot be tried. ${why ?? ''}`);
} catch (error) {
  suites.fail(`Node for the single executable cannot be had. ${error instanceof Error ? error.message : ''}`);
}
suites.end();
