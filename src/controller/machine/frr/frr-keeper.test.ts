import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { FACTS, routing as smallRouting } from '../../../../test/kit/machine.ts';
import { silentLog } from '../../../base/log.ts';
import { frrText } from '../../../machine/frr/frr-text.ts';
import type { Routing } from '../../../machine/frr/routing.ts';
import { frrEvent } from './frr-event.ts';
import { FrrKeeper, type FrrOutcome } from './frr-keeper.ts';

/** FRR as far as its keeper meets it: it has what it loaded last, and sessions where it has the number that the switch knows. */
class SmallFrr {
  readonly #path: string;
  isInstalled = true;
  isRunning = true;
  /** What it does: the text that it took last. */
  holds = '';
  reloads = 0;
  /** Called in place of a reload. */
  onReload: (() => string | undefined) | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  version = (): Promise<number | undefined> => Promise.resolve(this.isInstalled ? 8 : undefined);
  refusalOf = (text: string): Promise<string | undefined> =>
    Promise.resolve(text.includes('nonsense') ? 'Unknown command: nonsense' : undefined);
  runs = (): Promise<boolean> => Promise.resolve(this.isRunning);
  reload = (): Promise<string | undefined> => {
    this.reloads += 1;
    const instead = this.onReload?.();
    if (instead === undefined) this.holds = readFileSync(this.#path, 'utf8');
    return Promise.resolve(instead);
  };
  sessions = (): Promise<ReadonlySet<string>> =>
    Promise.resolve(new Set(this.holds.includes('router bgp 4200000042\n') ? ['default/lan0', 'default/lan1'] : []));
}

/** Time passes while somebody waits for it, and not while files are written. */
class PatientClock extends FakeClock {
  readonly #waits = new Set<number>();

  override after(ms: number, callback: () => void): () => void {
    const at = this.monotonic() + ms;
    this.#waits.add(at);
    return super.after(ms, () => {
      this.#waits.delete(at);
      callback();
    });
  }

