import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { firewall, node, pod, pool, resourceOf, addressGroup, clusterPolicy } from '../../test/kit/border-world.ts';
import type { Clock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { MemoryDevice } from '../firewalls/memory/device.ts';
import { MemoryDriver } from '../firewalls/memory/memory-driver.ts';
import { soleWriter } from '../firewalls/writer-lock.ts';
import type { ResourceChange, SourceState, Source } from '../sources/source.ts';
import { Controller } from './controller.ts';

const PODS = 1_000;
const ADDRESS = /10\.1\.0\.7\b/;
const put = (manifest: Parameters<typeof resourceOf>[0]): ResourceChange => ({
  kind: 'put',
  resource: resourceOf(manifest),
});
const numbered = (n: number, options: Parameters<typeof pod>[2] = {}): ResourceChange =>
  put(pod(`a/p-${n}`, [`10.1.${n >> 8}.${n & 255}`], { labels: { app: 'x' }, ...options }));
const dying = pod('a/p-7', ['10.1.0.7'], { labels: { app: 'x' } });
const takenBack = {
  ...dying,
  metadata: {
    ...(dying['metadata'] as object),
    deletionTimestamp: '2026-11-21T12:00:00Z',
    annotations: { 'cni.projectcalico.org/podIP': '' },
  },
};
const gone: ResourceChange = { kind: 'delete', key: 'Pod/a/p-7' };
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Each look at it takes 20 ms: every piece of a computation is a turn of its own. */
function tiring(): Clock {
  let now = 0;
  return {
    wall: () => now,
    monotonic: () => (now += 20),
    after: (ms, then) => {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    },
  };
}

describe('while something long is computed', () => {
  let device: MemoryDevice;
  let controller: Controller;
  let stop: AbortController;
  let running: Promise<void>;
  let deliver: (changes: readonly ResourceChange[], state?: SourceState) => void;

  beforeEach(async () => {
    device = new MemoryDevice();
    stop = new AbortController();
    const source: Source = {
      name: 'hand',
      run: (take, signal) => {
        deliver = (changes, state = { kind: 'complete' }) => take({ changes, state, diagnostics: [] });
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      },
    };
    controller = new Controller({
      cluster: 'test',
      source,
      open: () => ({ driver: new MemoryDriver(device), lock: soleWriter, close: () => Promise.resolve() }),
      clock: tiring(),
      log: silentLog,
    });
    running = controller.run(stop.signal);
    deliver([
      ...[
        firewall('edge', { mode: 'Enforce' }),
        pool('pods', '10.1.0.0/16'),
        node('n1', '172.18.0.1'),
        clusterPolicy('bank', { egress: [{ action: 'Allow', nets: ['203.0.113.0/24'] }] }),
        addressGroup('everybody'),
      ].map(put),
      ...Array.from({ length: PODS }, (_, n) => numbered(n)),
    ]);
    await ended();
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  async function ended(): Promise<void> {
    while (controller.isComputing) await nextTurn();
    await controller.station('edge')?.worker.settled();
  }
  /** Something from which a new world follows, with no rule in it that the device notices. */
  const long = (): void => deliver([put(node('n1', `172.18.0.${(lastNode += 1)}`))]);
  let lastNode = 1;

  const isHeld = (): boolean => ADDRESS.test(device.dump());
  async function silentAheadOf(): Promise<boolean> {
    while (controller.isComputing && isHeld()) await nextTurn();
    return controller.isComputing;
  }

  test.each([
    ['is deleted', gone],
    ['has finished', numbered(7, { phase: 'Succeeded' })],
    ['is dying, and whose network was taken back,', put(takenBack)],
    ['has another address', put(pod('a/p-7', ['10.1.99.9'], { labels: { app: 'x' } }))],
  ])(
    'the address of a pod that %s leaves the device before that ends, and everything else stays',
    async (_, change) => {
      const before = device.dump().split('\n');
      long();
      await nextTurn();
      deliver([change]);
      expect(await silentAheadOf()).toBe(true);
      const left = device.dump().split('\n');
      const [linesBefore, linesLeft] = [new Set(before), new Set(left)];
      expect(left.filter((line) => !linesBefore.has(line) && !line.includes('state'))).toEqual([]);
      expect(before.filter((line) => !linesLeft.has(line) && line.includes('10.1.'))).toEqual(
        before.filter((line) => ADDRESS.test(line)),
      );
      await ended();
      const early = device.dump();
      // By itself, from the state before.
      deliver([numbered(7)]);
      await ended();
      deliver([change]);
      await ended();
      expect(early).toBe(device.dump());
    },
  );

  test('of a delivery that takes long itself, too; who is there again in the end has the address again', async () => {
    const before = device.dump();
    const relist = Array.from({ length: PODS }, (_, n) => numbered(n, { labels: { app: 'y' } }));
    deliver([gone, ...relist]);
    expect(await silentAheadOf()).toBe(true);
    await ended();
    expect(isHeld()).toBe(true);
    // The same pods as before, one of them made anew: the world is what it was, and the device is to be, too.
    deliver([gone, ...Array.from({ length: PODS }, (_, n) => numbered(n))]);
    expect(await silentAheadOf()).toBe(true);
    await ended();
    expect(device.dump().replace(/state .*/g, '')).toBe(before.replace(/state .*/g, ''));
    deliver([gone, numbered(7)]);
    await ended();
    expect(isHeld()).toBe(true);
  });

  test('with a source that is lost: who is proved gone leaves, and comes back only with the source', async () => {
    const lost = { kind: 'frozen', sinceMs: 0, reason: 'lost' } as const;
    deliver([], lost);
    await ended();
    long();
    await nextTurn();
    deliver([gone], lost);
    expect(await silentAheadOf()).toBe(true);
    await ended();
    expect(isHeld()).toBe(false);
    deliver([numbered(7)], lost);
    await ended();
    expect(isHeld()).toBe(false);
    deliver([]);
    await ended();
    expect(isHeld()).toBe(true);
  });

  test('it is one release, counted once', async () => {
    long();
    await nextTurn();
    deliver([gone]);
    await ended();
    const lines = (await controller.metrics.text())
      .split('\n')
      .filter((line) => /_release(_seconds_count|s_open)\{/.test(line));
    expect(lines).toEqual([
      'sallyport_firewall_release_seconds_count{firewall="edge"} 1',
      'sallyport_firewall_releases_open{firewall="edge"} 0',
    ]);
  });
});
