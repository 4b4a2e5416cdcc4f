import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

/** What the lab and the packet tests run, and the Debian package that each comes in. */
const programs = [
  { program: 'nft', package: 'nftables' },
  { program: 'ip', package: 'iproute2' },
  { program: 'conntrack', package: 'conntrack' },
  { program: 'tcpdump', package: 'tcpdump' },
  { program: 'ping', package: 'iputils-ping' },
  { program: 'unshare', package: 'util-linux' },
] as const;

/** Whether a program is in PATH, or where Debian keeps those of the administrator, which an ordinary PATH leaves out. */
export function isThere(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
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
export function missingPackages(): readonly string[] {
  return programs.filter(({ program }) => !isThere(program)).map((entry) => entry.package);
}

export function howToInstall(missing: readonly string[]): string {
  return `missing: ${missing.join(', ')}. Install with: sudo apt-get install ${missing.join(' ')}`;
}
