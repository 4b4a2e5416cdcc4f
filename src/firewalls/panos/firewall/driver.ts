import { allEnded } from '../../../base/all-ended.ts';
import { SallyportError } from '../../../base/error.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import type { Connections } from '../../connections.ts';
import type { Capabilities, DeviceOwner, Driver, ListBehind, MayGoOn, Translation } from '../../driver.ts';
import { LastLook } from '../../last-look.ts';
import { MachineLock } from '../../machine-lock.ts';
import { tableUses } from '../../rulebase/capacity.ts';
import type { RuleBase, WantedRuleBase } from '../../rulebase/model.ts';
import { driftSince } from '../../rulebase/drift.ts';
import { behaviourOf } from '../../rulebase/lift.ts';
import { standing } from '../../rulebase/standing-groups.ts';
import { type ListWriter, RuleBaseTranslator } from '../../rulebase/translator.ts';
import type { DeviceReading } from './device.ts';
import { SEVERAL_VSYS, panosDialect } from '../entries/dialect.ts';
import type { Positions } from '../configuration/edits.ts';
import {
  type Ground,
  blockOf,
  foreignIn,
  groundOf,
  observedIn,
  orphansIn,
  wantedText,
} from '../configuration/ground.ts';
import { type Capacity, readCapacity, readIdentity, isKnownVersion } from '../api/identity.ts';
import { withInUse } from '../configuration/in-use.ts';
import type { Fetcher } from '../lists/list-contents.ts';
import { type Shown, listTables, listsBehind } from '../lists/list-steps.ts';
import { type FetchedLists, takeLists } from '../lists/lists.ts';
import { withinTags, withinTagsOnTheWay } from '../members/most-tags.ts';
import type { PanosOptions } from '../configuration/options.ts';
import { holdsOurs } from '../entries/owned.ts';
import { Pair, type Roles, type Unit } from './pair.ts';
import { PanosPassages, placeInVsys } from '../flows/passages.ts';
import { holdsPushed, keptByPanorama, pushedRules } from '../configuration/pushed-rules.ts';
import type { Folders } from '../entries/read-entries.ts';
import { moveStep, newcomerTags } from '../change/beside-commit.ts';
import { stepsBesideOthers } from '../change/beside-others.ts';
import { leftovers } from '../change/leftovers.ts';
import { heldOf } from '../members/registered.ts';
import type { RegistryReading } from '../members/registry.ts';
import { Rooms } from '../change/rooms.ts';
import type { Scope } from '../api/scope.ts';
import { Sessions } from '../flows/sessions.ts';
import { type PanosActual, startOf, unitsIn } from './actual.ts';
import { ShownLists, fetchLists, isUsedIn, listRoomsIn } from './shown-lists.ts';
import { type PanosStep, stepsToLeave, stepsToTakeBack } from '../change/steps.ts';
import { TaggedReadings } from '../members/tagged.ts';
import { crowdedOut, tagsOfOthers, withPlaceFor } from '../members/tags-of-others.ts';
import { together } from '../change/together.ts';

export interface PanosTranslation extends Translation {
  readonly wanted: WantedRuleBase;
  /** Absent: none are kept there. */
  readonly lists?: FetchedLists;
}

export interface PanosCapabilities extends Capabilities {
  readonly capacity: Capacity;
}

const NOTHING_SHOWN: readonly Shown[] = [];

export interface PanosDriverOptions {
  /** The firewall, or both of a pair, each with what it needs to be reached; made when their scope is known. */
  readonly units: (scope: Scope, positions: Positions) => readonly [Unit] | readonly [Unit, Unit];
  readonly cluster: string;
  readonly firewall: string;
  readonly options: PanosOptions;
  /** Names of groups of others that may be taken over. */
  readonly adopt: readonly string[];
  readonly clock: Clock;
  /** Where lock files lie; absent: somebody else sees to it that one process writes. */
  readonly lockDirectory?: string | undefined;
  /** What makes the device one, for the lock of this machine. */
  readonly identity: string;
  /** Writes and proves lists; absent: in a thread. */
  readonly write?: ListWriter | undefined;
  close(): Promise<void>;
}

