/**
 * A firewall machine with 1,000 ClusterwideNetworkPolicies of 20 rules: one of them changed, from the object to the kernel, and all of them from
 * nothing, from the objects to the kernel. `…/cpu` is the same in seconds of CPU, which other work on the machine disturbs less.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FACTS } from '../test/kit/machine.ts';
import { KernelTable } from '../src/controller/machine/kernel-table.ts';
import { localTransport } from '../src/firewalls/nftables/local-transport.ts';
import { readFacts } from '../src/machine/kinds/facts.ts';
import { readFirewallSpec } from '../src/machine/kinds/firewall.ts';
import { readMachineObjects } from '../src/machine/objects.ts';
import { machineRuleset } from '../src/machine/ruleset.ts';
import { RulesetMemory } from '../src/machine/ruleset-memory.ts';
import { tableLines } from '../src/machine/table-text.ts';
import { readManifestText } from '../src/sources/manifests/document.ts';
import { cpuSeconds, load, print, quantile, smoke } from './figure.ts';
import { inNamespaces } from './namespaced.ts';

const policies = smoke ? 20 : 1_000;
const rules = 20;
const rounds = smoke ? 2 : 15;
const { signal } = new AbortController();
const subject = { object: undefined, place: {}, locate: undefined, base: [] };
const facts = readFacts(readManifestText(FACTS, 'install.yaml').objects[0]?.raw ?? {}, subject, []);
const firewall = readFirewallSpec(undefined, { raw: undefined, path: [] }, subject, []);

/** The policy of a number, as an API server gives it. */
const policy = (number: number, port: number): unknown => ({
  apiVersion: 'metal-stack.io/v1',
  kind: 'ClusterwideNetworkPolicy',
  metadata: { name: `policy-${number}`, namespace: 'firewall' },
  spec: {
    egress: Array.from({ length: rules }, (_, rule) => ({
      to: [{ cidr: `${11 + (number >> 8)}.${number & 255}.${rule}.0/24` }],
      ports: [{ protocol: 'TCP', port }],
    })),
  },
});
const read = (raw: readonly unknown[]) =>
  readMachineObjects(
    raw.map((each) => ({ raw: each, place: {}, locate: () => ({}), base: [] })),
    [],
  ).policies;

async function bench(folder: string): Promise<void> {
  const kernel = new KernelTable(localTransport(folder));
  const memory = new RulesetMemory();
  const times: number[] = [];
  const cpus: number[] = [];
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
  const raw = Array.from({ length: policies }, (_, number) => policy(number, 443));
  const cpu = cpuSeconds();
  const started = performance.now();
  const world = [...read(raw)];
  await put(world);
  const rest = { policies, rules, ...load() };
  print({ bench: 'machine/cold', unit: 's', value: (performance.now() - started) / 1_000, budget: 3, ...rest });
  print({ bench: 'machine/cold/cpu', unit: 's', value: cpuSeconds() - cpu, ...rest });
  const parts = { made: [] as number[], loaded: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const number = (round * 37) % policies;
    const before = cpuSeconds();
    const begun = performance.now();
    world.splice(number, 1, ...read([policy(number, 8_000 + round)]));
    const change = await put(world);
    if (change !== 'changed') throw new Error(`it was ${change}`);
    times.push(performance.now() - begun);
    cpus.push(cpuSeconds() - before);
    parts.made.push(made);
    parts.loaded.push(loaded);
  }
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
  print({ bench: 'machine/one-changed/cpu', unit: 'ms', value: median(cpus) * 1_000, ...rest });
  print({ bench: 'machine/rss', unit: 'MB', value: process.memoryUsage.rss() / 2 ** 20, budget: 150, ...rest });
}

await inNamespaces(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  try {
    await bench(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
