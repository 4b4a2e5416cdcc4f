import { allEnded } from '../../../base/all-ended.ts';
import type { Clock } from '../../../base/clock.ts';
import { deadline } from '../../../base/deadline.ts';
import { SallyportError, toSallyportError } from '../../../base/error.ts';
import type { MayGoOn } from '../../driver.ts';
import type { InUse } from '../../rulebase/in-use.ts';
import type { PanosApi } from '../api/api.ts';
import { Candidate, accountOf } from '../configuration/candidate.ts';
import { type ConfigurationReading, ConfigurationWatch, pushesIn } from '../configuration/configuration.ts';
import type { Entries } from '../entries/entries.ts';
import type { Ground } from '../configuration/ground.ts';
import { readIdentity } from '../api/identity.ts';
import { readJobs } from '../api/jobs.ts';
import { type Fetcher, type ListsReading, NO_LISTS } from '../lists/list-contents.ts';
import type { Ask } from '../lists/list-steps.ts';
import { withLeftovers } from '../change/leftovers.ts';
import { type Managed, type ManagedFirewall, ManagedFirewalls } from './managed.ts';
import { ManagedLists } from './managed-lists.ts';
import { digestOf, isEmpty, ownedIn } from '../entries/owned.ts';
import { push, pushesByAdmin } from './push.ts';
import { pushedFolders } from '../configuration/pushed-rules.ts';
import { PushedWatch, begun } from './pushed.ts';
import { Registry, type RegistryReading, type StateChange } from '../members/registry.ts';
import type { TagChange } from '../members/registered.ts';
import { Resting } from './resting.ts';
import { fetchLists } from '../firewall/shown-lists.ts';
import { type XmlElement, element } from '../api/xml.ts';

/** One firewall has answered by then, or counts as not reached: the others are not kept waiting. */
const FIREWALL_MS = 20_000;

/** Nothing was pushed. */
const NOTHING = element('panorama');

/** What one firewall of the device group holds of ours. */
export interface FirewallReading {
  readonly firewall: ManagedFirewall;
  /** What was pushed to it. */
  readonly entries: Entries;
  readonly digest: string;
  readonly registry: RegistryReading;
  /** How many addresses it takes, where it told. */
  readonly capacity: number | undefined;
  /** What it shows of the lists that were pushed to it. */
  readonly lists: ListsReading;
  /** Another BorderFirewall of our cluster keeps the firewall itself, as marks in its own vsys say: it is not ours to write to. */
  readonly isKeptItself: boolean;
}

/** What Panorama holds, and what each of its firewalls does. */
export interface PanoramaReading {
  readonly configuration: ConfigurationReading;
  /** Rules of the groups below. */
  readonly below: readonly XmlElement[];
  /** Those that are written to; where others of our cluster keep all that can be read, these. */
  readonly firewalls: readonly FirewallReading[];
  /** Those that others of our cluster keep, and of one with several vsys all of it, as a push is for all of them. */
  readonly kept: readonly FirewallReading[];
  /** Firewalls that could not be read, each with the reason. */
  readonly unread: readonly string[];
  /** A lock of ours keeps people out, and nobody is going to give it back. */
  readonly lockStays: boolean;
}

/** What happens to the registered addresses of one firewall. */
export interface FirewallChange extends StateChange {
  readonly key: string;
  readonly joins: readonly TagChange[];
  readonly leaves: readonly TagChange[];
}

/** A change of the configuration that ends in a push to firewalls that run the same before. */
export interface PanoramaChange extends StateChange {
  readonly before: string;
  readonly after: Entries;
  readonly keys: readonly string[];
}

interface Known {
  readonly registry: Registry;
  readonly pushed: PushedWatch;
  readonly lists: ManagedLists;
  last: { readonly root: XmlElement; readonly reading: FirewallReading } | undefined;
}

