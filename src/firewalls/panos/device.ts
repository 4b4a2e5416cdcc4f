import type { Clock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { MayGoOn } from '../driver.ts';
import type { Edit, PanosApi } from './api.ts';
import { followCommit, startCommit } from './commit.ts';
import { type ConfigurationReading, ConfigurationWatch } from './configuration.ts';
import { type Positions, editsBetween } from './edits.ts';
import type { Entries } from './entries.ts';
import { waitForJobs } from './jobs.ts';
import { withConfigLock } from './locks.ts';
import { digestOf, ownedIn } from './owned.ts';
import type { Folders } from './read-entries.ts';
import { Registry, type RegistryReading, type StateChange } from './registry.ts';
import type { TagChange } from './registered.ts';
import { type Scope, scopeWord } from './scope.ts';

/** Edits of one request: the device takes 500 (reference 1.13). */
const MOST_EDITS = 500;

/** What one firewall holds: its configuration, and beside it the registered addresses. */
export interface DeviceReading {
  readonly configuration: ConfigurationReading;
  readonly registry: RegistryReading;
}

/** A change of the configuration that ends in a commit. */
export interface ConfigurationChange extends StateChange {
  /** `digestOf` what of ours runs before. */
  readonly before: string;
  readonly after: Entries;
}

export interface PanosDeviceOptions {
  readonly scope: Scope;
  readonly cluster: string;
  readonly firewall: string;
  /** Which one of a pair. */
  readonly unit: string;
  readonly positions: Positions;
  readonly clock: Clock;
}

/** One firewall with PAN-OS: what of ours it holds, read and written. */
export class PanosDevice {
  readonly #api: PanosApi;
  readonly #options: PanosDeviceOptions;
  readonly #watch: ConfigurationWatch;
  readonly #registry: Registry;
  #last: DeviceReading | undefined;

  constructor(api: PanosApi, options: PanosDeviceOptions) {
    this.#api = api;
    this.#options = options;
    this.#watch = new ConfigurationWatch(options.scope);
    this.#registry = new Registry({ ...options, where: { vsys: scopeWord(options.scope) } });
  }

  /** How many addresses it takes, where it tells. */
  set capacity(most: number | undefined) {
    this.#registry.capacity = most;
  }

  /** The same object as long as nothing changed. */
  async read(signal: AbortSignal): Promise<DeviceReading> {
    const starts = this.#last?.configuration.starts;
    const configuration = await this.#watch.read(this.#api, signal);
    if (starts !== undefined && configuration.starts !== starts) this.#registry.forget();
    const registry = await this.#registry.read(this.#api, signal);
    const last = this.#last;
    if (last?.configuration === configuration && last.registry === registry) return last;
    this.#last = { configuration, registry };
    return this.#last;
  }

  /** Of the one that stands by: its configuration is handed on to it. */
  readRegistered(signal: AbortSignal): Promise<RegistryReading> {
    return this.#registry.read(this.#api, signal);
  }

  rival({ registry }: DeviceReading): string | undefined {
    return this.#registry.rival(registry.marker);
  }

  /** Registered addresses join and leave, at once. */
  register(
    change: StateChange & { readonly joins: readonly TagChange[]; readonly leaves: readonly TagChange[] },
    signal: AbortSignal,
    mayGoOn: MayGoOn,
  ): Promise<void> {
    return this.#registry.write(this.#api, change, signal, mayGoOn);
  }

  /**
   * Brings the configuration to what a step leads to: edits under the lock, and a commit of our own work, followed to its end. What a failed
   * commit leaves in the candidate is taken back, so that nobody else publishes it. Rejects with `DEVICE_CHANGED` where what runs is not what
   * the step was made for.
   */
  async configure(change: ConfigurationChange, signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    const { scope, cluster } = this.#options;
    const admin = await this.#admin(signal);
    await waitForJobs(this.#api, signal);
    const started = await withConfigLock(this.#api, scopeWord(scope), signal, mayGoOn, async () => {
      const state = await this.#registry.state(this.#api, signal);
      const { running, candidate } = await this.#watch.readNow(this.#api, signal);
      const now = digestOf(ownedIn(running, cluster));
      const isDone = now === digestOf(change.after);
      if (!isDone && (now !== change.before || (state !== change.from && state !== change.to)))
        throw new SallyportError(
          'DEVICE_CHANGED',
          'the configuration of ours is not what it was when this was planned',
        );
      const edits = editsBetween(candidate, change.after, this.#options);
      if (isDone && edits.length === 0) return { job: undefined };
      await this.#edit(edits, signal, mayGoOn);
      return {
        job: await startCommit(this.#api, scope, admin, signal, mayGoOn).catch((thrown: unknown) =>
          this.#takenBack(running, thrown, mayGoOn),
        ),
      };
    });
    const { job } = started;
    if (job !== undefined) {
      try {
        await followCommit(this.#api, job, scope, signal);
      } catch (thrown) {
        if (!(thrown instanceof SallyportError) || thrown.blame !== 'rejected') throw thrown;
        await this.#takeBack(signal, mayGoOn);
        throw thrown;
      }
    }
    await this.#registry.write(this.#api, { ...change, joins: [], leaves: [] }, signal, mayGoOn);
  }

  /** Makes what is ours in the candidate what runs: edits of a process that died, or that a commit refused. */
  async takeBack(signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    await this.#takeBack(signal, mayGoOn);
  }

  async #takeBack(signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    const { scope, cluster } = this.#options;
    await withConfigLock(this.#api, scopeWord(scope), signal, mayGoOn, async () => {
      const { running, candidate } = await this.#watch.readNow(this.#api, signal);
      await this.#edit(editsBetween(candidate, ownedIn(running, cluster), this.#options), signal, mayGoOn);
    });
  }

  /** A commit that was not even begun; the lock is held. */
  async #takenBack(running: Folders, thrown: unknown, mayGoOn: MayGoOn): Promise<never> {
    const { cluster } = this.#options;
    const signal = AbortSignal.timeout(TAKE_BACK_MS);
    const { candidate } = await this.#watch.readNow(this.#api, signal);
    await this.#edit(editsBetween(candidate, ownedIn(running, cluster), this.#options), signal, mayGoOn);
    throw thrown;
  }

  async #edit(edits: readonly Edit[], signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    for (let from = 0; from < edits.length; from += MOST_EDITS)
      await this.#api.edit(edits.slice(from, from + MOST_EDITS), signal, mayGoOn);
  }

  /** Without it a commit would publish what others have edited. */
  async #admin(signal: AbortSignal): Promise<string> {
    const { user } = await this.#api.account(signal);
    if (user !== undefined) return user;
    throw new SallyportError(
      'DEVICE_CREDENTIALS',
      'write "user" beside "key" into the credentials: commits are limited to what this account has edited',
    );
  }
}

/** How long taking back edits may take when the caller's time is over. */
const TAKE_BACK_MS = 20_000;
