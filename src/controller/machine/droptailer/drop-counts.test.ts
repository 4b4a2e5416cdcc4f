import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { textLog } from '../../configuration/logs.ts';
import { type DropCounts, DropCountsBeside, DropCountsFile } from './drop-counts.ts';

const counts: DropCounts = { seen: 10, shipped: 4, overflowed: 3, refused: 2, waiting: 1, arrives: true };

let folder: string;
let path: string;
let logged: string[];
let clock: FakeClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-drop-counts-'));
  path = join(folder, 'run', 'droptailer.json');
  [logged, clock] = [[], new FakeClock()];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const { signal } = new AbortController();
const place = () => ({ path, clock, log: textLog((line) => logged.push(line), clock) });
const isThere = (): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** What somebody else left there. */
function put(text: string): void {
  mkdirSync(join(folder, 'run'), { recursive: true });
  writeFileSync(path, text);
}

describe('how drops fare', () => {
  test('is written for this user alone, and read as it was written', async () => {
    let now = counts;
    const file = new DropCountsFile(place(), () => now);
    const beside = new DropCountsBeside(place());
    for (const next of [counts, { ...counts, shipped: 5, arrives: false }]) {
      now = next;
      await file.write(signal);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      await beside.look(signal);
      expect(beside.counts).toEqual(next);
    }
    expect(logged).toEqual([]);
  });

  test('is written and looked at until the signal aborts', async () => {
    const stop = new AbortController();
    const beside = new DropCountsBeside(place());
    const works = [new DropCountsFile(place(), () => counts).run(stop.signal), beside.run(stop.signal)];
    while (beside.counts === undefined) {
      await clock.pass(1_000);
      await setImmediate();
    }
    stop.abort();
    await Promise.all(works);
    expect(beside.counts).toEqual(counts);
  });

  test('of nobody is not told: no file, one of a minute ago, one of tomorrow', async () => {
    const beside = new DropCountsBeside(place());
    await beside.look(signal);
    expect(beside.counts).toBeUndefined();
    await new DropCountsFile(place(), () => counts).write(signal);
    await beside.look(signal);
    await clock.pass(60_000);
    expect(beside.counts).toEqual(counts);
    await clock.pass(1_000);
    expect(beside.counts).toBeUndefined();
    put(JSON.stringify({ form: 'sallyport-droptailer/1', at: clock.wall() + 86_400_000, ...counts }));
    await beside.look(signal);
    expect(beside.counts).toBeUndefined();
    rmSync(path);
    await beside.look(signal);
    expect(logged).toEqual([]);
  });

  const broken: readonly (readonly [string, string])[] = [
    ['no JSON', '{'],
    ['something else', '{}'],
    ['a member more', JSON.stringify({ form: 'sallyport-droptailer/1', at: 0, ...counts, more: 1 })],
    ['a count below nothing', JSON.stringify({ form: 'sallyport-droptailer/1', at: 0, ...counts, seen: -1 })],
    ['far too much', JSON.stringify({ form: 'sallyport-droptailer/1', at: 0, ...counts }).padEnd(5_000)],
  ];
  test.each(broken)('%s is told once, and nothing of it believed', async (_, text) => {
    const beside = new DropCountsBeside(place());
    await new DropCountsFile(place(), () => counts).write(signal);
    await beside.look(signal);
    put(text);
    for (let times = 0; times < 3; times++) {
      await beside.look(signal);
      expect(beside.counts).toBeUndefined();
    }
    expect(logged).toEqual([expect.stringContaining('is not what a droptailer of this version writes')]);
  });

  test('that cannot be written is told once, and ends nothing', async () => {
    const file = new DropCountsFile(place(), () => counts);
    writeFileSync(join(folder, 'run'), 'a file where a folder should be');
    for (let times = 0; times < 3; times++) await file.write(signal);
    rmSync(join(folder, 'run'));
    await file.write(signal);
    expect(isThere()).toBe(true);
    expect(logged.map((line) => /warn|info/.exec(line)?.[0])).toEqual(['warn', 'info']);
  });
});
