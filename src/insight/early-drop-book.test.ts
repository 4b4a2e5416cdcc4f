import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { type Log, silentLog } from '../base/log.ts';
import { type BookedDrops, bookedDrops, EarlyDropBook } from './early-drop-book.ts';

let root: string;
let folder: string;
let clock: FakeClock;
let warnings: number;
let book: EarlyDropBook;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sallyport-book-'));
  folder = join(root, 'lab');
  clock = new FakeClock();
  warnings = 0;
  const log: Log = { ...silentLog, warn: () => void (warnings += 1) };
  book = new EarlyDropBook({ folder, clock, log, bytes: 1_000 });
});
afterEach(() => rmSync(root, { recursive: true }));

const drops = (packets: number, more: Partial<BookedDrops> = {}): BookedDrops => ({
  firewall: 'edge',
  address: '10.1.0.1',
  sender: 'shop/till-1',
  packets,
  from: '2026-01-05T12:00:00.000Z',
  to: '2026-01-05T12:00:01.000Z',
  ...more,
});

test('what is told again replaces what was told before; every sender and firewall has its own', () => {
  const other = drops(2, { address: '10.1.0.11' });
  const heir = drops(5, { sender: 'shop/till-2', before: 'shop/till-1' });
  const all = [drops(1), other, drops(3), heir, drops(4, { firewall: 'edge-2' })];
  for (const one of all) book.append(one);
  appendFileSync(join(folder, 'early-drops.ndjson'), '{"firewall":"edge","address":"10.1.0.1","se');
  expect(bookedDrops(folder, '10.1.0.1')).toEqual([drops(3), heir, drops(4, { firewall: 'edge-2' })]);
  expect(bookedDrops(folder, '10.1.0.11')).toEqual([other]);
  expect(bookedDrops(join(root, 'none'), '10.1.0.1')).toEqual([]);
});

test('two files are kept, and the older one goes', () => {
  for (let n = 0; n < 50; n++) {
    clock.advance(1_000);
    book.append(drops(n, { from: String(n) }));
  }
  expect(readdirSync(folder).toSorted()).toEqual(['early-drops.1.ndjson', 'early-drops.ndjson']);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThan(1_200);
  const kept = bookedDrops(folder, '10.1.0.1').map(({ packets }) => packets);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, at) => 50 - kept.length + at));
  expect(kept.length).toBeGreaterThan(5);
});

test('a flood of them is cut short, and a folder that cannot be written is said once', () => {
  for (let n = 0; n < 1_000; n++) book.append(drops(n, { from: String(n) }));
  clock.advance(1_000);
  book.append(drops(0, { from: 'later' }));
  expect(bookedDrops(folder, '10.1.0.1').at(-1)?.from).toBe('later');
  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'in the way');
  clock.advance(1_000);
  book.append(drops(1));
  book.append(drops(2));
  expect(warnings).toBe(1);
});
