/**
 * What a packet costs at the Linux border, with 100,000 known addresses against 100.
 *
 * Two borders stand side by side, each a network namespace programmed by the real driver, each with a mill: a second namespace that sends
 * every packet it gets back into the border, from another known address chosen at random. A few packets so go round for ever inside the
 * kernel, and no sender costs anything. They are UDP without an answer, so each pass is looked up by its source and walks the rules of its
 * class (the fourth of five lets it pass). Both mills make 100,000 different flows, so that connection tracking costs the same. The mills
 * run in turn. The cost of a pass is the time that the machine's CPUs spent in soft interrupts, so that other work on the machine
 * disturbs it little; half of the path (the mill, two veth pairs) has nothing to do with us, and `packet/bare` is all of it without a table.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { silentLog } from '../src/base/log.ts';
import { NftablesDriver } from '../src/firewalls/nftables/driver.ts';
import { print, quantile, smoke } from './figure.ts';
import { inNamespaces } from './namespaced.ts';
import { FIRST_ADDRESS, largeRuleset, REACHABLE } from './ruleset.ts';

const large = smoke ? 1_000 : 100_000;
const SMALL = 100;
const FLOWS = smoke ? 1_000 : 100_000;
const alternations = smoke ? 1 : 10;
const TURN_MS = smoke ? 100 : 2_000;
const WARM_MS = smoke ? 50 : 1_000;
/** Packets that go round at once. */
const ROUND = 64;
/** A tick of /proc/stat. */
const TICK_S = 0.01;

