/**
 * `npm run build:executable [-- --out FOLDER --arch amd64|arm64 --key FILE]` makes the program as one file for Linux on amd64 and arm64, Node inside,
 * laid out as the artefact of today's firewall-controller: `ARCH/firewall-controller/VERSION/firewall-controller`, its `.sha256`, and with a key
 * (Ed25519, PEM) its `.sig`. From one commit on one kind of machine they are the same byte by byte. Prints size, and where this machine can run the file, how long it takes to start.
 */
import { createHash, createPrivateKey, sign } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { version } from '../src/base/version.ts';
import { signedText } from '../src/controller/machine/update/signature.ts';
import { PROOF_ASSET } from '../src/firewalls/flat/ask-thread.ts';
import { type Architecture, must, nodeProgram, ownArchitecture } from './node-programs.ts';

const root = join(import.meta.dirname, '..');
/** What today's unit starts (metal-stack reference, 1.1). */
export const PROGRAM = 'firewall-controller';
/** What Node looks for in itself. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const RESOURCE = 'NODE_SEA_BLOB';

export interface Executable {
  readonly architecture: Architecture;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Makes one file for each architecture below `folder`. `key`: text of a private key, which signs them. */
export async function buildExecutables(
  folder: string,
  architectures: readonly Architecture[],
  key?: string,
): Promise<readonly Executable[]> {
  const stage = mkdtempSync(join(tmpdir(), 'sallyport-executable-'));
  try {
    await bundleScript(stage);
    const made: Executable[] = [];
    for (const architecture of architectures) made.push(await buildOne(stage, folder, architecture, key));
    return made;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** One script, because that is what a single executable starts, and the thread's program beside it. */
async function bundleScript(stage: string): Promise<void> {
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    logLevel: 'warning',
    absWorkingDir: root,
  } as const;
  await build({
    ...common,
    entryPoints: ['src/cli/main.ts'],
    outfile: join(stage, 'main.cjs'),
    format: 'cjs',
    minifyWhitespace: true,
    // Names stay as they are, for stacks in logs. Nothing is found beside the program: whoever asks asks `isSea` first.
    define: { 'import.meta.url': 'undefined' },
  });
  const wide = /[^\0-\xff].{0,40}/.exec(readFileSync(join(stage, 'main.cjs'), 'utf8'));
  if (wide !== null)
    throw new Error(`the program would be kept in memory in two bytes for each character, for: ${wide[0]}`);
  await build({
    ...common,
    entryPoints: ['src/firewalls/flat/proof-worker.ts'],
    outfile: join(stage, PROOF_ASSET),
    format: 'esm',
    minifyWhitespace: true,
  });
}

async function buildOne(
  stage: string,
  folder: string,
  architecture: Architecture,
  key: string | undefined,
): Promise<Executable> {
  const own = ownArchitecture();
  if (own === undefined) throw new Error(`a machine of ${process.arch} cannot make it`);
  const configuration = join(stage, `${architecture}.json`);
  const blob = join(stage, `${architecture}.blob`);
  const contents = {
    // Names within the folder: the blob holds what it is made from by name, and a random one would make each file another.
    main: 'main.cjs',
    output: `${architecture}.blob`,
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // What was compiled ahead is for the machine that compiled it.
    useCodeCache: architecture === own,
    assets: { [PROOF_ASSET]: PROOF_ASSET },
  };
  writeFileSync(configuration, JSON.stringify(contents));
  // Without a seed, what was compiled ahead would be another each time; this one flag does not count where it is compared with the flags of the start.
  must(nodeProgram(own), ['--random-seed=1', '--experimental-sea-config', configuration], stage);
  const place = join(folder, architecture, PROGRAM, version);
  mkdirSync(place, { recursive: true });
  const file = join(place, PROGRAM);
  rmSync(file, { force: true });
  copyFileSync(nodeProgram(architecture), file);
  must(join(root, 'node_modules/.bin/postject'), [file, RESOURCE, blob, '--sentinel-fuse', FUSE], stage);
  chmodSync(file, 0o755);
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  writeFileSync(`${file}.sha256`, `${sha256}  ${PROGRAM}\n`);
  if (key !== undefined) {
    const text = signedText({ artefact: PROGRAM, version, sha256 });
    writeFileSync(
      `${file}.sig`,
      `${version} ${sign(null, Buffer.from(text), createPrivateKey(key)).toString('base64')}\n`,
    );
  }
  return { architecture, file, bytes: statSync(file).size, sha256 };
}

/** Milliseconds until the program has told its version: the quickest of five. */
export function startTime(file: string): number {
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    must(file, ['--version'], root);
    return performance.now() - started;
  });
  return Math.round(Math.min(...times));
}

if (process.argv[1] === import.meta.filename) {
  const { out, arch, key } = parseArgs({
    options: { out: { type: 'string' }, arch: { type: 'string', multiple: true }, key: { type: 'string' } },
  }).values;
  const wanted = (['amd64', 'arm64'] as const).filter((each) => arch === undefined || arch.includes(each));
  const made = await buildExecutables(
    resolve(out ?? join(root, 'artefacts')),
    wanted,
    key === undefined ? undefined : readFileSync(key, 'utf8'),
  );
  for (const { architecture, file, bytes, sha256 } of made) {
    const size = `${(bytes / 1_048_576).toFixed(1)} MiB`;
    const start =
      architecture === ownArchitecture() ? `starts in ${startTime(file)} ms` : 'not started: another machine';
    process.stdout.write(`${file}: ${size}, ${start}, sha256 ${sha256}\n`);
  }
}
