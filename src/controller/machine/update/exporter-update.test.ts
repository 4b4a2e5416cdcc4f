import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Authority } from '../../../../test/kit/certificates.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import { ExporterUpdate } from './exporter-update.ts';
import { Fetching } from './fetching.ts';
import { UpdateRecord } from './record.ts';
import { signedText } from './signature.ts';

const signal = new AbortController().signal;
const keys = generateKeyPairSync('ed25519');

/** A program that stays up, or one that does not. */
const programOf = (version: string, isGood = true): string => `#!/bin/sh\n# ${version}\nexit ${isGood ? 0 : 1}\n`;
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

let authorityFolder: string;
let authority: Authority;
let server: Server;
let files: Map<string, string>;
let asked: string[];
let folder: string;
let restarts: number;

beforeAll(async () => {
  authorityFolder = mkdtempSync(join(tmpdir(), 'sallyport-exporter-ca-'));
  authority = new Authority(authorityFolder);
  const { certificate, key } = authority.issue('/CN=localhost', { names: 'IP:127.0.0.1' });
  server = createServer({ cert: certificate, key }, (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (path.startsWith('/elsewhere/'))
      return void response.writeHead(302, { location: path.replace('/elsewhere/', '/') }).end();
    if (path.startsWith('/plain/')) return void response.writeHead(302, { location: 'http://127.0.0.1:1/x' }).end();
    const body = files.get(path);
    if (body === undefined) response.writeHead(404).end();
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(authorityFolder, { recursive: true });
});
beforeEach(() => {
  files = new Map();
  asked = [];
  restarts = 0;
  folder = mkdtempSync(join(tmpdir(), 'sallyport-exporter-'));
  install(programOf('v1'));
  writeFileSync(join(folder, 'version'), 'v1\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

const program = (): string => join(folder, 'nftables-exporter');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
function install(text: string): void {
  writeFileSync(program(), text);
  chmodSync(program(), 0o755);
}
function offer(version: string, text: string, how: { signedBy?: KeyObject; sha256?: string } = {}): void {
  const sha256 = how.sha256 ?? sha256Of(text);
  files.set(`/${version}`, text);
  files.set(`/${version}.sha256`, sha256);
  if (how.signedBy === undefined) return;
  const signature = sign(
    null,
    Buffer.from(signedText({ artefact: 'nftables-exporter', version, sha256 })),
    how.signedBy,
  );
  files.set(`/${version}.sig`, `${version} ${signature.toString('base64')}`);
}
const wanted = (version: string | undefined, path = version) => ({
  version,
  url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`,
});
/** Does with the program what systemd does with its unit: it is up if the program that stands there runs. */
const transport = {
  run: (_: string, [word]: readonly string[]) => {
    if (word === 'restart') restarts += 1;
    const isUp = spawnSync(program()).status === 0;
    return Promise.resolve({
      code: 0,
      stdout: word === 'is-active' ? (isUp ? 'active\n' : 'activating\n') : '',
      stderr: '',
    });
  },
} as unknown as Transport;
function update(options: { key?: KeyObject; program?: string | undefined } = {}): ExporterUpdate {
  return new ExporterUpdate({
    program: () => Promise.resolve('program' in options ? options.program : program()),
    versionFile: join(folder, 'version'),
    record: new UpdateRecord(() => join(folder, 'record.json'), silentLog),
    key: () => Promise.resolve(options.key),
    fetching: new Fetching({}, { ca: [authority.certificate] }),
    transport,
    clock: systemClock,
    log: silentLog,
    lookMs: 1,
  });
}

describe('the nftables-exporter', () => {
  test('is replaced by the version that the Firewall names, and restarted; then nothing is asked for', async () => {
    offer('v2', programOf('v2'));
    const notes = await update().look(wanted('v2', 'elsewhere/v2'), signal);
    expect(notes).toEqual([{ type: 'Normal', note: 'replaced nftables-exporter version v1 with version v2' }]);
    expect(readFileSync(program(), 'utf8')).toBe(programOf('v2'));
    expect(read('version')).toBe('v2');
    expect(restarts).toBe(1);
    expect(readdirSync(folder).toSorted()).toEqual(['nftables-exporter', 'record.json', 'version']);
    asked = [];
    expect(await update().look(wanted('v2'), signal)).toEqual([]);
    expect(asked).toEqual([]);
  });

  test('that does not stay up is put back, started again, and left alone for a while', async () => {
    offer('v2', programOf('v2', false));
    const notes = await update().look(wanted('v2'), signal);
    expect(notes).toEqual([
      {
        type: 'Warning',
        note: 'could not replace nftables-exporter version v1 with version v2: nftables-exporter.service does not stay up',
      },
    ]);
    expect(readFileSync(program(), 'utf8')).toBe(programOf('v1'));
    expect(read('version')).toBe('v1\n');
    expect(restarts).toBe(2);
    expect(await update().look(wanted('v2'), signal)).toEqual([]);
    expect(restarts).toBe(2);
    // Another file is tried at once.
    offer('v2', programOf('v2 again'));
    expect(await update().look(wanted('v2'), signal)).toHaveLength(1);
    expect(readFileSync(program(), 'utf8')).toBe(programOf('v2 again'));
  });

  test('is not replaced by what has another checksum, or is not there, or comes without TLS, or is not signed by the key', async () => {
    offer('v2', programOf('v2'), { sha256: 'f'.repeat(64) });
    await expect(update().look(wanted('v2'), signal)).rejects.toMatchObject({ code: 'UPDATE_REFUSED' });
    await expect(update().look(wanted('v3'), signal)).rejects.toMatchObject({ code: 'UPDATE_UNREACHABLE' });
    await expect(update().look(wanted('v3', 'plain/v3'), signal)).rejects.toThrow('without TLS');
    const strangers = generateKeyPairSync('ed25519');
    offer('v4', programOf('v4'), { signedBy: strangers.privateKey });
    await expect(update({ key: keys.publicKey }).look(wanted('v4'), signal)).rejects.toMatchObject({
      code: 'UPDATE_REFUSED',
    });
    expect(readFileSync(program(), 'utf8')).toBe(programOf('v1'));
    expect(restarts).toBe(0);
    offer('v4', programOf('v4'), { signedBy: keys.privateKey });
    expect(await update({ key: keys.publicKey }).look(wanted('v4'), signal)).toHaveLength(1);
  });

  test('without a version in the wish: is not replaced by an older one that was signed in its time; a newer one has the version that is signed', async () => {
    const look = () => update({ key: keys.publicKey }).look(wanted(undefined, 'any'), signal);
    const offerAs = (version: string): void => {
      offer(version, programOf(version), { signedBy: keys.privateKey });
      for (const end of ['', '.sha256', '.sig']) files.set(`/any${end}`, files.get(`/${version}${end}`) ?? '');
    };
    writeFileSync(join(folder, 'version'), 'v1.10\n');
    for (const version of ['v1.9', 'v1.10-rc.1', 'nightly']) {
      offerAs(version);
      await expect(look()).rejects.toThrow(
        `is signed as version ${version}, which is not known to be as new as v1.10, which is there; to go back, ask for it by its version`,
      );
    }
    expect([readFileSync(program(), 'utf8'), restarts]).toEqual([programOf('v1'), 0]);
    offerAs('v1.11');
    expect(await look()).toMatchObject([
      { note: 'replaced nftables-exporter version v1.10 with version v1.11', type: 'Normal' },
    ]);
    expect([read('version'), await look()]).toEqual(['v1.11', []]);
    // Whoever asks for an older one by its version gets it.
    expect(await update({ key: keys.publicKey }).look(wanted('v1.9'), signal)).toHaveLength(1);
    // What is there may be no version: nothing is older than that.
    rmSync(join(folder, 'version'));
    expect(await look()).toHaveLength(1);
  });

  test('whose update was cut off keeps the version that was signed', async () => {
    const text = programOf('v2');
    offer('v2', text);
    install(text);
    const to = { version: 'v2', sha256: sha256Of(text) };
    writeFileSync(join(folder, 'record.json'), JSON.stringify({ trial: { from: 'v1', to } }));
    expect(await update().look(wanted(undefined, 'v2'), signal)).toMatchObject([{ type: 'Normal' }]);
    expect(read('version')).toBe('v2');
  });

  test('whose update was cut off after the program was put there is restarted, and judged then', async () => {
    const text = programOf('v2', false);
    offer('v2', text);
    // As a process that was killed between the two leaves it.
    writeFileSync(join(folder, '.nftables-exporter.previous'), programOf('v1'), { mode: 0o755 });
    install(text);
    const to = { version: 'v2', sha256: sha256Of(text) };
    writeFileSync(join(folder, 'record.json'), JSON.stringify({ trial: { from: 'v1', to } }));
    expect(await update().look(wanted('v2'), signal)).toMatchObject([{ type: 'Warning' }]);
    expect(readFileSync(program(), 'utf8')).toBe(programOf('v1'));
  });

  test('that is there already, by another way, only gets its version written; a machine without it gets none', async () => {
    offer('v2', programOf('v2'));
    expect(await update({ program: undefined }).look(wanted('v2'), signal)).toEqual([]);
    expect(asked).toEqual([]);
    install(programOf('v2'));
    expect(await update().look(wanted('v2'), signal)).toEqual([]);
    expect([read('version'), restarts]).toEqual(['v2', 0]);
  });
});
