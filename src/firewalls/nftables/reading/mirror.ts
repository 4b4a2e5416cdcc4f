import type { Drift } from '../../driver.ts';
import type { NftMap, NftSet } from '../table/model.ts';
import type { Commit, ElementEvent } from './monitor-lines.ts';
import type { Operation } from '../table/operation.ts';
import type { Reading } from './read.ts';
import { canonicalAddress } from './read-elements.ts';

/** What has to be read before the mirror can be believed again. */
export type Doubt =
  | { readonly about: 'nothing' }
  /** Chains, rules, and which sets there are; `sets`: those whose elements are not known either. */
  | { readonly about: 'structure'; readonly sets: ReadonlySet<string> }
  | { readonly about: 'everything' };

const NOTHING: Doubt = { about: 'nothing' };
const EVERYTHING: Doubt = { about: 'everything' };
/** Foreign changes told at once; one that does more has rewritten our table. */
const MOST_DRIFT = 20;

/**
 * What we know to stand on the device: a complete reading, kept in step by what `nft monitor` says. It never believes what was sent;
 * whatever it cannot follow exactly puts it in doubt, and doubt ends only by reading.
 */
export class Mirror {
  #reading: Reading | undefined;
  #doubt: Doubt = EVERYTHING;
  #generation: number | undefined;
  #drift: readonly Drift[] = [];
  /** Commits that were about us so far: a reading that began before one of them may miss it. */
  #changes = 0;
  #othersCommitted = false;

  /** The last complete reading, in step; `undefined` while anything about it is in doubt. */
  get reading(): Reading | undefined {
    return this.#doubt.about === 'nothing' ? this.#reading : undefined;
  }

  get doubt(): Doubt {
    return this.#doubt;
  }

  /** What was read before the doubt; good for the elements of sets that the doubt is not about. */
  get believed(): Reading | undefined {
    return this.#doubt.about === 'everything' ? undefined : this.#reading;
  }

  /** Changes of somebody else since the last `settle`. */
  get drift(): readonly Drift[] {
    return this.#drift;
  }

  /** To be given back to `take`. */
  get changes(): number {
    return this.#changes;
  }

  /** A reading that began when `changes` was this number. Refused, with `false`, if something changed while it was made. */
  take(reading: Reading, changes: number): boolean {
    if (changes !== this.#changes) {
      this.#doubt = EVERYTHING;
      return false;
    }
    if (this.#doubt.about === 'everything') this.#othersCommitted = false;
    this.#reading = reading;
    this.#doubt = NOTHING;
    return true;
  }

  /** Somebody committed since the last complete reading. nft 1.0.6 hides single intervals, so it may have been about us unseen. */
  get othersCommitted(): boolean {
    return this.#othersCommitted;
  }

  /** What was seen may be wrong: the monitor ended, lost something, or was stopped. */
  distrust(): void {
    this.#doubt = EVERYTHING;
    this.#generation = undefined;
    this.#changes++;
  }

  /** Forgets foreign changes: the device was brought to what is wanted. */
  settle(): void {
    this.#drift = [];
  }

  /** One transaction: our own with what was sent, or somebody else's. Returns whether it was, or may have been, about us. */
  commit(commit: Commit, own: readonly Operation[] | undefined): boolean {
    const isOwn = own !== undefined;
    const follows = this.#generation === undefined || commit.generation === this.#generation + 1;
    this.#generation = commit.generation;
    if (!isOwn) this.#othersCommitted = true;
    if (!follows || (commit.silent && !isOwn)) {
      this.#doubt = EVERYTHING;
      this.#changes++;
      return true;
    }
    if (commit.elements.length === 0 && commit.others.length === 0) return false;
    this.#changes++;
    if (own === undefined) {
      this.#noteDrift(commit);
      this.#doubt = EVERYTHING;
      return true;
    }
    if (commit.elements.length > 0) this.#elements(commit.elements);
    for (const line of commit.others) this.#other(line);
    for (const name of untold(commit, own)) this.#doubtSet(name);
    return true;
  }

  /** All that a transaction did to sets and maps, to each in its order. */
  #elements(events: readonly ElementEvent[]): void {
    if (this.#reading === undefined || this.#doubt.about === 'everything') return;
    const { table } = this.#reading;
    const sets = new Map(table.sets);
    const maps = new Map(table.maps);
    for (const [name, own] of bySet(events)) {
      const set = sets.get(name);
      const map = maps.get(name);
      const nextSet = set && changedSet(set, own);
      const nextMap = set === undefined && map !== undefined ? changedMap(map, own) : undefined;
      if (nextSet !== undefined) sets.set(name, nextSet);
      else if (nextMap !== undefined) maps.set(name, nextMap);
      else this.#doubtSet(name);
    }
    this.#reading = { present: true, table: { ...table, sets, maps } };
  }

  #other(line: string): void {
    const [, kind, , , name] = line.split(' ');
    if ((kind === 'set' || kind === 'map') && name !== undefined) this.#doubtSet(name);
    else if (kind === 'chain' || kind === 'rule') this.#doubtSet(undefined);
    else this.#doubt = EVERYTHING;
  }

