/**
 * Makes sure that the programs which the lab and the packet tests run are there. Installs Debian packages where it may (root and
 * apt-get), else says what to install. Exit code 0: all there; 1: something is missing.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import {
  clusterPrograms,
  emulationPrograms,
  howToInstall,
  isThere,
  missingPackages,
  routingPrograms,
} from '../lab/programs.ts';

/** Installs what is missing if that is possible here; returns what is still missing. */
export function setUp(say: (line: string) => void): readonly string[] {
  return install(missingPackages, say);
}

/** The same for all programs of the packet tests. */
export function setUpForPackets(say: (line: string) => void): readonly string[] {
  return [...setUp(say), ...install(() => missingPackages(routingPrograms), say)];
}

/** The same for the programs of the cluster tests. */
export function setUpForCluster(say: (line: string) => void): readonly string[] {
  return install(() => missingPackages(clusterPrograms), say);
}

/** The same for all programs of the tests of the single executable. */
export function setUpForExecutable(say: (line: string) => void): readonly string[] {
  return [...setUp(say), ...install(() => missingPackages(emulationPrograms), say)];
}

function install(stillMissing: () => readonly string[], say: (line: string) => void): readonly string[] {
  const missing = stillMissing();
  if (missing.length === 0 || process.platform !== 'linux') return missing;
  if (process.getuid?.() !== 0 || !isThere('apt-get')) return missing;
  say(`installing ${missing.join(', ')}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const tryOnce = (): boolean =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...missing], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment,
    }).status === 0;
  if (!tryOnce()) {
    spawnSync('apt-get', ['update'], { stdio: 'ignore', env: environment });
    tryOnce();
  }
  return stillMissing();
}

if (process.argv[1] === import.meta.filename) {
  const missing = setUp((line) => process.stderr.write(`${line}\n`));
  if (missing.length > 0) {
    process.stderr.write(`${howToInstall(missing)}\n`);
    process.exitCode = 1;
  }
}
