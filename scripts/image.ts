/**
 * `npx tsx scripts/image.ts [--engine docker|podman|buildah] [--base IMAGE]` builds the image by the Dockerfile and tries it as a cluster would run
 * it: as nobody, without capabilities, on a root file system that cannot be written. Publishes nothing. Without `--engine` it takes the first one
 * there is; buildah needs root here, since it runs no containers by itself. `--base`: in place of the base that the Dockerfile names.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const TAG = 'localhost/sallyport:try';
/** So long a controller may take to begin, on a slow machine. */
const PATIENCE_MS = 60_000;

/** What builds images, and how it runs one: read-only but for /tmp, `given` mounted at /mnt. */
interface Engine {
  readonly build: readonly string[];
  /** The program and arguments that run `words` in the image as its user; `entry`: in place of what the image starts. */
  run(words: readonly string[], given: string, entry?: string): readonly string[];
  remove(): void;
}

function container(program: 'docker' | 'podman'): Engine {
  const strict = ['--rm', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--network=none'];
  const folders = (given: string): readonly string[] => ['--tmpfs=/tmp', `--volume=${given}:/mnt:ro`];
  return {
    build: [program, 'build'],
    run: (words, given, entry) => {
      const settings = [...strict, ...folders(given), '--env=STATE_DIRECTORY=/tmp/state'];
      const instead = entry === undefined ? [] : [`--entrypoint=${entry}`];
      return [program, 'run', ...settings, ...instead, TAG, ...words];
    },
    remove: () => ask([program, 'rmi', TAG]),
  };
}

/** In namespaces of its own, by hand: its file system bound read-only, no capability, and the user that the image names. */
const BY_HAND = `set -e
mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"
mount -t proc proc "$1/proc"; mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"; mount --rbind /dev "$1/dev"
mount --bind "$2" "$1/mnt"; mount -o remount,bind,ro "$1/mnt"
image=$1 user=$3; shift 3
exec chroot "$image" /usr/bin/setpriv --reuid="\${user%:*}" --regid="\${user#*:}" --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \\
  /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/home/sallyport STATE_DIRECTORY=/tmp/state "$@"`;

function byHand(): Engine {
  let mounted: { readonly name: string; readonly path: string } | undefined;
  const config = (): { readonly User: string; readonly Entrypoint: readonly string[] } => {
    const format = '{{.OCIv1.Config.User}}\n{{range .OCIv1.Config.Entrypoint}}{{.}}\n{{end}}';
    const [user = '', ...entry] = ask(['buildah', 'inspect', '--type=image', `--format=${format}`, TAG]).split('\n');
    return { User: user, Entrypoint: entry };
  };
  return {
    build: ['buildah', 'build', '--isolation=chroot'],
    run(words, given, entry) {
      if (mounted === undefined) {
        const name = ask(['buildah', 'from', '--pull-never', TAG]);
        mounted = { name, path: ask(['buildah', 'mount', name]) };
      }
      const { User, Entrypoint } = config();
      const isolated = ['unshare', '--mount', '--pid', '--net', '--fork', '--kill-child'];
      const started = entry === undefined ? Entrypoint : [entry];
      return [...isolated, 'sh', '-c', BY_HAND, 'sh', mounted.path, given, User, ...started, ...words];
    },
    remove() {
      if (mounted !== undefined) ask(['buildah', 'rm', mounted.name]);
      ask(['buildah', 'rmi', TAG]);
    },
  };
}

const engines = { docker: container('docker'), podman: container('podman'), buildah: byHand() };

/** What a program prints; throws with what it complains of. */
function ask([program = '', ...words]: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}\n${stderr ?? ''}`, { cause: error });
  return `${stdout}${stderr}`.trim();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function expect(what: string, seen: string, wanted: RegExp): void {
  if (!wanted.test(seen)) throw new Error(`${what}: ${seen}`);
  say(`ok ${what}: ${seen.split('\n')[0] ?? ''}`);
}

/** Resolves once a line of the log holds the words; rejects where it ends before, or takes too long. */
async function hears(child: ChildProcess, words: string): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const stop = setTimeout(() => reject(new Error(`"${words}" was not said: ${said}`)), PATIENCE_MS);
    const heard = (text: string): void => {
      said += text;
      if (!said.includes(words)) return;
      clearTimeout(stop);
      resolve();
    };
    child.stdout?.setEncoding('utf8').on('data', heard);
    child.stderr?.setEncoding('utf8').on('data', heard);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${said}`)));
  });
}

