import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import process from 'node:process';

/** A program, or a file at its path, and the Debian package it comes in. */
type Packaged =
  | { readonly program: string; readonly package: string }
  | { readonly file: string; readonly package: string };

/** What the lab and the packet tests run. */
const programs: readonly Packaged[] = [
  { program: 'nft', package: 'nftables' },
  { program: 'ip', package: 'iproute2' },
  { program: 'conntrack', package: 'conntrack' },
  { program: 'tcpdump', package: 'tcpdump' },
  { program: 'ping', package: 'iputils-ping' },
  { program: 'unshare', package: 'util-linux' },
];

/** What the packet tests run besides: BGP between a firewall machine and its switches. */
export const routingPrograms: readonly Packaged[] = [
  { program: 'vtysh', package: 'frr' },
  { program: '/usr/lib/frr/frr-reload.py', package: 'frr-pythontools' },
];

/** What the cluster tests run, beside the API server that they build. */
export const clusterPrograms: readonly Packaged[] = [
  { program: 'prometheus', package: 'prometheus' },
  { program: 'promtool', package: 'prometheus' },
  { program: 'prometheus-alertmanager', package: 'prometheus-alertmanager' },
];

/** Where Debian puts the libraries of arm64 on another machine. */
export const ARM64_LIBRARIES = '/usr/aarch64-linux-gnu';

/** What runs a program for arm64 on another machine. */
export const emulationPrograms: readonly Packaged[] = [
  { program: 'qemu-aarch64', package: 'qemu-user' },
  { file: `${ARM64_LIBRARIES}/lib/libc.so.6`, package: 'libc6-arm64-cross' },
  { file: `${ARM64_LIBRARIES}/lib/libstdc++.so.6`, package: 'libstdc++6-arm64-cross' },
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

/** Debian packages of what is missing; of the lab's programs if none are named. */
export function missingPackages(of: readonly Packaged[] = programs): readonly string[] {
  const missing = of.filter((entry) => !('file' in entry ? existsSync(entry.file) : isThere(entry.program)));
  return [...new Set(missing.map((entry) => entry.package))];
}

export function howToInstall(missing: readonly string[]): string {
  return `missing: ${missing.join(', ')}. Install with: sudo apt-get install ${missing.join(' ')}`;
}
