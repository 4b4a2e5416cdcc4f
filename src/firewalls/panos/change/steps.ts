import { shortHash } from '../../../base/encode.ts';
import { SallyportError } from '../../../base/error.ts';
import type { GroupKey, MemberGroup, ObservedRuleBase, RuleBase, WantedRuleBase } from '../../rulebase/model.ts';
import type { Operation, RuleBaseStep } from '../../rulebase/operation.ts';
import type { Capacity as Rooms } from '../../rulebase/capacity.ts';
import { stepsBetween } from '../../rulebase/steps.ts';
import type { Step } from '../../../plan/step.ts';
import { multiConfig } from '../api/api.ts';
import { carriedOut } from '../configuration/carry-out.ts';
import { type Entries, type Style, entriesOf, isPart, tagOf } from '../entries/entries.ts';
import { editsBetween } from '../configuration/edits.ts';
import type { Ground } from '../configuration/ground.ts';
import type { Left } from '../configuration/in-use.ts';
import { REMOVE_TEXT } from '../api/locks.ts';
import { digestOf, ownedIn, withEntries } from '../entries/owned.ts';
import type { Folders } from '../entries/read-entries.ts';
import { type TagChange, registrationText, sortedChanges } from '../members/registered.ts';
import { NO_STATE, type StateChange } from '../members/registry.ts';
import { type LeftOutMembers, type TagsOfOthers, leftOutBeside } from '../members/tags-of-others.ts';
import {
  type Ask,
  type ListRooms,
  type Shown,
  askText,
  asksFor,
  changesOf,
  listShortage,
} from '../lists/list-steps.ts';
import { type FetchedLists, NO_WANTED_LISTS, listText, usedLists } from '../lists/lists.ts';
import { type XmlElement, membersAt, nameOf, textAt } from '../api/xml.ts';

/** Everything that a commit takes, on small devices with large configurations. */
const COMMIT_MS = 600_000;
/** Some hundreds of messages. */
export const REGISTER_MS = 60_000;

/** `move`: registered addresses leave or join beside a `configure`. `takeBack`: edits of ours that nobody committed go. */
export type PanosStep = Step & {
  readonly longestMs: number;
  readonly text: string;
  /** The unit that was active when it was made. */
  readonly active: string;
  /** What of ours is there afterwards; absent where that has to be read. */
  readonly leads?: RuleBase;
} & (
    | ({ readonly does: 'configure'; readonly before: string; readonly after: Entries } & StateChange)
    | ({
        readonly does: 'register';
        /** The one that stands by catches up. */
        readonly standby: boolean;
        readonly joins: readonly TagChange[];
        readonly leaves: readonly TagChange[];
      } & StateChange)
    | {
        readonly does: 'move';
        readonly joins: readonly TagChange[];
        readonly leaves: readonly TagChange[];
        readonly from: string;
        readonly to: string;
      }
    | { readonly does: 'takeBack' }
    /** Lists are asked to be fetched: an answer is no proof, and none of ours is held up by it. */
    | { readonly does: 'fetch'; readonly asks: readonly Ask[] }
  );

const NOBODY: LeftOutMembers = new Map();

/** What steps begin from. */
export interface Start {
  readonly observed: ObservedRuleBase;
  readonly running: Folders;
  readonly candidate: Folders;
  readonly left: Left;
  /** A lock of ours that nobody is going to give back. */
  readonly lockStays: boolean;
  /** What fits, where the device told. */
  readonly rooms?: Rooms;
  /** Tags of ours that no group of ours has. */
  readonly orphans: readonly TagChange[];
  readonly state: string;
  readonly active: string;
  /** Tags of ours at the one that stands by, how many others there are, and its state. */
  readonly standby:
    | { readonly tags: readonly TagChange[]; readonly others: TagsOfOthers; readonly state: string }
    | undefined;
  /** What the lists of each firewall hold, where they were read. */
  readonly shown?: readonly Shown[];
  readonly listRooms?: ListRooms;
}

