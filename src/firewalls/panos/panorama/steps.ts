import { compareUtf8 } from '../../../base/compare.ts';
import { shortHash } from '../../../base/encode.ts';
import { SallyportError } from '../../../base/error.ts';
import type { Exposure, ObjectChange, Step } from '../../../plan/step.ts';
import type { Capacity as Rooms } from '../../rulebase/capacity.ts';
import type { ObservedRuleBase, RuleBase, WantedRuleBase } from '../../rulebase/model.ts';
import { editsBetween } from '../configuration/edits.ts';
import type { Left } from '../configuration/in-use.ts';
import { type Entries, tagOf } from '../entries/entries.ts';
import { type Ground, ourTags } from '../configuration/ground.ts';
import { type Ask, type ListRooms, type Shown } from '../lists/list-steps.ts';
import type { FetchedLists } from '../lists/lists.ts';
import { REMOVE_TEXT } from '../api/locks.ts';
import { digestOf, ownedIn } from '../entries/owned.ts';
import type { FirewallChange, FirewallReading, PanoramaReading } from './panorama.ts';
import type { Folders } from '../entries/read-entries.ts';
import { type TagChange, messages } from '../members/registered.ts';
import { NO_STATE } from '../members/registry.ts';
import { besideOthers, tagsOfOthers } from '../members/tags-of-others.ts';
import { stateOf } from './leader.ts';
import { commitAll } from './push.ts';
import { type Shortage, shortageAt } from './shortage.ts';
import { stepsBesideOthers } from '../change/beside-others.ts';
import { type PanosStep, type Start, stepsToLeave, taggedGroups } from '../change/steps.ts';
import { xmlText } from '../api/xml.ts';

/** A commit, and a push after it. */
const PUSH_MS = 1_200_000;
/** Some hundreds of messages, handed through. */
const REGISTER_MS = 60_000;

export type PanoramaStep = Step & {
  readonly longestMs: number;
  readonly text: string;
  /** What of ours the leader holds afterwards; absent where that has to be read. */
  readonly leads?: RuleBase | undefined;
} & (
    | {
        readonly does: 'configure';
        readonly before: string;
        readonly after: Entries;
        readonly keys: readonly string[];
        readonly from: string;
        readonly to: string | undefined;
      }
    | { readonly does: 'register'; readonly changes: readonly FirewallChange[] }
    | { readonly does: 'push'; readonly digest: string; readonly keys: readonly string[] }
    | { readonly does: 'takeBack'; readonly after: Entries }
    /** Lists are asked to be fetched, as on one firewall. */
    | { readonly does: 'fetch'; readonly asks: readonly Ask[] }
  );

/** What steps begin from. */
export interface PanoramaStart {
  readonly reading: PanoramaReading;
  /** Firewalls that hold what most do, and go from step to step together. */
  readonly leader: FirewallReading;
  /** Panorama's configuration with what the leader runs of ours. */
  readonly folders: Folders;
  readonly observed: ObservedRuleBase;
  readonly orphans: readonly TagChange[];
  readonly left: Left;
  /** What fits on each of the firewalls, where they told. */
  readonly rooms: Rooms | undefined;
  /** What the lists of each firewall hold, and what fits of them. */
  readonly shown: readonly Shown[];
  readonly listRooms: ListRooms | undefined;
  /** Serials that it is not the time to push to again, and what they refused. */
  readonly resting: ReadonlyMap<string, string>;
}

/** From what was read to what is wanted, on every firewall that can be read. Throws CAPACITY where it does not fit on one, when nothing else is left to do. */
export function panoramaSteps(
  start: PanoramaStart,
  wanted: WantedRuleBase,
  ground: Ground,
  lists?: FetchedLists,
): readonly PanoramaStep[] {
  const { registered } = start.leader.registry;
  const fitting = besideOthers(wanted, start.observed, tagsOfOthers(registered, ground.style.tags));
  const groups = taggedGroups(start.observed, fitting);
  const tags = groups.flatMap((group) =>
    [...group.members].map((address) => ({ address, tag: tagOf(group, ground.style) })),
  );
  return new Arrangement(
    start,
    stepsBesideOthers(startOf(start), wanted, registered, ground, lists),
    tags,
    ground,
  ).steps();
}

/** Everything of ours goes, from every firewall that can be read. */
export function panoramaStepsToLeave(start: PanoramaStart, ground: Ground): readonly PanoramaStep[] {
  return new Arrangement(start, stepsToLeave(startOf(start), ground), undefined, ground).steps();
}

