import type { BorderFirewall, UnreadFirewall } from '../api/resource.ts';
import { background } from '../base/background.ts';
import { BucketMap } from '../base/bucket-map.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Code } from '../base/catalogue.ts';
import { SallyportError, toSallyportError } from '../base/error.ts';
import type { Pieces } from '../base/pieces.ts';
import type { FirewallView } from '../border/firewall-view.ts';
import type { Owners } from '../firewalls/guard/interim.ts';
import { OwnerVersions } from '../firewalls/confirmed/owner-versions.ts';
import { Worker } from '../firewalls/worker/worker.ts';
import type { WorkerStatus } from '../firewalls/worker/worker-status.ts';
import type { Delivery } from '../sources/source.ts';
import { lookForApprovals } from './approvals/approvals.ts';
import { EarlyDropWatch } from './early-drop-watch.ts';
import type { ControllerOptions } from './controller-options.ts';
import { Intake } from './world/intake.ts';
import { leaveUntil } from './departure/leaving.ts';
import { LiveWorld } from './world/live-world.ts';
import { memoryParts } from './memory.ts';
import { Meter } from './meter.ts';
import { Metrics } from './metrics.ts';
import { Readiness } from './readiness/readiness.ts';
import { heldConditions } from './status/firewall-conditions.ts';
import { type Ready, readyOf } from './ready.ts';
import { Refusals } from './devices/refusals.ts';
import { type Follower, Releases, followersOf } from './world/releases.ts';
import { type Station, canariesBehind, closeStation, deviceIdentity, waitingFor } from './station.ts';
import type { Picture, Standing } from './status/picture.ts';
import { NEVER_READ, NOBODY_THERE, OF_ANOTHER_COPY, wantedBy } from './unread.ts';
import { Wanted } from './world/wanted.ts';
import { Wrongs, everyWrong } from './wrongs.ts';

