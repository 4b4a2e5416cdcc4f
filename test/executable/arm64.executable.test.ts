import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { expect, inject, test } from 'vitest';
import { ARM64_LIBRARIES } from '../../lab/programs.ts';
import { PROGRAM } from '../../scripts/executable.ts';
import type { Architecture } from '../../scripts/node-programs.ts';
import { version } from '../../src/base/version.ts';
import { keepsRulesUntilTold, staticMachine } from './static-machine.ts';

// Emulated, each start takes seconds of work: as few as tell something.

const root = resolve(import.meta.dirname, '../..');
const { folder } = inject('executables');

/** What runs the file, and the file. The emulator is started as a program; nothing is registered with the kernel. */
function started(architecture: Architecture): readonly [string, ...string[]] {
  const file = join(folder, architecture, PROGRAM, version, PROGRAM);
  return architecture === 'amd64' ? [file] : ['qemu-aarch64', '-L', ARM64_LIBRARIES, file];
}

function run(architecture: Architecture, words: readonly string[]): { status: number | null; stdout: string } {
  const [program, ...before] = started(architecture);
  const { status, stdout, stderr, error } = spawnSync(program, [...before, ...words], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
  });
  if (error !== undefined) throw error;
  expect(status, stderr).toBe(0);
  return { status, stdout };
}

const world = ['-f', 'examples/panos/border.yaml', '-f', 'examples/panos/world.yaml', '--cluster', 'shop'];

test.each([
  { what: 'its version', words: ['--version'], tells: version },
  { what: 'its help', words: ['--help'], tells: 'External firewall controller for Kubernetes' },
  { what: 'what it thinks of a folder', words: ['validate', '-f', 'examples/shop'], tells: '0 errors' },
  {
    what: 'what a border has to hold, proved in its thread',
    words: ['render', ...world, '--firewall', 'edge-3'],
    tells: 'sp-payments-to-bank',
  },
])(
  'the file for arm64 tells $what as the one for amd64 does',
  ({ words, tells }) => {
    const told = run('arm64', words);
    expect(told.stdout).toContain(tells);
    expect(told).toEqual(run('amd64', words));
  },
  240_000,
);

test('the file for arm64 keeps a machine without any source, by the rules that amd64 renders, and ends when it is told', async () => {
  const { config, facts, rules } = staticMachine(mkdtempSync(join(folder, 'machine-')));
  const { stdout } = run('amd64', ['render', '-c', config, '--facts', facts, '--out', '-']);
  await keepsRulesUntilTold(started('arm64'), config, 180_000, () => {
    expect(readFileSync(rules, 'utf8')).toBe(stdout);
  });
}, 240_000);