export interface PanoramaDeviceOptions {
  readonly ground: Ground;
  readonly firewall: string;
  /** Lists of ours are asked for. */
  readonly readsLists: boolean;
  readonly clock: Clock;
}

/**
 * One device group of a Panorama: its configuration, which reaches firewalls by a push alone, and the registered addresses of each firewall,
 * which Panorama hands through to it by its serial.
 */
export class PanoramaDevice {
  readonly #api: PanosApi;
  readonly #options: PanoramaDeviceOptions;
  readonly #watch: ConfigurationWatch;
  readonly #candidate: Candidate;
  readonly #managed: ManagedFirewalls;
  readonly #known = new Map<string, Known>();
  readonly #capacity = new Map<string, number | undefined>();
  readonly resting: Resting;
  #last: PanoramaReading | undefined;
  #present: readonly ManagedFirewall[] = [];
  #warnings: readonly string[] = [];

  constructor(api: PanosApi, options: PanoramaDeviceOptions) {
    this.#api = api;
    this.#options = options;
    const { ground, clock } = options;
    this.#watch = new ConfigurationWatch(ground.scope, clock);
    this.#candidate = new Candidate(api, this.#watch, { ...ground, clock });
    this.#managed = new ManagedFirewalls(ground.scope, ground.cluster, clock);
    this.resting = new Resting(clock);
  }

