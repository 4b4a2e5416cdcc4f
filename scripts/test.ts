/**
 * `npm test`: types, lint, format, unit and packet suites; ends with `N passed, N failed`. A stage that cannot run here says why and
 * counts as failed: a check that did not run has not passed.
 */
import process from 'node:process';
import { Suites } from './suites.ts';

const suites = new Suites();
process.env['CI'] ??= 'true'; // a missing golden file fails instead of being written

suites.check('types', 'node_modules/.bin/tsc', '--noEmit');
suites.check(
  'lint',
  'node_modules/.bin/oxlint',
  '--type-aware',
  '--deny-warnings',
  'src',
  'lab',
  'simulators',
  'bench',
  'test',
  'scripts',
);
suites.check('format', 'node_modules/.bin/biome', 'format');
suites.check('build', 'node_modules/.bin/tsx', 'scripts/build.ts');
// By its own name, as somebody who installed the package: through `exports` and the built files.
const useLibrary = `
  import { aggregate } from 'sallyport/ip';
  import { parseSelector } from 'sallyport/selector';
  import { loadWorld } from 'sallyport/engine';
  const works = aggregate(['10.0.0.0/25', '10.0.0.128/25']).join() === '10.0.0.0/24' &&
    parseSelector("a == 'b'").value.matches({ a: 'b' }) && loadWorld([]).endpoints().length === 0;
  process.exit(works ? 0 : 1);`;
suites.check('library', process.execPath, '--input-type=module', '--eval', useLibrary);
suites.check('generated reference', 'node_modules/.bin/tsx', 'scripts/reference.ts', '--check');
suites.suite('unit, property and contract tests', 'unit');
suites.packets('packet tests', 'packets');
suites.packets('packet tests that look at the whole machine', 'packets-alone');
suites.say('not run here: cluster tests, with real servers of Kubernetes and Prometheus (npm run test:cluster)');
suites.say('not run here: firewall machines, with packets (npm run test:machines)');
suites.say('not run here: proofs over many worlds, floods and faults of parts (npm run test:long)');
suites.say('not run here: the whole program, its commands and stories (npm run test:program)');
suites.say('not run here: drivers on simulated devices (npm run test:devices)');
suites.say('not run here: the program in processes of its own (npm run test:processes)');
suites.end();
