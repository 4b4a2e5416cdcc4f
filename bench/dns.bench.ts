/**
 * The DNS proxy of a firewall machine under load: the program as it is installed, a resolver in a process of its own, and this process as the
 * cluster. Of the answers, at most 500 a second bring an address that is new, is added to the kernel and waited for. `all`: from question to
 * answer, the resolver's time included; `new`: of answers with a new address. Every new address has to be in the kernel at the end.
 * `dns/beside-rules/…`: the same with 1,000 policies of 20 rules loaded.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { bundle } from '../scripts/build.ts';
import { QUESTION, wire } from '../test/kit/dns-wire.ts';
import { load, print, quantile, smoke } from './figure.ts';
import { machinePolicy, numberedPolicy } from './machine-policies.ts';
import { memoryOf, startMachine } from './machine-program.ts';
import { inNamespaces } from './namespaced.ts';

const PER_SECOND = smoke ? 500 : 10_000;
const NEW_PER_SECOND = PER_SECOND / 20;
const SECONDS = smoke ? 2 : 20;
const NAMES = smoke ? 50 : 1_000;
const PROXY = '198.51.100.2';
const RESOLVER = '198.51.100.9';
const CLIENT = '10.0.0.10';
/** Of the first seconds nothing counts: the program warms up. */
const WARM_SECONDS = smoke ? 1 : 5;
const PATIENCE_MS = 30_000;
const NEWEST = 0x0b000000;

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

/** Seconds of CPU that a process, all its threads, has used. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function must(program: string, ...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr}`);
  return stdout;
}

async function measure(folder: string, bench: string, policies: number): Promise<void> {
  const upstream = spawn(
    process.execPath,
    [join(import.meta.dirname, 'dns-upstream.mjs'), RESOLVER, String(PER_SECOND / NEW_PER_SECOND)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(upstream.stdout, 'data');
  const objects = [...namePolicies(), ...Array.from({ length: policies }, (_, n) => numberedPolicy(n, 443))];
  const { process: controller, pid } = startMachine(folder, objects, RESOLVER);

  const socket = createSocket('udp4');
  const sentAt = new Float64Array(65_536);
  const questions = Array.from({ length: NAMES }, (_, n) =>
    wire({ flags: QUESTION, question: { name: nameOf(n), type: 1 } }),
  );
  const all: number[] = [];
  const fresh: number[] = [];
  const given = new Set<number>();
  let counts = false;
  let refused = 0;
  let answered = 0;
  let sent = 0;
  socket.on('message', (answer) => {
    const took = performance.now() - (sentAt[answer.readUInt16BE(0)] ?? 0);
    if (answer.readUInt16BE(6) !== 1) {
      refused++;
      return;
    }
    answered++;
    const address = answer.readUInt32BE(answer.length - 4);
    const isNew = address >> 24 === NEWEST >> 24;
    if (isNew) given.add(address);
    if (!counts) return;
    all.push(took);
    if (isNew) fresh.push(took);
  });
  socket.bind({ address: CLIENT });
  await once(socket, 'listening');
  socket.setRecvBufferSize(4 << 20);
  const ask = (): void => {
    const id = sent & 0xffff;
    const question = questions[(sent * 7) % NAMES];
    if (question === undefined) return;
    sentAt[id] = performance.now();
    question.writeUInt16BE(id, 0);
    socket.send(question, 53, PROXY);
    sent++;
  };
  for (const started = performance.now(); answered === 0; await pause(200)) {
    if (performance.now() - started > PATIENCE_MS) throw new Error('no answer came');
    ask();
  }

  await pause(500);
  const atRest = Math.round(memoryOf(pid).peak);
  const started = performance.now();
  const before = sent;
  answered = 0;
  refused = 0;
  const asked = async (seconds: number): Promise<void> => {
    const end = sent + seconds * PER_SECOND;
    while (sent < end) {
      const due = before + ((performance.now() - started) / 1_000) * PER_SECOND;
      while (sent < due && sent < end) ask();
      await pause(1);
    }
  };
  await asked(WARM_SECONDS);
  counts = true;
  const cpuBefore = cpuSecondsOf(pid);
  await asked(SECONDS);
  await pause(500);
  counts = false;
  const cores = Number(((cpuSecondsOf(pid) - cpuBefore) / SECONDS).toPrecision(3));
  const lost = sent - before - answered - refused;
  const seconds = SECONDS + WARM_SECONDS;
  const circumstances = {
    answersPerSecond: Math.round(all.length / SECONDS),
    newPerSecond: Math.round(given.size / seconds),
    names: NAMES,
    policies,
    cores,
    refused,
    lost,
    ...load(),
  };
  const listing = must('nft', 'list', 'table', 'inet', 'firewall');
  const held = new Set(listing.match(/\b11\.\d+\.\d+\.\d+\b/g));
  const missing = [...given].filter(
    (value) => !held.has([24, 16, 8, 0].map((bits) => (value >>> bits) & 255).join('.')),
  );
  if (missing.length > 0) throw new Error(`${missing.length} addresses that were given are not in the kernel`);
  print({
    bench: `${bench}/all`,
    unit: 'ms',
    value: quantile(all, 0.99),
    budget: 20,
    p50: quantile(all, 0.5),
    ...circumstances,
  });
  print({
    bench: `${bench}/new`,
    unit: 'ms',
    value: quantile(fresh, 0.99),
    budget: 20,
    p50: quantile(fresh, 0.5),
    ...circumstances,
  });
  print({
    bench: `${bench}/memory`,
    unit: 'MB',
    value: memoryOf(pid).peak,
    budget: 150,
    held: held.size,
    atRest,
    ...circumstances,
  });
  controller.kill('SIGTERM');
  await once(controller, 'exit');
  upstream.kill('SIGKILL');
  socket.close();
}

await inNamespaces(async () => {
  for (const address of [PROXY, RESOLVER, CLIENT]) must('ip', 'address', 'add', `${address}/32`, 'dev', 'lo');
  await bundle();
  for (const [bench, policies] of [
    ['dns', 0],
    ['dns/beside-rules', smoke ? 20 : 1_000],
  ] as const) {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-dns-bench-'));
    try {
      await measure(folder, bench, policies);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
});
