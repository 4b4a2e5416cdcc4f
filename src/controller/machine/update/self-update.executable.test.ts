import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ServiceManager } from '../../../../test/kit/service-manager.ts';
import type { UpdatingSettings } from '../../../../test/kit/updating-program.ts';
import { signedText } from './signature.ts';

type Behaviour = 'good' | 'ends' | 'hangs' | 'hangs later' | 'never ready' | 'mute';

const PATIENT = { timeout: 90_000, interval: 50 };
const keys = generateKeyPairSync('ed25519');
const strangers = generateKeyPairSync('ed25519');

let folder: string;
let script: string;

/** A program of this version as one file. */
function programOf(version: string, behaviour: Behaviour): string {
  return `#!${process.execPath}\nconst VERSION = ${JSON.stringify(version)}, BEHAVIOUR = ${JSON.stringify(behaviour)};\n${script}`;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-update-'));
  const made = await build({
    entryPoints: [join(import.meta.dirname, '../../../../test/kit/updating-program.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    define: { 'import.meta.url': 'undefined' },
  });
  script = made.outputFiles[0]?.text ?? '';
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One machine: a place with programs, a service manager, and the program of version v1 installed. */
class Machine implements AsyncDisposable {
  static #count = 0;
  readonly folder: string;
  readonly #server: Server;
  readonly #files = new Map<string, { readonly body: Buffer; readonly cut?: number; readonly status?: number }>();
  readonly asked: string[] = [];
  manager: ServiceManager | undefined;

  static async open(): Promise<Machine> {
    const machine = new Machine();
    await new Promise<void>((resolve) => machine.#server.listen(0, '127.0.0.1', resolve));
    return machine;
  }

  private constructor() {
    this.folder = join(folder, String(Machine.#count++));
    mkdirSync(this.folder);
    this.write('program', programOf('v1', 'good'));
    chmodSync(join(this.folder, 'program'), 0o755);
    this.want('v1');
    this.#server = createServer((request, response) => {
      const path = request.url ?? '';
      this.asked.push(path);
      const file = this.#files.get(path);
      if (file === undefined || file.status !== undefined) return void response.writeHead(file?.status ?? 404).end();
      response.writeHead(200, { 'content-length': file.body.length });
      if (file.cut === undefined) return void response.end(file.body);
      response.write(file.body.subarray(0, file.body.length / 2));
      // Cut at once, or silent for ever.
      if (file.cut === 0) setTimeout(() => response.destroy(), 50);
    });
  }

  write(name: string, text: string): void {
    // Whole or not at all: the program reads it at any moment.
    const fresh = join(this.folder, `fresh-${name}`);
    writeFileSync(fresh, text);
    renameSync(fresh, join(this.folder, name));
  }

  read(name: string): string {
    const path = join(this.folder, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** What the Firewall asks for. */
  want(version: string | undefined, at = version): void {
    const { port } = (this.#server?.address() ?? { port: 1 }) as AddressInfo;
    const url = `http://127.0.0.1:${port}/${at}/firewall-controller`;
    this.write('firewall.json', JSON.stringify({ controllerVersion: version, controllerURL: url }));
  }

  /** Puts a program where it is fetched from. */
  offer(
    version: string,
    behaviour: Behaviour,
    how: { cut?: number; status?: number; sha256?: string; signedBy?: KeyObject; signedAs?: string; at?: string } = {},
  ): void {
    const body = Buffer.from(programOf(version, behaviour));
    const sha256 = how.sha256 ?? createHash('sha256').update(body).digest('hex');
    const path = `/${how.at ?? version}/firewall-controller`;
    const { cut, status } = how;
    this.#files.set(path, { body, ...(cut === undefined ? {} : { cut }), ...(status === undefined ? {} : { status }) });
    this.#files.set(`${path}.sha256`, { body: Buffer.from(`${sha256}  firewall-controller\n`) });
    if (how.signedBy === undefined) return;
    const signedAs = how.signedAs ?? version;
    const text = signedText({ artefact: 'firewall-controller', version: signedAs, sha256 });
    const signature = sign(null, Buffer.from(text), how.signedBy).toString('base64');
    this.#files.set(`${path}.sig`, { body: Buffer.from(`${signedAs} ${signature}\n`) });
  }

  start(settings: Partial<UpdatingSettings> = {}): ServiceManager {
    // Only what is bad runs into one of these.
    const times = { until: 60_000, settle: 600, silence: 30_000, end: 30_000 };
    this.write('settings.json', JSON.stringify({ folder: this.folder, times, ...settings }));
    const environment = { UPDATING: join(this.folder, 'settings.json'), PATH: process.env['PATH'] ?? '' };
    this.manager = new ServiceManager(join(this.folder, 'program'), environment);
    return this.manager;
  }

  get journal(): readonly string[] {
    return this.read('journal').split('\n').slice(0, -1);
  }

  /** Which version stands at the path. */
  get installed(): string | undefined {
    return /VERSION = "([^"]*)"/.exec(this.read('program'))?.[1];
  }

  async sees(line: string | RegExp): Promise<void> {
    await vi.waitFor(() => expect(this.journal.join('\n')).toMatch(line), PATIENT);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager?.stop();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe.concurrent('the program replaces itself', () => {
  test('by a newer one, when that has proved itself', async () => {
    await using machine = await Machine.open();
    machine.offer('v2', 'good');
    machine.start();
    await machine.sees('v1 started');
    machine.want('v2');
    await machine.sees(/v2 started/);
    expect(machine.installed).toBe('v2');
    await machine.sees(/v2 Self-Reconciliation Normal: replaced firewall-controller version v1 with version v2/);
    expect(machine.journal.slice(0, 6)).toEqual([
      'v1 started',
      'v1 Self-Reconciliation Normal: replacing firewall-controller with version v2',
      'v2 on trial',
      'v2 off trial',
      'v1 replaced',
      'v2 started',
    ]);
    expect(readdirSync(machine.folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('with nothing to do it asks for nothing, also for one that only has another name', async () => {
    await using machine = await Machine.open();
    machine.start();
    await machine.sees('v1 started');
    machine.want('1');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    machine.offer('v1', 'good', { at: 'v9' });
    machine.want('v9');
    await vi.waitFor(() => expect(machine.asked).toContain('/v9/firewall-controller.sha256'), PATIENT);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(
      machine.asked.filter((path) => path !== '/v9/firewall-controller.sha256' && !path.startsWith('/1/')),
    ).toEqual([]);
    expect(machine.manager?.starts).toBe(1);
  });

  test.each(['ends', 'mute', 'hangs', 'never ready', 'hangs later'] as const)(
    'not by one that %s: the one before goes on, and the newer one rests',
    async (behaviour) => {
      await using machine = await Machine.open();
      machine.offer('v2', behaviour);
      machine.start({ times: { until: 20_000, settle: 6_000, silence: 5_000, end: 1_000 } });
      machine.want('v2');
      await machine.sees(/v1 Self-Reconciliation Warning: .+/);
      expect(machine.installed).toBe('v1');
      if (behaviour !== 'mute')
        await vi.waitFor(() => expect(machine.journal.filter((line) => line === 'v1 started').length).toBe(2), PATIENT);
      const count = machine.journal.filter((line) => line === 'v2 on trial').length;
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(machine.journal.filter((line) => line === 'v2 on trial').length).toBe(count);
      expect(count).toBe(behaviour === 'mute' ? 0 : 1);
      // Another file is tried at once, whatever it calls itself.
      machine.offer('v3', 'good');
      machine.want('v3');
      await machine.sees(/v3 started/);
    },
  );

  test.each([
    ['is cut off', { cut: 0 }],
    ['never ends', { cut: 1 }],
    ['is not there', { status: 404 }],
    ['has another checksum', { sha256: 'f'.repeat(64) }],
  ] as const)('not by one that %s', async (_, how) => {
    await using machine = await Machine.open();
    machine.offer('v2', 'good', how);
    machine.start({ fetching: { silence: 1_500, text: 3_000, file: 6_000 } });
    machine.want('v2');
    await machine.sees(/v1 Self-Reconciliation Warning: .+/);
    expect(machine.installed).toBe('v1');
    expect(machine.manager?.starts).toBe(1);
    expect(readdirSync(machine.folder).filter((name) => name.startsWith('.program'))).toEqual([]);
  });

  test('with a key: not unsigned, not signed by others, not an older one under a newer name; then signed', async () => {
    await using machine = await Machine.open();
    const key = join(machine.folder, 'update.pem');
    writeFileSync(key, keys.publicKey.export({ type: 'spki', format: 'pem' }));
    machine.offer('v2', 'good');
    machine.offer('v3', 'good', { signedBy: strangers.privateKey });
    machine.offer('v4', 'good', { signedBy: keys.privateKey, signedAs: 'v3' });
    machine.offer('v5', 'good', { signedBy: keys.privateKey });
    machine.start({ key });
    for (const [version, problem] of [
      ['v2', 'firewall-controller.sig: answered 404'],
      ['v3', 'is no signature of the configured key'],
      ['v4', 'is signed as version v3, and v4 is asked for'],
    ] as const) {
      machine.want(version);
      await machine.sees(new RegExp(`Warning: .*${version}.*${problem}`));
    }
    expect(machine.installed).toBe('v1');
    machine.want('v5');
    await machine.sees(/v5 started/);
    expect(machine.journal.join('\n')).not.toMatch(/v[234] (started|on trial)/);
  });

  test('with a key and no version: by no older one that was signed in its time, but by a newer one, under its version', async () => {
    await using machine = await Machine.open();
    const key = join(machine.folder, 'update.pem');
    writeFileSync(key, keys.publicKey.export({ type: 'spki', format: 'pem' }));
    machine.offer('v0', 'good', { signedBy: keys.privateKey });
    machine.offer('v2', 'good', { signedBy: keys.privateKey });
    machine.start({ key });
    machine.want(undefined, 'v0');
    await machine.sees(/Warning: .*is signed as version v0, which is not known to be as new as v1/);
    machine.want(undefined, 'v2');
    await machine.sees('v2 started');
    await machine.sees(/v2 Self-Reconciliation Normal: replaced firewall-controller version v1 with version v2/);
    expect(machine.journal.join('\n')).not.toContain('v0 on trial');
  });

  test('versions that name each other do not take turns at once', async () => {
    await using machine = await Machine.open();
    machine.offer('v1', 'good');
    machine.offer('v2', 'good');
    machine.start();
    machine.want('v2');
    await machine.sees(/v2 started/);
    machine.want('v1');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(machine.installed).toBe('v2');
    expect(machine.journal.filter((line) => line.endsWith(' started'))).toEqual(['v1 started', 'v2 started']);
  });

  test.each([
    'before text 1',
    'after text 1',
    'before file 1',
    'after file 1',
    'before write 1',
    'after write 1',
    'before write 2',
    'after write 2',
  ])('killed %s, what is started next is whole, and the update ends well or rests', async (dieAt) => {
    await using machine = await Machine.open();
    machine.offer('v2', 'good');
    machine.start({ dieAt });
    machine.want('v2');
    await vi.waitFor(() => expect(machine.read('died')).toBe(dieAt), PATIENT);
    // Killed while it is tried counts as a failure: it might be what killed the machine.
    if (dieAt === 'after write 1') await machine.sees(/v1 Self-Reconciliation Warning: .*the trial was cut off/);
    else await machine.sees(/v2 Self-Reconciliation Normal: replaced firewall-controller version v1 with version v2/);
    expect(machine.installed).toBe(dieAt === 'after write 1' ? 'v1' : 'v2');
    expect(readdirSync(machine.folder).filter((name) => name.startsWith('.program'))).toEqual([]);
  });

  test('killed, or stopped, in the middle of a trial: nobody of two is left, and nothing is replaced', async () => {
    await using machine = await Machine.open();
    machine.offer('v2', 'good');
    const manager = machine.start({ times: { until: 60_000, settle: 20_000, silence: 30_000, end: 30_000 } });
    machine.want('v2');
    await machine.sees('v2 on trial');
    manager.kill();
    await machine.sees(/v1 Self-Reconciliation Warning: .*the trial was cut off/);
    machine.offer('v3', 'good');
    machine.want('v3');
    await machine.sees('v3 on trial');
    await manager.stop();
    await machine.sees('v1 kept');
    expect(machine.installed).toBe('v1');
    // Whoever stops the service says nothing against the program.
    expect(machine.read('update.json')).not.toContain('v3');
  });
});