/** From what was read to what is wanted. Throws CAPACITY where rules and members do not fit, when nothing else is left to do. */
export function stepsTo(
  start: Start,
  wanted: WantedRuleBase,
  ground: Ground,
  lists: FetchedLists = NO_WANTED_LISTS,
): readonly PanosStep[] {
  const chain = new Chain(start, ground);
  const refusal = chain.toRules(wanted);
  chain.fetch(lists, wanted.adopt, refusal);
  const groups = taggedGroups(start.observed, wanted);
  const tags = new Set(groups.map((group) => tagOf(group, ground.style)));
  chain.clean(start.orphans.filter(({ tag }) => !tags.has(tag)));
  // What the active one is refused the other one does not get either.
  if (refusal === undefined)
    chain.catchUp(groups, start.standby && leftOutBeside(wanted, start.observed, start.standby.others));
  chain.ask(lists);
  const steps = chain.steps();
  if (refusal !== undefined && steps.length === 0) throw refusal;
  return steps;
}

/** Everything of ours goes: first what passes traffic or stops it, with one commit, then the registered addresses. */
export function stepsToLeave(start: Start, ground: Ground): readonly PanosStep[] {
  const chain = new Chain(start, ground);
  const { observed } = start;
  const tagged = [...observed.groups.values()]
    .filter(({ store }) => store === 'Volatile')
    .flatMap((group) => [...group.members].map((address) => ({ address, tag: tagOf(group, ground.style) })));
  chain.leave([...tagged, ...start.orphans]);
  chain.catchUp([], NOBODY, true);
  return chain.steps();
}

/** Edits that nobody committed, and a lock that was left: nothing else of what is there is ours. */
export function stepsToTakeBack(start: Start, ground: Ground): readonly PanosStep[] {
  return new Chain(start, ground).steps();
}

/** Groups whose members are tags in the end. One of the same name may be a configured one by now. */
export function taggedGroups(observed: ObservedRuleBase, wanted: WantedRuleBase): readonly MemberGroup[] {
  const held = [...observed.groups].filter(([key]) => wanted.held.has(key)).map(([, group]) => group);
  return [...wanted.groups.values(), ...held].filter(({ store }) => store === 'Volatile');
}

/** Each step is for the state that the one before it leaves. */
class Chain {
  readonly #start: Start;
  readonly #ground: Ground;
  readonly #steps: PanosStep[] = [];
  #state: string;
  #base: RuleBase;
  /** What stays for those who use it has to be read. */
  #isLeaving = false;
  /** What of ours stood there at first, as it is printed. */
  readonly #owned: Entries;
  /** The configuration before the next step: at first as it is printed, then as we wrote it. */
  #entries: Entries;
  /** Lists that the device fetches, as they are. */
  readonly #lists: ReadonlyMap<string, XmlElement>;
  #folders: Folders;

  constructor(start: Start, ground: Ground) {
    this.#start = start;
    this.#ground = ground;
    this.#state = start.state;
    this.#base = start.observed;
    this.#owned = ownedIn(start.running, ground.cluster);
    this.#entries = this.#owned;
    this.#lists = this.#entries.objects['external-list'];
    this.#folders = start.running;
  }

