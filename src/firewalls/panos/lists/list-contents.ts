import type { BucketMap } from '../../../base/bucket-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { deadline } from '../../../base/deadline.ts';
import { SallyportError } from '../../../base/error.ts';
import { formatAddress, parseAddress } from '../../../ip/address.ts';
import { formatPrefix, parsePrefix } from '../../../ip/prefix.ts';
import type { MayGoOn } from '../../driver.ts';
import { NOBODY } from '../../feed/feed-list.ts';
import { type PanosApi, type Target, command } from '../api/api.ts';
import { type XmlElement, child, element, textAt } from '../api/xml.ts';

/** Entries of one answer, as the reference has it (1.9). */
const PAGE = 1_000;
/** More than any device is known to take: an answer that goes on for ever is none. */
const MOST_PAGES = 1_000;
/** Contents change when the device fetches, which is every five minutes at best. */
const READ_AGAIN_MS = 60_000;
/** A list that takes longer than this to be told is not known: it may be large, and everything else of the firewall waits for the reading. */
const LONGEST_MS = 5_000;
/** A list is asked to be fetched again after so long, doubling while it does not help: its server may be away for days. */
const ASK_FIRST_MS = 5_000;
const ASK_LONGEST_MS = 300_000;

/** Members of a list, by family. */
export type ListMembers = readonly BucketMap<true>[];

/** What the device showed of a list, whether a rule goes by it or not. */
export type ListContent =
  | { readonly kind: 'read'; readonly members: ReadonlySet<string> }
  | { readonly kind: 'unread'; readonly why: string };

/** When a list was asked to be fetched out of turn. */
export interface Asked {
  readonly members: ListMembers;
  /** It is not the time to ask again, even if somebody else shall be in it by now. */
  readonly isRecent: boolean;
  /** Nor for those who were to be in it then. */
  readonly rests: boolean;
}

/** How many entries all lists of a device have, and may have. */
export interface ListRoom {
  readonly used: number;
  readonly most: number;
}

/** The lists of one firewall as it shows them. */
export interface ListsReading {
  readonly contents: ReadonlyMap<string, ListContent>;
  readonly asked: ReadonlyMap<string, Asked>;
  readonly room: ListRoom | undefined;
}

/** Where a list differs from what it shall hold. */
export interface ListDifference {
  readonly lacks: ReadonlySet<string>;
  readonly keeps: ReadonlySet<string>;
}

/** A firewall that can be asked for its lists. */
export interface Fetcher {
  readLists(names: readonly string[], signal: AbortSignal): Promise<ListsReading>;
  refreshList(name: string, members: ListMembers, signal: AbortSignal, mayGoOn: MayGoOn): Promise<void>;
}

export const NO_LISTS: ListsReading = { contents: new Map(), asked: new Map(), room: undefined };

interface Known {
  readonly content: ListContent;
  readonly at: number;
  /** What was configured then. */
  readonly under: object;
}

interface Request {
  readonly members: ListMembers;
  readonly at: number;
  readonly pauseMs: number;
}

/**
 * What the lists of one firewall hold, by its own word: read seldom while nothing is to change, and with every look after it was asked to
 * fetch them, until it shows what is wanted.
 */
export class ListContents {
  readonly #clock: Clock;
  readonly #where: Target;
  readonly #known = new Map<string, Known>();
  readonly #requests = new Map<string, Request>();
  #room: { readonly room: ListRoom | undefined; readonly at: number } | undefined;
  #last: ListsReading = NO_LISTS;

  constructor(clock: Clock, where: Target = {}) {
    this.#clock = clock;
    this.#where = where;
  }

