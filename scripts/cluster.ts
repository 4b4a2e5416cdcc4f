/**
 * `npm run test:cluster`: the suites that need real servers of Kubernetes and Prometheus (arguments go to vitest). Builds the API server and
 * Helm the first time, and fetches Node. Where there cannot be an API server the suite is skipped, loudly; in CI (`CI` is set) that counts as failed.
 */
import process from 'node:process';
import { namespaceWrapper } from '../lab/inside.ts';
import { howToInstall } from '../lab/programs.ts';
import { buildApiServer, whyNoApiServer } from '../test/kit/apiserver-program.ts';
import { helmProgram } from './helm.ts';
import { nodeProgram } from './node-programs.ts';
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
    // Here, because inside the wrapper there is no network.
    await buildApiServer(suites.say);
    helmProgram();
    for (const architecture of ['amd64', 'arm64'] as const) nodeProgram(architecture);
    suites.suite(
      'cluster tests',
      'cluster',
      wrapper.kind === 'available' ? wrapper.command : [],
      process.argv.slice(2),
    );
  } catch (error) {
    suites.fail(`what cluster tests run cannot be built or fetched. ${error instanceof Error ? error.message : ''}`);
  }
} else if (inCi) suites.fail(`cluster tests cannot run. ${why}`);
else
  suites.say(`\nSKIPPED, ALL OF IT: cluster tests cannot run here, nothing about real API servers was shown. ${why}\n`);
suites.end();