  #doubtSet(name: string | undefined): void {
    if (this.#doubt.about === 'everything') return;
    const sets = new Set(this.#doubt.about === 'structure' ? this.#doubt.sets : []);
    if (name !== undefined) sets.add(name);
    this.#doubt = { about: 'structure', sets };
  }

  #noteDrift({ elements, others, by }: Commit): void {
    // With a table go all its objects, each told before it.
    const whole = others.find((line) => / table inet \S+\s*$/.test(line));
    const told =
      whole !== undefined
        ? [objectChange(whole, by)]
        : [
            ...elements.map(({ change, name, element }) => ({
              object: `element of ${name}`,
              what: `${change} ${element}`,
              by,
            })),
            ...others.map((line) => objectChange(line, by)),
          ];
    const seen = new Set(this.#drift.map((one) => JSON.stringify(one)));
    const fresh = told.filter((one) => !seen.has(JSON.stringify(one)) && seen.add(JSON.stringify(one)));
    const all = [...this.#drift, ...fresh];
    const more = all.length - MOST_DRIFT;
    const rest = { object: 'table sallyport', what: `${more} more changes`, by };
    this.#drift = more <= 0 ? all : [...all.slice(0, MOST_DRIFT), rest];
  }
}

/**
 * Sets and maps of which fewer elements were told than sent. nft 1.0.6 says nothing of elements of a set that its own cache lacks, which
 * happens to a listener that starts while others write; elements that were there already are not told either, and reading settles both.
 */
function untold({ elements }: Commit, own: readonly Operation[]): readonly string[] {
  const missing = new Map<string, number>();
  const expect = (change: ElementEvent['change'], name: string, count: number): void => {
    const key = `${change} ${name}`;
    missing.set(key, (missing.get(key) ?? 0) + count);
  };
  for (const operation of own)
    switch (operation.op) {
      case 'addElements':
        expect('add', operation.set, operation.elements.length);
        break;
      case 'deleteElements':
        expect('delete', operation.set, operation.elements.length);
        break;
      case 'addEntries':
        expect('add', operation.map, operation.entries.length);
        break;
      case 'deleteEntries':
        expect('delete', operation.map, operation.keys.length);
        break;
      default:
    }
  for (const { change, name } of elements) expect(change, name, -1);
  return [...missing].filter(([, count]) => count > 0).map(([key]) => key.slice(key.indexOf(' ') + 1));
}

/** `chain c4_x: delete`, of a line of the monitor. */
function objectChange(line: string, by: string): Drift {
  const [change = '', kind = '', , table = '', name = table] = line.trim().split(' ');
  return { object: `${kind} ${name}`, what: change, by };
}

function bySet(events: readonly ElementEvent[]): ReadonlyMap<string, readonly ElementEvent[]> {
  const sets = new Map<string, ElementEvent[]>();
  for (const event of events) {
    const known = sets.get(event.name);
    if (known === undefined) sets.set(event.name, [event]);
    else known.push(event);
  }
  return sets;
}

function changedSet(set: NftSet, events: readonly ElementEvent[]): NftSet | undefined {
  const changes: [string, true | undefined][] = [];
  for (const { change, element } of events) {
    const key = readKeyText(set.type, element);
    if (key === undefined) return undefined;
    changes.push([key, change === 'add' ? true : undefined]);
  }
  return { ...set, elements: set.elements.with(changes) };
}

function changedMap(map: NftMap, events: readonly ElementEvent[]): NftMap | undefined {
  const [keyType = '', valueType = ''] = map.type.split(':');
  const changes: [string, string | undefined][] = [];
  for (const { change, element } of events) {
    const [keyText = '', valueText = '', ...rest] = element.split(' : ');
    const key = readKeyText(keyType, keyText);
    const value = valueType === 'verdict' ? readVerdictText(valueText) : readKeyText(valueType, valueText);
    if (key === undefined || value === undefined || rest.length > 0) return undefined;
    changes.push([key, change === 'add' ? value : undefined]);
  }
  return { ...map, elements: map.elements.with(changes) };
}

/** Interval sets are never followed: nft 1.0.6 hides some of their elements. */
function readKeyText(type: string, text: string): string | undefined {
  if (type === 'address4') return /^[0-9.]{7,15}$/.test(text) ? text : undefined;
  if (type === 'address6') return /^[0-9a-f:.]{2,45}$/.test(text) ? canonicalAddress(text) : undefined;
  if (type === 'number') return /^(?:0x[0-9a-f]{1,8}|\d{1,10})$/.test(text) ? `${Number(text)}` : undefined;
  return undefined;
}

function readVerdictText(text: string): string | undefined {
  return /^(?:accept|drop|return|(?:goto|jump) [a-z0-9_]+)$/.test(text) ? text : undefined;
}
