/**
 * A firewall machine with 1,000 ClusterwideNetworkPolicies of 20 rules: one of them changed, from the object to the kernel, and all of them from
 * nothing, from the objects to the kernel and read back. `…/cpu` is the same in CPU, which other work on the machine disturbs less; `…/cpu/nft` is
 * what of it are nft's processes. `start`: CPU of the program as it is installed, its nft's included, from its start until these rules are in the kernel
 * and in the file. `memory`: of it with these rules in force, and without any; `…/executable`: of the single executable.
 */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { bundle } from '../scripts/build.ts';
import { buildExecutables } from '../scripts/executable.ts';
import { fetchOwnNode, ownArchitecture } from '../scripts/node-programs.ts';
import { FACTS } from '../test/kit/machine.ts';
import { KernelTable } from '../src/controller/machine/kernel-table.ts';
import { localTransport } from '../src/firewalls/nftables/reach/local-transport.ts';
import { readFacts } from '../src/machine/kinds/facts.ts';
import { readFirewallSpec } from '../src/machine/kinds/firewall.ts';
import { readMachineObjects } from '../src/machine/objects.ts';
import { machineRuleset } from '../src/machine/ruleset.ts';
import { RulesetMemory } from '../src/machine/ruleset-memory.ts';
import { tableLines } from '../src/machine/table-text.ts';
import { readManifestText } from '../src/sources/manifests/document.ts';
import { cpuSeconds, load, print, quantile, smoke } from './figure.ts';
import { numberedPolicy, RULES } from './machine-policies.ts';
import { cpuSecondsOf, memoryOf, startMachine } from './machine-program.ts';
import { inNamespaces } from './namespaced.ts';

const policies = smoke ? 20 : 1_000;
const rounds = smoke ? 2 : 15;
const { signal } = new AbortController();
const subject = { object: undefined, place: {}, locate: undefined, base: [] };
const facts = readFacts(readManifestText(FACTS, 'install.yaml').objects[0]?.raw ?? {}, subject, []);
const firewall = readFirewallSpec(undefined, { raw: undefined, path: [] }, subject, []);

const read = (raw: readonly unknown[]) =>
  readMachineObjects(
    raw.map((each) => ({ raw: each, place: {}, locate: () => ({}), base: [] })),
    [],
  ).policies;

async function bench(folder: string): Promise<void> {
  const kernel = new KernelTable(localTransport(folder));
  const memory = new RulesetMemory();
  const times: number[] = [];
  let [made, loaded] = [0, 0];
  const put = async (world: ReturnType<typeof read>): Promise<string> => {
    const started = performance.now();
    const result = machineRuleset(
      {
        firewall,
        networks: facts.networks,
        policies: world,
        metalRules: [],
        services: [],
        semantics: 'compatible',
        namespace: 'firewall',
        resolved: undefined,
      },
      memory,
    );
    const lines = tableLines(result.ruleset);
    made = performance.now() - started;
    const change = await kernel.load(() => lines, signal);
    loaded = performance.now() - started - made;
    return change;
  };
  const raw = Array.from({ length: policies }, (_, number) => numberedPolicy(number, 443));
  const cpu = cpuSince();
  const started = performance.now();
  const world = [...read(raw)];
  await put(world);
  const rest = { policies, rules: RULES, ...load() };
  print({ bench: 'machine/cold', unit: 's', value: (performance.now() - started) / 1_000, budget: 3, ...rest });
  const cold = cpu();
  print({ bench: 'machine/cold/cpu', unit: 's', value: cold.all, ...rest });
  print({ bench: 'machine/cold/cpu/nft', unit: 's', value: cold.children, ...rest });
  const changes = cpuSince();
  const parts = { made: [] as number[], loaded: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const number = (round * 37) % policies;
    const begun = performance.now();
    world.splice(number, 1, ...read([numberedPolicy(number, 8_000 + round)]));
    const change = await put(world);
    if (change !== 'changed') throw new Error(`it was ${change}`);
    times.push(performance.now() - begun);
    parts.made.push(made);
    parts.loaded.push(loaded);
  }
  const each = changes();
  const median = (sample: readonly number[]): number => quantile(sample, 0.5);
  print({
    bench: 'machine/one-changed',
    unit: 'ms',
    value: median(times),
    best: Math.min(...times),
    budget: 100,
    ...rest,
  });
  print({ bench: 'machine/one-changed/made', unit: 'ms', value: median(parts.made), ...rest });
  print({ bench: 'machine/one-changed/loaded', unit: 'ms', value: median(parts.loaded), ...rest });
  print({ bench: 'machine/one-changed/cpu', unit: 'ms', value: (each.all / rounds) * 1_000, ...rest });
  print({ bench: 'machine/one-changed/cpu/nft', unit: 'ms', value: (each.children / rounds) * 1_000, ...rest });
}

/** Starts to measure; then: seconds of CPU of this process and its children, and of the children alone. */
function cpuSince(): () => { readonly all: number; readonly children: number } {
  const [all, { user, system }] = [cpuSeconds(), process.cpuUsage()];
  return () => {
    const spent = cpuSeconds() - all;
    const own = process.cpuUsage();
    return { all: spent, children: spent - (own.user - user + own.system - system) / 1e6 };
  };
}

/** The same of the single executable. */
async function executableMemory(folder: string, count: number): Promise<void> {
  const own = ownArchitecture();
  if (own === undefined) return;
  const [made] = await buildExecutables(join(folder, 'made'), [own]);
  if (made !== undefined) await memory(folder, count, '/executable', [made.file]);
}

/** The program with so many policies, at rest after its first comparisons with the kernel. */
async function memory(
  folder: string,
  count: number,
  form = '',
  command?: readonly [string, ...string[]],
): Promise<void> {
  const objects = Array.from({ length: count }, (_, number) => numberedPolicy(number, 443));
  // It asks nobody: there are no names.
  const { process: program, pid } = startMachine(folder, objects, '198.51.100.9', command);
  const last = count === 0 ? 'chain forward' : `policy-${count - 1} tcp`;
  const file = join(folder, 'firewall-controller.v4');
  // The file is written when the kernel has them.
  while (!existsSync(file) || !readFileSync(file, 'utf8').includes(last)) await pause(50);
  const started = cpuSecondsOf(pid);
  await pause(smoke ? 1_000 : 20_000);
  const { now, peak } = memoryOf(pid);
  const rest = { policies: count, rules: RULES, ...load() };
  if (count > 0) print({ bench: `machine/start/cpu${form}`, unit: 's', value: started, ...rest });
  print({ bench: `machine/memory${form}`, unit: 'MB', value: now, budget: 150, peak: Math.round(peak), ...rest });
  program.kill('SIGTERM');
  await once(program, 'exit');
}

await inNamespaces(async () => {
  const works = [
    bench,
    () => bundle(),
    (folder: string) => memory(folder, policies),
    (folder: string) => memory(folder, 0),
    (folder: string) => executableMemory(folder, policies),
  ];
  for (const work of works) {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
    try {
      await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}, fetchOwnNode);
