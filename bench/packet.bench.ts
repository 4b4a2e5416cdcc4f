/**
 * What a packet costs at the Linux border, with 100,000 known addresses against 100.
 *
 * Two borders stand side by side, each a network namespace programmed by the real driver, each with a mill: a second namespace that sends
 * every packet it gets back into the border, from another known address chosen at random. A few packets so go round for ever inside the
 * kernel, and no sender costs anything. Both mills make 100,000 different flows, so that connection tracking costs the same, and they run
 * in turn. The cost of a pass is the time that the machine's CPUs spent in soft interrupts, so that other work on the machine disturbs it
 * little; half of the path (the mill, two veth pairs) has nothing to do with us, and `packet/bare` is all of it without a table.
 *
 * `unanswered`: UDP that nobody answers. Each pass is looked up by its source and walks the rules of its class (the fourth of five lets it
 * pass): the dearest packets there are. `established`: the mill sends every other packet back as an answer.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { silentLog } from '../src/base/log.ts';
import { NftablesDriver } from '../src/firewalls/nftables/driver.ts';
import { load, print, quantile, smoke } from './figure.ts';
import { inNamespaces } from './namespaced.ts';
import { FIRST_ADDRESS, largeRuleset, REACHABLE } from './ruleset.ts';

const large = smoke ? 1_000 : 100_000;
const SMALL = 100;
const FLOWS = smoke ? 1_000 : 100_000;
const alternations = smoke ? 1 : 10;
const TURN_MS = smoke ? 100 : 1_500;
const WARM_MS = smoke ? 50 : 750;
type Traffic = 'unanswered' | 'established';

/** Packets that go round at once. */
const ROUND = 64;
const BORDER_MAC = '02:00:00:00:00:01';
const MILL_MAC = '02:00:00:00:00:02';
const PEER = '203.0.113.9';
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
  /** The mill's rules. */
  readonly #turning: Readonly<Record<Traffic, string>>;

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
    const pods = '10.128.0.0/12';
    run('ip', '-n', this.#mill, 'route', 'add', pods, 'via', '10.254.0.1');
    run('ip', '-n', this.#border, 'route', 'add', pods, 'via', '10.255.0.1');
    const source = `ip saddr set numgen random mod ${addresses === 0 ? SMALL : addresses} offset ${FIRST_ADDRESS}`;
    // nft writes the upper half of the number into the port.
    const port = `udp sport set numgen random mod ${ports * 0x1_0000} offset ${1_024 * 0x1_0000}`;
    const on = (link: string, what: string): string => `add rule ip mill turn iifname "${link}" ip ttl set 64 ${what}`;
    const answer = `ip daddr set ip saddr ip saddr set ${PEER} udp dport set udp sport udp sport set 9`;
    this.#turning = {
      unanswered: on('out', `${source} ${port}`),
      established: `${on('out', answer)}; ${on('in', `${source} ${port} ip daddr set ${PEER} udp dport set 9`)}`,
    };
    for (const command of [
      'add table ip mill',
      'add chain ip mill turn { type filter hook prerouting priority raw; }',
      'add chain ip mill start { type filter hook postrouting priority raw; }',
      `add rule ip mill start oifname "in" ip saddr 10.255.0.1 ${source}`,
    ])
      inside(this.#mill, 'nft', command);
  }

  get border(): string {
    return this.#border;
  }

  /** Soft interrupt time of one pass, in nanoseconds. */
  async turn(traffic: Traffic): Promise<number> {
    inside(this.#mill, 'nft', `flush chain ip mill turn; ${this.#turning[traffic]}`);
    const send = `const s = require('node:dgram').createSocket('udp4');
      let left = ${ROUND};
      for (let i = 0; i < ${ROUND}; i++) s.send('x', 9, '${PEER}', () => { if (--left === 0) s.close(); });`;
    inside(this.#mill, process.execPath, '-e', send);
    await pause(WARM_MS);
    const before = { passes: this.#passes(), busy: softInterruptSeconds() };
    await pause(TURN_MS);
    const after = { passes: this.#passes(), busy: softInterruptSeconds() };
    inside(this.#mill, 'nft', 'insert rule ip mill turn drop');
    const passes = after.passes - before.passes;
    if (passes < 1_000) throw new Error(`only ${passes} packets passed: the mill of ${this.#border} stands still`);
    return ((after.busy - before.busy) / passes) * 1e9;
  }

  #join(link: string, mill: string, border: string): void {
    const peer = ['peer', 'name', link, 'netns', this.#border, 'address', BORDER_MAC];
    run('ip', '-n', this.#mill, 'link', 'add', link, 'address', MILL_MAC, 'type', 'veth', ...peer);
    for (const [namespace, own, other, mac] of [
      [this.#mill, mill, border, BORDER_MAC],
      [this.#border, border, mill, MILL_MAC],
    ] as const) {
      run('ip', '-n', namespace, 'addr', 'add', `${own}/30`, 'dev', link);
      inside(namespace, 'sysctl', '-qw', `net.ipv4.conf.${link}.rp_filter=0`);
      run('ip', '-n', namespace, 'link', 'set', link, 'up');
      // What goes round must not get lost while a neighbour is looked for.
      run('ip', '-n', namespace, 'neigh', 'replace', other, 'lladdr', mac, 'nud', 'permanent', 'dev', link);
    }
  }

  #passes(): number {
    const text = run('ip', '-n', this.#border, '-j', '-s', 'link');
    return [...text.matchAll(/"rx":\s*\{\s*"bytes":\s*\d+,\s*"packets":\s*(\d+)/g)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
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
  const report = (what: string, unit: 'ns' | 'ratio', sample: readonly number[], rest: Record<string, number>): void =>
    print({
      bench: `packet/${what}`,
      unit,
      value: quantile(sample, 0.5),
      ...rest,
      flows: FLOWS,
      alternations: sample.length,
      ...load(),
    });
  const path: number[] = [];
  for (let turn = 0; turn < Math.min(3, alternations); turn++) path.push(await bare.turn('unanswered'));
  report('bare', 'ns', path, {});
  for (const traffic of ['unanswered', 'established'] as const) {
    const costs = { few: [] as number[], many: [] as number[], ratio: [] as number[] };
    for (let turn = 0; turn < alternations; turn++) {
      const one = await few.turn(traffic);
      const other = await many.turn(traffic);
      costs.few.push(one);
      costs.many.push(other);
      costs.ratio.push(other / one);
    }
    report(`${traffic}/few`, 'ns', costs.few, { addresses: SMALL });
    report(`${traffic}/many`, 'ns', costs.many, { addresses: large });
    report(`${traffic}/ratio`, 'ratio', costs.ratio, { budget: 1.15 });
  }
}

await inNamespaces(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  try {
    await bench(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
