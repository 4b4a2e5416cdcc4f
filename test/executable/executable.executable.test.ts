import { spawn, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildExecutables, type Executable, PROGRAM } from '../../scripts/executable.ts';
import { type Architecture, ownArchitecture } from '../../scripts/node-programs.ts';
import { version } from '../../src/base/version.ts';
import { FACTS } from '../kit/machine.ts';

const root = resolve(import.meta.dirname, '../..');
const MACHINES: Readonly<Record<Architecture, number>> = { amd64: 0x3e, arm64: 0xb7 };
const keys = generateKeyPairSync('ed25519');

let folder: string;
let made: readonly Executable[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-executable-test-'));
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
  made = await buildExecutables(join(folder, 'artefacts'), ['amd64', 'arm64'], String(key));
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Of arm64 nothing is run here: its header, what was put into it, and its checksum are looked at.
describe.each(['amd64', 'arm64'] as const)('the file for %s', (architecture) => {
  const file = (): string => join(folder, 'artefacts', architecture, PROGRAM, version, PROGRAM);

  test('is laid out as the artefact of today, with its checksum and its signature', () => {
    const bytes = readFileSync(file());
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    // Whoever reads it takes the first word.
    expect(readFileSync(`${file()}.sha256`, 'utf8')).toBe(`${sha256}  ${PROGRAM}\n`);
    const [signedVersion, signature = ''] = readFileSync(`${file()}.sig`, 'utf8').trim().split(' ');
    expect(signedVersion).toBe(version);
    const text = Buffer.from(`sallyport-update ${PROGRAM} ${version} sha256:${sha256}\n`);
    expect(verify(null, text, keys.publicKey, Buffer.from(signature, 'base64'))).toBe(true);
    expect(made.find((each) => each.architecture === architecture)).toMatchObject({ file: file(), sha256 });
  });

  test('is a program for its machine, with ours inside', () => {
    const bytes = readFileSync(file());
    expect(bytes.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    expect([bytes[4], bytes[5], bytes.readUInt16LE(18)]).toEqual([2, 1, MACHINES[architecture]]);
    // The fuse is set, or Node would start as itself.
    expect(bytes.includes('NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1')).toBe(true);
    expect(bytes.includes('External firewall controller for Kubernetes')).toBe(true);
    expect(bytes.includes('parentPort')).toBe(true);
  });
});

describe.runIf(ownArchitecture() === 'amd64')('the file for amd64, run', () => {
  const file = (): string => join(folder, 'artefacts/amd64', PROGRAM, version, PROGRAM);
  const run = (...words: readonly string[]) =>
    spawnSync(file(), words, { cwd: root, encoding: 'utf8', env: { PATH: process.env['PATH'] } });

  test('tells its version, validates, and computes in its thread', () => {
    expect(run('--version').stdout).toBe(`${version}\n`);
    const validated = run('validate', '-f', 'examples/shop');
    expect(validated.status, validated.stderr).toBe(0);
    expect(validated.stdout).toContain('0 errors');
    const world = ['-f', 'examples/panos/border.yaml', '-f', 'examples/panos/world.yaml', '--cluster', 'shop'];
    const rendered = run('render', ...world, '--firewall', 'edge-3');
    expect(rendered.status, rendered.stderr).toBe(0);
    expect(rendered.stdout).toContain('sp-payments-to-bank');
  });

  test('keeps a machine without any source, within its memory, and ends when it is told', async () => {
    const place = mkdtempSync(join(folder, 'machine-'));
    const config = join(place, 'config.yaml');
    const rules = join(place, 'nftables/firewall-controller.v4');
    mkdirSync(join(place, 'nftables'));
    writeFileSync(join(place, 'install.yaml'), FACTS);
    const own = ['facts: ./install.yaml', `rules: ${rules}`, 'base: ./nftables/rules', 'memory: ./memory.json'];
    writeFileSync(
      config,
      `name: fw-1
sources: { static: {} }
controllers: { firewall: { source: static }, cwnp: { source: static } }
machine: { ${own.join(', ')}, names: ./names.yaml, shootAccess: ./access/shoot.json }
`,
    );
    const child = spawn('unshare', ['--net', '--mount', file(), 'run', '-c', config], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      let said = '';
      child.stderr.on('data', (data: Buffer) => void (said += data.toString()));
      await expect.poll(() => said, { timeout: 60_000 }).toContain('rules in force');
      expect(readFileSync(rules, 'utf8')).toContain('policy drop;');
      const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
      expect(Number(peak) / 1024).toBeLessThan(150);
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      expect(said).toContain('stopped');
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('is the droptailer under its name', () => {
    const link = join(dirname(file()), 'droptailer-client');
    symlinkSync(file(), link);
    const help = spawnSync(link, ['--help'], { encoding: 'utf8' });
    expect(help.stdout).toContain('droptailer [options]');
    rmSync(link);
  });
});
