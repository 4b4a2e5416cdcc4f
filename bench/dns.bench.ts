/**
 * The DNS proxy of a firewall machine under load: the program as it is installed, and around it a resolver and a cluster, `bench/dns-load`, a
 * compiled program that takes little of the two cores. Questions come evenly. Of the answers, at most 500 a second bring an address that is new, is
 * added to the kernel and waited for. `all`: from question to answer, the resolver's time included; `new`: of answers with a new address. Every
 * one of these addresses has to be in the kernel when its answer is there, and at the end. `cpu`: what the program and its nft take for an answer.
 * `dns/beside-rules/…`: the same with 1,000 policies of 20 rules loaded; `…/executable/…`: of the single executable. Needs Go.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { bundle } from '../scripts/build.ts';
import { buildExecutables } from '../scripts/executable.ts';
import { fetchOwnNode, ownArchitecture } from '../scripts/node-programs.ts';
import { canonicalDomain, domainSetName } from '../src/machine/rules/domain-sets.ts';
import { load, print, smoke } from './figure.ts';
import { machinePolicy, numberedPolicy } from './machine-policies.ts';
import { cpuSecondsOf, memoryOf, startMachine } from './machine-program.ts';
import { inNamespaces } from './namespaced.ts';
import { type Stolen, StolenTime } from './stolen-time.ts';

const PER_SECOND = smoke ? 500 : 10_000;
/** One answer in so many has a new address. */
const EVERY = 20;
const SECONDS = smoke ? 2 : 20;
const NAMES = smoke ? 50 : 1_000;
const PROXY = '198.51.100.2';
const RESOLVER = '198.51.100.9';
const CLIENT = '10.0.0.10';
/** Of the first seconds nothing counts: the program warms up. */
const WARM_SECONDS = smoke ? 1 : 5;

/** Milliseconds. */
interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** What `bench/dns-load` says at the end. */
interface Results {
  readonly all: Quantiles;
  readonly fresh: Quantiles;
  readonly late: Quantiles;
  readonly refused: number;
  readonly lost: number;
  readonly given: number;
  readonly tooEarly: number;
  readonly gone: number;
  readonly cores: number;
}

const nameOf = (n: number): string => `host-${n}.bench.example.org`;

/** Policies that ask for all names. */
function namePolicies(): readonly unknown[] {
  const names = Array.from({ length: NAMES }, (_, n) => ({ matchName: nameOf(n) }));
  return Array.from({ length: 10 }, (_, n) =>
    machinePolicy(`names-${n}`, [
      { toFQDNs: names.filter((_name, index) => index % 10 === n), ports: [{ protocol: 'TCP', port: 443 }] },
    ]),
  );
}

function must(program: string, ...words: readonly string[]): void {
  const { status, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr}`);
}

function build(folder: string): string {
  const program = join(folder, 'dns-load');
  const { status } = spawnSync('go', ['build', '-o', program, '.'], {
    cwd: join(import.meta.dirname, 'dns-load'),
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the resolver and cluster of this bench do not build');
  return program;
}

function startLoad(program: string, folder: string): ChildProcess & { readonly stdout: NodeJS.ReadableStream } {
  const names = join(folder, 'names');
  const lines = Array.from(
    { length: NAMES },
    (_, n) => `${nameOf(n)} ${domainSetName(canonicalDomain(nameOf(n)), 'ipv4_addr')}\n`,
  );
  writeFileSync(names, lines.join(''));
  const words = Object.entries({
    resolver: RESOLVER,
    proxy: PROXY,
    client: CLIENT,
    names,
    every: EVERY,
    'per-second': PER_SECOND,
    warm: WARM_SECONDS,
    seconds: SECONDS,
  }).flatMap(([word, value]) => [`-${word}`, String(value)]);
  return spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function measure(
  program: string,
  folder: string,
  bench: string,
  policies: number,
  command?: readonly [string],
): Promise<void> {
  const around = startLoad(program, folder);
  const objects = [...namePolicies(), ...Array.from({ length: policies }, (_, n) => numberedPolicy(n, 443))];
  let machine: ReturnType<typeof startMachine> | undefined;
  let [atRest, before, spent] = [0, 0, 0];
  let results: Results | undefined;
  let watch: StolenTime | undefined;
  let notOurs: Stolen | undefined;
  for await (const line of createInterface(around.stdout)) {
    if (line === 'listening') machine = startMachine(folder, objects, RESOLVER, command);
    else if (machine === undefined) throw new Error(`"${line}" was said too early`);
    else if (line === 'answered') atRest = Math.round(memoryOf(machine.pid).peak);
    else if (line === 'begin') {
      before = cpuSecondsOf(machine.pid);
      watch = new StolenTime();
    } else if (line === 'end') {
      spent = cpuSecondsOf(machine.pid) - before;
      notOurs = watch?.end();
    } else results = JSON.parse(line) as Results;
  }
  if (machine === undefined || results === undefined) throw new Error('there are no results');
  const { all, fresh, late, given, tooEarly, gone } = results;
  if (tooEarly + gone > 0)
    throw new Error(`of ${given} addresses ${tooEarly} came before they were in the kernel, ${gone} are gone from it`);
  const seconds = SECONDS + WARM_SECONDS;
  const circumstances = {
    answersPerSecond: Math.round(all.count / SECONDS),
    newPerSecond: Math.round(given / seconds),
    names: NAMES,
    policies,
    cores: Number((spent / SECONDS).toPrecision(3)),
    coresAround: Number(results.cores.toPrecision(3)),
    lateP99: Number(late.p99.toPrecision(3)),
    refused: results.refused,
    lost: results.lost,
    ...notOurs,
    ...load(),
  };
  for (const [name, times] of [
    ['all', all],
    ['new', fresh],
  ] as const)
    print({
      bench: `${bench}/${name}`,
      unit: 'ms',
      value: times.p99,
      budget: 20,
      p50: times.p50,
      most: times.most,
      ...circumstances,
    });
  print({ bench: `${bench}/cpu`, unit: 'us', value: (spent / all.count) * 1e6, ...circumstances });
  print({
    bench: `${bench}/memory`,
    unit: 'MB',
    value: memoryOf(machine.pid).peak,
    budget: 150,
    given,
    atRest,
    ...circumstances,
  });
  machine.process.kill('SIGTERM');
  await once(machine.process, 'exit');
}

if (spawnSync('go', ['version']).status !== 0) {
  process.stderr.write('the DNS proxy is not measured: what stands around it needs Go, and there is no "go" here\n');
  process.exit(smoke ? 0 : 1);
}
await inNamespaces(async () => {
  for (const address of [PROXY, RESOLVER, CLIENT]) must('ip', 'address', 'add', `${address}/32`, 'dev', 'lo');
  const built = mkdtempSync(join(tmpdir(), 'sallyport-dns-load-'));
  try {
    const program = build(built);
    await bundle();
    // To make it takes longer than a short run shall.
    const own = smoke ? undefined : ownArchitecture();
    const [made] = own === undefined ? [] : await buildExecutables(join(built, 'made'), [own]);
    const policies = smoke ? 20 : 1_000;
    for (const [bench, count, command] of [
      ['dns', 0, undefined],
      ['dns/beside-rules', policies, undefined],
      ...(made === undefined ? [] : [['dns/beside-rules/executable', policies, [made.file]] as const]),
    ] as const) {
      const folder = mkdtempSync(join(tmpdir(), 'sallyport-dns-bench-'));
      try {
        await measure(program, folder, bench, count, command);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  } finally {
    rmSync(built, { recursive: true, force: true });
  }
}, fetchOwnNode);