/** The border controller: follows a source and keeps every border firewall in step, each by a worker of its own. */
export class Controller implements Picture {
  readonly world: LiveWorld;
  readonly metrics: Metrics;
  /** Whether pods may start, as far as the border is concerned. */
  readonly readiness: Readiness;
  readonly #options: ControllerOptions;
  readonly #stations = new Map<string, Station>();
  /** Firewalls that could not be opened, with why; tried again when their object changes. */
  readonly #unopened = new Map<string, { readonly identity: string; readonly code: Code; readonly message: string }>();
  readonly #ownerVersions = new OwnerVersions();
  readonly #wanted: Wanted;
  /** Who had which address when that was told last. */
  #told: Owners = BucketMap.empty();
  readonly #leaving = new Set<Promise<void>>();
  /** What ends the leaving of a device, by name of a BorderFirewall that is gone. */
  readonly #leavers = new Map<string, AbortController>();
  readonly #wrongs: Wrongs;
  readonly #meter: Meter;
  readonly #refusals = new Refusals(() => this.#intake.say());
  readonly #releases: Releases;
  readonly #early: EarlyDropWatch;
  #version = 0;
  /** Firewalls may be opened that could not be before. */
  #granted = false;
  /** Rejects when the computation throws. */
  readonly #failure: Promise<never>;
  readonly #intake: Intake;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.world = new LiveWorld(options.cluster, options.isRecorded);
    this.#wanted = new Wanted(this.world, this.#ownerVersions);
    this.metrics = options.metrics ?? new Metrics();
    this.#meter = new Meter(this.metrics, options.clock);
    this.#wrongs = new Wrongs(options.log);
    this.metrics.memory.parts = () => memoryParts(options.source, this.world, this.#stations.values());
    this.metrics.condition.held = () => heldConditions(this);
    let failed: (thrown: unknown) => void = () => undefined;
    this.#failure = new Promise((_, reject) => (failed = reject));
    this.#intake = new Intake(
      {
        take: (delivery, arrivedAt) => this.#take(delivery, arrivedAt),
        hurry: (delivery, part) => this.#hurry(delivery, part),
        say: () => this.#sayAll(),
      },
      options.clock,
      failed,
    );
    this.#releases = new Releases(options.clock, this.metrics, (firewall, ms) =>
      options.reporter?.released(firewall, ms),
    );
    this.#early = new EarlyDropWatch({
      clock: options.clock,
      log: options.log,
      metrics: this.metrics,
      world: this.#wanted,
      event: (pod, note) => options.reporter?.early(pod, note),
      keep: (drops) => options.early?.append(drops),
    });
    this.readiness = new Readiness(
      () => ({
        border: this.world.border,
        owners: this.world.owners,
        unread: (endpoint) => this.world.unreadBefore(endpoint),
        isComputing: this.isComputing,
        uidOf: (endpoint) => this.world.inventory.uidOf(endpoint),
        confirmed: (firewall) => this.#stations.get(firewall)?.worker.confirmed(),
        elsewhere: (firewall) => options.writers?.elsewhere(firewall),
      }),
      options.clock,
    );
  }

  /** Works until the signal aborts; resolves when every request under way has ended. Devices keep what they hold. */
  async run(signal: AbortSignal): Promise<void> {
    const { approvals, clock, departures, log, reporter, writers } = this.#options;
    const stopLooking = approvals && lookForApprovals(approvals, this.#stations, clock, log);
    reporter?.begin(this);
    const granted = (): void => {
      this.#granted = true;
      this.#intake.say();
    };
    departures?.start({
      mayWrite: (name) => this.#mayWrite(name) || writers?.isUnkept(name) === true,
      leave: (name) => this.#leaveHeld(name),
      stay: (name) => this.#stay(name),
      changed: () => reporter?.changed(),
    });
    writers?.start({
      granted,
      ended: (name) => this.#giveUp(name),
      idle: (name) => this.#isIdle(name),
      unkept: () => {
        departures?.look();
        reporter?.changed();
      },
    });
    try {
      await Promise.race([this.#options.source.run((delivery) => this.#intake.take(delivery), signal), this.#failure]);
    } finally {
      stopLooking?.();
      this.#intake.close();
      const departed = departures?.close();
      for (const end of this.#leavers.values()) end.abort();
      await Promise.all([...this.#leaving, ...[...this.#stations.values()].map((station) => closeStation(station))]);
      this.#stations.clear();
      await departed;
      this.#early.stop();
      await reporter?.stop();
      await writers?.close();
    }
  }

  /** Whether the picture is complete, and if not why; `plain` says the same without a name, for whoever asks. */
  ready(): Ready {
    const { source, writers } = this.#options;
    return readyOf(this.world, source.name, writers);
  }

  /** Whether a delivery is still being computed. */
  get isComputing(): boolean {
    return this.#intake.isBusy;
  }

  /** How each firewall stands, by name. */
  status(): ReadonlyMap<string, WorkerStatus> {
    return new Map([...this.#stations].map(([name, { worker }]) => [name, worker.status()]));
  }

  /** How one firewall stands in this copy. Where a device cannot be opened, no copy holds it, and every one may say so. */
  standing(name: string): Standing | undefined {
    const station = this.#stations.get(name);
    const departure = this.#options.departures?.toldOf(name);
    const told = departure === undefined ? {} : { departure };
    const lists = this.#options.lists?.standing(name);
    if (station) return { worker: station.worker.status(), holds: station.device.lock.held(), lists, ...told };
    if (this.#isLeft(name))
      return (
        departure && {
          worker: { code: departure.reason, message: departure.message },
          holds: this.#mayWrite(name),
          departure,
        }
      );
    const worker = this.#unopened.get(name);
    if (worker !== undefined) return { worker, holds: true, ...told };
    // Who may write to it when it can be read says until then that it cannot.
    if (!this.world.firewalls.has(name))
      return this.world.unread.has(name) ? { worker: NEVER_READ, holds: this.#mayWrite(name), ...told } : undefined;
    if (this.#options.writers?.isUnkept(name) === true) return { worker: NOBODY_THERE, holds: true, ...told };
    // It is there all the same: whoever took it for gone would take back what that copy says of it.
    return { worker: OF_ANOTHER_COPY, holds: false, ...told };
  }

  /** What a firewall asks for that its driver cannot do. */
  mistakes(firewall: BorderFirewall | UnreadFirewall): readonly Diagnostic[] {
    return this.#options.mistakes?.(firewall) ?? [];
  }

  /** The driver and the worker of one firewall, for those who run beside the controller (the lab). */
  station(name: string): Pick<Station, 'worker' | 'device'> | undefined {
    return this.#stations.get(name);
  }

  *#take(delivery: Delivery, arrivedAt: number): Pieces {
    const { clock, log, source } = this.#options;
    const started = clock.monotonic();
    const before = this.world.state.kind;
    const followers = followersOf(this.#stations, this.world.firewalls);
    this.#wanted.begin();
    const isOther = yield* this.world.applying(delivery);
    const wasAhead = yield* this.#wanted.settle();
    // Nothing follows from it, and whoever asks which version is confirmed is not made to wait for another.
    if (!isOther && !wasAhead) {
      this.#departuresTake(delivery);
      return this.#tellTaken(delivery);
    }
    this.#tellMoves(followers, started);
    const ms = clock.monotonic() - started;
    this.#version += 1;
    const { state } = this.world;
    this.#meter.took(source.name, state, this.#version, arrivedAt, ms);
    this.#options.lists?.source(state, (name) => this.world.isFrozen(name));
    if (state.kind !== before || state.kind !== 'complete')
      log.info(
        { source: source.name, state: state.kind, ...('reason' in state ? { reason: state.reason } : {}) },
        'source state',
      );
    if (delivery.changes.length > 0)
      log.info(
        { source: source.name, changes: delivery.changes.length, version: this.#version, ms: Math.round(ms) },
        'changes taken',
      );
    this.#departuresTake(delivery);
    // Before the first complete state nothing is known of which firewalls there are, and none is touched.
    if (state.kind !== 'loading') this.#assign();
    this.#tellTaken(delivery);
  }

  #departuresTake({ changes, state, unread }: Delivery): void {
    this.#options.departures?.taken(changes, this.world.knowsWays ? 'complete' : state.kind, unread);
  }

  /** What pods give up reaches the border before it is known what else follows (decision 12). */
  *#hurry({ changes, state }: Delivery, part: 'under way' | 'waiting'): Pieces {
    const now = this.#options.clock.monotonic();
    // Where not all is there yet nothing is wanted that could be taken back.
    if (state.kind === 'loading' || !(yield* this.#wanted.release(changes, part))) return;
    this.#tellMoves(followersOf(this.#stations, this.world.firewalls), now);
    this.#version += 1;
    for (const [name, view] of this.world.firewalls) {
      const station = this.#stations.get(name);
      if (station?.firewall === view.firewall && this.#options.departures?.stageOf(name) === undefined)
        station.worker.desire(this.#wanted.wishFor(view, station.worker, this.#version));
    }
  }

  /** Addresses changed hands since that was told last. `since`: when it was delivered (monotonic). */
  #tellMoves(followers: ReadonlyMap<string, Follower>, since: number): void {
    const before = this.#told;
    this.#told = this.#wanted.owners;
    if (followers.size === 0) return;
    const moved = before.difference(this.#told);
    this.#releases.changed(moved, followers, since);
    this.#early.changed(moved);
  }

  #tellTaken(delivery: Delivery): void {
    this.readiness.changed();
    this.#options.reporter?.taken(delivery, this.#version);
    this.#options.approvals?.taken?.(delivery.changes);
    this.#options.taken?.(delivery.changes);
  }

  /** Gives every firewall its worker and every worker its wish. */
  #assign(): void {
    const views = this.world.firewalls;
    this.#granted = false;
    this.#options.writers?.want(wantedBy(this.world));
    if (this.world.knowsWays)
      for (const name of [...this.#stations.keys(), ...this.#unopened.keys()])
        if (!views.has(name)) this.#release(name);
    this.#options.departures?.look();
    for (const [name, view] of views) {
      const station = this.#isLeft(name) ? undefined : this.#stationFor(name, view);
      if (station === undefined) continue;
      if (station.firewall !== view.firewall) {
        this.#stations.set(name, { ...station, firewall: view.firewall });
        station.worker.configure(view.firewall);
        station.drops.configure(view.firewall);
      }
      if (this.#options.departures?.stageOf(name) === undefined)
        station.worker.desire(this.#wanted.wishFor(view, station.worker, this.#version));
    }
  }

  #mayWrite(name: string): boolean {
    return this.#options.writers === undefined || this.#options.writers.grant(name) !== undefined;
  }

  #isLeft(name: string): boolean {
    return this.#options.departures?.stageOf(name) === 'Left';
  }

  #stationFor(name: string, { firewall }: FirewallView): Station | undefined {
    const identity = deviceIdentity(firewall, this.#options.cluster);
    const known = this.#stations.get(name);
    if (known?.identity === identity) return known;
    const { clock, log, writers } = this.#options;
    const grant = writers?.grant(name);
    if (writers !== undefined && grant === undefined) return undefined;
    if (this.#unopened.get(name)?.identity === identity) return undefined;
    // It is back: who leaves must not take away what the new worker brings.
    this.#leavers.get(name)?.abort();
    this.#leavers.delete(name);
    // Another device: the old one keeps what it holds, as with `onDelete: Keep`.
    if (known !== undefined) this.#drop(name, known);
    try {
      const device = this.#options.open(firewall, grant);
      const worker = new Worker({
        cluster: this.#options.cluster,
        firewall: name,
        driver: device.driver,
        settings: firewall,
        clock,
        log,
        lock: device.lock,
        events: {
          status: (status) => {
            this.#meter.status(name, status);
            this.#releases.looked(name, worker.confirmed());
            this.readiness.looked(name, worker.confirmed());
            this.#options.reporter?.changed();
            this.#refusals.note(name, status.refusals);
          },
          confirmed: (version, ms) => {
            this.#options.lists?.confirmed(name);
            this.#options.reporter?.confirmed(name, version, ms);
            this.#meter.confirmed(name, version, ms);
            // Before the round ends: what is sent next may take long.
            this.readiness.looked(name, worker.confirmed());
            for (const { worker: other } of waitingFor(this.#stations, name)) other.nudge();
          },
          carrying: (plan) => device.driver.under?.(plan()),
          wrote: (_, ms, error) => this.#meter.wrote(name, ms, error === undefined),
        },
        canaries: (version) => canariesBehind(this.#stations, name, version),
        memory: device.memory,
        record: device.record,
        ownerVersions: this.#ownerVersions,
      });
      const drops = this.#early.follow(name, device.driver);
      drops.configure(firewall);
      const station = { firewall, worker, device, drops, identity };
      this.#stations.set(name, station);
      this.#unopened.delete(name);
      worker.start();
      return station;
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      this.#unopened.set(name, { identity, code, message });
      log.error({ firewall: name, code, error: message }, 'the firewall cannot be opened');
      return undefined;
    }
  }

  /** The BorderFirewall object is gone: `onDelete` says what becomes of the device. */
  #release(name: string): void {
    const station = this.#stations.get(name);
    this.#unopened.delete(name);
    if (station === undefined) return;
    // One that was held and goes before its device was left was let go by hand.
    const { onDelete, deleting } = station.firewall;
    const { clock, log } = this.#options;
    log.info({ firewall: name, onDelete }, 'the BorderFirewall is gone');
    if (onDelete === 'Keep' || (deleting && this.#options.departures !== undefined)) return this.#drop(name, station);
    this.#stations.delete(name);
    const end = new AbortController();
    this.#leavers.set(name, end);
    this.#track(
      leaveUntil({ name, worker: station.worker }, clock, log, end.signal).then(() => {
        if (this.#leavers.get(name) === end) this.#leavers.delete(name);
        return this.#close(name, station);
      }),
    );
  }

  /** Another copy has the right to write now, or is to have it. */
  async #giveUp(name: string): Promise<void> {
    this.#leavers.get(name)?.abort();
    this.#unopened.delete(name);
    const station = this.#stations.get(name);
    if (station === undefined) return;
    this.#stations.delete(name);
    await this.#close(name, station);
  }

  #isIdle(name: string): boolean {
    // What this copy may not work at any more it does not finish.
    if (!this.#mayWrite(name)) return true;
    const conditions = this.#stations.get(name)?.worker.status().conditions ?? [];
    const works = conditions.some(({ type, reason }) => type === 'Reconciling' && reason === 'Working');
    return !works && !this.#leavers.has(name) && this.#options.departures?.stageOf(name) !== 'Leaving';
  }

  /** Takes everything of ours off a device while its object is still there. Rejects with what stood in the way. */
  async #leaveHeld(name: string): Promise<void> {
    const station = this.#stations.get(name);
    const why = this.#unopened.get(name) ?? (this.#options.writers?.isUnkept(name) ? NOBODY_THERE : undefined);
    if (station === undefined)
      throw new SallyportError(why?.code ?? 'NOT_THE_WRITER', why?.message ?? 'this copy does not write to it yet');
    await station.worker.leave();
    this.#options.log.info({ firewall: name }, 'the device was left; nothing of ours is there');
    if (this.#stations.get(name) !== station) return;
    this.#stations.delete(name);
    await this.#close(name, station);
  }

  /** Leaving had begun, and is not wanted any more: another worker begins, with what is wished now. */
  #stay(name: string): void {
    const station = this.#stations.get(name);
    if (station !== undefined) this.#drop(name, station);
    this.#granted = true;
    this.#intake.say();
  }

  #drop(name: string, station: Station): void {
    this.#stations.delete(name);
    this.#track(this.#close(name, station));
  }

  async #close(name: string, station: Station): Promise<void> {
    await closeStation(station);
    if (this.#stations.has(name)) return;
    this.#releases.forget(name);
    this.readiness.looked(name, undefined);
    this.#refusals.note(name, []);
    this.#meter.forget(name);
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#leaving.delete(tracked));
    this.#leaving.add(tracked);
    background('closing a firewall', tracked, this.#options.log);
  }

  *#sayAll(): Pieces {
    if (this.#granted && this.world.state.kind !== 'loading') this.#assign();
    const wrong = yield* everyWrong(this.world, (firewall) => this.mistakes(firewall));
    wrong.push(...this.#refusals.all());
    this.#options.reporter?.wrong(wrong);
    const counts = yield* this.#wrongs.tell(wrong);
    for (const severity of ['error', 'warning'] as const) this.metrics.diagnostics.set({ severity }, counts[severity]);
  }
}
