/**
 * `npx tsx scripts/release.ts --out FOLDER [--key FILE] [--update-key FILE]` makes what a release consists of, and publishes nothing: the package, the chart,
 * the definitions, plain manifests, the program as one file for each architecture, the list of what is inside, checksums, and their signature by an OpenSSH key. CONTRIBUTING.md says how to check them.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type ProgramFile, billOfMaterials } from './bill-of-materials.ts';
import { bundle, declareTypes } from './build.ts';
import { buildExecutables, type Executable } from './executable.ts';
import { helm } from './helm.ts';
import { NODE_PACKAGES, NODE_VERSION } from './node-programs.ts';

const root = join(import.meta.dirname, '..');

/** What a signature is for; one that was made for something else does not hold here. */
export const SIGNATURE_NAMESPACE = 'sallyport-release';
export const CHECKSUMS = 'SHA256SUMS';

const packageSchema = z.object({ name: z.string(), version: z.string(), files: z.array(z.string()) });

export interface ReleaseOptions {
  /** A folder that is empty or not there yet. */
  readonly folder: string;
  /** Path of an OpenSSH private key; absent: nothing is signed. */
  readonly key?: string;
  /** Path of an Ed25519 private key (PEM), by which machines know newer programs; absent: no `.sig` beside these. */
  readonly updateKey?: string;
  readonly say: (line: string) => void;
}

/** Makes all files of a release. Throws where a step fails; the folder then is no release. */
export async function release({ folder, key, updateKey, say }: ReleaseOptions): Promise<void> {
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Error(`${folder} is not empty`);
  for (const one of [key, updateKey])
    if (one !== undefined && !existsSync(one)) throw new Error(`there is no key ${one}`);
  mkdirSync(folder, { recursive: true });
  const { name, version, files } = packageSchema.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));

  say('building');
  const stage = mkdtempSync(join(tmpdir(), 'sallyport-release-'));
  try {
    for (const file of ['package.json', ...files.filter((one) => one !== 'dist')])
      cpSync(join(root, file), join(stage, file), { recursive: true });
    await bundle(join(stage, 'dist'));
    declareTypes(join(stage, 'dist'));
    run('npm', ['pack', '--offline', '--loglevel=error', '--ignore-scripts', '--pack-destination', stage], stage);
    renameSync(join(stage, `${name}-${version}.tgz`), join(folder, `${name}-npm-${version}.tgz`));
    helm(['package', join(root, 'deploy/chart'), '--destination', stage]);
    renameSync(join(stage, `${name}-${version}.tgz`), join(folder, `${name}-chart-${version}.tgz`));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
  const crds = join(root, 'deploy/crds');
  const definitions = readdirSync(crds).map((file) => readFileSync(join(crds, file), 'utf8'));
  writeFileSync(join(folder, `${name}-crds-${version}.yaml`), definitions.join('---\n'));
  cpSync(join(root, 'deploy/manifests/sallyport.yaml'), join(folder, `${name}-manifests-${version}.yaml`));

  say('building the program as one file');
  const signing = updateKey === undefined ? undefined : readFileSync(updateKey, 'utf8');
  const programs = await buildExecutables(folder, ['amd64', 'arm64'], signing);
  if (signing === undefined) say('NOT SIGNED for updates of machines: no --update-key');
  const bill = billOfMaterials(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
    programs.map((program) => listed(folder, program)),
  );
  writeFileSync(join(folder, `${name}-${version}.cdx.json`), `${JSON.stringify(bill, null, 2)}\n`);

  const sums = filesOf(folder).map(
    (file) =>
      `${createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex')}  ${file}\n`,
  );
  writeFileSync(join(folder, CHECKSUMS), sums.join(''));
  if (key === undefined) say('NOT SIGNED: no --key');
  else run('ssh-keygen', ['-Y', 'sign', '-f', resolve(key), '-n', SIGNATURE_NAMESPACE, CHECKSUMS], folder);
  for (const file of filesOf(folder)) say(`made ${join(folder, file)}`);
  say(
    `The image is not among them, because only a registry gives it its digest: build it (docker build -t REGISTRY/${name}:${version} .), ` +
      'push it, and tell the digest that the push prints; it is installed by --set image.digest=sha256:…',
  );
}

/** As the bill of materials lists it. */
function listed(folder: string, { architecture, file, sha256 }: Executable): ProgramFile {
  return {
    path: relative(folder, file),
    sha256,
    node: { ...NODE_PACKAGES[architecture], version: NODE_VERSION },
  };
}

/** All files below a folder, by their paths in it, sorted. */
export function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

/** Standard output; throws with what was complained of. */
function run(program: string, words: readonly string[], folder: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw new Error(`${program} cannot be run`, { cause: error });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}\n${stderr}`);
  return stdout;
}

if (process.argv[1] === import.meta.filename) {
  const {
    out,
    key,
    'update-key': updateKey,
  } = parseArgs({
    options: { out: { type: 'string' }, key: { type: 'string' }, 'update-key': { type: 'string' } },
  }).values;
  if (out === undefined) throw new Error('name a folder: --out FOLDER');
  await release({
    folder: resolve(out),
    ...(key === undefined ? {} : { key }),
    ...(updateKey === undefined ? {} : { updateKey }),
    say: (line) => process.stdout.write(`${line}\n`),
  });
}