  /** Rules, objects and members. Gives why they do not fit: lists take none of their room, and what goes makes some. */
  toRules(wanted: WantedRuleBase): SallyportError | undefined {
    const { observed, rooms } = this.#start;
    try {
      for (const step of stepsBetween(observed, wanted, this.#ground.dialect, rooms)) this.#add(step);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof SallyportError && thrown.code === 'CAPACITY') return thrown;
      throw thrown;
    }
  }

  #add({ operations, way, ...step }: RuleBaseStep): void {
    this.#base = carriedOut(this.#base, operations);
    if (way === 'Configured')
      this.#configure(step, this.#withKept(entriesOf(this.#base, this.#ground.style, this.#lists)));
    else this.#register(step, tagChanges(operations, this.#ground.style));
  }

  /**
   * Lists that the device fetches come, change and go; those of rules of others stay. Throws `NAME_TAKEN` where nothing else is to be done
   * but what a list of somebody else stands in the way of, and `CAPACITY` where that is what new ones do not fit into. With a `refusal` that comes first.
   */
  fetch(lists: FetchedLists, adopt: ReadonlySet<string>, refusal: SallyportError | undefined): void {
    const { wanted, held } = lists;
    const { running } = this.#start;
    const present = new Map(running.objects['external-list'].map((one) => [nameOf(one), one]));
    const next = new Map([...this.#usedLists(), ...[...this.#lists].filter(([name]) => held.has(name))]);
    const taken: string[] = [];
    for (const [name, list] of wanted)
      if (this.#lists.has(name) || !present.has(name) || adopt.has(name)) next.set(name, list);
      else taken.push(name);
    // Who is in those that are there already is not ours to hold back: whoever gives them out has done so.
    const fresh = [...next.keys()].filter((name) => !this.#lists.has(name));
    const { listRooms: rooms } = this.#start;
    const short = fresh.length === 0 || rooms === undefined ? undefined : listShortage(lists, next.size, rooms);
    if (short !== undefined) for (const name of fresh) next.delete(name);
    const changes = [...new Set([...this.#lists.keys(), ...next.keys()])].flatMap((name) => {
      const [was, is] = [this.#lists.get(name), next.get(name)];
      if (was !== undefined && is !== undefined && listText(was) === listText(is)) return [];
      const change = was === undefined ? '+' : is === undefined ? '-' : '~';
      const detail = textAt(is, 'type', 'ip', 'url') ?? '';
      return [{ change, kind: 'list', name, detail } as const];
    });
    if (changes.length > 0) {
      const after = { ...this.#entries, objects: { ...this.#entries.objects, 'external-list': next } };
      this.#configure({ kind: 'Rules', title: 'lists that it fetches', urgent: false, objects: changes }, after);
    } else if (refusal !== undefined) return;
    else if (short !== undefined && this.#steps.length === 0)
      throw new SallyportError('CAPACITY', `${short}; lists that are there stay as they are`);
    else if (taken[0] !== undefined && this.#steps.length === 0)
      throw new SallyportError(
        'NAME_TAKEN',
        `external list "${taken[0]}" is not ours; write its name into \`adopt\` to take it over, or give the AddressGroup another name`,
        { name: taken[0] },
      );
  }

  /** Groups that do not stand for their members any more, and that rules of others name, stay until they are made anew: the device would refuse to remove them. So do parts of groups that it does not let go. */
  #withKept(entries: Entries): Entries {
    const { spoiled = new Map<GroupKey, MemberGroup>(), usedByOthers, namedByOthers } = this.#start.observed;
    const known = entries.objects['address-group'];
    const names = new Set([...spoiled].flatMap(([key, { name }]) => (usedByOthers.has(key) ? name : [])));
    const kept = [...this.#owned.objects['address-group']].filter(
      ([name, entry]) =>
        !known.has(name) && (names.has(name) || (isPart(entry) && namedByOthers?.has(`group ${name}`) === true)),
    );
    if (kept.length === 0) return entries;
    return { ...entries, objects: { ...entries.objects, 'address-group': new Map([...known, ...kept]) } };
  }

  #usedLists(): ReadonlyMap<string, XmlElement> {
    const used = usedLists([...this.#start.running.security, ...this.#start.running.nat]);
    return new Map([...this.#lists].filter(([name]) => used.has(name)));
  }

  /** Tags that nothing needs any more. */
  clean(leaves: readonly TagChange[]): void {
    if (leaves.length === 0) return;
    const step = { kind: 'Clean', title: 'tags that nothing needs go', urgent: false, objects: [] } as const;
    this.#register(step, { joins: [], leaves });
  }

  /** The one that stands by has the registered addresses that the active one shall have, but `left`, for whom it has no place. */
  catchUp(groups: readonly MemberGroup[], left: LeftOutMembers = NOBODY, isLast = false): void {
    const { standby } = this.#start;
    if (standby === undefined) return;
    const { style } = this.#ground;
    const key = ({ address, tag }: TagChange): string => `${address} ${tag}`;
    const wanted = groups
      .filter(({ store }) => store === 'Volatile')
      .flatMap((group) => membersBut(group, left.get(group)).map((address) => ({ address, tag: tagOf(group, style) })));
    const [has, shall] = [new Set(standby.tags.map(key)), new Set(wanted.map(key))];
    const joins = sortedChanges(wanted.filter((one) => !has.has(key(one))));
    const leaves = sortedChanges(standby.tags.filter((one) => !shall.has(key(one))));
    const isMarked = standby.state !== NO_STATE;
    if (joins.length === 0 && leaves.length === 0 && !(isLast && isMarked)) return;
    const text = registrationText(joins, leaves);
    this.#steps.push({
      kind: isLast ? 'Remove' : 'Members',
      title: 'the firewall that stands by catches up',
      urgent: false,
      objects: [],
      does: 'register',
      standby: true,
      active: this.#start.active,
      joins,
      leaves,
      text,
      ...(this.#isLeaving ? {} : { leads: this.#base }),
      longestMs: REGISTER_MS,
      from: standby.state,
      to: isLast ? undefined : shortHash(`${standby.state} ${text}`),
    });
  }

  /** Lists that the device does not show as they are wanted: it need not wait until it is time to fetch them. */
  ask(lists: FetchedLists): void {
    const asks = asksFor(lists, this.#start.shown ?? []);
    if (asks.length === 0) return;
    this.#steps.push({
      does: 'fetch',
      active: this.#start.active,
      // What the device holds by what was sent to it is there without it.
      kind: 'Clean',
      title: 'lists are fetched out of turn',
      urgent: false,
      objects: changesOf(asks),
      asks,
      text: askText(asks),
      leads: this.#base,
      longestMs: REGISTER_MS,
    });
  }

  leave(leaves: readonly TagChange[]): void {
    this.#isLeaving = true;
    const kept = this.#kept();
    const objects = [
      ...this.#entries.security.map((entry) => ['rule', entry.attributes.get('name') ?? ''] as const),
      ...this.#entries.nat.map((entry) => ['translation', entry.attributes.get('name') ?? ''] as const),
      ...[...this.#entries.objects['address-group'].keys()]
        .filter((name) => !kept.objects['address-group'].has(name))
        .map((name) => ['group', name] as const),
    ].map(([kind, name]) => ({ change: '-', kind, name, detail: '' }) as const);
    if (digestOf(this.#entries) !== digestOf(kept))
      this.#configure({ kind: 'Remove', title: 'rules, groups and objects go', urgent: false, objects }, kept);
    if (leaves.length === 0 && this.#state === NO_STATE) return;
    const title = 'registered addresses go';
    this.#register({ kind: 'Remove', title, urgent: false, objects: [] }, { joins: [], leaves }, true);
  }

  /** Groups that rules of others name and what is in them, and objects that entries of others name: they stay until nobody does. */
  #kept(): Entries {
    const { observed } = this.#start;
    const { groups: read, spoiled } = observed;
    const used = new Set([...observed.usedByOthers.keys()].map((key) => (read.get(key) ?? spoiled?.get(key))?.name));
    const all = this.#entries.objects['address-group'];
    const named = [...all].filter(([name]) => used.has(name));
    const parts = [...all].filter(([name]) => named.some(([, entry]) => membersAt(entry, 'static').includes(name)));
    const groups = [...named, ...parts];
    const inside = new Set(groups.flatMap(([, entry]) => membersAt(entry, 'static')));
    const isNamed = (kind: 'object' | 'service', name: string): boolean =>
      observed.namedByOthers?.has(`${kind} ${name}`) === true;
    const { address, service } = this.#entries.objects;
    const addresses = [...address].filter(([name]) => inside.has(name) || isNamed('object', name));
    const joint = [...this.#entries.objects['service-group']].filter(([name]) => isNamed('service', name));
    const joined = new Set(joint.flatMap(([, entry]) => membersAt(entry, 'members')));
    const services = [...service].filter(([name]) => joined.has(name) || isNamed('service', name));
    return {
      objects: {
        address: new Map(addresses),
        service: new Map(services),
        'service-group': new Map(joint),
        'address-group': new Map(groups),
        'external-list': this.#usedLists(),
      },
      security: [],
      nat: [],
    };
  }

  steps(): readonly PanosStep[] {
    const last = this.#steps.findLast(({ does }) => does === 'configure');
    const { candidate, running, lockStays, left } = this.#start;
    const { cluster } = this.#ground;
    const edits =
      candidate !== running && digestOf(ownedIn(candidate, cluster)) !== digestOf(ownedIn(running, cluster))
        ? editsBetween(candidate, ownedIn(running, cluster), { ...this.#ground, left })
        : [];
    const isEdited = edits.length > 0;
    // A commit writes the candidate anew, and gives the lock back; without one, what nobody committed is taken back.
    if (last !== undefined || !(isEdited || lockStays)) return this.#steps;
    const step: PanosStep = {
      does: 'takeBack',
      active: this.#start.active,
      kind: 'Clean',
      title: isEdited ? 'edits that were never committed go' : 'a lock that was left is given back',
      urgent: false,
      objects: [],
      longestMs: REGISTER_MS,
      text: isEdited ? `${multiConfig(edits)}\n` : REMOVE_TEXT,
    };
    return [...this.#steps, step];
  }

  #configure(step: Step, wanted: Entries): void {
    const after = this.#start.left.published(wanted);
    const edits = editsBetween(this.#folders, after, this.#ground);
    const before = digestOf(this.#entries);
    const text = `${multiConfig(edits)}\n<commit/>\n`;
    this.#steps.push({
      ...step,
      does: 'configure',
      active: this.#start.active,
      before,
      after,
      text,
      ...(this.#isLeaving ? {} : { leads: this.#base }),
      longestMs: COMMIT_MS,
      ...(this.#ground.dialect.volatile === undefined ? {} : { lets: true }),
      // Without registered addresses there is no marker: what runs says by itself which state it is.
      ...(this.#ground.dialect.volatile === undefined ? { from: this.#state, to: this.#state } : this.#next(text)),
    });
    this.#entries = after;
    this.#folders = withEntries(this.#folders, after, this.#ground.cluster);
  }

  #register(
    step: Step,
    change: { readonly joins: readonly TagChange[]; readonly leaves: readonly TagChange[] },
    isLast = false,
  ): void {
    const text = registrationText(change.joins, change.leaves);
    const next = isLast ? { from: this.#state, to: undefined } : this.#next(text);
    this.#steps.push({
      ...step,
      ...(step.kind === 'Members' ? { quick: true } : {}),
      does: 'register',
      standby: false,
      active: this.#start.active,
      ...change,
      text,
      ...(this.#isLeaving ? {} : { leads: this.#base }),
      longestMs: REGISTER_MS,
      ...next,
    });
  }

  #next(text: string): StateChange {
    const from = this.#state;
    this.#state = shortHash(`${from} ${text}`);
    return { from, to: this.#state };
  }
}

function membersBut({ members }: MemberGroup, left: ReadonlySet<string> | undefined): readonly string[] {
  return left === undefined ? [...members] : [...members].filter((address) => !left.has(address));
}

function tagChanges(
  operations: readonly Operation[],
  style: Style,
): { readonly joins: readonly TagChange[]; readonly leaves: readonly TagChange[] } {
  const of = (side: 'joins' | 'leaves'): readonly TagChange[] =>
    sortedChanges(
      operations.flatMap((operation) =>
        operation.kind === 'ChangeMembers'
          ? operation[side].map((address) => ({ address, tag: tagOf(operation.group, style) }))
          : [],
      ),
    );
  return { joins: of('joins'), leaves: of('leaves') };
}
