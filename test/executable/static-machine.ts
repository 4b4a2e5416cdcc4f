import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
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

/** `run` in a network of its own. `program`: the file, behind what runs it. */
export function keepRules(program: readonly string[], config: string): { child: ChildProcess; said: () => string } {
  let said = '';
  const child = spawn('unshare', ['--net', '--mount', ...program, 'run', '-c', config], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.on('data', (data: Buffer) => void (said += data.toString()));
  return { child, said: () => said };
}
