import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { FACTS } from '../test/kit/machine.ts';

/** The program as it is installed, at work as a firewall machine. */
export interface MachineProgram {
  readonly process: ChildProcess;
  readonly pid: number;
}

/** The program of `dist`. */
const BUNDLED = [process.execPath, join(import.meta.dirname, '../dist/sallyport.js')] as const;

/** Starts the program in a folder of its own, with these policies; it asks `resolver` for names. `command`: the file, behind what runs it. */
export function startMachine(
  folder: string,
  policies: readonly unknown[],
  resolver: string,
  command: readonly [string, ...string[]] = BUNDLED,
): MachineProgram {
  mkdirSync(join(folder, 'objects'));
  // One file: a cluster would be asked for one list, too.
  const list = { apiVersion: 'v1', kind: 'List', items: policies };
  writeFileSync(join(folder, 'objects', 'policies.json'), JSON.stringify(list));
  writeFileSync(join(folder, 'install.yaml'), FACTS);
  writeFileSync(
    join(folder, 'config.yaml'),
    `name: fw-1
sources: { static: { firewall: { dnsServerAddress: ${resolver} } }, objects: { manifests: ./objects } }
controllers: { firewall: { source: static }, cwnp: { source: objects } }
machine: { facts: ./install.yaml, rules: ./firewall-controller.v4, base: ./rules, names: ./names.yaml, memory: ./sources.json, frr: ./frr.conf }
`,
  );
  const [program, ...words] = command;
  const started = spawn(program, [...words, 'run', '-c', join(folder, 'config.yaml')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (started.pid === undefined) throw new Error('the program does not start');
  return { process: started, pid: started.pid };
}

/** What the kernel keeps of a process, in MB: now, and the most it ever had. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (word: string): number => Number(new RegExp(`${word}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024;
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

/** Seconds of CPU that a process, all its threads, and its children, ended or not, have used. */
export function cpuSecondsOf(pid: number): number {
  // After the name in brackets: state ppid … utime stime cutime cstime.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.reduce((sum, child) => sum + (child === '' ? 0 : cpuSecondsOf(Number(child))), own);
}
