import { setTimeout } from 'node:timers/promises';
import type { MayGoOn } from '../../driver.ts';
import { type Fetcher, type ListsReading, isToldOfLists, listDifference, unreadLists } from '../lists/list-contents.ts';
import { type Ask, type ListRooms, type Shown, listRooms } from '../lists/list-steps.ts';
import { usedLists } from '../lists/lists.ts';
import { isOurs, ownedIn } from '../entries/owned.ts';
import type { Unit } from './pair.ts';
import type { Folders } from '../entries/read-entries.ts';

const SEVERAL_VSYS =
  'the firewall has several vsys, and tells about lists of the one that a connection has set, which nobody can hold on to';

/** Who was asked for a list is looked at again so soon; small lists are fetched in that time. What takes longer is found by the next looks. */
const LOOKS_MS = [50, 200, 500];

/** Lists of ours on one firewall, or on both of a pair: each fetches for itself. */
export class ShownLists {
  readonly #cluster: string;
  #names: { readonly running: Folders; readonly names: readonly string[] } | undefined;
  #unread: { readonly names: readonly string[]; readonly reading: ListsReading } | undefined;
  #last: readonly Shown[] = [];

  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  /** The same object as long as nothing changed. */
  async read(
    units: readonly Unit[],
    running: Folders,
    hasSeveralVsys: boolean,
    signal: AbortSignal,
  ): Promise<readonly Shown[]> {
    if (this.#names?.running !== running)
      this.#names = { running, names: [...ownedIn(running, this.#cluster).objects['external-list'].keys()] };
    const { names } = this.#names;
    const readings = hasSeveralVsys
      ? units.map(() => this.#nothingOf(names))
      : await Promise.all(units.map(({ device }) => device.readLists(names, running, signal)));
    const next = units.flatMap(({ title }, at) => {
      const reading = readings[at];
      return reading === undefined ? [] : [{ title, reading }];
    });
    const isSame =
      next.length === this.#last.length &&
      next.every(({ title, reading }, at) => this.#last[at]?.title === title && this.#last[at].reading === reading);
    if (!isSame) this.#last = next;
    return this.#last;
  }

  #nothingOf(names: readonly string[]): ListsReading {
    if (this.#unread?.names !== names) this.#unread = { names, reading: unreadLists(names, SEVERAL_VSYS) };
    return this.#unread.reading;
  }
}

/** Asks firewalls to fetch lists, and gives them a moment. One that does not want to fetches them when it is time. */
export async function fetchLists(
  asks: readonly Ask[],
  fetcherOf: (title: string) => Fetcher,
  signal: AbortSignal,
  mayGoOn: MayGoOn,
): Promise<void> {
  const sent: Ask[] = [];
  for (const ask of asks) {
    try {
      await fetcherOf(ask.unit).refreshList(ask.name, ask.members, signal, mayGoOn);
      sent.push(ask);
    } catch (thrown) {
      if (!isToldOfLists(thrown)) throw thrown;
    }
  }
  for (const pauseMs of LOOKS_MS) {
    if (sent.length === 0) return;
    await setTimeout(pauseMs, undefined, { signal });
    const shown = await Promise.all(sent.map((ask) => isShown(ask, fetcherOf(ask.unit), signal)));
    if (shown.every(Boolean)) return;
  }
}

async function isShown({ name, members }: Ask, fetcher: Fetcher, signal: AbortSignal): Promise<boolean> {
  const { contents } = await fetcher.readLists([name], signal);
  const content = contents.get(name);
  if (content?.kind !== 'read') return false;
  const { lacks, keeps } = listDifference(content.members, members);
  return lacks.size + keeps.size === 0;
}

/** Whether rules of others name a list. What a Panorama pushed may name any. */
export function isUsedIn(running: Folders, isPushedTo: boolean): (name: string) => boolean {
  const used = usedLists([...running.security, ...running.nat, ...running.elsewhere]);
  return (name) => isPushedTo || used.has(name);
}

/** What fits of lists, by those of a firewall's own configuration; `undefined`: none are kept there. */
export function listRoomsIn(
  { objects }: Folders,
  [first]: readonly Shown[],
  most: number | undefined,
  cluster: string,
): ListRooms | undefined {
  const lists = objects['external-list'];
  const ours = lists.filter((one) => isOurs(one, cluster)).length;
  return first && listRooms(most, lists.length, ours, first.reading);
}
