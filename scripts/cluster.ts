/**
 * `npm run test:cluster`: the suites that need real servers of Kubernetes and Prometheus (arguments go to vitest). Builds the API server
 * the first time. Where it cannot be built the suite is skipped, loudly; in CI (`CI` is set) that counts as failed.
 */
import process from 'node:process';
import { namespaceWrapper } from '../lab/inside.ts';
import { howToInstall } from '../lab/programs.ts';
import { buildApiServer, whyNoApiServer } from '../test/kit/apiserver-program.ts';
import { setUp, setUpForCluster } from './setup.ts';
import { Suites } from './suites.ts';

const suites = new Suites();
const inCi = (process.env['CI'] ?? '') !== '';
process.env['CI'] ??= 'true'; // a missing golden file fails instead of being written

// Whoever needs a program that is still missing fails by itself.
const missing = [...setUp(suites.say), ...setUpForCluster(suites.say)];
if (missing.length > 0) suites.say(howToInstall(missing));
// Firewalls of live clusters are network namespaces.
const wrapper = namespaceWrapper();
const why = whyNoApiServer() ?? (wrapper.kind === 'unavailable' ? wrapper.why : undefined);
if (why === undefined) {
  try {
    await buildApiServer(suites.say);
    suites.suite(
      'cluster tests',
      'cluster',
      wrapper.kind === 'available' ? wrapper.command : [],
      process.argv.slice(2),
    );
  } catch (error) {
    suites.fail(`the API server for cluster tests cannot be built. ${error instanceof Error ? error.message : ''}`);
  }
} else if (inCi) suites.fail(`cluster tests cannot run. ${why}`);
else
  suites.say(`\nSKIPPED, ALL OF IT: cluster tests cannot run here, nothing about real API servers was shown. ${why}\n`);
suites.end();
