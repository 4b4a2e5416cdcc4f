/**
 * Makes sure that the programs which the lab and the packet tests run are there. Installs Debian packages where it may (root and
 * apt-get), else says what to install. Exit code 0: all there; 1: something is missing.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

const packages = [
  { program: 'nft', package: 'nftables' },
  { program: 'ip', package: 'iproute2' },
  { program: 'conntrack', package: 'conntrack' },
  { program: 'tcpdump', package: 'tcpdump' },
  { program: 'ping', package: 'iputils-ping' },
  { program: 'unshare', package: 'util-linux' },
];

const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];

function isThere(program: string): boolean {
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Debian packages of programs that are missing. */
export function missingPackages(): string[] {
  return packages.filter(({ program }) => !isThere(program)).map((entry) => entry.package);
}

/** Installs what is missing if that is possible here; returns what is still missing. */
export function setUp(say: (line: string) => void): string[] {
  const missing = missingPackages();
  if (missing.length === 0 || process.platform !== 'linux') return missing;
  if (process.getuid?.() !== 0 || !isThere('apt-get')) return missing;
  say(`installing ${missing.join(', ')}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = (): boolean =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...missing], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment,
    }).status === 0;
  if (!install()) {
    spawnSync('apt-get', ['update'], { stdio: 'ignore', env: environment });
    install();
  }
  return missingPackages();
}

export function howToInstall(missing: readonly string[]): string {
  return `missing: ${missing.join(', ')}. Install with: sudo apt-get install ${missing.join(' ')}`;
}

if (process.argv[1] === import.meta.filename) {
  const missing = setUp((line) => process.stderr.write(`${line}\n`));
  if (missing.length > 0) {
    process.stderr.write(`${howToInstall(missing)}\n`);
    process.exitCode = 1;
  }
}
