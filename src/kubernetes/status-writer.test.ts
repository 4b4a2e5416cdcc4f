import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { StatusServer } from '../../test/kit/status-server.ts';
import type { RawMap } from '../api/shape.ts';
import { SallyportError } from '../base/error.ts';
import { type Log, silentLog } from '../base/log.ts';
import type { Portion, StatusObject } from './status-part.ts';
import { managerOf } from './status-part.ts';
import { StatusWriter, type StatusWish } from './status-writer.ts';

const ROOT = '/apis/sallyport.dev/v1alpha1';
const whole: Portion = { kind: 'whole' };
const entry = (value: string): Portion => ({ kind: 'entry', list: 'firewalls', key: 'name', value });
const around: Portion = { kind: 'around', list: 'firewalls' };

class Bench {
  readonly clock = new FakeClock();
  readonly server = new StatusServer();
  readonly warnings: object[] = [];
  readonly measured: string[] = [];
  writer: StatusWriter;

  constructor() {
    this.writer = this.start();
  }

  start(): StatusWriter {
    const log: Log = { ...silentLog, warn: (fields) => this.warnings.push(fields) };
    const measure = (result: string): number => this.measured.push(result);
    return new StatusWriter({ client: this.server, clock: this.clock, log, measure });
  }

  object(name: string, uid?: string): StatusObject {
    const known = uid ?? this.server.create(`${ROOT}/addressgroups/${name}`);
    const group = { group: 'sallyport.dev', version: 'v1alpha1', plural: 'addressgroups', kind: 'AddressGroup' };
    return { ...group, namespace: '', name, uid: known };
  }

  wish(object: StatusObject, portion: Portion, value: RawMap | undefined, more: Partial<StatusWish> = {}): void {
    this.writer.wish({ object, portion, compose: () => value, mayWrite: () => true, ...more });
  }

  status(object: StatusObject): RawMap {
    return this.server.statusOf(`${ROOT}/addressgroups/${object.name}`);
  }

  patches(): number {
    return this.server.requests.filter(({ method }) => method === 'PATCH').length;
  }

  /** Lets time go by in steps, with all work done at each. */
  async pass(ms: number, step = 500): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await this.writer.settled();
    }
  }
}

