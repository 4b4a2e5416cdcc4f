import { pbkdf2 } from 'node:crypto';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { type Log, silentLog } from '../../base/log.ts';
import { historyOf } from './history.ts';
import type { AuditEntry } from './record.ts';
import { readTrail } from './reading.ts';
import { AuditTrail, type TrailOptions } from './trail.ts';

const PLAN = 'ab'.repeat(32);
const ALL = { since: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY, last: 1_000 };

const sent = (title: string): AuditEntry => ({
  what: 'Sent',
  step: 'Members',
  title,
  plan: PLAN,
  by: 'controller edge-a',
  objects: [{ change: '+', kind: 'element', name: 'known4', detail: '1 address' }],
  more: 0,
  text: 'cd'.repeat(32),
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-audit-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(more: Partial<TrailOptions> = {}): AuditTrail {
  return new AuditTrail({
    folder: join(folder, 'edge-1'),
    firewall: 'edge-1',
    clock: new FakeClock(),
    log: silentLog,
    ...more,
  });
}

/** What a descriptor of this process is; one that went meanwhile is nothing. */
function readlink(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

async function read(): Promise<{ titles: string[]; problems: string[] }> {
  const titles: string[] = [];
  const problems: string[] = [];
  for await (const item of readTrail(join(folder, 'edge-1'))) {
    if ('problem' in item) problems.push(item.problem.message);
    else titles.push('title' in item.record.entry ? item.record.entry.title : item.record.entry.what);
  }
  return { titles, problems };
}

const file = (): string => join(folder, 'edge-1', readdirSync(join(folder, 'edge-1')).toSorted().at(-1) ?? '');

describe('an audit trail', () => {
  test('keeps what was written, over restarts', async () => {
    const first = open();
    first.append(sent('one'));
    first.append({ what: 'Accepted', of: 1, ms: 3 });
    first.close();
    const second = open();
    expect(second.append(sent('two'))).toBe(3);
    expect(await read()).toEqual({ titles: ['one', 'Accepted', 'two'], problems: [] });
  });

  test('is begun in a new file when one is full, and the oldest files go', async () => {
    const trail = open({ limits: { bytes: 1_000, files: 3 } });
    for (let at = 0; at < 30; at++) trail.append(sent(`step ${at}`));
    expect(readdirSync(join(folder, 'edge-1'))).toHaveLength(3);
    const { titles, problems } = await read();
    expect(problems).toEqual([]);
    expect(titles.at(-1)).toBe('step 29');
    expect(titles.length).toBeLessThan(30);
  });

  test('all trails together keep to their room, whatever each of them writes, and stay whole', async () => {
    const roomBytes = 2 << 20;
    const names = ['edge-1', 'edge-2', 'edge-3'];
    const trails = names.map((name) => open({ folder: join(folder, name), firewall: name, roomBytes }));
    const taken = (): number =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((path) => statSync(join(folder, path)))
        .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
    const long = sent('x'.repeat(4_000));
    for (let at = 0; at < 2_000; at++) {
      // One of them writes nearly all; a quiet one keeps its newest file all the same.
      trails[at % 50 === 0 ? at % 3 : 1]?.append(long);
      if (at % 100 === 0) expect(taken()).toBeLessThanOrEqual(roomBytes);
    }
    expect(taken()).toBeGreaterThan(roomBytes / 2);
    for (const trail of trails) trail.close();
    for (const name of names) {
      const problems: string[] = [];
      let records = 0;
      for await (const item of readTrail(join(folder, name))) {
        if ('problem' in item) problems.push(item.problem.message);
        else records += 1;
      }
      expect([problems, records > 0]).toEqual([[], true]);
    }
  });

  test('a file is closed only when it has been brought to the disk', async () => {
    const errors: string[] = [];
    const log: Log = { ...silentLog, error: (_, message) => void errors.push(message) };
    const clock = new FakeClock();
    const trail = open({ clock, log, limits: { bytes: 1, files: 64 } });
    // A slow disk: whatever is asked of it waits behind this.
    const slow = Array.from({ length: 8 }, () => promisify(pbkdf2)('slow', 'disk', 200_000, 32, 'sha256'));
    // Each record begins a file, while the one before is on its way to the disk.
    for (let at = 0; at < 50; at++) {
      trail.append(sent(`${at}`));
      if (at % 2 === 0) clock.advance(1_000);
    }
    clock.advance(1_000);
    trail.close();
    await Promise.all(slow);
    await promisify(pbkdf2)('slow', 'disk', 1, 32, 'sha256');
    await expect.poll(() => readdirSync('/proc/self/fd').filter((fd) => readlink(fd).startsWith(folder))).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('two processes that take turns make one chain', async () => {
    const one = open();
    const other = open();
    for (let at = 0; at < 5; at++) {
      one.append(sent(`one ${at}`));
      other.append(sent(`other ${at}`));
    }
    const { titles, problems } = await read();
    expect(problems).toEqual([]);
    expect(titles).toHaveLength(10);
  });

  test('a line that was cut short is told, and what follows is chained to the one before it', async () => {
    const trail = open();
    trail.append(sent('one'));
    trail.append(sent('two'));
    trail.close();
    truncateSync(file(), readFileSync(file()).length - 40);
    open().append(sent('three'));
    expect(await read()).toEqual({ titles: ['one', 'Gap', 'three'], problems: [] });
  });

  test('a folder that cannot be written stops nobody; the log has the entry, and the trail tells the gap', async () => {
    const logged: object[] = [];
    const log: Log = { ...silentLog, error: (fields) => void logged.push(fields) };
    const trail = open({ log });
    trail.append(sent('one'));
    trail.close();
    rmSync(join(folder, 'edge-1'), { recursive: true });
    writeFileSync(join(folder, 'edge-1'), 'in the way');
    expect(trail.append(sent('two'))).toBe(0);
    expect(logged).toMatchObject([{ firewall: 'edge-1', entry: { title: 'two' } }]);
    rmSync(join(folder, 'edge-1'));
    trail.append(sent('three'));
    const { titles } = await read();
    expect(titles).toEqual(['Gap', 'three']);
  });

  test('no change of a byte, no line taken out, put in or exchanged goes unseen', async () => {
    const trail = open();
    for (let at = 0; at < 6; at++) trail.append(sent(`step ${at}`));
    trail.close();
    const path = file();
    const text = readFileSync(path, 'utf8');
    const lines = text.trimEnd().split('\n');
    const variants: string[] = [];
    for (let at = 0; at < text.length; at += 7) {
      const other = text[at] === '1' ? '2' : '1';
      if (text[at] !== '\n') variants.push(text.slice(0, at) + other + text.slice(at + 1));
    }
    const joined = (some: readonly string[]): string => `${some.join('\n')}\n`;
    // The first and the last line alone can go: the oldest files may be gone, and the log tells where the trail stands.
    for (let at = 1; at < lines.length - 1; at++) variants.push(joined(lines.toSpliced(at, 1)));
    for (let at = 1; at < lines.length; at++) {
      variants.push(joined(lines.toSpliced(at - 1, 2, lines[at] ?? '', lines[at - 1] ?? '')));
      variants.push(joined(lines.toSpliced(at, 0, lines[at] ?? '')));
    }
    const unseen: string[] = [];
    for (const variant of variants) {
      writeFileSync(path, variant);
      if ((await read()).problems.length === 0) unseen.push(variant);
    }
    expect(variants.length).toBeGreaterThan(100);
    expect(unseen).toEqual([]);
  });

  test('a line that somebody adds by hand is told as a gap, and does not keep the trail from going on', async () => {
    const trail = open();
    trail.append(sent('one'));
    appendFileSync(file(), '{"number":2}\n');
    trail.append(sent('two'));
    const { gaps, writes } = await historyOf(join(folder, 'edge-1'), 'edge-1', ALL);
    expect(gaps).toMatchObject([{ lost: 1 }]);
    expect(writes.map(({ title }) => title)).toEqual(['one', 'two']);
  });

  test('nobody else may read it', () => {
    open().append(sent('one'));
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'edge-1')).mode & 0o777).toBe(0o700);
  });
});

describe('the history of a firewall', () => {
  test('puts a write together with its answer and with the yes to its plan', async () => {
    const clock = new FakeClock(Date.UTC(2026, 10, 21));
    const trail = open({ clock });
    trail.append({ what: 'Approved', plan: PLAN, by: 'ada', madeAt: '2026-11-20T23:59:00.000Z' });
    const of = trail.append(sent('one'));
    trail.append({ what: 'Refused', of, ms: 12, code: 'DEVICE_REFUSED', message: 'no' });
    clock.advance(60_000);
    trail.append(sent('two'));
    const { writes, problems, records } = await historyOf(join(folder, 'edge-1'), 'edge-1', ALL);
    expect(problems).toEqual([]);
    expect(records).toBe(4);
    expect(writes).toMatchObject([
      { number: 2, title: 'one', approved: { by: 'ada' }, result: 'Refused', ms: 12, code: 'DEVICE_REFUSED' },
      { number: 4, title: 'two', at: '2026-11-21T00:01:00.000Z', result: 'Unknown' },
    ]);
  });

  test('holds no more than was asked for', async () => {
    const clock = new FakeClock(Date.UTC(2026, 10, 21));
    const trail = open({ clock });
    for (let at = 0; at < 20; at++) {
      trail.append({ what: 'Accepted', of: trail.append(sent(`step ${at}`)), ms: 1 });
      clock.advance(1_000);
    }
    const titlesOf = async (question: Partial<typeof ALL>): Promise<string[]> =>
      (await historyOf(join(folder, 'edge-1'), 'edge-1', { ...ALL, ...question })).writes.map(({ title }) => title);
    expect(await titlesOf({ last: 2 })).toEqual(['step 18', 'step 19']);
    const start = Date.UTC(2026, 10, 21);
    expect(await titlesOf({ since: start + 2_000, until: start + 4_000 })).toEqual(['step 2', 'step 3', 'step 4']);
  });
});