  /** How many addresses a firewall takes, by serial, where it tells. */
  setCapacity(serial: string, most: number | undefined): void {
    this.#capacity.set(serial, most);
    for (const { key, serial: own } of this.#present) if (own === serial) this.#knownOf(key).registry.capacity = most;
  }

  /** The firewalls of the group that are ours to write to, as they were read last. */
  get present(): readonly ManagedFirewall[] {
    const kept = new Set(this.#last?.kept.map(({ firewall }) => firewall.key));
    return this.#present.filter(({ key }) => !kept.has(key));
  }

  /** The firewalls of the group, connected or not, as they were read last; asked for where they were not read yet. */
  async firewalls(signal: AbortSignal): Promise<readonly ManagedFirewall[]> {
    return this.#present.length > 0 ? this.#present : await this.firewallsNow(signal);
  }

  async firewallsNow(signal: AbortSignal): Promise<readonly ManagedFirewall[]> {
    return (await this.#look(signal)).present;
  }

  /** The same object as long as nothing changed. Rejects where no firewall can be read: nothing is known then. */
  async read(signal: AbortSignal): Promise<PanoramaReading> {
    const [{ configuration, present, below }, lockStays] = await allEnded([
      this.#look(signal),
      this.#candidate.lock.stays(signal),
    ]);
    const { pushes } = configuration;
    const answers = await Promise.all(present.map((firewall) => this.#readOne(firewall, pushes, signal)));
    signal.throwIfAborted();
    const read = answers.filter((one): one is FirewallReading => typeof one !== 'string');
    const serials = new Set(read.filter(({ isKeptItself }) => isKeptItself).map(({ firewall }) => firewall.serial));
    const kept = read.filter(({ firewall }) => serials.has(firewall.serial));
    const firewalls = kept.length === read.length ? read : read.filter((one) => !kept.includes(one));
    const unread = answers.filter((one): one is string => typeof one === 'string');
    if (firewalls.length === 0)
      throw new SallyportError(
        'DEVICE_UNREACHABLE',
        present.length === 0
          ? 'the device group has no firewall: nothing would be kept by it'
          : `no firewall of the device group can be read: ${unread.join('; ')}`,
      );
    const last = this.#last;
    if (
      last?.configuration === configuration &&
      last.below === below &&
      last.lockStays === lockStays &&
      last.unread.join('\n') === unread.join('\n') &&
      isSameList(last.kept, kept) &&
      isSameList(last.firewalls, firewalls)
    )
      return last;
    this.#last = { configuration, below, firewalls, kept, unread, lockStays };
    return this.#last;
  }

  rival({ firewalls }: PanoramaReading): string | undefined {
    for (const { firewall, registry } of firewalls) {
      const rival = this.#knownOf(firewall.key).registry.rival(registry.marker);
      if (rival !== undefined) return rival;
    }
    return undefined;
  }

  /** Registered addresses of several firewalls, side by side: one that fails does not keep the others from what is theirs. */
  async register(changes: readonly FirewallChange[], signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    const ended = await Promise.allSettled(
      changes.map(async ({ key, ...change }) => {
        const known = this.#knownOf(key);
        if (!isSettled(known)) await this.#refuseBegun(known, signal);
        await known.registry.write(this.#api, change, signal, mayGoOn);
      }),
    );
    const failed = ended.flatMap((one, at) =>
      one.status === 'rejected'
        ? [{ title: this.#titleOf(changes[at]?.key), error: toSallyportError(one.reason) }]
        : [],
    );
    // Who has to read again hears of it first.
    const first = failed.find(({ error }) => error.blame === 'conflict') ?? failed[0];
    if (first !== undefined) throw named(first.title, first.error);
  }

  /**
   * Commits on Panorama, and pushes to the firewalls that the step is for. Those that refuse rest for a while; where all do, it rejects with
   * their words. Rejects with `DEVICE_CHANGED` where a firewall is not in the state that the step was made for.
   */
  async configure(change: PanoramaChange, signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    const { before, after, keys, from, to } = change;
    const goal = digestOf(after);
    const level = this.#present.filter(({ key }) => keys.includes(key));
    let there: ReadonlySet<string> = new Set();
    const check = async (): Promise<void> => {
      const pushes = await this.#pushes(signal);
      const found = await Promise.all(
        level.map(async (firewall) => {
          const { registry } = this.#knownOf(firewall.key);
          const [{ digest, isKeptItself }, state] = await Promise.all([
            this.#pushedTo(firewall, pushes, signal),
            registry.state(this.#api, signal),
          ]);
          if (isKeptItself) throw named(firewall.title, begun());
          if (digest !== goal && (digest !== before || (state !== from && state !== to)))
            throw new SallyportError(
              'DEVICE_CHANGED',
              `${firewall.title}: what it holds of ours is not what it was when this was planned`,
            );
          return { key: firewall.key, digest };
        }),
      );
      there = new Set(found.filter(({ digest }) => digest === goal).map(({ key }) => key));
    };
    await this.#candidate.commit(after, check, signal, mayGoOn);
    await this.#push(
      level.filter(({ key }) => !there.has(key)),
      goal,
      signal,
      mayGoOn,
    );
    const resting = this.resting.now();
    const reached = level.filter(({ key, serial }) => there.has(key) || resting.get(serial) !== goal);
    if (reached.length === 0)
      throw new SallyportError('DEVICE_REJECTED', level.map(({ serial }) => this.resting.wordsOf(serial)).join('; '));
    await this.register(
      reached.map(({ key }) => ({ key, from, to, joins: [], leaves: [] })),
      signal,
      mayGoOn,
    );
  }

  /** Pushes what Panorama runs to firewalls that do not. `digest`: of what that is of ours. Those that refuse rest for a while. */
  async push(keys: readonly string[], digest: string, signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    const { running } = await this.#watch.readNow(this.#api, signal);
    if (digestOf(ownedIn(running, this.#options.ground.cluster)) !== digest)
      throw new SallyportError('DEVICE_CHANGED', 'what Panorama runs of ours is not what was to be pushed');
    await this.#push(
      this.#present.filter(({ key }) => keys.includes(key)),
      digest,
      signal,
      mayGoOn,
    );
  }

  /** Makes what Panorama holds of ours what the firewalls run, where somebody else's push would bring them something else. */
  async takeBack(after: Entries, signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    await this.#candidate.commit(after, () => undefined, signal, mayGoOn);
  }

  /** Asks firewalls to fetch lists now. */
  async fetch(asks: readonly Ask[], signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    await fetchLists(asks, (title) => this.#fetcher(title), signal, mayGoOn);
  }

  /** What Panorama did not let go. */
  get inUse(): InUse {
    return this.#candidate.inUse;
  }

  /** What Panorama and firewalls warned of in commits and pushes since this was asked last. */
  warnings(): readonly string[] {
    const told = [...this.#candidate.warnings(), ...this.#warnings];
    this.#warnings = [];
    return told;
  }

  async #push(
    firewalls: readonly ManagedFirewall[],
    goal: string,
    signal: AbortSignal,
    mayGoOn: MayGoOn,
  ): Promise<void> {
    if (firewalls.length === 0) return;
    const admin = await accountOf(this.#api, signal);
    const { version } = await readIdentity(this.#api, signal);
    const by = pushesByAdmin(version) ? admin : undefined;
    const results = await push(this.#api, firewalls, by, signal, mayGoOn);
    const pushes = await this.#pushes(signal);
    for (const firewall of firewalls) {
      const { serial, title } = firewall;
      const result = results.get(serial);
      const warnings = (result?.warnings ?? []).map((line) => `${title}: ${line}`);
      this.#warnings = [...this.#warnings, ...warnings];
      if (result?.result === 'FAIL')
        this.resting.refused(firewall, goal, result.lines.join(' ') || 'no reason is given');
      else if ((await this.#pushedTo(firewall, pushes, signal)).digest === goal) this.resting.took(serial);
      else this.resting.refused(firewall, goal, 'the push went well, but what it says was pushed to it is not that');
    }
  }

  async #look(signal: AbortSignal): Promise<{
    readonly configuration: ConfigurationReading;
    readonly present: readonly ManagedFirewall[];
    readonly below: readonly XmlElement[];
  }> {
    const configuration = await this.#watch.read(this.#api, signal);
    const { firewalls, rules } = await this.#managedUnder(configuration, signal);
    this.#present = firewalls;
    return { configuration, present: firewalls, below: rules };
  }

  async #managedUnder({ running, candidate }: ConfigurationReading, signal: AbortSignal): Promise<Managed> {
    try {
      return await this.#managed.read(this.#api, running, signal);
    } catch (thrown) {
      if (!(thrown instanceof SallyportError) || thrown.code !== 'DEVICE_OWNED') throw thrown;
      const [runs, edited] = [running, candidate].map((one) => digestOf(ownedIn(one, this.#options.ground.cluster)));
      throw withLeftovers(thrown, runs !== edited, await this.#candidate.lock.stays(signal));
    }
  }

  /** Pushes that have ended by now. */
  async #pushes(signal: AbortSignal): Promise<string> {
    return pushesIn(await readJobs(this.#api, signal));
  }

  /** The same object as long as nothing changed; a text: why it could not be read. */
  async #readOne(firewall: ManagedFirewall, pushes: string, signal: AbortSignal): Promise<FirewallReading | string> {
    const known = this.#knownOf(firewall.key);
    if (!firewall.connected) {
      known.pushed.forget();
      known.registry.forget();
      known.lists.forget();
      // Whatever it refused, it is pushed to as soon as it is back.
      this.resting.took(firewall.serial);
      return `${firewall.title} is not connected to Panorama, and keeps what it has`;
    }
    try {
      using limit = deadline(signal, FIREWALL_MS, 'DEVICE_UNREACHABLE');
      const [pushed, registry] = await Promise.all([
        known.pushed.read(this.#api, pushes, isSettled(known), limit.signal),
        known.registry.read(this.#api, limit.signal),
      ]);
      const { isKeptItself } = pushed;
      const root = pushed.root ?? (isKeptItself ? NOTHING : undefined);
      if (root === undefined)
        return `nothing was ever pushed to ${firewall.title}; push the device group to it once, as its first push brings everybody's work`;
      const { last } = known;
      const isSame =
        last?.root === root &&
        last.reading.firewall.title === firewall.title &&
        last.reading.isKeptItself === isKeptItself;
      const entries = isSame ? last.reading.entries : this.#oursIn(root, firewall);
      const names = [...entries.objects['external-list'].keys()];
      const lists = this.#options.readsLists ? await known.lists.read(this.#api, names, root, limit.signal) : NO_LISTS;
      const { capacity } = known.registry;
      const isStill = isSame && last.reading.registry === registry && last.reading.capacity === capacity;
      if (isStill && last.reading.lists === lists) return last.reading;
      const digest = isSame ? last.reading.digest : digestOf(entries);
      const reading = { firewall, entries, digest, registry, capacity, lists, isKeptItself };
      known.last = { root, reading };
      return reading;
    } catch (thrown) {
      const error = toSallyportError(thrown);
      if (error.code === 'DEVICE_CREDENTIALS' || error.code === 'INTERNAL') throw thrown;
      return `${firewall.title} could not be read: ${error.message}`;
    }
  }

  async #pushedTo(
    firewall: ManagedFirewall,
    pushes: string,
    signal: AbortSignal,
  ): Promise<Pick<FirewallReading, 'digest' | 'isKeptItself'>> {
    const known = this.#knownOf(firewall.key);
    const { root, isKeptItself } = await known.pushed.read(this.#api, pushes, isSettled(known), signal);
    return { digest: root === undefined ? '' : digestOf(this.#oursIn(root, firewall)), isKeptItself };
  }

  #oursIn(root: XmlElement, { vsys }: ManagedFirewall): Entries {
    const { scope, cluster } = this.#options.ground;
    const base = scope.kind === 'vsys' ? 'rulebase' : `${scope.rulebase}-rulebase`;
    return ownedIn(pushedFolders(root, vsys, base), cluster);
  }

  async #refuseBegun({ pushed }: Known, signal: AbortSignal): Promise<void> {
    const { isKeptItself } = await pushed.read(this.#api, await this.#pushes(signal), false, signal);
    if (isKeptItself) throw begun();
  }

  #knownOf(key: string): Known {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { ground, firewall, clock } = this.#options;
    const [serial = '', vsys = ''] = key.split(' ');
    const registry = new Registry({
      cluster: ground.cluster,
      firewall,
      unit: key,
      where: { target: serial, vsys },
      clock,
    });
    registry.capacity = this.#capacity.get(serial);
    const pushed = new PushedWatch({ serial, vsys }, ground.cluster, clock);
    const made = { registry, pushed, lists: new ManagedLists(serial, clock), last: undefined };
    this.#known.set(key, made);
    return made;
  }

  #fetcher(title: string): Fetcher {
    const key = this.#present.find((one) => one.title === title)?.key;
    const known = key === undefined ? undefined : this.#known.get(key);
    const root = known?.last?.root;
    if (known === undefined || root === undefined)
      throw new SallyportError('DEVICE_CHANGED', `${title} is not among the firewalls of the device group any more`);
    const { lists } = known;
    return {
      readLists: (names, signal) => lists.read(this.#api, names, root, signal),
      refreshList: (name, members, signal, mayGoOn) => lists.refresh(this.#api, name, members, signal, mayGoOn),
    };
  }

  #titleOf(key: string | undefined): string {
    return this.#present.find((one) => one.key === key)?.title ?? `${key}`;
  }
}

/** It holds something of ours, and nobody else of ours does. */
function isSettled({ last }: Known): boolean {
  return last !== undefined && !last.reading.isKeptItself && !isEmpty(last.reading.entries);
}

function isSameList<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((it, at) => it === other[at]);
}

function named(title: string, { code, message, details }: SallyportError): SallyportError {
  return new SallyportError(code, `${title}: ${message}`, details);
}
