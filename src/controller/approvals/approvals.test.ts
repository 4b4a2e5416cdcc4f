import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { type Log, silentLog } from '../../base/log.ts';
import { FolderApprovals } from '../state/state-folder.ts';
import { type Approvable, lookForApprovals } from './approvals.ts';

const DIGEST = 'a'.repeat(64);
const SECOND = 1_000;
let folder: string;
let approvals: FolderApprovals;
let clock: FakeClock;
let approved: string[];
let told: string[];
let stop: () => void = () => undefined;
const log: Log = {
  ...silentLog,
  warn: (_fields: object, message: string) => void told.push(message),
  error: (fields: object) => void told.push(JSON.stringify(fields)),
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-approvals-'));
  approvals = new FolderApprovals(folder);
  clock = new FakeClock();
  approved = [];
  told = [];
});
afterEach(() => {
  stop();
  rmSync(folder, { recursive: true });
});

/** A firewall at which a plan waits. */
function station(name: string, { held = true, digest = DIGEST }: { held?: boolean; digest?: string | null } = {}) {
  const waiting = digest === null ? undefined : { digest };
  return {
    worker: {
      status: () => ({ waiting }) as unknown as ReturnType<Approvable['worker']['status']>,
      approve: (given: string, ageMs: number) => void approved.push(`${name} ${given.slice(0, 1)} ${ageMs}`),
    },
    device: { lock: { held: () => held } },
  };
}

const say = (firewall: string, ageMs = 0): Promise<void> =>
  approvals.put({ firewall, digest: DIGEST, madeAt: clock.wall() - ageMs, by: 'ann' });

/** What one firewall's look comes to is there with the next turn of the event loop that reads files. */
async function looked(stations: Readonly<Record<string, Approvable>>): Promise<void> {
  stop = lookForApprovals(approvals, new Map(Object.entries(stations)), clock, log);
  clock.advance(SECOND);
  // The next look is asked for when this one has ended.
  await expect.poll(() => clock.next()).toBe(SECOND);
}

test('a yes is handed to the worker whose plan waits, once, with its age', async () => {
  await say('edge-1', 5 * SECOND);
  await looked({ 'edge-1': station('edge-1'), 'edge-2': station('edge-2') });
  expect(approved).toEqual(['edge-1 a 6000']);
  clock.advance(SECOND);
  await expect.poll(() => clock.next()).toBe(SECOND);
  expect(approved).toHaveLength(1);
});

test('without the lock, or without a plan that waits, it is left where it is', async () => {
  await Promise.all([say('edge-1'), say('edge-2')]);
  await looked({ 'edge-1': station('edge-1', { held: false }), 'edge-2': station('edge-2', { digest: null }) });
  expect(approved).toEqual([]);
  expect(await Promise.all(['edge-1', 'edge-2'].map((name) => approvals.get(name)))).toMatchObject([
    { digest: DIGEST },
    { digest: DIGEST },
  ]);
});

test('one that lapsed is told and counts no more', async () => {
  await say('edge-1', 3_600 * SECOND);
  await looked({ 'edge-1': station('edge-1') });
  expect(approved).toEqual([]);
  expect(told).toEqual([expect.stringContaining('lapsed')]);
  expect(await approvals.get('edge-1')).toBeUndefined();
});

test('a yes that cannot be taken keeps none from the firewalls after it, and is tried again', async () => {
  let readOnly = true;
  /** A file that can be read, and not removed. */
  class Stubborn extends FolderApprovals {
    override async remove(firewall: string): Promise<void> {
      if (readOnly && firewall === 'edge-1') throw new Error('EROFS: read-only file system');
      await super.remove(firewall);
    }
  }
  approvals = new Stubborn(folder);
  await Promise.all([say('edge-1'), say('edge-2')]);
  await looked({ 'edge-1': station('edge-1'), 'edge-2': station('edge-2') });
  expect(approved).toEqual(['edge-2 a 1000']);
  expect(told).toEqual([expect.stringMatching(/edge-1.*EROFS/)]);
  readOnly = false;
  clock.advance(SECOND);
  await expect.poll(() => approved).toEqual(['edge-2 a 1000', 'edge-1 a 2000']);
});
