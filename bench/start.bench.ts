/**
 * For how long the main thread of a large process stands still while a program is started, as `conntrack` is for each judging of connections: by
 * itself, by a thread of ours, by a small process of ours, or by nobody (`none`: what the machine and the collector do meanwhile). In turns, so that
 * other programs disturb all alike; a lower quartile, which they disturb least. `call`: CPU of the main thread for the call alone.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { load, print, quantile, smoke } from './figure.ts';

const ROUNDS = smoke ? 2 : 60;
const OBJECTS = smoke ? 100 : 9_000;
const FIELDS = 700;

/** Starts a program for whoever asks, and says when it has ended. */
const starter = (tell: string, hear: string): string => `
  const { spawn } = require('node:child_process');
  const { parentPort } = require('node:worker_threads');
  ${hear}('message', () => spawn('true', [], { stdio: ['ignore', 'pipe', 'pipe'] }).on('close', () => ${tell}(1)));`;

/** What the process is large with: it is written to all the time. */
const heap = Array.from({ length: OBJECTS }, (_, at) => Array.from({ length: FIELDS }, (__, field) => ({ at, field })));
let place = 0;
function work(): void {
  for (let step = 0; step < 100; step++) {
    const one = heap[(place++ * 7_919) % OBJECTS]?.[place % FIELDS];
    if (one !== undefined) one.at = place;
  }
}

/** Milliseconds that the main thread has run. */
function ownCpu(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

const thread = new Worker(starter('parentPort.postMessage', 'parentPort.on'), { eval: true, execArgv: [] });
const helper = spawn(process.execPath, ['--eval', starter('process.send', 'process.on')], {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
const ways: Readonly<Record<string, () => Promise<unknown>>> = {
  none: () => pause(15),
  main: () => once(spawn('true', [], { stdio: ['ignore', 'pipe', 'pipe'] }), 'close'),
  thread: () => {
    thread.postMessage(1);
    return once(thread, 'message');
  },
  process: () => {
    helper.send(1);
    return once(helper, 'message');
  },
};

const stops = new Map<string, number[]>();
const calls = new Map<string, number[]>();
for (const [name, start] of Object.entries(ways)) {
  await start();
  stops.set(name, []);
  calls.set(name, []);
}
for (let round = 0; round < ROUNDS; round++)
  for (const [name, start] of Object.entries(ways)) {
    const state = { isOver: false };
    const cpu = ownCpu();
    let last = performance.now();
    const started = start().then(() => (state.isOver = true));
    calls.get(name)?.push(ownCpu() - cpu);
    let longest = 0;
    const look = (): void => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    };
    look();
    while (!state.isOver) {
      for (let portion = 0; portion < 50; portion++) {
        work();
        look();
      }
      await nextTurn();
    }
    await started;
    stops.get(name)?.push(longest);
    await pause(20);
  }
helper.kill();
await thread.terminate();
const sizes = { rss_mb: Math.round(process.memoryUsage().rss / 2 ** 20), rounds: ROUNDS, ...load() };
for (const name of Object.keys(ways)) {
  const values = stops.get(name) ?? [];
  const p50 = Number(quantile(values, 0.5).toPrecision(4));
  print({ bench: `start/${name}/stop`, unit: 'ms', value: quantile(values, 0.25), quantile: 'p25', p50, ...sizes });
  print({ bench: `start/${name}/call`, unit: 'ms', value: quantile(calls.get(name) ?? [], 0.5), ...sizes });
}
