import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BorderFirewall } from '../../src/api/resource.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import type { Diagnostic } from '../../src/base/diagnostic.ts';
import { silentLog } from '../../src/base/log.ts';
import { Controller } from '../../src/controller/controller.ts';
import type { Approval } from '../../src/controller/approvals/approvals.ts';
import { FolderApprovals } from '../../src/controller/state/state-folder.ts';
import type { WorkerStatus } from '../../src/firewalls/worker/worker-status.ts';
import { FakeClock } from '../kit/fake-clock.ts';
import { type Devices, MemoryDevices, type StepKind } from './device.ts';
import { ManifestFolder } from './folder.ts';
import { Nonsense } from './nonsense.ts';
import { SteppedSource } from './stepped-source.ts';

const CLUSTER = 'story';

/** The state folder's approvals, of which one can tell when nobody is reading them. */
class QuietApprovals extends FolderApprovals {
  #reading: Promise<unknown> = Promise.resolve();

  override get(firewall: string): Promise<Approval | undefined> {
    return this.#noted(super.get(firewall));
  }

  override remove(firewall: string): Promise<void> {
    return this.#noted(super.remove(firewall));
  }

  async quiet(): Promise<void> {
    let seen: Promise<unknown>;
    do {
      seen = this.#reading;
      await seen;
    } while (seen !== this.#reading);
  }

  #noted<T>(work: Promise<T>): Promise<T> {
    this.#reading = work;
    return work;
  }
}

interface Process {
  readonly controller: Controller;
  readonly source: SteppedSource;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

/** A controller with everything real but the time, the process and, by default, the devices. */
export class Stage {
  readonly folder = new ManifestFolder();
  readonly devices: Devices;
  readonly approvals: QuietApprovals;
  /** Stands still until a story moves it; absent where the devices take real time. */
  readonly fakeClock: FakeClock | undefined;
  readonly #clock: Clock;
  #process: Process | undefined;
  #latest: Controller | undefined;
  readonly #known = new Map<string, BorderFirewall>();
  #sentBefore = 0;

  constructor(devices: Devices = new MemoryDevices()) {
    this.devices = devices;
    this.fakeClock = devices.takesTime ? undefined : new FakeClock();
    this.#clock = this.fakeClock ?? systemClock;
    this.approvals = new QuietApprovals(join(this.folder.root, 'state'));
  }

  /** The one that runs, or the last one that did. */
  get controller(): Controller {
    if (this.#latest === undefined) throw new Error('no controller ran yet; `settle` starts it');
    return this.#latest;
  }

  /** What was sent to devices during the last `settle` or `advance`. */
  get sent(): readonly StepKind[] {
    return this.devices.sent().slice(this.#sentBefore);
  }

  get now(): number {
    return this.#clock.wall();
  }

  /** Starts the controller where none runs, lets it see what is in the folder, and waits until nothing is left to do. */
  async settle(): Promise<void> {
    this.#sentBefore = this.devices.sent().length;
    await this.#look();
    await this.#quiesce();
  }

  /** Lets the controller see what is in the folder, and then time pass; each timer's work ends before the next one is due. */
  async advance(ms: number): Promise<void> {
    const clock = this.fakeClock;
    if (clock === undefined) throw new Nonsense('the time of real devices cannot be moved');
    await this.settle();
    let left = ms;
    for (let next = clock.next(); next !== undefined && next <= left; next = clock.next()) {
      clock.advance(next);
      left -= next;
      await this.#quiesce();
    }
    clock.advance(left);
    await this.#quiesce();
  }

  /** Ends the controller's process, in good order. */
  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    process?.stop.abort();
    await process?.running;
  }

  status(firewall: string): WorkerStatus {
    const status = this.controller.status().get(firewall);
    if (status === undefined) throw new Nonsense(`no worker has a firewall ${firewall}`);
    return status;
  }

  /** As it is described now, or was last: its device is still there when the object is not. */
  firewall(name: string): BorderFirewall {
    const found = this.#known.get(name);
    if (found === undefined) throw new Nonsense(`there was never a BorderFirewall ${name}`);
    return found;
  }

  /** Everything that is wrong as Sallyport tells it: with what was read, with what was asked for, with what devices can say. */
  diagnostics(): readonly Diagnostic[] {
    const { world } = this.controller;
    const refusals = [...this.controller.status().values()].flatMap((status) => status.refusals);
    return [...world.diagnostics(), ...world.findings(), ...refusals];
  }

  async close(): Promise<void> {
    await this.stop();
    await this.devices.close();
    this.folder.close();
  }

  async #look(): Promise<void> {
    this.#process ??= this.#start();
    await Promise.race([this.#process.source.look(), this.#process.running]);
  }

  #start(): Process {
    const source = new SteppedSource(this.folder.path, () => this.#clock.wall());
    const stop = new AbortController();
    const controller = new Controller({
      cluster: CLUSTER,
      source,
      open: (firewall) => this.devices.open(firewall),
      clock: this.#clock,
      log: silentLog,
      approvals: this.approvals,
    });
    this.#latest = controller;
    return { controller, source, stop, running: controller.run(stop.signal) };
  }

  /** Until every worker rests, and resting makes no other one work. */
  async #quiesce(): Promise<void> {
    const { devices } = this;
    while (this.controller.isComputing) await nextTurn();
    for (const [name, { firewall }] of this.controller.world.firewalls) this.#known.set(name, firewall);
    for (let still = 0, before = ''; still < 2; ) {
      await nextTurn();
      await this.approvals.quiet();
      const names = [...this.controller.status().keys()];
      await Promise.all(names.map(async (name) => await this.controller.station(name)?.worker.settled()));
      const now = JSON.stringify([
        devices.sent().length,
        names,
        names.map((name) => this.status(name).confirmedVersion),
      ]);
      still = now === before ? still + 1 : 0;
      before = now;
    }
    if (!devices.tookDown()) return;
    await this.stop();
    devices.allowNext();
  }
}
