import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Ruleset } from '../../src/border/ruleset.ts';
import { Controller } from '../../src/controller/controller.ts';
import { openDevice } from '../../src/controller/devices/devices.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { WaitingPlan, WorkerStatus } from '../../src/firewalls/worker/worker-status.ts';
import { ManifestsSource } from '../../src/sources/manifests/manifests-source.ts';
import type { Border } from '../kit/border.ts';
import { type Manifest, namespace } from '../kit/border-world.ts';

/** The BorderFirewall that stands for the border of namespaces. */
export const EDGE = 'edge';
/** Longer than anything takes on a busy machine; what is not confirmed by then never is. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 5;
/** Every state of the folder carries its number in this namespace's label, so that one can tell when it was read. */
const COUNTER = 'generation';

/** A folder of manifests, changed in one step each time. */
export class Manifests {
  readonly root = mkdtempSync(join(tmpdir(), 'sallyport-packets-'));
  readonly path = join(this.root, 'manifests');
  #generation = 0;

  constructor() {
    mkdirSync(this.path);
  }

  /** Replaces the whole content. Returns the number of this state. */
  write(manifests: readonly Manifest[]): string {
    const generation = String(++this.#generation);
    const items = [...manifests, namespace(COUNTER, { generation })];
    const fresh = join(this.root, 'fresh.json');
    writeFileSync(fresh, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    renameSync(fresh, join(this.path, 'world.json'));
    return generation;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Manifests whose BorderFirewall is the border of namespaces, enforced; small worlds change by more than a guard lets go by itself. */
export function pointedAt(border: Border, manifests: readonly Manifest[]): readonly Manifest[] {
  const any = { percent: 100, atLeast: 1_000, percentPerHour: 100 };
  const driven = {
    driver: 'nftables',
    address: `netns:${border.firewall.name}`,
    mode: 'Enforce',
    guard: { removals: any, gains: any },
  };
  return manifests.map((manifest) => {
    if (manifest['kind'] !== 'BorderFirewall') return manifest;
    const { spec } = manifest as { spec: object };
    return { ...manifest, spec: { ...spec, ...driven } };
  });
}

/** The real controller on a folder of manifests, keeping the nftables of a border of namespaces. */
export class ControlledBorder {
  readonly border: Border;
  readonly #manifests = new Manifests();
  readonly #controller: Controller;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #generation = '0';

  constructor(border: Border) {
    this.border = border;
    this.#controller = new Controller({
      cluster: 'packets',
      source: new ManifestsSource('folder', this.#manifests.path, systemClock),
      open: (firewall) =>
        openDevice(firewall, {
          log: silentLog,
          cluster: 'packets',
          stateFolder: join(this.#manifests.root, 'state'),
          by: 'test',
        }),
      clock: systemClock,
      log: silentLog,
    });
  }

  /** Replaces all manifests; nothing is waited for. The first ones start the controller. */
  write(manifests: readonly Manifest[]): void {
    this.#generation = this.#manifests.write(pointedAt(this.border, manifests));
    this.#running ??= this.#controller.run(this.#stop.signal);
  }

  /** Replaces all manifests, and resolves when the border was read back with all that follows from them. */
  async bring(...manifests: readonly Manifest[]): Promise<void> {
    this.write(manifests);
    await this.confirmed();
  }

  /** Resolves when the border holds what the newest manifests want, as read back. */
  async confirmed(): Promise<WorkerStatus> {
    const giveUp = performance.now() + PATIENCE_MS;
    for (;;) {
      const status = this.status();
      const wanted = this.#controller.world.inventory.namespaces.get(COUNTER)?.labels;
      // While something is computed the world may be newer than what is wanted of the border.
      const isTaken = !this.#controller.isComputing && wanted?.get('generation') === this.#generation;
      const isReady = status?.conditions.some(({ type, status: holds }) => type === 'Ready' && holds) ?? false;
      if (status !== undefined && isTaken && isReady && status.confirmedVersion === status.desiredVersion)
        return status;
      if (status?.waiting !== undefined) this.#approve(status.waiting);
      if (performance.now() > giveUp)
        throw new Error(`not confirmed: ${JSON.stringify([isTaken, status, this.said()])}`);
      await pause(LOOK_MS);
    }
  }

  /** What the guard holds, somebody says yes to. */
  #approve(waiting: WaitingPlan): void {
    this.#controller.station(EDGE)?.worker.approve(waiting.plan().digest);
  }

  /** Takes the BorderFirewall away, and what we have on the device with it. */
  async leave(...manifests: readonly Manifest[]): Promise<void> {
    const isWall = ({ kind }: Manifest): boolean => kind === 'BorderFirewall';
    const leaving = manifests.map((each) =>
      isWall(each) ? { ...each, spec: { ...(each['spec'] as object), onDelete: 'Remove' } } : each,
    );
    await this.bring(...leaving);
    this.write(manifests.filter((each) => !isWall(each)));
    const giveUp = performance.now() + PATIENCE_MS;
    const { firewall } = this.border;
    while ((await firewall.must('nft', ['list', 'tables'])).includes('table inet sallyport\n')) {
      if (performance.now() > giveUp) throw new Error('our table is still there');
      await pause(LOOK_MS);
    }
  }

  status(): WorkerStatus | undefined {
    return this.#controller.status().get(EDGE);
  }

  /** What is wrong with the manifests. */
  said(): readonly string[] {
    const { world } = this.#controller;
    return [...world.diagnostics(), ...world.findings()].map(({ code, object, message }) =>
      [code, object, message].join(' '),
    );
  }

  /** What the controller wants the border to hold. */
  ruleset(): Ruleset {
    const ruleset = this.#controller.world.firewalls.get(EDGE)?.ruleset;
    if (ruleset === undefined) throw new Error(`no ruleset: ${this.said().join('; ')}`);
    return ruleset;
  }

  /** What the controller knows of the cluster's policies. */
  get engine(): Engine {
    return this.#controller.world.engine;
  }

  /** Ends the controller; the border keeps what it holds. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#manifests.remove();
  }
}