  endWaits(): void {
    const next = Math.min(...this.#waits);
    if (Number.isFinite(next)) this.advance(next - this.monotonic());
  }
}

describe('the keeper of FRR', () => {
  let folder: string;
  let path: string;
  let frr: SmallFrr;
  let clock: PatientClock;
  let wanted: Routing | undefined;
  let outcomes: FrrOutcome[];
  let keeper: FrrKeeper;

  const keeperOf = (): FrrKeeper =>
    new FrrKeeper({
      wanted: () => wanted && { routing: wanted, path, announcesDistance: true },
      program: frr,
      told: (outcome) => void outcomes.push(outcome),
      clock,
      log: silentLog,
    });
  const routing = (distance = 0): Routing => smallRouting(FACTS, distance);
  const text = (): string => readFileSync(path, 'utf8');
  const look = async (by = keeper, signal = new AbortController().signal): Promise<void> => {
    let isDone = false;
    const looking = by.look(signal).finally(() => (isDone = true));
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.endWaits();
    }
    await looking;
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-frr-keeper-'));
    path = join(folder, 'frr.conf');
    frr = new SmallFrr(path);
    clock = new PatientClock();
    outcomes = [];
    keeper = keeperOf();
    wanted = routing();
    await look();
    outcomes = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('what is not known, or must not be, changes nothing', async () => {
    wanted = undefined;
    writeFileSync(path, 'by hand\n');
    await look();
    expect([text(), frr.reloads, outcomes]).toEqual(['by hand\n', 1, []]);
    wanted = routing();
    await look();
    expect(text()).toBe(frrText(routing(), 8));
  });

  test('the same is loaded once', async () => {
    await look();
    await look(keeperOf());
    expect(frr.reloads).toBe(1);
  });

  test('what is refused replaces nothing, and is tried again after a while, or when it changes', async () => {
    const good = text();
    wanted = { ...routing(), routerId: '10.1.0.1\n nonsense' };
    await look();
    await look();
    expect([text(), frr.reloads, outcomes]).toEqual([
      good,
      1,
      [{ kind: 'failed', code: 'FRR_REFUSED', because: 'Unknown command: nonsense' }],
    ]);
    expect(keeper.distance).toBe(0);
    wanted = routing(1);
    await look();
    expect(keeper.distance).toBe(1);
    expect([text(), frr.holds]).toEqual([frrText(routing(1), 8), frrText(routing(1), 8)]);
  });

  test('what FRR does not take is put back, also in FRR; it gets another chance', async () => {
    const good = text();
    let isBroken = true;
    frr.onReload = () => (isBroken && text() !== good ? 'Job for frr.service failed.' : undefined);
    wanted = routing(2);
    await look();
    expect(outcomes).toEqual([{ kind: 'failed', code: 'FRR_RELOAD_FAILED', because: 'Job for frr.service failed.' }]);
    expect([text(), frr.holds, readdirSync(folder)]).toEqual([good, good, ['frr.conf']]);
    isBroken = false;
    await look();
    expect(text()).toBe(good);
    clock.advance(300_000);
    await look();
    expect([text(), frr.holds]).toEqual([frrText(routing(2), 8), frrText(routing(2), 8)]);
  });

  test('a change that costs sessions is taken back', async () => {
    const good = text();
    wanted = { ...routing(), asn: 4_200_000_001 };
    await look();
    expect(outcomes).toEqual([
      {
        kind: 'failed',
        code: 'FRR_RELOAD_FAILED',
        because: 'BGP sessions did not come back: default/lan0, default/lan1',
      },
    ]);
    expect([text(), frr.holds, readdirSync(folder)]).toEqual([good, good, ['frr.conf']]);
  });

  test.each([['before it loads'], ['after it loaded']])('an end %s is made good at the next start', async (when) => {
    const good = text();
    const end = new AbortController();
    frr.onReload = () => {
      if (when === 'after it loaded') frr.holds = text();
      end.abort(new Error('killed'));
      throw end.signal.reason;
    };
    wanted = routing(2);
    await look(keeper, end.signal);
    expect(text()).not.toBe(good);
    // The next process cannot have it taken either, and knows what was good.
    frr.onReload = () => (text() === good ? undefined : 'no');
    await look(keeperOf());
    expect([text(), frr.holds, readdirSync(folder)]).toEqual([good, good, ['frr.conf']]);
    frr.onReload = undefined;
    await look(keeperOf());
    expect([text(), frr.holds]).toEqual([frrText(routing(2), 8), frrText(routing(2), 8)]);
  });

  test('after an end in between, what was not proved does not stay because something else is refused now', async () => {
    const good = text();
    const end = new AbortController();
    frr.onReload = () => {
      frr.holds = text();
      end.abort(new Error('killed'));
      throw end.signal.reason;
    };
    wanted = routing(2);
    await look(keeper, end.signal);
    expect(text()).toBe(frrText(routing(2), 8));
    frr.onReload = undefined;
    wanted = { ...routing(), routerId: '10.1.0.1\n nonsense' };
    await look(keeperOf());
    expect(outcomes.at(-1)).toMatchObject({ kind: 'failed', code: 'FRR_REFUSED' });
    expect([text(), frr.holds, readdirSync(folder)]).toEqual([good, good, ['frr.conf']]);
  });

  test('FRR that does not run gets its file; where there is none, nothing is written', async () => {
    frr.isRunning = false;
    wanted = routing(1);
    await look();
    expect([text(), frr.reloads, outcomes]).toEqual([frrText(routing(1), 8), 1, [{ kind: 'waiting' }]]);
    frr.isInstalled = false;
    rmSync(path);
    await look(keeperOf());
    expect([readdirSync(folder), outcomes.at(-1)]).toEqual([[], { kind: 'absent' }]);
  });

  test('tells how FRR stands: since when it holds ours, what changes came to, how many sessions are up', async () => {
    const since = clock.wall();
    expect(keeper.standing).toMatchObject({ state: 'inForce', reloads: { done: 1, failed: 0 }, sessions: 2 });
    clock.advance(10_000);
    await look();
    expect(keeper.standing.since).toBeLessThanOrEqual(since);
    // Asked seldom: it takes a process of its own.
    frr.holds = '';
    await look();
    expect(keeper.standing.sessions).toBe(2);
    clock.advance(60_000);
    await look();
    expect(keeper.standing.sessions).toBe(0);
    wanted = routing(3);
    frr.onReload = () => 'no';
    const before = keeper.standing.since;
    await look();
    expect(keeper.standing).toEqual({
      state: 'failed',
      since: before,
      reloads: { done: 1, failed: 1 },
      sessions: undefined,
    });
    frr.isRunning = false;
    clock.advance(300_000);
    await look();
    expect(keeper.standing).toMatchObject({ state: 'waiting', since: undefined });
  });

  test('sessions that cannot be counted are no failure', async () => {
    frr.sessions = () => Promise.reject(new Error('vtysh hangs'));
    clock.advance(60_000);
    await look();
    expect([keeper.standing.state, keeper.standing.sessions]).toEqual(['inForce', undefined]);
  });

  test('events are today’s, and for what happened alone', () => {
    expect(frrEvent({ kind: 'inForce', isChanged: true })).toEqual({
      type: 'Normal',
      reason: 'Network settings',
      note: 'reconciliation succeeded (frr.conf)',
    });
    expect(frrEvent({ kind: 'inForce', isChanged: false })).toBeUndefined();
    expect(frrEvent({ kind: 'failed', code: 'FRR_REFUSED', because: 'no' })).toMatchObject({
      type: 'Warning',
      note: 'reconciliation failed (frr.conf): no',
    });
  });
});
