import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { resourceKey } from '../../src/api/resource.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { Controller } from '../../src/controller/controller.ts';
import { openDevice } from '../../src/controller/devices/devices.ts';
import type { ResourceChange } from '../../src/sources/source.ts';
import { type Manifest, calico, pod, resourceOf } from '../kit/border-world.ts';
import { EDGE, pointedAt } from './controlled-border.ts';
import { allow, basis, PLACES, podAt, type Stage, openStage } from './stage.ts';

/** So many that it takes a good while to find that nothing follows from another way to leave the cluster. */
const PODS = 60_000;
const TRIES = 12;
/** Longer than anything takes on a busy machine. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 5;

describe('an address that is given up while something long is computed', () => {
  let stage: Stage;
  let controller: Controller;
  let deliver: (changes: readonly ResourceChange[]) => void;
  let running: Promise<void>;
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-early-'));
  const stop = new AbortController();

  beforeAll(async () => {
    stage = await openStage();
    controller = new Controller({
      cluster: 'packets',
      source: {
        name: 'hand',
        run: (take, signal) => {
          deliver = (changes) => take({ changes, state: { kind: 'complete' }, diagnostics: [] });
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        },
      },
      open: (firewall) => openDevice(firewall, { log: silentLog, cluster: 'packets', stateFolder: folder, by: 'test' }),
      clock: systemClock,
      log: silentLog,
    });
    running = controller.run(stop.signal);
  });
  afterAll(async () => {
    stop.abort();
    await running;
    rmSync(folder, { recursive: true, force: true });
    await stage.close();
  });

  const puts = (manifests: readonly Manifest[]): readonly ResourceChange[] =>
    pointedAt(stage.border, manifests).map((manifest) => ({ kind: 'put', resource: resourceOf(manifest) }));
  async function settled(): Promise<void> {
    const giveUp = performance.now() + PATIENCE_MS;
    for (;;) {
      while (controller.isComputing) await nextTurn();
      const worker = controller.station(EDGE)?.worker;
      await worker?.settled();
      const { confirmedVersion, desiredVersion, conditions } = worker?.status() ?? {};
      if (confirmedVersion !== undefined && confirmedVersion === desiredVersion) return;
      if (performance.now() > giveUp) throw new Error(`not confirmed: ${JSON.stringify(conditions)}`);
      await pause(LOOK_MS);
    }
  }
  const answered = async (place: 'web' | 'job', timeoutMs: number): Promise<boolean> => {
    const ends = { from: PLACES[4][place], to: PLACES[4].server };
    return (await stage.border.inside.udp({ ...ends, port: 80, timeoutMs })).source !== undefined;
  };

  test('is silent before that ends, and its neighbour talks on', async () => {
    const web = podAt('web-1', 'shop', 'web');
    const crowd = Array.from({ length: PODS }, (_, n) =>
      pod(`crowd/p-${n}`, [`10.1.${16 + (n >> 8)}.${n & 255}`], { labels: { app: 'crowd' } }),
    );
    const world = [...basis(), allow('shop', "app == 'shop'", 80), podAt('job-1', 'shop', 'job'), web, ...crowd];
    deliver(puts(world));
    await settled();
    let ahead = 0;
    for (let n = 0; n < TRIES && ahead < 2; n++) {
      expect([await answered('web', 5_000), await answered('job', 5_000)]).toEqual([true, true]);
      const exclusions = n % 2 === 0 ? 'IPPoolsAndHostIPs' : 'IPPoolsOnly';
      deliver(puts([calico('FelixConfiguration', 'default', { natOutgoingExclusions: exclusions })]));
      await nextTurn();
      expect(controller.isComputing).toBe(true);
      deliver([{ kind: 'delete', key: resourceKey(resourceOf(web)) }]);
      let isSilent = false;
      while (controller.isComputing && !isSilent) isSilent = !(await answered('web', 100));
      // One answer that is late on a busy machine is no proof.
      if (!(await answered('web', 100)) && controller.isComputing) ahead += 1;
      expect(await answered('job', 5_000)).toBe(true);
      await settled();
      expect(await answered('web', 200)).toBe(false);
      deliver(puts([web]));
      await settled();
    }
    expect(ahead).toBeGreaterThan(0);
  });
});