/**
 * Without a step that commits, what Panorama holds and no firewall runs goes: the next push of anybody would publish it. So does a lock that
 * nobody is going to give back.
 */
export function takeBackSteps(
  { reading, leader, left }: Pick<PanoramaStart, 'reading' | 'leader' | 'left'>,
  ground: Ground,
): readonly PanoramaStep[] {
  const { running, candidate } = reading.configuration;
  const isIn = (folders: Folders): boolean => digestOf(ownedIn(folders, ground.cluster)) === leader.digest;
  const isEdited = !isIn(candidate) && editsBetween(candidate, leader.entries, { ...ground, left }).length > 0;
  const isThere = isIn(running) && !isEdited;
  if (isThere && !reading.lockStays) return [];
  return [
    {
      does: 'takeBack',
      after: leader.entries,
      kind: 'Clean',
      title: isThere ? 'a lock that was left is given back' : 'edits that no firewall runs go',
      urgent: false,
      objects: [],
      longestMs: PUSH_MS,
      text: isThere ? REMOVE_TEXT : 'edits that no firewall runs go\n<commit/>\n',
    },
  ];
}

function startOf(start: PanoramaStart): Start {
  const { leader, observed, folders, orphans, rooms, shown, listRooms } = start;
  // Edits that nobody committed and commits that nobody pushed are one to firewalls: neither runs.
  const configuration = { running: folders, candidate: folders, left: start.left, lockStays: false };
  const room = { ...(rooms === undefined ? {} : { rooms }), ...(listRooms === undefined ? {} : { listRooms }) };
  const state = stateOf(leader);
  return { observed, ...configuration, orphans, ...room, shown, state, active: '', standby: undefined };
}

/** Addresses and tags that a firewall has of ours, by one text each. */
type Tags = Map<string, TagChange>;

/** A firewall on its way: what it holds before the next step. */
interface Way {
  readonly reading: FirewallReading;
  readonly tags: Tags;
  state: string;
}

/**
 * The leader's steps, for all firewalls that are in its state; those that run the same and lost or missed registered addresses catch up
 * before them; those that run something else afterwards: they lose what they shall not have, are pushed to, and then get what they shall have.
 * Losing takes rights away whatever they run (design 9), and what they get they get under the rules that it is for.
 */
class Arrangement {
  readonly #start: PanoramaStart;
  readonly #chain: readonly PanosStep[];
  readonly #ground: Ground;
  /** What all shall have in the end; `undefined`: nothing, no marker either. */
  readonly #final: Tags | undefined;
  readonly #level: Way[] = [];
  readonly #behind: Way[] = [];
  readonly #lagging: Way[] = [];
  /** Run what the leader runs, and cannot have all that they shall have. */
  readonly #aside: Way[] = [];
  readonly #shortages = new Map<Way, Shortage>();
  readonly #steps: PanoramaStep[] = [];
  /** What the leader has before the next step. */
  readonly #lead: Tags;
  #state: string;