function run(program: string, ...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr}`);
  return stdout;
}

function inside(namespace: string, program: string, ...words: readonly string[]): string {
  return run('nsenter', `--net=/run/netns/${namespace}`, '--', program, ...words);
}

/** A border and its mill. */
class Loop {
  readonly #border: string;
  readonly #mill: string;

  /** `addresses`: known ones, 0: no table; `ports`: different source ports of each. */
  constructor(name: string, addresses: number, ports: number) {
    this.#border = `b-${name}`;
    this.#mill = `m-${name}`;
    for (const namespace of [this.#border, this.#mill]) {
      run('ip', 'netns', 'add', namespace);
      const settings = [
        'ip_forward=1',
        'conf.all.rp_filter=0',
        'conf.default.rp_filter=0',
        'conf.all.send_redirects=0',
      ];
      for (const setting of settings) inside(namespace, 'sysctl', '-qw', `net.ipv4.${setting}`);
    }
    this.#join('in', '10.255.0.1', '10.255.0.2');
    this.#join('out', '10.254.0.2', '10.254.0.1');
    run('ip', '-n', this.#mill, 'route', 'add', REACHABLE, 'via', '10.255.0.2');
    run('ip', '-n', this.#border, 'route', 'add', REACHABLE, 'via', '10.254.0.2');
    const turn = 'add rule ip mill turn iifname "out"';
    const from = `numgen random mod ${addresses === 0 ? SMALL : addresses} offset ${FIRST_ADDRESS}`;
    for (const command of [
      'add table ip mill',
      'add chain ip mill turn { type filter hook prerouting priority raw; }',
      `${turn} ip ttl set 64`,
      `${turn} ip saddr set ${from}`,
      `${turn} udp sport set ${ports === 1 ? '1024' : `numgen random mod ${ports} offset 1024`}`,
    ])
      inside(this.#mill, 'nft', command);
  }

  get border(): string {
    return this.#border;
  }

  /** Soft interrupt time of one pass, in nanoseconds. */
  async turn(): Promise<number> {
    for (const link of ['in', 'out']) run('ip', '-n', this.#mill, 'link', 'set', link, 'up');
    const send = `const s = require('node:dgram').createSocket('udp4');
      let left = ${ROUND};
      for (let i = 0; i < ${ROUND}; i++) s.send('x', 9, '203.0.113.9', () => { if (--left === 0) s.close(); });`;
    inside(this.#mill, process.execPath, '-e', send);
    await pause(WARM_MS);
    const before = { passes: this.#passes(), busy: softInterruptSeconds() };
    await pause(TURN_MS);
    const after = { passes: this.#passes(), busy: softInterruptSeconds() };
    for (const link of ['in', 'out']) run('ip', '-n', this.#mill, 'link', 'set', link, 'down');
    const passes = after.passes - before.passes;
    if (passes < 1_000) throw new Error(`only ${passes} packets passed: the mill of ${this.#border} stands still`);
    return ((after.busy - before.busy) / passes) * 1e9;
  }

  #join(link: string, mill: string, border: string): void {
    run('ip', '-n', this.#mill, 'link', 'add', link, 'type', 'veth', 'peer', 'name', link, 'netns', this.#border);
    for (const [namespace, own] of [
      [this.#mill, mill],
      [this.#border, border],
    ] as const) {
      run('ip', '-n', namespace, 'addr', 'add', `${own}/30`, 'dev', link);
      inside(namespace, 'sysctl', '-qw', `net.ipv4.conf.${link}.rp_filter=0`);
      run('ip', '-n', namespace, 'link', 'set', link, 'up');
    }
  }

  #passes(): number {
    const path = '/sys/class/net/in/statistics/rx_packets';
    const listing: unknown = JSON.parse(run('ip', '-n', this.#border, '-j', '-s', 'link', 'show', 'in'));
    const text = JSON.stringify(listing);
    const found = /"rx":\{"bytes":\d+,"packets":(\d+)/.exec(text)?.[1];
    if (found === undefined) throw new Error(`no ${path} in ${text}`);
    return Number(found);
  }
}

function softInterruptSeconds(): number {
  // cpu user nice system idle iowait irq softirq …
  return Number(/^cpu +(?:\d+ ){6}(\d+)/.exec(readFileSync('/proc/stat', 'utf8'))?.[1]) * TICK_S;
}

async function program(loop: Loop, addresses: number, directory: string): Promise<void> {
  const { signal } = new AbortController();
  const driver = new NftablesDriver({ address: `netns:${loop.border}`, log: silentLog, directory });
  const capabilities = await driver.capabilities(signal);
  const actual = await driver.observe(signal);
  const size = { addresses, groups: addresses / 50, classes: Math.min(2_000, addresses / 10) };
  const [first] = driver.steps(actual, driver.translate(largeRuleset(size), capabilities));
  if (first === undefined) throw new Error('there is nothing to write');
  await driver.apply(first, signal);
  await driver.close();
}

async function bench(directory: string): Promise<void> {
  const bare = new Loop('bare', 0, FLOWS / SMALL);
  const few = new Loop('few', SMALL, FLOWS / SMALL);
  const many = new Loop('many', large, FLOWS / large);
  await program(few, SMALL, directory);
  await program(many, large, directory);
  const cost = { bare: [] as number[], few: [] as number[], many: [] as number[], ratio: [] as number[] };
  for (let turn = 0; turn < alternations; turn++) {
    cost.bare.push(await bare.turn());
    const one = await few.turn();
    const other = await many.turn();
    cost.few.push(one);
    cost.many.push(other);
    cost.ratio.push(other / one);
  }
  const median = (sample: readonly number[]): number => quantile(sample, 0.5);
  const rest = { flows: FLOWS, alternations, load: Number(loadavg()[0]?.toFixed(1)) };
  print({ bench: 'packet/bare', unit: 'ns', value: median(cost.bare), ...rest });
  print({ bench: 'packet/few', unit: 'ns', value: median(cost.few), addresses: SMALL, ...rest });
  print({ bench: 'packet/many', unit: 'ns', value: median(cost.many), addresses: large, ...rest });
  print({ bench: 'packet/ratio', unit: 'ratio', value: median(cost.ratio), budget: 1.15, ...rest });
}

await inNamespaces(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  try {
    await bench(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
