import { type BorderFirewall, resourceKey } from '../api/resource.ts';
import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { elapsed } from '../base/elapsed.ts';
import { toSallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import type { Pieces } from '../base/pieces.ts';
import type { FirewallView } from '../border/border.ts';
import { Worker } from '../firewalls/worker.ts';
import type { WorkerStatus } from '../firewalls/worker-status.ts';
import type { Wish } from '../firewalls/wishes.ts';
import type { Delivery, Source } from '../sources/source.ts';
import { type Approvals, lookForApprovals } from './approvals.ts';
import { type FollowedDrops, EarlyDropWatch } from './early-drop-watch.ts';
import { Intake } from './intake.ts';
import { LiveWorld } from './live-world.ts';
import { Meter } from './meter.ts';
import { Metrics } from './metrics.ts';
import type { OpenDevice } from './open-device.ts';
import { Readiness } from './readiness/readiness.ts';
import { Releases, followersOf } from './releases.ts';
import type { Picture, Standing } from './status/picture.ts';
import type { Reporter } from './status/reporter.ts';
import type { Grant, Writers } from './writers.ts';
import { type Wrong, Wrongs } from './wrongs.ts';

export interface ControllerOptions {
  /** Owner of what is created on devices. */
  readonly cluster: string;
  readonly source: Source;
  /** Throws a SallyportError where the firewall cannot be opened as it is described. */
  readonly open: (firewall: BorderFirewall, grant: Grant | undefined) => OpenDevice;
  /** Who writes to which firewall, where there are several copies; absent: this process to all. */
  readonly writers?: Writers;
  /** What a firewall says that its device cannot be; absent: nothing is known of that. */
  readonly mistakes?: (firewall: BorderFirewall) => readonly Diagnostic[];
  readonly clock: Clock;
  readonly log: Log;
  /** Where people leave their yes; absent: nowhere. */
  readonly approvals?: Approvals;
  readonly metrics?: Metrics;
  /** Told of what was delivered, once it was computed. */
  readonly taken?: (changes: Delivery['changes']) => void;
  /** Who tells the cluster how everything stands; absent: nobody. */
  readonly reporter?: Pick<
    Reporter,
    'begin' | 'taken' | 'wrong' | 'confirmed' | 'released' | 'early' | 'changed' | 'stop'
  >;
}

/** How often a device that does not answer is asked to be left. */
const LEAVE_AGAIN_MS = 10_000;

interface Station {
  readonly firewall: BorderFirewall;
  readonly worker: Worker;
  readonly device: OpenDevice;
  readonly drops: FollowedDrops;
  /** What would need another connection if it changed. */
  readonly identity: string;
}

/** What the device of a firewall cannot say. */
interface Refusal extends Diagnostic {
  readonly firewall: string;
}

/** The border controller: follows a source and keeps every border firewall in step, each by a worker of its own. */
export class Controller implements Picture {
  readonly world: LiveWorld;
  readonly metrics: Metrics;
  /** Whether pods may start, as far as the border is concerned. */
  readonly readiness: Readiness;
  readonly #options: ControllerOptions;
  readonly #stations = new Map<string, Station>();
  /** Firewalls that could not be opened, with why; tried again when their object changes. */
  readonly #unopened = new Map<
    string,
    { readonly identity: string; readonly code: string; readonly message: string }
  >();
  readonly #leaving = new Set<Promise<void>>();
  /** What ends the leaving of a device, by name of a BorderFirewall that is gone. */
  readonly #leavers = new Map<string, AbortController>();
  readonly #wrongs: Wrongs;
  readonly #meter: Meter;
  /** What each device cannot say of what is wanted, by name of its firewall; without those that can say all. */
  readonly #refusals = new Map<string, readonly Refusal[]>();
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
    this.world = new LiveWorld(options.cluster);
    this.metrics = options.metrics ?? new Metrics();
    this.#meter = new Meter(this.metrics, options.clock);
    this.#wrongs = new Wrongs(options.log);
    let failed: (thrown: unknown) => void = () => undefined;
    this.#failure = new Promise((_, reject) => (failed = reject));
    const taking = { take: (delivery: Delivery, at: number) => this.#take(delivery, at), say: () => this.#sayAll() };
    this.#intake = new Intake(taking, options.clock, failed);
    this.#releases = new Releases(options.clock, this.metrics, (firewall, ms) =>
      options.reporter?.released(firewall, ms),
    );
    this.#early = new EarlyDropWatch({
      clock: options.clock,
      log: options.log,
      metrics: this.metrics,
      world: this.world,
      event: (pod, note) => options.reporter?.early(pod, note),
    });
    this.readiness = new Readiness(
      () => ({
        border: this.world.border,
        owners: this.world.owners,
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
    const { approvals, clock, log, reporter, writers } = this.#options;
    const stopLooking = approvals && lookForApprovals(approvals, this.#stations, clock, log);
    reporter?.begin(this);
    const granted = (): void => {
      this.#granted = true;
      this.#intake.say();
    };
    writers?.start({ granted, ended: (name) => this.#giveUp(name), idle: (name) => this.#isIdle(name) });
    try {
      await Promise.race([this.#options.source.run((delivery) => this.#intake.take(delivery), signal), this.#failure]);
    } finally {
      stopLooking?.();
      this.#intake.close();
      for (const end of this.#leavers.values()) end.abort();
      await Promise.all([...this.#leaving, ...[...this.#stations.values()].map((station) => closeStation(station))]);
      this.#stations.clear();
      this.#early.stop();
      await reporter?.stop();
      await writers?.close();
    }
  }

  /** Whether the picture is complete, and if not why; `plain` says the same without a name, for whoever asks. */
  ready(): { readonly ready: boolean; readonly reason: string; readonly plain: string } {
    const { state } = this.world;
    const { source, writers } = this.#options;
    if (state.kind === 'loading') {
      const plain = 'the source has not delivered a complete picture yet';
      return { ready: false, reason: `source ${source.name} has not delivered: ${state.reason}`, plain };
    }
    const counts = writers?.counts();
    const shares = counts === undefined ? 'ready' : `writes to ${counts.own} of ${counts.all} firewalls`;
    if (state.kind === 'complete') return { ready: true, reason: writers?.summary() ?? 'ready', plain: shares };
    const reason = `source ${source.name} is frozen: ${state.reason}`;
    return { ready: true, reason, plain: 'the source is frozen; firewalls keep what they hold' };
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
    if (station !== undefined) return { worker: station.worker.status(), holds: station.device.lock.held() };
    const unopened = this.#unopened.get(name);
    return unopened && { worker: unopened, holds: true };
  }

  /** What a firewall asks for that its driver cannot do. */
  mistakes(firewall: BorderFirewall): readonly Diagnostic[] {
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
    const { owners } = this.world;
    const followers = followersOf(this.#stations, this.world.firewalls);
    yield* this.world.applying(delivery);
    if (followers.size > 0) {
      const moved = owners.difference(this.world.owners);
      this.#releases.changed(moved, followers, started);
      this.#early.changed(moved);
    }
    const ms = clock.monotonic() - started;
    this.#version += 1;
    const { state } = this.world;
    this.#meter.took(source.name, state, this.#version, arrivedAt, ms);
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
    // Before the first complete state nothing is known of which firewalls there are, and none is touched.
    if (state.kind !== 'loading') this.#assign();
    this.readiness.changed();
    this.#options.reporter?.taken(delivery, this.#version);
    this.#options.approvals?.taken?.(delivery.changes);
    this.#options.taken?.(delivery.changes);
  }

  /** Gives every firewall its worker and every worker its wish. */
  #assign(): void {
    const views = this.world.firewalls;
    this.#granted = false;
    this.#options.writers?.want([...views.values()].map(({ firewall }) => firewall));
    if (this.world.state.kind === 'complete')
      for (const name of [...this.#stations.keys(), ...this.#unopened.keys()])
        if (!views.has(name)) this.#release(name);
    for (const [name, view] of views) {
      const station = this.#stationFor(name, view);
      if (station === undefined) continue;
      if (station.firewall !== view.firewall) {
        this.#stations.set(name, { ...station, firewall: view.firewall });
        station.worker.configure(view.firewall);
        station.drops.configure(view.firewall);
      }
      station.worker.desire(this.#wishFor(view));
    }
  }

  #wishFor(view: FirewallView): Wish {
    const { state } = this.world;
    if (state.kind === 'loading') return { kind: 'unknown', reason: state.reason };
    if (state.kind === 'frozen') return { kind: 'frozen', reason: state.reason };
    if (this.world.isBroken(resourceKey(view.firewall)))
      return { kind: 'unknown', reason: 'the BorderFirewall cannot be read; its device keeps what it holds' };
    if (view.ruleset === undefined) {
      const error = view.findings.find((finding) => finding.severity === 'error');
      return { kind: 'unknown', reason: error?.message ?? 'the BorderFirewall has mistakes' };
    }
    return { kind: 'ruleset', ruleset: view.ruleset, owners: this.world.owners, version: this.#version };
  }

  #stationFor(name: string, { firewall }: FirewallView): Station | undefined {
    const { driver, address, options, credentialsRef, tls, adopt } = firewall;
    const identity = JSON.stringify([driver, address, options, credentialsRef, tls, adopt]);
    const known = this.#stations.get(name);
    if (known?.identity === identity) return known;
    const { writers } = this.#options;
    const grant = writers?.grant(name);
    if (writers !== undefined && grant === undefined) return undefined;
    if (this.#unopened.get(name)?.identity === identity) return undefined;
    // It is back: who leaves must not take away what the new worker brings.
    this.#leavers.get(name)?.abort();
    this.#leavers.delete(name);
    // Another device: the old one keeps what it holds, as with `onDelete: Keep`.
    if (known !== undefined) this.#drop(name, known);
    const { clock, log } = this.#options;
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
            this.#noteRefusals(name, status.refusals);
          },
          confirmed: (version, ms) => {
            this.#options.reporter?.confirmed(name, version, ms);
            this.#meter.confirmed(name, version, ms);
            // Before the round ends: what is sent next may take long.
            this.readiness.looked(name, worker.confirmed());
            this.#nudgeOthers(name);
          },
          carrying: (plan) => device.driver.under?.(plan()),
          wrote: (_, ms, error) => this.#meter.wrote(name, ms, error === undefined),
        },
        canaries: (version) => this.#canariesBehind(name, version),
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
      this.#meter.unopened(name);
      log.error({ firewall: name, code, error: message }, 'the firewall cannot be opened');
      return undefined;
    }
  }

  /** Canary firewalls of a firewall, as it is described now, that have not confirmed a version yet. */
  #canariesBehind(firewall: string, version: number): readonly string[] {
    return (this.#stations.get(firewall)?.firewall.guard.after ?? []).filter(
      (name) => (this.#stations.get(name)?.worker.status().confirmedVersion ?? -1) < version,
    );
  }

  #nudgeOthers(name: string): void {
    for (const { firewall, worker } of this.#stations.values()) if (firewall.guard.after.includes(name)) worker.nudge();
  }

  /** The BorderFirewall object is gone: `onDelete` says what becomes of the device. */
  #release(name: string): void {
    const station = this.#stations.get(name);
    if (this.#unopened.delete(name) && station === undefined) this.#meter.forget(name);
    if (station === undefined) return;
    const { log } = this.#options;
    log.info({ firewall: name, onDelete: station.firewall.onDelete }, 'the BorderFirewall is gone');
    if (station.firewall.onDelete === 'Keep') return this.#drop(name, station);
    this.#stations.delete(name);
    const end = new AbortController();
    this.#leavers.set(name, end);
    this.#track(
      this.#leave(name, station, end.signal).then(() => {
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
    if (station === undefined) return this.#meter.forget(name);
    this.#stations.delete(name);
    await this.#close(name, station);
  }

  #isIdle(name: string): boolean {
    const conditions = this.#stations.get(name)?.worker.status().conditions ?? [];
    const works = conditions.some(({ type, reason }) => type === 'Reconciling' && reason === 'Working');
    return !works && !this.#leavers.has(name);
  }

  /** Until the device is left or says that it will not be. One that does not answer is asked again, until `signal` aborts. */
  async #leave(name: string, { worker }: Station, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const stop = (): void => background('ending to leave', worker.stop(), log);
    signal.addEventListener('abort', stop, { once: true });
    while (!signal.aborted) {
      try {
        await worker.leave();
        log.info({ firewall: name }, 'the device was left; nothing of ours is there');
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        const { code, message, blame } = toSallyportError(thrown);
        const passes = blame === 'transient' || blame === 'conflict';
        const fields = { firewall: name, code, error: message, againMs: passes ? LEAVE_AGAIN_MS : undefined };
        log.error(fields, 'leaving failed; what is there stays');
        if (!passes) return;
      }
      await elapsed(clock, LEAVE_AGAIN_MS, signal);
    }
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
    this.#noteRefusals(name, []);
    if (!this.#unopened.has(name)) this.#meter.forget(name);
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#leaving.delete(tracked));
    this.#leaving.add(tracked);
    background('closing a firewall', tracked, this.#options.log);
  }

  /** Takes over what a device cannot say. Translations are made anew with each change; mostly they refuse the same. */
  #noteRefusals(name: string, refusals: readonly Diagnostic[]): void {
    const before = this.#refusals.get(name) ?? [];
    if (before.length === 0 && refusals.length === 0) return;
    const now = refusals.map((refusal) => ({ ...refusal, firewall: name }));
    if (JSON.stringify(now) === JSON.stringify(before)) return;
    if (now.length === 0) this.#refusals.delete(name);
    else this.#refusals.set(name, now);
    this.#intake.say();
  }

  *#sayAll(): Pieces {
    if (this.#granted && this.world.state.kind !== 'loading') this.#assign();
    const wrong: Wrong[] = [...this.world.diagnostics()];
    yield;
    wrong.push(...this.world.border.findings());
    for (const { firewall, findings } of this.world.firewalls.values()) {
      wrong.push(...findings, ...this.mistakes(firewall));
      yield;
    }
    wrong.push(...[...this.#refusals.values()].flat());
    this.#options.reporter?.wrong(wrong);
    const counts = yield* this.#wrongs.tell(wrong);
    for (const severity of ['error', 'warning'] as const) this.metrics.diagnostics.set({ severity }, counts[severity]);
  }
}

async function closeStation({ worker, device, drops }: Station): Promise<void> {
  await Promise.all([worker.stop(), drops.stop()]);
  await device.close();
}