/** As the controller is run in a cluster: what is said of a read-only file system, and whether it begins and ends well. */
async function tryController(engine: Engine, given: string): Promise<void> {
  writeFileSync(
    join(given, 'configuration.yaml'),
    'cluster: try\nsources: { static: { manifests: ./world } }\ncontrollers: { border: { source: static } }\n',
  );
  mkdirSync(join(given, 'world'));
  writeFileSync(join(given, 'world/namespace.yaml'), 'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n');
  const [program = '', ...words] = engine.run(['run', '--config', '/mnt/configuration.yaml', '--log', 'json'], given);
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  try {
    await hears(child, '"state":"complete"');
    say('ok run: it starts on a read-only root, and has a complete picture');
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    // What stands between the signal and the controller passes it on, or is of its group.
    process.kill(program === 'unshare' ? -(child.pid ?? 0) : (child.pid ?? 0), 'SIGTERM');
    expect('run ends by SIGTERM', `exit code ${await ended}`, /^exit code 0$/);
  } finally {
    child.kill('SIGKILL');
  }
}

const WHO = `const fs = require('node:fs'); const code = (path) => { try { fs.writeFileSync(path, ''); return 'written'; } catch (thrown) { return thrown.code; } };
const status = fs.readFileSync('/proc/self/status', 'utf8'); const held = /CapEff:\\s+(\\w+)/.exec(status)[1]; const bounds = /CapBnd:\\s+(\\w+)/.exec(status)[1];
console.log(process.getuid(), process.getgid(), held, bounds, code('/usr/lib/sallyport/x'), code(process.env.HOME + '/x'), code('/tmp/x'));`;

async function tryImage(engine: Engine): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const given = mkdtempSync(join(tmpdir(), 'sallyport-image-'));
  chmodSync(given, 0o755);
  const said = (words: readonly string[], entry?: string): string => ask(engine.run(words, given, entry));
  try {
    expect('version', said(['version']), new RegExp(`\\b${version.replaceAll('.', '\\.')}\\b`));
    const nobody = /^65532 65532 0+ 0+ EROFS EROFS written$/;
    expect('user, group, capabilities, and what it can write', said(['-e', WHO], 'node'), nobody);
    expect('nft', said(['--version'], 'nft'), /^nftables v\d/);
    expect('conntrack', said(['--version'], 'conntrack'), /^conntrack v\d/);
    expect('ssh', said(['-V'], 'ssh'), /^OpenSSH_\d/);
    await tryController(engine, given);
  } finally {
    rmSync(given, { recursive: true });
  }
}

const { engine: named, base } = parseArgs({ options: { engine: { type: 'string' }, base: { type: 'string' } } }).values;
const names = Object.keys(engines) as (keyof typeof engines)[];
const chosen = names.find((name) => (named === undefined ? spawnSync(name, ['info']).status === 0 : name === named));
if (chosen === undefined) throw new Error(`none of ${names.join(', ')} is there, or it is none of them that was named`);
const engine = engines[chosen];
const [builder = '', ...how] = engine.build;
const words = [...how, ...(base === undefined ? [] : ['--build-arg', `BASE=${base}`]), '--tag', TAG, root];
say(`building by ${chosen}`);
if (spawnSync(builder, words, { stdio: 'inherit' }).status !== 0) throw new Error('the image could not be built');
try {
  await tryImage(engine);
} finally {
  engine.remove();
}