  /** `under`: the configuration in which the lists stand; another one has them read anew. The same object as long as nothing changed. */
  async read(api: PanosApi, names: readonly string[], under: object, signal: AbortSignal): Promise<ListsReading> {
    if (names.length === 0) return (this.#last = NO_LISTS);
    for (const [name, { under: known }] of this.#known) if (known !== under) this.#known.delete(name);
    const stale = names.filter((name) => this.#isStale(name, under));
    await Promise.all([...stale.map((name) => this.#readOne(api, name, under, signal)), this.#readRoom(api, signal)]);
    const contents = new Map([...this.#known].map(([name, { content }]) => [name, content]));
    const next = { contents, asked: this.#asked(), room: this.#room?.room };
    if (!sameReading(this.#last, next)) this.#last = next;
    return this.#last;
  }

  /** Asks the device to fetch a list now. What it says to that is no proof of anything; what it shows afterwards is. */
  async refresh(
    api: PanosApi,
    name: string,
    members: ListMembers,
    signal: AbortSignal,
    mayGoOn: MayGoOn,
  ): Promise<void> {
    const before = this.#requests.get(name);
    const isAgain = before !== undefined && sameMembers(before.members, members);
    const pauseMs = isAgain ? Math.min(before.pauseMs * 2, ASK_LONGEST_MS) : ASK_FIRST_MS;
    this.#requests.set(name, { members, at: this.#clock.monotonic(), pauseMs });
    const cmd = command(['request', 'system', 'external-list', 'refresh', 'type', 'ip', 'name'], name);
    await api.order(cmd, signal, mayGoOn, this.#where);
  }

  /** What was read is not believed any more; what was asked for stays so. */
  forget(): void {
    this.#known.clear();
    this.#room = undefined;
  }

  #isStale(name: string, under: object): boolean {
    const known = this.#known.get(name);
    if (known === undefined || known.under !== under) return true;
    if (this.#clock.monotonic() - known.at >= READ_AGAIN_MS) return true;
    const request = this.#requests.get(name);
    if (request === undefined || known.content.kind === 'unread') return false;
    return known.at <= request.at || !isSame(listDifference(known.content.members, request.members));
  }

  async #readOne(api: PanosApi, name: string, under: object, signal: AbortSignal): Promise<void> {
    const at = this.#clock.monotonic();
    const read = await unlessFails(signal, (limited) => readContent(api, name, this.#where, limited), unread);
    const before = this.#known.get(name)?.content;
    this.#known.set(name, { content: sameContent(before, read) ? before : read, at, under });
  }

  async #readRoom(api: PanosApi, signal: AbortSignal): Promise<void> {
    const at = this.#clock.monotonic();
    if (this.#room !== undefined && at - this.#room.at < READ_AGAIN_MS) return;
    const room = await unlessFails<ListRoom | undefined>(
      signal,
      (limited) => readListRoom(api, this.#where, limited),
      () => undefined,
    );
    this.#room = { room, at };
  }

  #asked(): ReadonlyMap<string, Asked> {
    const now = this.#clock.monotonic();
    return new Map(
      [...this.#requests].map(([name, { members, at, pauseMs }]) => [
        name,
        { members, isRecent: now - at < ASK_FIRST_MS, rests: now - at < pauseMs },
      ]),
    );
  }
}

/** It is not the time to ask for this list to be fetched. */
export function isResting({ asked }: ListsReading, name: string, members: ListMembers): boolean {
  const last = asked.get(name);
  if (last === undefined) return false;
  return sameMembers(last.members, members) ? last.rests : last.isRecent;
}

const differences = new WeakMap<
  ReadonlySet<string>,
  { readonly members: ListMembers; readonly found: ListDifference }
>();

/** What lists that are never empty hold instead of members. */
const NOBODIES: ReadonlySet<string> = new Set(Object.values(NOBODY));

/** Who shall be in a list and was not shown, and who was shown and shall not be. Worked out once for what did not change. */
export function listDifference(shown: ReadonlySet<string>, members: ListMembers): ListDifference {
  const known = differences.get(shown);
  if (known !== undefined && sameMembers(known.members, members)) return known.found;
  const lacks = new Set<string>();
  for (const part of members) for (const [one] of part.sorted()) if (!shown.has(one)) lacks.add(one);
  const keeps = new Set([...shown].filter((one) => !NOBODIES.has(one) && !members.some((part) => part.has(one))));
  const found = { lacks, keeps };
  differences.set(shown, { members, found });
  return found;
}

/**
 * What the device shows of a list. The reference (1.9) has the command and the element of its answer, and not the form of its rows: so every
 * text and attribute in it that is an address, a prefix or a range is an entry, and an answer in which none is must hold nothing but counts.
 */
async function readContent(api: PanosApi, name: string, where: Target, signal: AbortSignal): Promise<ListContent> {
  const rowsFrom = async (anchor: number, most: number): Promise<XmlElement | undefined> => {
    const inside = [element('name', name), element('anchor', `${anchor}`), element('num-records', `${most}`)];
    const cmd = command(['request', 'system', 'external-list', 'show', 'type', 'ip'], inside);
    return child(await api.op(cmd, signal, where), 'external-list');
  };
  const members = new Set<string>();
  let isLast = false;
  try {
    // Until a page is empty: how many rows a device gives at most is not known.
    for (let anchor = 1, page = 0; page < MOST_PAGES; page++) {
      const list = await rowsFrom(anchor, PAGE);
      if (list === undefined) return { kind: 'unread', why: 'the answer holds no list' };
      const { entries, countsAlone } = rowsIn(list);
      const isEnd = entries.length === 0 && (page > 0 || countsAlone);
      if (entries.length === 0 && !isEnd) return { kind: 'unread', why: 'no entry is found in the answer' };
      const before = members.size;
      for (const entry of entries) members.add(entry);
      if (isEnd) return { kind: 'read', members };
      // It does not follow the row that is asked for: what lies behind those that it gives is not known.
      if (members.size === before) return { kind: 'unread', why: 'it gives the same page again' };
      anchor += entries.length;
      isLast = entries.length < PAGE;
    }
  } catch (thrown) {
    if (!isLast || !(thrown instanceof SallyportError) || !NOTHING.has(thrown.code)) throw thrown;
    // Nothing begins there; or a Panorama says no, because the firewall is gone: then the first row is not answered either.
    await rowsFrom(1, 1);
    return { kind: 'read', members };
  }
  return { kind: 'unread', why: 'its content has no end' };
}

/** What fails about lists is no failure of the firewall: what else is read tells whether it is there and lets us in. */
export async function unlessFails<T>(
  signal: AbortSignal,
  work: (limited: AbortSignal) => Promise<T>,
  failed: (why: string) => T,
): Promise<T> {
  using limit = deadline(signal, LONGEST_MS, 'DEVICE_UNREACHABLE');
  try {
    return await work(limit.signal);
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof SallyportError)) throw thrown;
    return failed(thrown.message);
  }
}

function unread(why: string): ListContent {
  return { kind: 'unread', why };
}

/** Lists of a firewall that cannot be asked about them. */
export function unreadLists(names: readonly string[], why: string): ListsReading {
  return { ...NO_LISTS, contents: new Map(names.map((name) => [name, unread(why)])) };
}

/** The device does not do what it was asked, as far as lists go: it does without, or later. */
const OF_LISTS: ReadonlySet<string> = new Set([
  'DEVICE_REJECTED',
  'DEVICE_CHANGED',
  'DEVICE_BUSY',
  'DEVICE_RIGHTS',
  'DEVICE_UNREADABLE',
]);
/** With which it answers that there is nothing of this name, or from this row on. */
const NOTHING: ReadonlySet<string> = new Set(['DEVICE_REJECTED', 'DEVICE_CHANGED']);

export function isToldOfLists(thrown: unknown): thrown is SallyportError {
  return thrown instanceof SallyportError && OF_LISTS.has(thrown.code);
}

function rowsIn(list: XmlElement): { readonly entries: readonly string[]; readonly countsAlone: boolean } {
  const entries: string[] = [];
  let countsAlone = true;
  const look = ({ text, attributes, children }: XmlElement): void => {
    for (const line of [...attributes.values(), ...text.split('\n')]) {
      const word = line.trim();
      if (word === '') continue;
      const entry = canonicalEntry(word);
      if (entry !== undefined) entries.push(entry);
      else if (!/^\d+$/.test(word)) countsAlone = false;
    }
    children.forEach(look);
  };
  look(list);
  return { entries, countsAlone };
}

/** As members are written: `10.0.0.1`, `10.0.0.0/24`, `10.0.0.1-10.0.0.9`. */
function canonicalEntry(text: string): string | undefined {
  const ends = text.split('-').map((end) => parseAddress(end));
  const [first, last] = ends;
  if (ends.length === 2 && first !== undefined && last !== undefined)
    return `${formatAddress(first)}-${formatAddress(last)}`;
  const parsed = parsePrefix(text, { bareAddress: true });
  if ('problem' in parsed) return undefined;
  return formatPrefix(parsed.value).replace(parsed.value.family === 4 ? /\/32$/ : /\/128$/, '');
}

/** Reference 1.10. `undefined`: the device does not tell. */
async function readListRoom(api: PanosApi, where: Target, signal: AbortSignal): Promise<ListRoom | undefined> {
  const answer = await api.op(command(['request', 'system', 'external-list', 'list-capacities']), signal, where);
  const number = (key: string): number | undefined => {
    const text = textAt(answer, 'ip', key);
    return text !== undefined && /^(0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : undefined;
  };
  const [used, most] = [number('running-cap'), number('total-cap')];
  return used === undefined || most === undefined ? undefined : { used, most };
}

function isSame({ lacks, keeps }: ListDifference): boolean {
  return lacks.size === 0 && keeps.size === 0;
}

function sameMembers(one: ListMembers, other: ListMembers): boolean {
  return one.length === other.length && one.every((part, at) => part === other[at]);
}

function sameContent(one: ListContent | undefined, other: ListContent): one is ListContent {
  if (one?.kind === 'unread' && other.kind === 'unread') return one.why === other.why;
  if (one?.kind !== 'read' || other.kind !== 'read' || one.members.size !== other.members.size) return false;
  return [...other.members].every((member) => one.members.has(member));
}

function sameReading(one: ListsReading, other: ListsReading): boolean {
  if (one.contents.size !== other.contents.size || one.asked.size !== other.asked.size) return false;
  if (one.room?.used !== other.room?.used || one.room?.most !== other.room?.most) return false;
  for (const [name, content] of other.contents) if (one.contents.get(name) !== content) return false;
  for (const [name, { members, isRecent, rests }] of other.asked) {
    const before = one.asked.get(name);
    if (before?.isRecent !== isRecent || before.rests !== rests || !sameMembers(before.members, members)) return false;
  }
  return true;
}
