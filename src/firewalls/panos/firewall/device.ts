import { allEnded } from '../../../base/all-ended.ts';
import type { Clock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import type { MayGoOn } from '../../driver.ts';
import type { InUse } from '../../rulebase/in-use.ts';
import type { PanosApi } from '../api/api.ts';
import { Candidate } from '../configuration/candidate.ts';
import { holdsPushed, readPushed } from '../configuration/pushed-rules.ts';
import { type ConfigurationReading, ConfigurationWatch } from '../configuration/configuration.ts';
import type { Positions } from '../configuration/edits.ts';
import type { Entries } from '../entries/entries.ts';
import { type Fetcher, ListContents, type ListsReading } from '../lists/list-contents.ts';
import { digestOf, holdsOurs } from '../entries/owned.ts';
import type { Folders } from '../entries/read-entries.ts';
import { Registry, type RegistryChange, type RegistryReading, type StateChange } from '../members/registry.ts';
import type { Registered, TagChange } from '../members/registered.ts';
import { type Scope, scopeWord } from '../api/scope.ts';

/** What one firewall holds: its configuration, and beside it the registered addresses. */
export interface DeviceReading {
  readonly configuration: ConfigurationReading;
  readonly registry: RegistryReading;
  /** A lock of ours keeps people out, and nobody is going to give it back. */
  readonly lockStays: boolean;
}

/** A change of the configuration that ends in a commit. */
export interface ConfigurationChange extends StateChange {
  /** `digestOf` what of ours runs before. */
  readonly before: string;
  readonly after: Entries;
}

/** A change of the configuration that is under way. */
interface Configuring {
  /** The state that registered addresses are in. */
  state: string;
  /** All that they may be in, where an answer was lost. */
  readonly states: Set<string>;
  /** What is under way beside it; it does not reject. */
  moving: Promise<void>;
}

export interface PanosDeviceOptions {
  readonly scope: Scope;
  readonly cluster: string;
  readonly firewall: string;
  /** Which one of a pair. */
  readonly unit: string;
  /** The other one hands its configuration on to it. */
  readonly isOfPair: boolean;
  readonly positions: Positions;
  readonly clock: Clock;
}

/** One firewall with PAN-OS: what of ours it holds, read and written. */
export class PanosDevice {
  readonly #api: PanosApi;
  readonly #candidate: Candidate;
  readonly #watch: ConfigurationWatch;
  readonly #registry: Registry;
  readonly #lists: ListContents;
  readonly #vsys: string;
  readonly #cluster: string;
  #last: DeviceReading | undefined;
  #configuring: Configuring | undefined;
  /** Something of ours runs there; absent: it was not read yet. */
  #hasBegun: boolean | undefined;

  constructor(api: PanosApi, options: PanosDeviceOptions) {
    this.#api = api;
    this.#watch = new ConfigurationWatch(options.scope, options.clock, options.isOfPair);
    this.#candidate = new Candidate(api, this.#watch, options);
    this.#lists = new ListContents(options.clock);
    this.#vsys = scopeWord(options.scope);
    this.#cluster = options.cluster;
    this.#registry = new Registry({ ...options, where: { vsys: this.#vsys } });
  }

  /** How many addresses it takes, where it tells. */
  set capacity(most: number | undefined) {
    this.#registry.capacity = most;
  }

  /** Its configuration was read a moment ago, at rest: a registration of ours does not change it. */
  get isRecent(): boolean {
    return this.#watch.recent !== undefined;
  }

  /** The same object as long as nothing changed. `registered`: all that we did since it was read last was to register addresses. */
  async read(signal: AbortSignal, registered = false): Promise<DeviceReading> {
    const starts = this.#last?.configuration.starts;
    const recent = registered ? this.#watch.recent : undefined;
    const [configuration, known, lockStays] = await allEnded([
      recent ?? this.#watch.read(this.#api, signal),
      this.#registry.read(this.#api, signal),
      this.#candidate.lock.stays(signal),
    ]);
    const isRestarted = starts !== undefined && configuration.starts !== starts;
    if (isRestarted) this.#registry.forget();
    const registry = isRestarted ? await this.#registry.read(this.#api, signal) : known;
    const last = this.#last;
    if (last?.configuration === configuration && last.registry === registry && last.lockStays === lockStays)
      return last;
    const { running } = configuration;
    if (last?.configuration.running !== running) this.#hasBegun = holdsOurs(running, this.#cluster);
    this.#last = { configuration, registry, lockStays };
    return this.#last;
  }

  /** It takes over from the other one of a pair: what was believed of it is read anew. */
  takesOver(): void {
    this.#watch.forget();
    this.#registry.forget();
  }

  /** Of the one that stands by: its configuration is handed on to it. */
  readRegistered(signal: AbortSignal): Promise<RegistryReading> {
    return this.#registry.read(this.#api, signal);
  }

  /** What lists hold; `under`: the configuration in which they stand. */
  readLists(names: readonly string[], under: Folders, signal: AbortSignal): Promise<ListsReading> {
    return this.#lists.read(this.#api, names, under, signal);
  }

  /** Who asks for lists to be fetched now, and looks; `under` as in `readLists`. */
  fetcher(under: Folders): Fetcher {
    return {
      readLists: (names, signal) => this.readLists(names, under, signal),
      refreshList: (name, members, signal, mayGoOn) => this.#lists.refresh(this.#api, name, members, signal, mayGoOn),
    };
  }

  /** Whether it is sure that so many more can be registered, even if nobody left. */
  hasRoomFor(joins: readonly TagChange[]): boolean {
    return this.#registry.hasRoomFor(joins);
  }

  rival({ registry }: DeviceReading): string | undefined {
    return this.#registry.rival(registry.marker);
  }

  /** Registered addresses join and leave, at once; nothing is sent where `allowed` rejects. `isJustRead`: they were read right before. */
  register(
    change: RegistryChange,
    signal: AbortSignal,
    mayGoOn: MayGoOn,
    allowed?: Promise<unknown>,
    isJustRead = false,
  ): Promise<void> {
    const first = this.#hasBegun === false ? this.#refuseBegun(undefined, signal) : undefined;
    const both = first === undefined ? allowed : allEnded([allowed, first]);
    return this.#registry.write(this.#api, change, signal, mayGoOn, both, isJustRead);
  }

  /** A device group may have been pushed since that was read last, of which the firewall may leave no word. Rejects with `DEVICE_CHANGED`. */
  async #refuseBegun(running: Folders | undefined, signal: AbortSignal): Promise<void> {
    if (running !== undefined && holdsOurs(running, this.#cluster)) return;
    const pushed = await readPushed(this.#api, signal);
    if (holdsPushed(pushed, this.#vsys, this.#cluster))
      throw new SallyportError(
        'DEVICE_CHANGED',
        'another BorderFirewall of this cluster has begun to keep it by a Panorama',
      );
  }

  /**
   * Brings the configuration to what a step leads to. Rejects with `DEVICE_CHANGED` where what runs is not what the step was made for. Resolves with
   * whether addresses left or joined beside it: then registered addresses are in the state that this led to, else in that of the step.
   */
  async configure(change: ConfigurationChange, signal: AbortSignal, mayGoOn: MayGoOn): Promise<boolean> {
    const during: Configuring = { state: change.from, states: new Set([change.from]), moving: Promise.resolve() };
    const check = async (runs: string, running: Folders): Promise<void> => {
      const state = await this.#registry.state(this.#api, signal);
      await this.#refuseBegun(running, signal);
      if (runs === digestOf(change.after)) return;
      if (runs !== change.before || (!during.states.has(state) && state !== change.to))
        throw new SallyportError(
          'DEVICE_CHANGED',
          'the configuration of ours is not what it was when this was planned',
        );
    };
    this.#configuring = during;
    try {
      await this.#candidate.commit(change.after, check, signal, mayGoOn);
    } finally {
      this.#configuring = undefined;
      await during.moving;
    }
    if (during.states.size > 1) return true;
    await this.#registry.write(this.#api, { ...change, joins: [], leaves: [] }, signal, mayGoOn);
    return false;
  }

  /**
   * While the configuration changes: what is registered, or may be, where an answer was lost, and the state that it was in last, as far as is known
   * without asking. `undefined`: it does not change, or that is not known.
   */
  beside(): { readonly state: string; readonly registered: Registered; readonly isSure: boolean } | undefined {
    const { believed, isSure } = this.#registry;
    if (this.#configuring === undefined || believed === undefined) return undefined;
    return { state: this.#configuring.state, registered: believed, isSure };
  }

  /** Addresses leave or join while the configuration changes. Rejects with `DEVICE_CHANGED` where it does not any more. */
  async move(
    change: RegistryChange & { readonly to: string },
    signal: AbortSignal,
    mayGoOn: MayGoOn,
    allowed: Promise<unknown>,
  ): Promise<void> {
    const during = this.#configuring;
    if (during === undefined) {
      await allowed;
      throw new SallyportError(
        'DEVICE_CHANGED',
        'the commit has ended: who leaves or joins does so with the next plan',
      );
    }
    // Whether it gets there or not: neither what comes next nor what comes after the commit is told apart by it.
    during.states.add(change.to);
    const { states } = during;
    const work = this.#registry.write(this.#api, { ...change, states }, signal, mayGoOn, allowed);
    during.moving = work.catch(() => undefined);
    await work;
    during.state = change.to;
  }

  /** What it did not let go. */
  get inUse(): InUse {
    return this.#candidate.inUse;
  }

  /** What commits warned of since this was asked last. */
  warnings(): readonly string[] {
    return this.#candidate.warnings();
  }

  /** Makes what is ours in the candidate what runs: edits of a process that died, or that a commit refused. */
  takeBack(signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    return this.#candidate.takeBack(signal, mayGoOn);
  }
}
