import { SallyportError } from '../../../base/error.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import type { Actual, DeviceOwner, Driver, ListBehind, MayGoOn } from '../../driver.ts';
import { MachineLock } from '../../machine-lock.ts';
import { driftSince } from '../../rulebase/drift.ts';
import { behaviourOf } from '../../rulebase/lift.ts';
import { standing } from '../../rulebase/standing-groups.ts';
import { tableUses } from '../../rulebase/capacity.ts';
import type { RuleBase } from '../../rulebase/model.ts';
import { type ListWriter, RuleBaseTranslator } from '../../rulebase/translator.ts';
import type { PanosApi } from '../api/api.ts';
import { panosDialect } from '../entries/dialect.ts';
import type { PanosCapabilities, PanosTranslation } from '../firewall/driver.ts';
import {
  type Ground,
  blockOf,
  foreignIn,
  groundOf,
  observedIn,
  orphansIn,
  ourTags,
  wantedText,
} from '../configuration/ground.ts';
import { leftIn, withInUse } from '../configuration/in-use.ts';
import { type Capacity, isKnownVersion, leastOf, readCapacity, readIdentity } from '../api/identity.ts';
import { type ListRooms, type Shown, listRooms, listTables, listsBehind } from '../lists/list-steps.ts';
import { withinTags, withinTagsOnTheWay } from '../members/most-tags.ts';
import type { PanosOptions } from '../configuration/options.ts';
import { takeLists } from '../lists/lists.ts';
import { cleanWords, isNeverKept, keptByThemselves, keptWords } from './kept-itself.ts';
import { ManagedSessions } from './managed-sessions.ts';
import { digestOf, isEmpty, isOurs, ownedIn, withEntries } from '../entries/owned.ts';
import { ManagedPassages } from './managed-passages.ts';
import { PanoramaDevice, type PanoramaReading } from './panorama.ts';
import { unlessGone } from './gone.ts';
import { leaderIn } from './leader.ts';
import { type PanoramaStart, type PanoramaStep, panoramaSteps, panoramaStepsToLeave, takeBackSteps } from './steps.ts';
import { pushesByAdmin } from './push.ts';
import { leftovers } from '../change/leftovers.ts';
import { Rooms } from '../change/rooms.ts';
import type { Folders } from '../entries/read-entries.ts';
import { type Scope, scopeWord } from '../api/scope.ts';
import { taggedOf } from '../members/tagged.ts';
import { crowdedOut } from '../members/tags-of-others.ts';
import type { Clock } from '../../../base/clock.ts';

export interface PanoramaActual extends Actual {
  readonly start: PanoramaStart;
  /** What Panorama did not let go. */
  readonly left: string;
}

export interface PanoramaDriverOptions {
  readonly api: PanosApi;
  readonly scope: Scope;
  readonly cluster: string;
  readonly firewall: string;
  readonly options: PanosOptions;
  /** Names of groups of others that may be taken over. */
  readonly adopt: readonly string[];
  readonly clock: Clock;
  /** Writes and proves lists; absent: in a thread. */
  readonly write?: ListWriter | undefined;
  /** Where lock files lie; absent: somebody else sees to it that one process writes. */
  readonly lockDirectory?: string | undefined;
  /** What makes the Panorama one, for the lock of this machine. */
  readonly identity: string;
  close(): Promise<void>;
}

/** A device group of a Panorama, or `shared`, with all firewalls that it reaches. */
export class PanoramaDriver implements Driver<PanoramaActual, PanosTranslation, PanoramaStep> {
  readonly #options: PanoramaDriverOptions;
  readonly #device: PanoramaDevice;
  readonly connections: ManagedSessions;
  readonly #lock: MachineLock;
  readonly #translator: RuleBaseTranslator;
  #ground: Ground;
  #capacity: Capacity | undefined;
  readonly #rooms = new Rooms();
  /** What of ours is at the leader unless somebody else changed it. */
  #expected: RuleBase | undefined;
  #actual: PanoramaActual | undefined;
  #reading: PanoramaReading | undefined;

