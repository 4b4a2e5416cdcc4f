import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import process from 'node:process';

/** A program, and the Debian package it comes in. */
interface Program {
  readonly program: string;
  readonly package: string;
}

/** What the lab and the packet tests run. */
const programs: readonly Program[] = [
  { program: 'nft', package: 'nftables' },
  { program: 'ip', package: 'iproute2' },
  { program: 'conntrack', package: 'conntrack' },
  { program: 'tcpdump', package: 'tcpdump' },
  { program: 'ping', package: 'iputils-ping' },
  { program: 'unshare', package: 'util-linux' },
];

/** What the packet tests run besides: BGP between a firewall machine and its switches. */
export const routingPrograms: readonly Program[] = [
  { program: 'vtysh', package: 'frr' },
  { program: '/usr/lib/frr/frr-reload.py', package: 'frr-pythontools' },
];

/** What the cluster tests run, beside the API server that they build. */
export const clusterPrograms: readonly Program[] = [
  { program: 'prometheus', package: 'prometheus' },
  { program: 'promtool', package: 'prometheus' },
];

/** Whether a program is there: at its path, in PATH, or where Debian keeps those of the administrator, which an ordinary PATH leaves out. */
export function isThere(program: string, path = process.env['PATH']): boolean {
  if (isAbsolute(program)) return mayBeRun(program);
  return [...(path ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((folder) => mayBeRun(join(folder, program)));
}

export function mayBeRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Debian packages of programs that are missing; of the lab's if none are named. */
export function missingPackages(of: readonly Program[] = programs): readonly string[] {
  return [...new Set(of.filter(({ program }) => !isThere(program)).map((entry) => entry.package))];
}

export function howToInstall(missing: readonly string[]): string {
  return `missing: ${missing.join(', ')}. Install with: sudo apt-get install ${missing.join(' ')}`;
}