describe('what is written', () => {
  test('server-side apply to the status alone, as sallyport', async () => {
    const bench = new Bench();
    const object = bench.object('tills');
    bench.wish(object, whole, { deviceName: 'tills' });
    await bench.pass(2_000);
    expect(bench.server.requests.at(-1)).toEqual({
      method: 'PATCH',
      path: `${ROOT}/addressgroups/tills/status`,
      query: { fieldManager: 'sallyport', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: {
        apiVersion: 'sallyport.dev/v1alpha1',
        kind: 'AddressGroup',
        metadata: { name: 'tills' },
        status: { deviceName: 'tills' },
      },
    });
  });

  test('two copies that hold different firewalls write into one object side by side', async () => {
    const bench = new Bench();
    const object = bench.object('tills');
    const other = bench.start();
    bench.wish(object, entry('edge-1'), { name: 'edge-1', holds: 'True' });
    bench.wish(object, around, { workloads: 3 });
    other.wish({
      object,
      portion: entry('edge-2'),
      compose: () => ({ name: 'edge-2', holds: 'False' }),
      mayWrite: () => true,
    });
    await bench.pass(2_000);
    await other.settled();
    expect(bench.status(object)).toEqual({
      workloads: 3,
      firewalls: expect.arrayContaining([
        { name: 'edge-1', holds: 'True' },
        { name: 'edge-2', holds: 'False' },
      ]) as unknown,
    });
    bench.wish(object, entry('edge-1'), undefined);
    await bench.pass(10_000);
    expect(bench.status(object)).toEqual({ workloads: 3, firewalls: [{ name: 'edge-2', holds: 'False' }] });
  });

  test('names of field managers are told apart, however long', () => {
    const long = `${'a'.repeat(120)}.`;
    const managers = [long + 'b'.repeat(60), long + 'c'.repeat(60), 'edge-1'].map((name) => managerOf(entry(name)));
    expect(new Set(managers).size).toBe(3);
    for (const manager of managers) expect(manager.length).toBeLessThanOrEqual(128);
  });

  test('whoever lost the right meanwhile writes nothing', async () => {
    const bench = new Bench();
    let may = true;
    bench.wish(bench.object('tills'), whole, { deviceName: 'tills' }, { mayWrite: () => may });
    may = false;
    await bench.pass(60_000);
    expect(bench.server.requests).toEqual([]);
  });
});

describe('nothing that changes nothing is written', () => {
  test('an idle hour with the same wish every second: one reading, one write', async () => {
    const bench = new Bench();
    const object = bench.object('tills');
    for (let second = 0; second < 3_600; second++) {
      bench.wish(object, whole, { deviceName: 'tills' });
      await bench.pass(1_000, 1_000);
    }
    expect(bench.server.requests.map(({ method }) => method)).toEqual(['GET', 'PATCH']);
  });

  test('after a restart: a reading where nobody told what is there, and no write', async () => {
    const bench = new Bench();
    const object = bench.object('tills');
    bench.wish(object, whole, { deviceName: 'tills' });
    await bench.pass(2_000);
    await bench.writer.stop();
    bench.server.requests.splice(0);
    bench.writer = bench.start();
    bench.wish(object, whole, { deviceName: 'tills' });
    await bench.pass(60_000);
    expect(bench.server.requests.map(({ method }) => method)).toEqual(['GET']);
    await bench.writer.stop();
    bench.server.requests.splice(0);
    bench.writer = bench.start();
    bench.writer.seen(object, bench.status(object));
    bench.wish(object, whole, { deviceName: 'tills' });
    await bench.pass(60_000);
    expect(bench.server.requests).toEqual([]);
  });

  test('what the watch tells of our own write, late or as the server pruned it, is no reason for another', async () => {
    const bench = new Bench();
    const object = bench.object('tills');
    bench.writer.seen(object, undefined);
    bench.wish(object, whole, { deviceName: 'tills' });
    await bench.pass(2_000);
    bench.writer.seen(object, undefined);
    bench.writer.seen(object, { deviceName: 'tills' });
    await bench.pass(120_000);
    expect(bench.patches()).toBe(1);
  });

  test('what somebody else wrote over it is put right', async () => {
    const bench = new Bench();
    const object = bench.object('tills');
    bench.wish(object, whole, { deviceName: 'tills' });
    await bench.pass(10_000);
    bench.writer.seen(object, { deviceName: 'mine' });
    await bench.pass(10_000);
    expect(bench.patches()).toBe(2);
  });

  test('a million changes are a few writes, and the newest is the last', async () => {
    const bench = new Bench();
    const object = bench.object('tills');
    for (let change = 0; change < 1_000_000; change++) {
      bench.wish(object, whole, { deviceName: `v${change}` });
      if (change % 20_000 === 0) await bench.pass(500);
    }
    await bench.pass(60_000);
    expect(bench.status(object)).toEqual({ deviceName: 'v999999' });
    expect(bench.patches()).toBeLessThan(10);
  });

  test('numbers that follow pods are written at most twice a minute, words at once', async () => {
    const bench = new Bench();
    const object = bench.object('tills');
    for (let second = 0; second < 300; second++) {
      bench.wish(object, whole, { deviceName: 'a', workloads: second }, { slow: ['workloads'] });
      await bench.pass(1_000, 1_000);
    }
    expect(bench.patches()).toBeLessThanOrEqual(11);
    bench.wish(object, whole, { deviceName: 'b', workloads: 300 }, { slow: ['workloads'] });
    await bench.pass(6_000);
    expect(bench.status(object)).toEqual({ deviceName: 'b', workloads: 300 });
  });

  test('of five thousand objects no more than the bucket lets through', async () => {
    const bench = new Bench();
    const objects = Array.from({ length: 1_000 }, (_, index) => bench.object(`g${index}`));
    for (const object of objects) {
      bench.writer.seen(object, undefined);
      bench.wish(object, whole, { deviceName: object.name });
    }
    await bench.pass(10_000);
    expect(bench.patches()).toBeLessThanOrEqual(40 + 10 * 20);
    await bench.pass(60_000);
    expect(bench.patches()).toBe(1_000);
  });
});

describe('what goes wrong harms nothing', () => {
  const refuse = (code: 'API_REFUSED' | 'API_FORBIDDEN' | 'API_BUSY' | 'API_UNREACHABLE', more = {}): SallyportError =>
    new SallyportError(code, 'no', more);

  test('a webhook that rejects our status is said once, and asked seldom', async () => {
    const bench = new Bench();
    const objects = Array.from({ length: 50 }, (_, index) => bench.object(`g${index}`));
    bench.server.failing(({ method }) => (method === 'PATCH' ? refuse('API_REFUSED') : undefined));
    for (let minute = 0; minute < 60; minute++) {
      for (const object of objects) bench.wish(object, whole, { deviceName: `v${minute}` });
      await bench.pass(60_000, 5_000);
    }
    expect(bench.warnings).toHaveLength(1);
    expect(bench.writer.counts.refused).toBe(50);
    expect(bench.patches()).toBeLessThan(50 * 10);
    bench.server.failing(undefined);
    await bench.pass(700_000, 5_000);
    expect(bench.writer.counts).toEqual({ waiting: 0, refused: 0 });
    for (const object of objects) expect(bench.status(object)).toEqual({ deviceName: 'v59' });
  });

  test('a server that is away is asked with growing pauses, by one request each; one that asks for a pause gets it', async () => {
    const bench = new Bench();
    const objects = Array.from({ length: 50 }, (_, index) => bench.object(`g${index}`));
    bench.server.failing(() => refuse('API_UNREACHABLE'));
    for (const object of objects) bench.wish(object, whole, { deviceName: 'a' });
    await bench.pass(3_600_000, 5_000);
    expect(bench.server.requests.length).toBeLessThan(80);
    bench.server.requests.splice(0);
    bench.server.failing(() => refuse('API_BUSY', { retryAfterMs: 600_000 }));
    await bench.pass(1_200_000, 5_000);
    expect(bench.server.requests.length).toBeLessThanOrEqual(3);
    bench.server.failing(undefined);
    await bench.pass(700_000, 5_000);
    for (const object of objects) expect(bench.status(object)).toEqual({ deviceName: 'a' });
  });

  test('without the right to write, an hour costs a few requests and one line of log', async () => {
    const bench = new Bench();
    for (let index = 0; index < 200; index++) bench.wish(bench.object(`g${index}`), whole, { deviceName: 'a' });
    bench.server.failing(() => refuse('API_FORBIDDEN'));
    await bench.pass(3_600_000, 5_000);
    expect(bench.server.requests.length).toBeLessThan(40);
    expect(bench.warnings).toHaveLength(1);
  });

  test('an object that is gone is left; what met one of the same name is overwritten by what that one is to say', async () => {
    const bench = new Bench();
    const object = bench.object('tills');
    bench.writer.seen(object, undefined);
    bench.wish(object, whole, { deviceName: 'old' });
    bench.server.delete(`${ROOT}/addressgroups/tills`);
    await bench.pass(60_000);
    expect(bench.writer.counts).toEqual({ waiting: 0, refused: 0 });
    bench.writer.seen(object, undefined);
    bench.wish(object, whole, { deviceName: 'old' });
    const next = bench.object('tills');
    await bench.pass(60_000);
    expect(bench.writer.counts).toEqual({ waiting: 0, refused: 0 });
    bench.wish(next, whole, { deviceName: 'new' });
    await bench.pass(60_000);
    expect(bench.status(next)).toEqual({ deviceName: 'new' });
    expect(bench.warnings).toEqual([]);
  });

  test('after any failures the server comes to hold the last wish, once it answers again', async () => {
    const codes = ['API_REFUSED', 'API_FORBIDDEN', 'API_BUSY', 'API_UNREACHABLE'] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            wish: fc.option(fc.nat({ max: 5 })),
            fails: fc.option(fc.constantFrom(...codes)),
            ms: fc.nat({ max: 20_000 }),
            stale: fc.boolean(),
          }),
          { maxLength: 12 },
        ),
        async (steps) => {
          const bench = new Bench();
          const object = bench.object('tills');
          let last = 0;
          bench.wish(object, whole, { workloads: last });
          for (const { wish, fails, ms, stale } of steps) {
            bench.server.failing(fails === null ? undefined : () => refuse(fails));
            if (wish !== null) bench.wish(object, whole, { workloads: (last = wish) });
            if (stale) bench.writer.seen(object, { workloads: 99 });
            await bench.pass(ms, 1_000);
          }
          bench.server.failing(undefined);
          await bench.pass(1_300_000, 50_000);
          expect(bench.status(object)).toEqual({ workloads: last });
          expect(bench.writer.counts).toEqual({ waiting: 0, refused: 0 });
        },
      ),
      {
        ...tries(60, 12),
        examples: [
          [
            [
              { wish: null, fails: null, ms: 1_000, stale: false },
              { wish: null, fails: 'API_REFUSED', ms: 0, stale: true },
              { wish: null, fails: 'API_REFUSED', ms: 5_000, stale: false },
            ],
          ],
        ],
      },
    );
  });
});