  constructor(options: PanoramaDriverOptions) {
    const { api, scope, cluster, firewall, clock, lockDirectory, identity } = options;
    this.#options = options;
    this.#translator = new RuleBaseTranslator(blockOf(options.options, options.adopt), options.write);
    const dialect = panosDialect('Panorama', options.options.members);
    // A commit is followed by a push, which is a commit again at each firewall.
    this.#ground = groundOf(scope, cluster, options.options, { ...dialect, slowMs: 2 * dialect.slowMs });
    this.#device = new PanoramaDevice(api, {
      ground: this.#ground,
      firewall,
      readsLists: options.options.lists !== undefined,
      clock,
    });
    this.#lock = new MachineLock(lockDirectory, `panos ${identity} ${scopeWord(scope)}`);
    this.connections = new ManagedSessions({
      api,
      zones: options.options.zones,
      lock: () => this.#lock.take(),
      present: () => this.#device.present,
    });
  }

  get connectionsStay(): string | undefined {
    return this.connections.refusal;
  }

  async capabilities(signal: AbortSignal): Promise<PanosCapabilities> {
    const { api } = this.#options;
    const { model, version, isPanorama } = await readIdentity(api, signal);
    if (!isPanorama)
      throw new SallyportError('DEVICE_UNSUPPORTED', `this is no Panorama but ${model}, which has no device groups`);
    const firewalls = await this.#device.firewalls(signal);
    const serials = new Set(firewalls.filter(({ connected }) => connected).map(({ serial }) => serial));
    const probing = this.connections.probe(signal);
    const told = await Promise.all(
      [...serials].map(async (serial) => {
        // One that does not tell limits nothing by it; that it does not answer is told by the reading.
        const one = await readCapacity(api, signal, { target: serial }).catch(() => undefined);
        this.#device.setCapacity(serial, one?.registered);
        return one ?? [];
      }),
    );
    await probing;
    const capacity = leastOf(told.flat());
    this.#capacity = capacity;
    const { style } = this.#ground;
    this.#ground = { ...this.#ground, style: { ...style, mostMembers: capacity.membersOfGroup } };
    return {
      device: `${model} ${version}, ${scopeWord(this.#ground.scope)}: ${firewalls.map(({ title }) => title).join(', ') || 'no firewall'}`,
      families: [4, 6],
      owns: undefined,
      transactionLimit: undefined,
      notes: [
        ...(this.connectionsStay === undefined ? [] : [this.connectionsStay]),
        ...(isKnownVersion(version)
          ? []
          : [`Panorama ${version} is not among the releases that are known, 10.1 to 11.2`]),
        ...(pushesByAdmin(version)
          ? []
          : [
              `Panorama ${version} cannot push the work of one administrator: with ours goes what others have committed`,
            ]),
      ],
      capacity,
    };
  }

  async observe(signal: AbortSignal): Promise<PanoramaActual> {
    const reading = await this.#device.read(signal);
    const last = this.#actual;
    const resting = this.#device.resting.now();
    const unreached = this.#unreached(reading, resting);
    const { inUse } = this.#device;
    const left = inUse.version;
    if (last !== undefined && this.#reading === reading && last.left === left)
      return sameTexts(last.unreached ?? [], unreached)
        ? last
        : this.#keep(reading, { ...last, unreached, start: { ...last.start, resting } });
    const leader = leaderIn(reading, this.#ground);
    if (leader === undefined) throw new SallyportError('INTERNAL', 'no firewall was read');
    const { cluster } = this.#ground;
    const { running, candidate } = reading.configuration;
    const isPushed = digestOf(ownedIn(running, cluster)) === leader.digest;
    const folders = isPushed ? running : withEntries(running, leader.entries, cluster);
    const { registered } = leader.registry;
    const elsewhere = [...folders.elsewhere, ...reading.below];
    const tagged = taggedOf(registered);
    const found = withInUse(observedIn({ ...folders, elsewhere }, tagged, this.#ground), inUse, folders, cluster);
    // What stands where among others is known of Panorama's own configuration alone.
    const observed = isPushed ? found : { ...found, strays: new Set<string>() };
    const rooms = this.#capacity && this.#rooms.in(folders, leader.registry, observed, this.#capacity, this.#ground);
    const shown = reading.firewalls.map(({ firewall: { title }, lists }) => ({ title, reading: lists }));
    const listRoom = this.#listRooms(folders, shown);
    const rival = this.#device.rival(reading);
    const before = last?.start.leader;
    const isLost = leader.registry.marker === undefined && before?.registry.marker !== undefined;
    const isAnew = isLost || (before !== undefined && before.firewall.key !== leader.firewall.key);
    // Without a memory of what we wrote, where another copy of ours wrote, and where it begins anew, what is read is where hands begin from.
    if (rival !== undefined || isAnew) this.#expected = undefined;
    this.#expected ??= observed;
    return this.#keep(reading, {
      left,
      empty:
        [running, candidate].every((one) => isEmpty(ownedIn(one, cluster))) &&
        reading.firewalls.every(
          ({ entries, registry }) =>
            isEmpty(entries) &&
            registry.marker === undefined &&
            ourTags(registry.registered, this.#ground).length === 0,
        ),
      drift: driftSince(this.#expected, observed),
      foreign: foreignIn(running, this.#ground),
      behaviour: behaviourOf(observed),
      rival,
      ...(isAnew ? { anew: true } : {}),
      unreached,
      tables: rooms && [...tableUses(rooms), ...(listRoom === undefined ? [] : listTables(listRoom))],
      start: {
        reading,
        leader,
        folders,
        observed,
        orphans: orphansIn(tagged, observed, this.#ground),
        left: leftIn(candidate, inUse, cluster),
        rooms,
        shown,
        listRooms: listRoom,
        resting,
      },
    });
  }

  async passages(signal: AbortSignal): Promise<ManagedPassages> {
    const { api, cluster, options, scope } = this.#options;
    return await ManagedPassages.read(api, await this.#device.firewalls(signal), scope, { cluster, options }, signal);
  }

  /** Those of the firewall on which the fewest more entries fit. */
  #listRooms({ objects }: Folders, shown: readonly Shown[]): ListRooms | undefined {
    const most = this.#capacity?.lists;
    if (this.#options.options.lists === undefined) return undefined;
    const lists = objects['external-list'];
    const ours = lists.filter((one) => isOurs(one, this.#ground.cluster)).length;
    const all = shown.map(({ reading }) => listRooms(most, lists.length, ours, reading));
    const free = ({ entries }: ListRooms): number =>
      entries === undefined ? Number.POSITIVE_INFINITY : entries.most - entries.others;
    return all.toSorted((one, other) => free(one) - free(other))[0];
  }

  #listsOf(desired: Ruleset): ReturnType<typeof takeLists> {
    return takeLists(desired, this.#options.options.lists, this.#ground.style.names);
  }

  #keep(reading: PanoramaReading, actual: PanoramaActual): PanoramaActual {
    this.#reading = reading;
    this.#actual = actual;
    return actual;
  }

  /** Firewalls that could not be read, are another's, or do not take what is pushed to them. */
  #unreached(reading: PanoramaReading, resting: ReadonlyMap<string, string>): readonly string[] {
    const { firewalls, unread, configuration } = reading;
    const { cluster } = this.#ground;
    const runs = digestOf(ownedIn(configuration.running, cluster));
    const refusing = firewalls
      .filter(({ firewall, digest }) => digest !== runs && resting.get(firewall.serial) === runs)
      .map(({ firewall }) => this.#device.resting.wordsOf(firewall.serial));
    return [...unread, ...keptWords(reading, cluster), ...new Set(refusing)];
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

  steps({ start }: PanoramaActual, { wanted: wished, lists }: PanosTranslation): readonly PanoramaStep[] {
    const owned = keptByThemselves(start.reading, this.#ground.cluster);
    if (owned !== undefined) return leftovers(takeBackSteps(start, this.#ground), owned);
    const { wanted } = standing(start.observed, wished, this.#ground.style.names, true);
    const next = withinTagsOnTheWay(start.observed, wanted);
    return panoramaSteps(start, next, this.#ground, lists);
  }

  /** Which rules the firewalls and groups above have of their own is not known: they may name any list. */
  behind(
    { start: { observed, leader, shown } }: PanoramaActual,
    { lists, wanted }: PanosTranslation,
  ): readonly ListBehind[] {
    const units = [{ title: leader.firewall.title, registered: leader.registry.registered }];
    return [
      ...(lists === undefined ? [] : listsBehind(lists, shown, () => true)),
      ...crowdedOut(units, this.#ground.style, observed, wanted),
    ];
  }

  leave({ start, unreached = [] }: PanoramaActual, owner: DeviceOwner): readonly PanoramaStep[] {
    const { cluster, firewall } = this.#options;
    if (owner.cluster !== cluster || owner.firewall !== firewall)
      throw new SallyportError(
        'DEVICE_OWNED',
        `what is ours there belongs to the cluster ${cluster}, BorderFirewall ${firewall}`,
      );
    const owned = keptByThemselves(start.reading, cluster);
    const left = owned && takeBackSteps(start, this.#ground);
    if (left !== undefined && left.length > 0) return left;
    if (isNeverKept(start.reading, cluster)) return [];
    if (owned !== undefined) throw owned;
    const steps = panoramaStepsToLeave(start, this.#ground);
    const clean = cleanWords(start.reading, cluster);
    const unclean = unreached.filter((words) => !clean.has(words));
    if (steps.length === 0 && unclean.length > 0)
      throw new SallyportError(
        'DEVICE_UNREACHABLE',
        `what is ours is gone, but not from all: ${unclean.join('; ')}; bring it back, or take it out of the device group`,
      );
    return steps;
  }

  render(what: PanoramaStep | PanosTranslation): string {
    return 'does' in what ? what.text : wantedText(what.wanted, this.#ground, what.lists?.wanted);
  }

  async apply(step: PanoramaStep, signal: AbortSignal, mayGoOn: MayGoOn = () => undefined): Promise<void> {
    await this.#lock.take();
    signal.throwIfAborted();
    if (step.does === 'fetch') return await this.#device.fetch(step.asks, signal, mayGoOn);
    this.#expected = undefined;
    const before = this.#device.present;
    try {
      await this.#carryOut(step, signal, mayGoOn);
    } catch (thrown) {
      throw await unlessGone(thrown, before, () => this.#device.firewallsNow(signal));
    }
    this.#expected = step.leads;
  }

  async #carryOut(
    step: Exclude<PanoramaStep, { does: 'fetch' }>,
    signal: AbortSignal,
    mayGoOn: MayGoOn,
  ): Promise<void> {
    if (step.does === 'configure') await this.#device.configure(step, signal, mayGoOn);
    else if (step.does === 'push') await this.#device.push(step.keys, step.digest, signal, mayGoOn);
    else if (step.does === 'takeBack') await this.#device.takeBack(step.after, signal, mayGoOn);
    else await this.#device.register(step.changes, signal, mayGoOn);
  }

  warnings(): readonly string[] {
    return this.#device.warnings();
  }

  keepers(): Promise<readonly string[] | undefined> {
    return this.#lock.owners();
  }

  /** Gives the lock back. What is on the firewalls stays. */
  async close(): Promise<void> {
    await this.#options.close();
    await this.#lock.release();
  }
}

function sameTexts(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, at) => text === other[at]);
}