  constructor(
    start: PanoramaStart,
    chain: readonly PanosStep[],
    final: readonly TagChange[] | undefined,
    ground: Ground,
  ) {
    this.#start = start;
    this.#chain = chain;
    this.#ground = ground;
    this.#final = final && tagsOf(final);
    this.#lead = this.#tagsIn(start.leader);
    this.#state = stateOf(start.leader);
    const { firewalls } = start.reading;
    const serials = new Set(firewalls.filter(({ digest }) => digest !== start.leader.digest).map(serialOf));
    for (const reading of firewalls) {
      const way = { reading, tags: this.#tagsIn(reading), state: stateOf(reading) };
      const shortage = reading === start.leader ? undefined : shortageAt(reading, final ?? [], ground.style.tags);
      if (shortage !== undefined) this.#shortages.set(way, shortage);
      if (serials.has(serialOf(reading))) this.#lagging.push(way);
      else if (shortage !== undefined) this.#aside.push(way);
      else if (way.state === this.#state && sameTags(way.tags, this.#lead)) this.#level.push(way);
      else this.#behind.push(way);
    }
  }

  steps(): readonly PanoramaStep[] {
    this.#release();
    const urgent = this.#chain.findIndex((step) => !step.urgent);
    const ahead = urgent < 0 ? this.#chain.length : urgent;
    for (const step of this.#chain.slice(0, ahead)) this.#inStep(step);
    this.#fill();
    for (const step of this.#chain.slice(ahead)) this.#inStep(step);
    this.#takeBack();
    this.#squeeze();
    this.#pushToLagging();
    const [short] = this.#shortages.values();
    if (this.#steps.length === 0 && short !== undefined) throw new SallyportError('CAPACITY', short.why);
    return this.#steps;
  }

  /** Addresses that nobody shall have any more leave at once, whatever state a firewall is in. */
  #release(): void {
    if (this.#final === undefined) return;
    const kept = new Set([...this.#final.values()].map(({ address }) => address));
    const changes = [...this.#behind, ...this.#aside, ...this.#lagging].flatMap((way) =>
      this.#change(
        way,
        [],
        [...way.tags].filter(([, { address }]) => !kept.has(address)).map(([key]) => key),
      ),
    );
    if (changes.length > 0) this.#register(changes, 'addresses leave firewalls that fell behind', { urgent: true });
  }

  /** A step of the leader, done on all that are in its state. */
  #inStep(step: PanosStep): void {
    // Plans have no releases: those are made while a step is carried out.
    if (step.does === 'takeBack' || step.does === 'move') return;
    const { kind, title, urgent, objects, exposes, text, leads } = step;
    const head = { kind, title, urgent, objects, leads, ...(exposes === undefined ? {} : { exposes }) };
    if (step.does === 'fetch') {
      this.#steps.push({ ...head, does: 'fetch', asks: step.asks, text, longestMs: step.longestMs });
      return;
    }
    const { from, to } = step;
    if (step.does === 'configure') {
      const { before, after } = step;
      const keys = this.#level.map(({ reading }) => reading.firewall.key);
      const pushes = [...new Set(this.#level.map(({ reading }) => reading.firewall.group))];
      const told = pushes.map((group) => `${xmlText(commitAll(group, [], undefined))}\n`).join('');
      this.#steps.push({
        ...head,
        does: 'configure',
        before,
        after,
        keys,
        from,
        to,
        text: text + told,
        longestMs: PUSH_MS,
      });
    } else {
      const { joins, leaves } = step;
      const changes = this.#level.map(({ reading }) => ({ key: reading.firewall.key, joins, leaves, from, to }));
      this.#steps.push({ ...head, does: 'register', changes, text, longestMs: REGISTER_MS });
      for (const one of leaves) this.#lead.delete(keyOf(one));
      for (const one of joins) this.#lead.set(keyOf(one), one);
    }
    this.#state = to ?? NO_STATE;
  }

  /** Firewalls that run what the leader runs get its registered addresses, but none that is to go. */
  #fill(): void {
    const final: Tags = this.#final ?? new Map();
    const changes = this.#behind.flatMap((way) => {
      const joins = [...this.#lead.keys()].filter((key) => final.has(key) && !way.tags.has(key));
      const leaves = [...way.tags.keys()].filter((key) => !final.has(key) && !this.#lead.has(key));
      return this.#change(way, joins, leaves, this.#state);
    });
    this.#level.push(...this.#behind);
    if (changes.length === 0) return;
    const isEmpty = changes.every(({ joins, leaves }) => joins.length + leaves.length === 0);
    const kind = isEmpty ? 'Clean' : 'Members';
    this.#register(changes, `${titles(this.#behind)}: registered addresses catch up`, { kind });
  }

  /** Firewalls without room for all get what fits; what a step commits they are pushed next, as they do not run it then. */
  #squeeze(): void {
    if (this.#aside.length === 0 || this.#chain.some(({ does }) => does === 'configure')) return;
    const final: Tags = this.#final ?? new Map();
    const changes = this.#aside.flatMap((way) => {
      const leaves = [...way.tags.keys()].filter((key) => !final.has(key));
      return this.#change(way, this.#coming(way), leaves);
    });
    if (changes.length > 0) this.#register(changes, `${titles(this.#aside)}: what fits`);
  }

  /** What a firewall lacks, as far as it has room for it. */
  #coming(way: Way): readonly string[] {
    const shortage = this.#shortages.get(way);
    return [...(this.#final ?? [])].flatMap(([key, { address }]) =>
      way.tags.has(key) || shortage?.isLeftOut(address) === true ? [] : [key],
    );
  }

  #takeBack(): void {
    if (this.#chain.every(({ does }) => does !== 'configure'))
      this.#steps.push(...takeBackSteps(this.#start, this.#ground));
  }

  #pushToLagging(): void {
    const configured = this.#chain.findLast((step) => step.does === 'configure');
    const digest = configured === undefined ? this.#start.leader.digest : digestOf(configured.after);
    const ready = this.#lagging.filter(({ reading }) => this.#start.resting.get(serialOf(reading)) !== digest);
    if (ready.length === 0) return;
    const final: Tags = this.#final ?? new Map();
    const who = titles(ready);
    // Who leaves altogether does so after the rules, as they go.
    const isLeaving = this.#final === undefined;
    const leaving = ready.flatMap((way) =>
      isLeaving
        ? []
        : this.#change(
            way,
            [],
            [...way.tags.keys()].filter((key) => !final.has(key)),
          ),
    );
    const coming = ready.map((way) => this.#coming(way));
    const moving = new Set(leaving.flatMap(({ leaves }) => leaves.map(({ address }) => address)));
    const movers = new Set([...final.values()].map(({ address }) => address).filter((address) => moving.has(address)));
    const exposes: Exposure | undefined =
      movers.size === 0
        ? undefined
        : {
            direction: 'closed',
            flows: `flows through ${who} of the ${movers.size} addresses that moved while it was not kept`,
            longestMs: this.#ground.dialect.slowMs,
          };
    const shown = exposes === undefined ? {} : { exposes };
    if (leaving.length > 0) this.#register(leaving, `${who}: what moved leaves before the rules come`, shown);
    const keys = ready.map(({ reading }) => reading.firewall.key);
    this.#steps.push({
      does: 'push',
      digest,
      keys,
      kind: 'Rules',
      title: `${who}: the device group is pushed`,
      urgent: false,
      objects: isLeaving ? ready.map(({ reading }) => gone(reading)) : [],
      longestMs: PUSH_MS,
      text: `push to ${keys.join(', ')}\n`,
      ...shown,
    });
    const changes = ready.flatMap((way, at) =>
      isLeaving
        ? this.#change(way, [], [...way.tags.keys()], undefined, true)
        : this.#change(way, coming[at] ?? [], [], this.#state),
    );
    if (changes.length === 0) return;
    this.#register(changes, isLeaving ? `${who}: registered addresses go` : `${who}: registered addresses come back`);
  }

  /** A change of one firewall's registered addresses. `to`: a state to be reached even where nothing else changes. */
  #change(
    way: Way,
    joins: readonly string[],
    leaves: readonly string[],
    to?: string,
    isLast = false,
  ): readonly FirewallChange[] {
    const { tags, state, reading } = way;
    const final: Tags = this.#final ?? new Map();
    const of = (keys: readonly string[], from: Tags): readonly TagChange[] =>
      keys.toSorted(compareUtf8).flatMap((key) => from.get(key) ?? []);
    const [comes, goes] = [of(joins, new Map([...this.#lead, ...final])), of(leaves, tags)];
    const isGone = isLast && to === undefined;
    if (comes.length + goes.length === 0 && (isGone ? state === NO_STATE : to === undefined || to === state)) return [];
    for (const key of leaves) tags.delete(key);
    for (const one of comes) tags.set(keyOf(one), one);
    const next = isGone ? undefined : (to ?? shortHash(`${state} ${textOf(comes, goes)}`));
    way.state = next ?? NO_STATE;
    return [{ key: reading.firewall.key, joins: comes, leaves: goes, from: state, to: next }];
  }

  #register(
    changes: readonly FirewallChange[],
    title: string,
    rest: { readonly kind?: Step['kind']; readonly urgent?: boolean; readonly exposes?: Exposure } = {},
  ): void {
    this.#steps.push({
      kind: 'Members',
      urgent: false,
      ...rest,
      does: 'register',
      changes,
      title,
      objects: [],
      longestMs: REGISTER_MS,
      text: changes.map(({ key, joins, leaves }) => `${key}\n${textOf(joins, leaves)}`).join(''),
    });
  }

  #tagsIn({ registry }: FirewallReading): Tags {
    return tagsOf(ourTags(registry.registered, this.#ground));
  }
}

function tagsOf(list: readonly TagChange[]): Tags {
  return new Map(list.map((one) => [keyOf(one), one]));
}

function keyOf({ address, tag }: TagChange): string {
  return `${address} ${tag}`;
}

function sameTags(one: Tags, other: Tags): boolean {
  return one.size === other.size && [...one.keys()].every((key) => other.has(key));
}

function serialOf({ firewall }: FirewallReading): string {
  return firewall.serial;
}

function gone({ firewall }: FirewallReading): ObjectChange {
  return { change: '-', kind: 'firewall', name: firewall.title, detail: 'what was pushed to it' };
}

function titles(ways: readonly Way[]): string {
  return ways.map(({ reading }) => reading.firewall.title).join(', ');
}

function textOf(joins: readonly TagChange[], leaves: readonly TagChange[]): string {
  return messages(joins, leaves)
    .map((message) => `${xmlText(message)}\n`)
    .join('');
}
