import { spawn, spawnSync } from 'node:child_process';
import { createHash, sign, verify } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { describe, expect, inject, test } from 'vitest';
import { buildExecutables, PROGRAM } from '../../scripts/executable.ts';
import { type Architecture, ownArchitecture } from '../../scripts/node-programs.ts';
import { version } from '../../src/base/version.ts';
import { FACTS } from '../kit/machine.ts';
import { keepsRulesUntilTold, staticMachine } from './static-machine.ts';

const root = resolve(import.meta.dirname, '../..');
const MACHINES: Readonly<Record<Architecture, number>> = { amd64: 0x3e, arm64: 0xb7 };
const { folder, made, privateKey, publicKey } = inject('executables');

describe.each(['amd64', 'arm64'] as const)('the file for %s', (architecture) => {
  const file = (): string => join(folder, architecture, PROGRAM, version, PROGRAM);

  test('is laid out as the artefact of today, with its checksum and its signature', () => {
    const bytes = readFileSync(file());
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    // Whoever reads it takes the first word.
    expect(readFileSync(`${file()}.sha256`, 'utf8')).toBe(`${sha256}  ${PROGRAM}\n`);
    const [signedVersion, signature = ''] = readFileSync(`${file()}.sig`, 'utf8').trim().split(' ');
    expect(signedVersion).toBe(version);
    const text = Buffer.from(`sallyport-update ${PROGRAM} ${version} sha256:${sha256}\n`);
    expect(verify(null, text, publicKey, Buffer.from(signature, 'base64'))).toBe(true);
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

test('made once more they are the same, byte by byte', async () => {
  const again = mkdtempSync(join(folder, 'again-'));
  const sums = (of: typeof made): readonly string[] => of.map((each) => `${each.architecture} ${each.sha256}`);
  expect(sums(await buildExecutables(again, ['amd64', 'arm64']))).toEqual(sums(made));
  rmSync(again, { recursive: true });
}, 240_000);

describe.runIf(ownArchitecture() === 'amd64')('the file for amd64, run', () => {
  const file = (): string => join(folder, 'amd64', PROGRAM, version, PROGRAM);
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
    const { config, rules } = staticMachine(mkdtempSync(join(folder, 'machine-')));
    await keepsRulesUntilTold([file()], config, 60_000, (pid) => {
      expect(readFileSync(rules, 'utf8')).toContain('policy drop;');
      const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      expect(Number(peak) / 1024).toBeLessThan(150);
    });
  });

  test('replaces itself, started by the unit of today: not by one that ends, then by one that does its work', async () => {
    const place = mkdtempSync(join(folder, 'update-'));
    const path = (name: string): string => join(place, name);
    for (const name of ['nftables', 'bin', 'offered']) mkdirSync(path(name));
    copyFileSync(file(), path('bin/firewall-controller'));
    writeFileSync(path('key.pem'), publicKey);
    writeFileSync(path('install.yaml'), FACTS);
    const offer = (name: string, bytes: Buffer): string => {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const text = Buffer.from(`sallyport-update ${PROGRAM} ${name} sha256:${sha256}\n`);
      writeFileSync(path(`offered/${name}`), bytes);
      writeFileSync(path(`offered/${name}.sha256`), `${sha256}  ${PROGRAM}\n`);
      writeFileSync(path(`offered/${name}.sig`), `${name} ${sign(null, text, privateKey).toString('base64')}\n`);
      return sha256;
    };
    // It tells its version, and ends when it is to work.
    offer('v8', Buffer.from('#!/bin/sh\n[ "$1" = --version ] && exit 0\nexit 1\n'));
    // What stands behind its end does not change a program, and makes it another file.
    const better = offer('v9', Buffer.concat([readFileSync(file()), Buffer.from('\n')]));
    const own = ['facts: ./install.yaml', 'rules: ./nftables/firewall-controller.v4', 'base: ./nftables/rules'];
    const want = (version: string): void =>
      writeFileSync(
        path('config.yaml'),
        `name: fw-1
sources: { static: { firewall: { controllerVersion: ${version}, controllerURL: "http://127.0.0.1:8000/${version}" } } }
controllers: { firewall: { source: static, selfUpdate: { enabled: true, key: ./key.pem } } }
machine: { ${own.join(', ')}, memory: ./memory/sources.json, names: ./names.yaml, shootAccess: ./access/shoot.json }
`,
      );
    want('v8');
    writeFileSync(
      path('server.mjs'),
      `import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
createServer((request, response) => {
  const file = ${JSON.stringify(path('offered'))} + request.url;
  if (existsSync(file)) response.end(readFileSync(file)); else response.writeHead(404).end();
}).listen(8000, '127.0.0.1');
`,
    );
    // As systemd does it, but for its ten seconds.
    const started = `ip link set lo up; ${process.execPath} server.mjs & while :; do bin/firewall-controller -log-level info -c config.yaml; sleep 1; done`;
    const child = spawn('unshare', ['--net', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', started], {
      cwd: place,
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      let said = '';
      child.stderr.on('data', (data: Buffer) => void (said += data.toString()));
      const installed = (): string =>
        createHash('sha256')
          .update(readFileSync(path('bin/firewall-controller')))
          .digest('hex');
      await expect.poll(() => said, { timeout: 100_000 }).toContain('the newer program is no good');
      expect(installed()).toBe(made.find(({ architecture }) => architecture === 'amd64')?.sha256);
      want('v9');
      await expect.poll(() => said, { timeout: 100_000 }).toContain('replaced by the newer program');
      expect(installed()).toBe(better);
      said = '';
      await expect.poll(() => said, { timeout: 60_000 }).toContain('rules in force');
      expect(readdirSync(path('bin'))).toEqual(['firewall-controller']);
    } finally {
      child.kill('SIGKILL');
    }
  }, 280_000);

  test('is the droptailer under its name', () => {
    const link = join(dirname(file()), 'droptailer-client');
    symlinkSync(file(), link);
    const help = spawnSync(link, ['--help'], { encoding: 'utf8' });
    expect(help.stdout).toContain('droptailer [options]');
    rmSync(link);
  });
});
