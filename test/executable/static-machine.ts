import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { expect } from 'vitest';
import { FACTS } from '../kit/machine.ts';

/** A machine with the source `static` alone, all its files in one folder. */
export interface StaticMachine {
  readonly config: string;
  readonly facts: string;
  /** The file of the rules, which is not there yet. */
  readonly rules: string;
}

export function staticMachine(place: string): StaticMachine {
  const config = join(place, 'config.yaml');
  const facts = join(place, 'install.yaml');
  const rules = join(place, 'nftables/firewall-controller.v4');
  mkdirSync(join(place, 'nftables'), { recursive: true });
  writeFileSync(facts, FACTS);
  const own = ['facts: ./install.yaml', `rules: ${rules}`, 'base: ./nftables/rules', 'memory: ./memory.json'];
  writeFileSync(
    config,
    `name: fw-1
sources: { static: {} }
controllers: { firewall: { source: static }, cwnp: { source: static } }
machine: { ${own.join(', ')}, names: ./names.yaml, shootAccess: ./access/shoot.json }
`,
  );
  return { config, facts, rules };
}

/**
 * `run` in a network of its own, looked at once rules are in force, and told to end, which it does well. `program`: the file, behind what runs it.
 * `timeout`: how long rules may take to be in force, in milliseconds.
 */
export async function keepsRulesUntilTold(
  program: readonly string[],
  config: string,
  timeout: number,
  look: (pid: number | undefined) => void,
): Promise<void> {
  let said = '';
  const child = spawn('unshare', ['--net', '--mount', ...program, 'run', '-c', config], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.on('data', (data: Buffer) => void (said += data.toString()));
  try {
    await expect.poll(() => said, { timeout }).toContain('rules in force');
    look(child.pid);
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(said).toContain('stopped');
  } finally {
    child.kill('SIGKILL');
  }
}