/** A firewall with PAN-OS 10.1 to 11.2, one vsys of it. */
export class PanosDriver implements Driver<PanosActual, PanosTranslation, PanosStep> {
  readonly #options: PanosDriverOptions;
  readonly #pair: Pair;
  readonly #lock: MachineLock;
  #ground: Ground;
  #capacity: Capacity | undefined;
  readonly #rooms = new Rooms();
  readonly #tagged = new TaggedReadings();
  /** What of ours is there unless somebody else changed it. */
  #expected: RuleBase | undefined;
  readonly #translator: RuleBaseTranslator;
  readonly #lists: ShownLists;
  readonly #sessions: Sessions;
  #hasSeveralVsys = false;
  #actual: PanosActual | undefined;
  #roles: Roles | undefined;
  /** Who was active and who stood by when addresses were registered, all that was done since the last reading. */
  #registeredAs: Roles | undefined;
  /** Who was active and stood by when all that registering rests on was asked. */
  readonly #lastLook: LastLook<Roles>;
  /** Another one of the pair took over, and nobody was told yet. */
  #isTakenOver = false;

  constructor(options: PanosDriverOptions) {
    const { cluster, lockDirectory, identity } = options;
    const { vsys } = options.options;
    this.#translator = new RuleBaseTranslator(blockOf(options.options, options.adopt), options.write);
    this.#options = options;
    this.#lists = new ShownLists(cluster);
    const scope: Scope = { kind: 'vsys', vsys };
    this.#ground = groundOf(scope, cluster, options.options, panosDialect('PAN-OS', options.options.members));
    const { positions } = this.#ground;
    this.#pair = new Pair(options.units(scope, positions));
    this.#lastLook = new LastLook(options.clock);
    this.#lock = new MachineLock(lockDirectory, `panos ${identity} ${vsys}`);
    this.#sessions = new Sessions({
      // Of a pair the other one is told which sessions there are.
      api: () => (this.#roles?.active ?? this.#pair.first).api,
      zones: options.options.zones,
      lock: () => this.#lock.take(),
    });
  }

  /** Where there are several vsys a filter may mean addresses of others. */
  get connections(): Connections | undefined {
    return this.#hasSeveralVsys ? undefined : this.#sessions;
  }

  get connectionsStay(): string | undefined {
    return this.#hasSeveralVsys ? SEVERAL_VSYS : this.#sessions.refusal;
  }

  async capabilities(signal: AbortSignal): Promise<PanosCapabilities> {
    const roles = await this.#pair.roles(signal);
    this.#roles ??= roles;
    const { active, notes } = roles;
    const { api } = active;
    const identity = await readIdentity(api, signal);
    const { model, version, isPanorama, hasSeveralVsys } = identity;
    this.#hasSeveralVsys = hasSeveralVsys;
    if (isPanorama)
      throw new SallyportError(
        'DEVICE_UNSUPPORTED',
        'this is a Panorama; the driver panos keeps single firewalls and pairs',
      );
    const probing = hasSeveralVsys ? undefined : this.#sessions.probe(signal);
    const [capacity] = await allEnded([readCapacity(api, signal), probing]);
    for (const { device } of this.#pair.units) device.capacity = capacity.registered;
    this.#capacity = capacity;
    const { style } = this.#ground;
    this.#ground = { ...this.#ground, style: { ...style, mostMembers: capacity.membersOfGroup } };
    return {
      device: `${model}, PAN-OS ${version}`,
      families: [4, 6],
      owns: undefined,
      transactionLimit: undefined,
      notes: [
        ...(this.connectionsStay === undefined ? [] : [this.connectionsStay]),
        ...notes,
        ...(isKnownVersion(version)
          ? []
          : [`PAN-OS ${version} is not among the releases that are known, 10.1 to 11.2`]),
      ],
      capacity,
    };
  }

  async observe(signal: AbortSignal): Promise<PanosActual> {
    this.#lastLook.take();
    const { active, reading, standby } = await this.#read(signal);
    const { running, candidate, pushed } = reading.configuration;
    const shown = await this.#shown(running, signal);
    const last = this.#actual;
    const { inUse } = active.device;
    const left = inUse.version;
    const isSame =
      last?.active === active && last.reading === reading && last.standby === standby && last.left === left;
    if (isSame && last.shown === shown) return last;
    const { cluster } = this.#ground;
    const { registered, marker } = reading.registry;
    const tagged = this.#tagged.of(registered);
    const observed = withInUse(observedIn(running, tagged, this.#ground), inUse, running, cluster);
    const orphans = orphansIn(tagged, observed, this.#ground);
    const rival = active.device.rival(reading);
    const { vsys } = this.#options.options;
    const rooms = this.#capacity && this.#rooms.in(running, reading.registry, observed, this.#capacity, this.#ground);
    const listRooms = this.#capacity && listRoomsIn(running, shown, this.#capacity.lists, cluster);
    const isLost = marker === undefined && last?.reading.registry.marker !== undefined && last.active === active;
    const isAnew = isLost || this.#isTakenOver;
    this.#isTakenOver = false;
    // Without a memory of what we wrote, where another copy of ours wrote, and where it begins anew, what is read is where hands begin from.
    if (rival !== undefined || isAnew) this.#expected = undefined;
    this.#expected ??= observed;
    this.#actual = {
      empty:
        !holdsOurs(running, cluster) &&
        !holdsOurs(candidate, cluster) &&
        marker === undefined &&
        standby?.marker === undefined &&
        orphans.length === 0,
      drift: driftSince(this.#expected, observed),
      foreign: [...pushedRules(pushed, vsys), ...foreignIn(running, this.#ground)],
      behaviour: behaviourOf(observed),
      rival,
      ...(isAnew ? { anew: true } : {}),
      tables: rooms && [...tableUses(rooms), ...(listRooms === undefined ? [] : listTables(listRooms))],
      observed,
      isKeptByPanorama: !holdsOurs(running, cluster) && holdsPushed(pushed, vsys, cluster),
      left,
      reading,
      rooms,
      orphans,
      active,
      standby,
      shown,
      listRooms,
    };
    return this.#actual;
  }

  /**
   * Registering rests on who is active, on marker and number, which are asked, and on groups that a hand may have changed: those are asked for as after a
   * registration. The write right afterwards asks none of it once more.
   */
  async isAsRead(actual: PanosActual, steps: readonly PanosStep[], signal: AbortSignal): Promise<boolean> {
    const roles = this.#roles;
    if (actual !== this.#actual || roles === undefined || this.#options.options.lists !== undefined) return false;
    if (steps.some((step) => step.does !== 'register')) return false;
    const found = await this.#lastLook.look(async () => {
      const { active, standby } = roles;
      const [now, reading, registered] = await allEnded([
        this.#pair.roles(signal),
        active.device.read(signal, true),
        standby?.device.readRegistered(signal),
      ]);
      const isSame = now.active === active && now.standby === standby && active.device.inUse.version === actual.left;
      return isSame && reading === actual.reading && registered === actual.standby ? now : undefined;
    });
    return found !== undefined;
  }

  async passages(signal: AbortSignal): Promise<PanosPassages> {
    const { active } = await this.#pair.roles(signal);
    const { cluster, options } = this.#options;
    const block = { cluster, options, placeIn: placeInVsys({ options }) };
    return await PanosPassages.read(active.api, options.vsys, {}, block, signal);
  }

  /** Both of a pair fetch for themselves: whoever takes over goes by what it has. */
  async #shown(running: Folders, signal: AbortSignal): Promise<readonly Shown[]> {
    const { active, standby } = this.#roles ?? {};
    if (this.#options.options.lists === undefined || active === undefined) return NOTHING_SHOWN;
    const units = standby === undefined ? [active] : [active, standby];
    return await this.#lists.read(units, running, this.#hasSeveralVsys, signal);
  }

  /**
   * Read as if those were active and standing by who were last; who is, is asked meanwhile. After a registration of ours only registered
   * addresses are asked for, as long as the rest was read a moment ago.
   */
  async #read(signal: AbortSignal): Promise<{
    readonly active: Unit;
    readonly reading: DeviceReading;
    readonly standby: RegistryReading | undefined;
  }> {
    const guess = this.#roles;
    const registeredAs = this.#registeredAs;
    this.#registeredAs = undefined;
    const read = (of: Roles): Promise<readonly [DeviceReading, RegistryReading | undefined]> =>
      allEnded([of.active.device.read(signal, of === registeredAs), of.standby?.device.readRegistered(signal)]);
    if (registeredAs?.active.device.isRecent === true) {
      this.#roles = registeredAs;
      const [reading, standby] = await read(registeredAs);
      return { active: registeredAs.active, reading, standby };
    }
    const [roles, guessed] = await Promise.allSettled([this.#pair.roles(signal), guess && read(guess)]);
    if (roles.status === 'rejected') throw roles.reason;
    const { active, standby } = (this.#roles = roles.value);
    const isRight = guess?.active === active && guess.standby === standby;
    if (isRight && guessed.status === 'rejected') throw guessed.reason;
    const known = isRight && guessed.status === 'fulfilled' ? guessed.value : undefined;
    if (guess !== undefined && guess.active !== active) {
      this.#isTakenOver = true;
      active.device.takesOver();
    }
    const [reading, registered] = known ?? (await read(roles.value));
    return { active, reading, standby: registered };
  }

  prepare(desired: Ruleset, _capabilities: PanosCapabilities, signal: AbortSignal): Promise<void> {
    return this.#translator.prepare(this.#listsOf(desired).ruleset, this.#ground.dialect, signal);
  }

  translate(desired: Ruleset): PanosTranslation {
    const { lists, ruleset, refusals: unsaid } = this.#listsOf(desired);
    const translated = this.#translator.translate(ruleset, this.#ground.dialect);
    const { wanted, refusals, leftOut } = withinTags(translated.wanted, ruleset.groups.values());
    const all = [...unsaid, ...translated.refusals, ...refusals];
    return { refusals: all, behaviour: behaviourOf(wanted), wanted, lists, leftOut };
  }

  steps(actual: PanosActual, { wanted: wished, lists }: PanosTranslation): readonly PanosStep[] {
    if (actual.isKeptByPanorama) {
      const owned = keptByPanorama(this.#options.options.vsys, this.#ground.cluster);
      return leftovers(stepsToTakeBack(startOf(actual, this.#ground), this.#ground), owned);
    }
    const { wanted } = standing(actual.observed, wished, this.#ground.style.names, true);
    const next = withinTagsOnTheWay(actual.observed, wanted);
    const { registered } = actual.reading.registry;
    return stepsBesideOthers(startOf(actual, this.#ground), next, registered, this.#ground, lists);
  }

  behind(actual: PanosActual, { lists, wanted }: PanosTranslation): readonly ListBehind[] {
    const { running, pushed } = actual.reading.configuration;
    const fetched = lists && listsBehind(lists, actual.shown, isUsedIn(running, pushed !== undefined));
    return [...(fetched ?? []), ...crowdedOut(unitsIn(actual), this.#ground.style, actual.observed, wanted)];
  }

  together(first: PanosStep, second: PanosStep): PanosStep | undefined {
    const both = together(first, second);
    const { device } = this.#pair.unit(second.active);
    return both !== undefined && device.hasRoomFor(both.joins) ? both : undefined;
  }

  releasing(isGivenUp: (address: string) => boolean): PanosStep | undefined {
    const active = this.#roles?.active;
    const beside = active?.device.beside();
    if (active === undefined || beside === undefined) return undefined;
    const leaves = heldOf(beside.registered, this.#ground.style.tags, isGivenUp);
    return leaves.length === 0 ? undefined : moveStep({ leaves }, beside.state, active.title);
  }

  joining(addresses: readonly string[], before: PanosTranslation, after: PanosTranslation): PanosStep | undefined {
    const active = this.#roles?.active;
    const beside = active?.device.beside();
    const observed = this.#actual?.observed;
    if (active === undefined || beside === undefined || observed === undefined) return undefined;
    const asked = new Set(addresses);
    const { style } = this.#ground;
    const held = heldOf(beside.registered, style.tags, (address) => asked.has(address));
    const { isSure } = beside;
    const places = { addresses: asked, before: before.wanted, after: after.wanted, observed, held, isSure };
    const others = tagsOfOthers(beside.registered, style.tags);
    const joins = withPlaceFor(newcomerTags(places, style), held, others);
    if (joins.length === 0 || !active.device.hasRoomFor(joins)) return undefined;
    return moveStep({ joins }, beside.state, active.title);
  }

  leave(actual: PanosActual, owner: DeviceOwner): readonly PanosStep[] {
    const { cluster, firewall } = this.#options;
    if (owner.cluster !== cluster || owner.firewall !== firewall)
      throw new SallyportError(
        'DEVICE_OWNED',
        `what is ours there belongs to the cluster ${cluster}, BorderFirewall ${firewall}`,
      );
    // Whatever is registered there is the other one's, which takes it off.
    const start = startOf(actual, this.#ground);
    return actual.isKeptByPanorama ? stepsToTakeBack(start, this.#ground) : stepsToLeave(start, this.#ground);
  }

  render(what: PanosStep | PanosTranslation): string {
    if ('does' in what) return what.text;
    return wantedText(what.wanted, this.#ground, what.lists?.wanted);
  }

  async apply(step: PanosStep, signal: AbortSignal, mayGoOn: MayGoOn = () => undefined): Promise<void> {
    await this.#lock.take();
    signal.throwIfAborted();
    const { title, device } = this.#pair.unit(step.active);
    const looked = this.#lastLook.take();
    const isLookedAt = step.does === 'register' && looked !== undefined;
    const asked = (isLookedAt ? Promise.resolve(looked) : this.#pair.roles(signal)).then((roles) => {
      if (roles.active.title === title) return roles;
      throw new SallyportError(
        'DEVICE_CHANGED',
        `${title} is not the active one any more: ${roles.active.title} took over`,
      );
    });
    if (step.does === 'move') return await device.move(step, signal, mayGoOn, asked);
    this.#registeredAs = undefined;
    if (step.does === 'fetch') {
      await asked;
      const running = this.#actual?.reading.configuration.running;
      if (running === undefined) return;
      const fetcherOf = (name: string): Fetcher => this.#pair.unit(name).device.fetcher(running);
      await fetchLists(step.asks, fetcherOf, signal, mayGoOn);
      return;
    }
    this.#expected = undefined;
    const isQuick = step.does === 'register' && !step.standby;
    if (isQuick) {
      await device.register(step, signal, mayGoOn, asked, isLookedAt);
      this.#registeredAs = await asked;
    } else {
      const { standby } = await asked;
      if (step.does === 'configure') {
        const hasMoved = await device.configure(step, signal, mayGoOn);
        if (hasMoved) return;
      } else if (step.does === 'takeBack') await device.takeBack(signal, mayGoOn);
      else await standby?.device.register(step, signal, mayGoOn);
    }
    this.#expected = step.leads;
  }

  warnings(): readonly string[] {
    return this.#pair.units.flatMap(({ device }) => device.warnings());
  }

  keepers(): Promise<readonly string[] | undefined> {
    return this.#lock.owners();
  }

  /** Gives the lock back. What is on the device stays. */
  async close(): Promise<void> {
    await this.#options.close();
    await this.#lock.release();
  }

  #listsOf(desired: Ruleset): ReturnType<typeof takeLists> {
    return takeLists(desired, this.#options.options.lists, this.#ground.style.names);
  }
}
