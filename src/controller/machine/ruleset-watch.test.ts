import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Running, Transport } from '../../firewalls/nftables/reach/transport.ts';
import { OwnWrites } from './own-writes.ts';
import { RulesetWatch } from './ruleset-watch.ts';

/** A kernel that says what it is told to say, and its listeners. */
class FakeKernel implements Transport {
  readonly name = 'fake';
  readonly listeners: { readonly stdout: PassThrough; isOver: boolean; end: () => void }[] = [];
  lost = 0;
  isDeaf = false;

  async run(
    _program: string,
    _args: readonly string[],
    signal: AbortSignal,
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    await Promise.resolve();
    signal.throwIfAborted();
    const line = (_: unknown, n: number): string => `0 12 ${n + 1} 00000040 0 0 0 2 ${this.lost} 0\n`;
    return { code: 0, stdout: this.isDeaf ? '' : this.listeners.map(line).join(''), stderr: '' };
  }
  runWithFile(): Promise<never> {
    return Promise.reject(new Error('not here'));
  }
  start(): Running {
    const stdout = new PassThrough();
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const over = (): void => {
      listener.isOver = true;
      stdout.destroy();
      end();
    };
    const listener = { stdout, isOver: false, end: over };
    this.listeners.push(listener);
    return {
      pid: this.listeners.length,
      stdin: new PassThrough(),
      stdout,
      stderr: new PassThrough(),
      ended,
      onEnd: (callback) => void stdout.once('close', callback),
      stop: () => listener.end(),
    };
  }
  says(...lines: readonly string[]): void {
    this.listeners.at(-1)?.stdout.write(lines.map((line) => `${line}\n`).join(''));
  }
  commits(generation: number, ...lines: readonly string[]): void {
    this.says(...lines, `# new generation ${generation} by process ${generation} (nft)`);
  }
}

const RULE = 'add rule inet firewall forward accept';
let kernel: FakeKernel;
let clock: FakeClock;
let watch: RulesetWatch;
let own: OwnWrites;
let heard: string[];
let isWorthIt: boolean;
let stop: AbortController;
let ended: Promise<void>;

beforeEach(async () => {
  kernel = new FakeKernel();
  clock = new FakeClock();
  heard = [];
  isWorthIt = true;
  stop = new AbortController();
  own = new OwnWrites(clock);
  watch = new RulesetWatch({
    transport: kernel,
    own,
    quietly: (work) => work(),
    isWorthIt: () => isWorthIt,
    foreign: ({ by }) => heard.push(by),
    unknown: () => heard.push('unknown'),
    clock,
    log: silentLog,
  });
  ended = watch.run(stop.signal);
  await expect.poll(() => heard).toEqual(['unknown']);
});
afterEach(async () => {
  stop.abort();
  await ended;
  expect(kernel.listeners.every(({ isOver }) => isOver)).toBe(true);
});

const another = async (): Promise<void> => {
  const before = heard.filter((each) => each === 'unknown').length;
  await expect
    .poll(() => {
      clock.advance(100);
      return heard.filter((each) => each === 'unknown').length;
    })
    .toBe(before + 1);
};

test('changes of our tables are heard of with who made them, those of other tables are not', async () => {
  kernel.commits(7, 'add rule ip filter FORWARD accept');
  kernel.commits(8, RULE);
  kernel.commits(9, 'delete element inet nat proxy_dns_servers { 8.8.8.8 }');
  kernel.commits(10, 'delete table inet metal');
  await expect.poll(() => heard.slice(1)).toEqual(['process 8 (nft)', 'process 9 (nft)', 'process 10 (nft)']);
});

test('a listener that ends, or to whom something was lost, is replaced, and all is looked at', async () => {
  kernel.listeners[0]?.end();
  await another();
  kernel.commits(20, 'add table ip other');
  kernel.commits(22, 'add table ip other');
  await another();
  kernel.lost = 3;
  clock.advance(5_000);
  await expect.poll(() => kernel.listeners[2]?.isOver).toBe(true);
  kernel.lost = 0;
  await another();
  kernel.commits(30, RULE);
  await expect.poll(() => heard.at(-1)).toBe('process 30 (nft)');
});

test('one that does not come to listen is ended, and not tried again soon', async () => {
  kernel.isDeaf = true;
  kernel.listeners[0]?.end();
  await expect
    .poll(() => {
      clock.advance(100);
      return kernel.listeners[1]?.isOver;
    })
    .toBe(true);
  kernel.isDeaf = false;
  clock.advance(150_000);
  await turns();
  expect(kernel.listeners).toHaveLength(2);
  clock.advance(100_000);
  await expect.poll(() => heard).toEqual(['unknown', 'unknown']);
});

test('one that took a second until it listened is not replaced within a hundred', async () => {
  kernel.isDeaf = true;
  kernel.listeners[0]?.end();
  await expect
    .poll(() => {
      if (kernel.listeners.length < 2) clock.advance(100);
      return kernel.listeners.length;
    })
    .toBe(2);
  clock.advance(1_000);
  kernel.isDeaf = false;
  await expect.poll(() => heard).toEqual(['unknown', 'unknown']);
  kernel.listeners[1]?.end();
  await turns();
  clock.advance(99_000);
  await turns();
  expect(kernel.listeners).toHaveLength(2);
  await another();
  expect(kernel.listeners).toHaveLength(3);
});

test('nobody listens while that would take too much', async () => {
  isWorthIt = false;
  clock.advance(5_000);
  await expect.poll(() => kernel.listeners[0]?.isOver).toBe(true);
  clock.advance(100_000);
  await turns();
  expect(kernel.listeners).toHaveLength(1);
  isWorthIt = true;
  await another();
  expect(kernel.listeners).toHaveLength(2);
});

test('while something large is written nobody listens', async () => {
  await watch.pause();
  expect(kernel.listeners[0]?.isOver).toBe(true);
  clock.advance(100_000);
  await turns();
  expect(kernel.listeners).toHaveLength(1);
  watch.resume();
  await another();
  expect(kernel.listeners).toHaveLength(2);
});

test('what was ours while nobody listened is not waited for afterwards', async () => {
  await watch.pause();
  await own.changing([{ change: 'add', set: 's', element: '192.0.2.1' }], () => Promise.resolve());
  watch.resume();
  await another();
  kernel.commits(40, 'add element inet firewall s { 192.0.2.1 }');
  await expect.poll(() => heard.at(-1)).toBe('process 40 (nft)');
});
