import { NO_SERVICES, type ServiceId } from './service-algebra.ts';

/** Everything that goes from one list of atoms to another. Lists are ascending; equal lists are one object. */
export interface Rectangle {
  readonly services: ServiceId;
  readonly sources: readonly number[];
  readonly destinations: readonly number[];
}

/** What goes from one atom to each of `count` of them; the result holds until the next call. */
export type AllowedFrom = (source: number) => ArrayLike<ServiceId>;

/**
 * Groups all pairs of `count` atoms for which something is allowed into disjoint rectangles. For each set of services either sources with
 * the same destinations go together or destinations with the same sources, whichever leaves less to read.
 */
export function rectangles(count: number, allowedFrom: AllowedFrom): readonly Rectangle[] {
  const lists = new Lists();
  const rows = rowsOf(count, allowedFrom);
  const bySource = new Map<ServiceId, Grouping>();
  const byDestination = new Map<ServiceId, Grouping>();
  for (const { row, sources } of rows)
    for (const [services, destinations] of split(row))
      groupingOf(bySource, services).add(lists.number(destinations), sources);
  for (let destination = 0; destination < count; destination++)
    for (const [services, found] of split(rows, ({ row }) => row[destination] ?? NO_SERVICES))
      groupingOf(byDestination, services).add(lists.number(found), [destination]);

  const result: Rectangle[] = [];
  for (const [services, ofSources] of bySource) {
    const ofDestinations = groupingOf(byDestination, services);
    const rowsAlike = ofSources.groups.map(({ list, members }) => ({
      services,
      sources: lists.shared(members.toSorted(ascending)),
      destinations: lists.at(list),
    }));
    const columnsAlike = ofDestinations.groups.map(({ list, members }) => ({
      services,
      sources: lists.shared(
        lists
          .at(list)
          .flatMap((row) => rows[row]?.sources ?? [])
          .sort(ascending),
      ),
      destinations: lists.shared(members),
    }));
    for (const rectangle of sizeOf(columnsAlike) < sizeOf(rowsAlike) ? columnsAlike : rowsAlike) result.push(rectangle);
  }
  return result;
}

function sizeOf(found: readonly Rectangle[]): number {
  return found.reduce((size, { sources, destinations }) => size + sources.length + destinations.length, 0);
}

/** Sources to which the same is allowed. */
interface Alike {
  readonly row: Uint16Array;
  readonly sources: number[];
}

function rowsOf(count: number, allowedFrom: AllowedFrom): readonly Alike[] {
  const rows: Alike[] = [];
  const buckets = new Map<number, Alike[]>();
  for (let source = 0; source < count; source++) {
    const row = allowedFrom(source);
    const hash = hashOf(row);
    const bucket = buckets.get(hash) ?? [];
    buckets.set(hash, bucket);
    const same = bucket.find((other) => isSame(other.row, row));
    if (same !== undefined) same.sources.push(source);
    else {
      const made = { row: Uint16Array.from(row), sources: [source] };
      bucket.push(made);
      rows.push(made);
    }
  }
  return rows;
}

/** Places by the services found there, those without any left out. */
function split(row: Uint16Array): Map<ServiceId, number[]>;
function split<T>(items: readonly T[], servicesOf: (item: T) => ServiceId): Map<ServiceId, number[]>;
function split<T>(items: ArrayLike<T>, servicesOf?: (item: T) => ServiceId): Map<ServiceId, number[]> {
  const found = new Map<ServiceId, number[]>();
  for (let place = 0; place < items.length; place++) {
    const item = items[place] as T;
    const services = servicesOf === undefined ? Number(item) : servicesOf(item);
    if (services === NO_SERVICES) continue;
    const places = found.get(services);
    if (places === undefined) found.set(services, [place]);
    else places.push(place);
  }
  return found;
}

function groupingOf(groupings: Map<ServiceId, Grouping>, services: ServiceId): Grouping {
  let grouping = groupings.get(services);
  if (grouping === undefined) {
    grouping = new Grouping();
    groupings.set(services, grouping);
  }
  return grouping;
}

/** Members by the number of the list that they have in common. */
class Grouping {
  readonly groups: { readonly list: number; readonly members: number[] }[] = [];
  readonly #places = new Map<number, number>();

  add(list: number, members: readonly number[]): void {
    const place = this.#places.get(list);
    if (place === undefined) this.#places.set(list, this.groups.push({ list, members: [...members] }) - 1);
    else for (const member of members) this.groups[place]?.members.push(member);
  }
}

/** Lists of numbers, equal ones kept once. */
class Lists {
  readonly #all: (readonly number[])[] = [];
  readonly #buckets = new Map<number, number[]>();

  number(list: readonly number[]): number {
    const hash = hashOf(list);
    const bucket = this.#buckets.get(hash) ?? [];
    this.#buckets.set(hash, bucket);
    let number = bucket.find((other) => isSame(this.at(other), list));
    if (number === undefined) {
      number = this.#all.push(list) - 1;
      bucket.push(number);
    }
    return number;
  }

  at(number: number): readonly number[] {
    return this.#all[number] ?? [];
  }

  shared(list: readonly number[]): readonly number[] {
    return this.at(this.number(list));
  }
}

function hashOf(list: ArrayLike<number>): number {
  let hash = 0x811c9dc5 ^ list.length;
  for (let i = 0; i < list.length; i++) hash = Math.imul(hash ^ (list[i] as number), 0x01000193) ^ (hash >>> 15);
  return hash >>> 0;
}

function isSame(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function ascending(a: number, b: number): number {
  return a - b;
}
