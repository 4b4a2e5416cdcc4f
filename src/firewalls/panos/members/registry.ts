import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { allEnded } from '../../../base/all-ended.ts';
import { shortHash } from '../../../base/encode.ts';
import { SallyportError } from '../../../base/error.ts';
import type { MayGoOn } from '../../driver.ts';
import type { PanosApi, Target } from '../api/api.ts';
import { isNotRegistered } from '../api/errors.ts';
import { MOST_TAGS } from './most-tags.ts';
import {
  type Registered,
  type TagChange,
  countRegistered,
  messages,
  pagesOf,
  readRegistered,
  readTagsOf,
  sendMessage,
} from './registered.ts';

/** Everything is read again after this time, and after many times what that took: others may have changed as many as they took. */
const READ_AGAIN_MS = 60_000;
const READ_AGAIN_TIMES = 100;
/** So many addresses are asked for one by one where all take several pages: they go side by side. */
const FEW = 12;

/** Which state of ours a device's registered addresses are in, and who of us brought them there. */
export interface Marker {
  readonly writer: string;
  readonly state: string;
}

export interface RegistryReading {
  readonly registered: Registered;
  readonly marker: Marker | undefined;
}

/** No state of ours: nothing was written yet, or the device lost it. */
export const NO_STATE = 'none';

interface Known {
  readonly reading: RegistryReading;
  /** When all of it was read, and how long that took. */
  readonly at: number;
  readonly tookMs: number;
  /** All of it was read just now: nothing was followed or sent since. */
  readonly isWhole: boolean;
}

export interface RegistryOptions {
  readonly cluster: string;
  readonly firewall: string;
  /** Which one of a pair: pairs may share registered addresses, and each keeps its own marker. */
  readonly unit: string;
  readonly where: Target;
  readonly clock: Clock;
}

/**
 * The registered addresses of one firewall: read in full seldom, followed cheaply, written as deltas. They have no lock and no revision, so a
 * marker of ours stands among them: an address of a documentation range, whose tag names who of us wrote last and what. A step that was
 * made for another state is refused, but for what overtakes it within one request.
 */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #writer = randomBytes(4).toString('hex');
  readonly #prefix: string;
  readonly #address: string;
  #known: Known | undefined;
  #touched = new Set<string>();
  /**
   * What is there if the device did what it was told since it was read, and all that may be there where that is not known; absent: it
   * was told nothing.
   */
  #sent: Registered | undefined;
  #wrote = false;
  /** Where the device tells: how many addresses it takes. */
  capacity: number | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#prefix = `sp-${shortHash(`${options.cluster}/${options.firewall}/${options.unit}`)}-w.`;
    const owner = Number.parseInt(shortHash(`${options.cluster}/${options.firewall}`), 16);
    this.#address = `192.0.2.${1 + (owner % 254)}`;
  }

  /** Everything, as the device says it; the same object as long as nothing changed. */
  async read(api: PanosApi, signal: AbortSignal): Promise<RegistryReading> {
    const { where, clock } = this.#options;
    const known = this.#known;
    if (known !== undefined && !this.#isOld(known) && this.#isFollowed(known.reading)) {
      const [tags, count, own] = await Promise.all([
        readTagsOf(api, this.#address, where, signal),
        countRegistered(api, where, signal),
        this.#tagsOf(api, [...this.#touched], signal),
      ]);
      const reading = this.#followed(known.reading, tags, own);
      if (reading?.registered.size === count) {
        this.#touched.clear();
        this.#sent = undefined;
        this.#known = { ...known, reading, isWhole: false };
        return reading;
      }
    }
    const began = clock.monotonic();
    const { believed } = this;
    this.#known = undefined;
    this.#sent = believed;
    const registered = await readRegistered(api, where, signal, believed);
    const reading = { registered, marker: this.#markerIn(registered.get(this.#address)) };
    this.#touched.clear();
    this.#sent = undefined;
    this.#known = { reading, at: began, tookMs: clock.monotonic() - began, isWhole: true };
    return reading;
  }

  /** Another one of ours wrote last, though we have written before. */
  rival(marker: Marker | undefined): string | undefined {
    return this.#wrote && marker !== undefined && marker.writer !== this.#writer
      ? `the copy of Sallyport that calls itself ${marker.writer}`
      : undefined;
  }

  /** The state that a device is in, read now. */
  async state(api: PanosApi, signal: AbortSignal): Promise<string> {
    const tags = await readTagsOf(api, this.#address, this.#options.where, signal);
    return this.#markerIn(tags)?.state ?? NO_STATE;
  }

  /**
   * Sends deltas, and the new state with the first of them; `to: undefined` takes the marker away. Rejects with `DEVICE_CHANGED`
   * where the device is in none of these states, with `DEVICE_LIMIT` before anything is sent where it cannot hold them. `allowed`: asked meanwhile;
   * where it rejects nothing is sent either. `isJustRead`: `read` was right before, so that nothing is asked once more.
   */
  async write(
    api: PanosApi,
    { from, to, states, joins, leaves }: RegistryChange,
    signal: AbortSignal,
    mayGoOn: MayGoOn,
    allowed: Promise<unknown> = Promise.resolve(),
    isJustRead = false,
  ): Promise<void> {
    if (from === to && joins.length + leaves.length === 0) {
      await allowed;
      return;
    }
    const { where } = this.#options;
    const [{ registered, marker }] = await allEnded([this.#present(api, signal, isJustRead), allowed]);
    const state = marker?.state ?? NO_STATE;
    if (state !== from && state !== to && states?.has(state) !== true)
      throw new SallyportError(
        'DEVICE_CHANGED',
        'another copy of Sallyport has registered addresses since they were read',
      );
    const has = ({ address, tag }: TagChange): boolean => registered.get(address)?.has(tag) === true;
    const [adds, removes] = [joins.filter((one) => !has(one)), leaves.filter(has)];
    const shortage = this.#shortage(registered, adds, removes);
    if (shortage !== undefined) throw new SallyportError('DEVICE_LIMIT', `${shortage}; nothing of it is sent`);
    const mine = this.#markerTag({ writer: this.#writer, state: to ?? NO_STATE });
    const old = [...(registered.get(this.#address) ?? [])].filter((tag) => tag.startsWith(this.#prefix));
    const markerLeaves = old
      .filter((tag) => to === undefined || tag !== mine)
      .map((tag) => ({ address: this.#address, tag }));
    const markerJoins = to === undefined || old.includes(mine) ? [] : [{ address: this.#address, tag: mine }];
    const sent = messages([...markerJoins, ...adds], [...markerLeaves, ...removes]);
    for (const { address } of [...adds, ...removes]) this.#touched.add(address);
    const isWhole = this.#known?.isWhole === true;
    try {
      for (const message of sent) {
        await sendMessage(api, message, where, signal, mayGoOn);
        this.#wrote = true;
      }
    } catch (thrown) {
      // Whatever of it the device did: who was to join may be there, and who was to leave too.
      this.#known = undefined;
      this.#sent = withChanges(registered, [...markerJoins, ...adds], []);
      throw isWhole ? thrown : refusedUnread(thrown);
    }
    if (this.#known !== undefined) this.#known = { ...this.#known, isWhole: false };
    this.#sent = withChanges(registered, [...markerJoins, ...adds], [...markerLeaves, ...removes]);
  }

  /** What was read last, with what was sent since, and all that may be there where an answer was lost; `undefined`: nothing is believed. */
  get believed(): Registered | undefined {
    return this.#sent ?? this.#known?.reading.registered;
  }

  /** Whether all that is believed to be there is there, as far as nobody else wrote: no answer was lost since it was read. */
  get isSure(): boolean {
    return this.#known !== undefined;
  }

  /** Whether these fit beside all that were registered last, by what the device told. */
  hasRoomFor(joins: readonly TagChange[]): boolean {
    const registered = this.believed;
    return registered !== undefined && this.#shortage(registered, joins, []) === undefined;
  }

  /** What was thought of it is not believed any more: it answers from another life. */
  forget(): void {
    this.#known = undefined;
    this.#sent = undefined;
  }

  /** A few questions are fewer than all pages. */
  #isFollowed({ registered }: RegistryReading): boolean {
    const { size } = this.#touched;
    const pages = pagesOf(registered.size);
    return size === 0 || (pages > 1 && size <= Math.max(FEW, pages));
  }

  #isOld({ at, tookMs }: { readonly at: number; readonly tookMs: number }): boolean {
    return this.#options.clock.monotonic() - at >= Math.max(READ_AGAIN_MS, READ_AGAIN_TIMES * tookMs);
  }

  /**
   * What a change goes from: what was read last and what was sent since, as long as marker and number say that nobody else wrote. What was sent and
   * is not there after all makes the device refuse a part, and everything is read then.
   */
  async #present(api: PanosApi, signal: AbortSignal, isJustRead: boolean): Promise<RegistryReading> {
    const known = this.#known;
    if (isJustRead && known !== undefined && this.#sent === undefined) return known.reading;
    if (known === undefined || this.#isOld(known)) return await this.read(api, signal);
    const { where } = this.#options;
    const [tags, count] = await Promise.all([
      readTagsOf(api, this.#address, where, signal),
      countRegistered(api, where, signal),
    ]);
    const reading = { ...known.reading, registered: this.#sent ?? known.reading.registered };
    const followed = this.#followed(reading, tags, new Map());
    return followed?.registered.size === count ? followed : await this.read(api, signal);
  }

  async #tagsOf(
    api: PanosApi,
    addresses: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const { where } = this.#options;
    const read = addresses.map(async (one) => [one, await readTagsOf(api, one, where, signal)] as const);
    return new Map(await Promise.all(read));
  }

  /** What was read, with what some addresses have by now; `undefined`: somebody else of ours wrote. */
  #followed(
    reading: RegistryReading,
    tags: ReadonlySet<string>,
    read: ReadonlyMap<string, ReadonlySet<string>>,
  ): RegistryReading | undefined {
    const { registered, marker } = reading;
    const now = this.#markerIn(tags);
    const isOurs = now === undefined || now.writer === this.#writer;
    const isSame = now?.state === marker?.state && now?.writer === marker?.writer;
    if (!isOurs && !isSame) return undefined;
    if (isSame && read.size === 0) return reading;
    const next = new Map(registered);
    for (const [address, own] of [[this.#address, tags] as const, ...read])
      if (own.size === 0) next.delete(address);
      else next.set(address, own);
    return { registered: next, marker: now };
  }

  /** What stands in the way of adding and removing; `undefined`: nothing. */
  #shortage(registered: Registered, adds: readonly TagChange[], removes: readonly TagChange[]): string | undefined {
    if (adds.length === 0) return undefined;
    const tags = new Map<string, number>();
    const count = ({ address }: TagChange, by: number): void => {
      tags.set(address, (tags.get(address) ?? registered.get(address)?.size ?? 0) + by);
    };
    for (const one of removes) count(one, -1);
    for (const one of adds) count(one, 1);
    const full = [...tags].find(([, many]) => many > MOST_TAGS);
    if (full !== undefined)
      return `${full[0]} would have ${full[1]} tags, and a registered address has ${MOST_TAGS} at most`;
    const { capacity } = this;
    if (capacity === undefined) return undefined;
    const fresh = [...tags].filter(([address, many]) => many > 0 && !registered.has(address)).length;
    const gone = [...tags].filter(([address, many]) => many === 0 && registered.has(address)).length;
    const total = registered.size + fresh - gone + (registered.has(this.#address) ? 0 : 1);
    return total > capacity ? `${total} addresses would be registered, and the device takes ${capacity}` : undefined;
  }

  #markerIn(tags: ReadonlySet<string> | undefined): Marker | undefined {
    const text = [...(tags ?? [])].find((tag) => tag.startsWith(this.#prefix));
    const [writer, state] = text?.slice(this.#prefix.length).split('.') ?? [];
    return writer === undefined || state === undefined ? undefined : { writer, state };
  }

  #markerTag({ writer, state }: Marker): string {
    return `${this.#prefix}${writer}.${state}`;
  }
}

export interface StateChange {
  readonly from: string;
  /** Absent: nothing of ours stays. */
  readonly to: string | undefined;
}

/** Who joins and leaves, from one state to another. */
export interface RegistryChange extends StateChange {
  /** Others that it may go from as well; absent: none. */
  readonly states?: ReadonlySet<string>;
  readonly joins: readonly TagChange[];
  readonly leaves: readonly TagChange[];
}

/** Others may have registered tags for addresses that are there since all were read: then to read all tells whom there is no place for. */
function refusedUnread(thrown: unknown): unknown {
  if (!isNotRegistered(thrown) || !(thrown instanceof SallyportError)) return thrown;
  return new SallyportError('DEVICE_CHANGED', `${thrown.message}; all registered addresses are read again`);
}

function withChanges(registered: Registered, joins: readonly TagChange[], leaves: readonly TagChange[]): Registered {
  const next = new Map(registered);
  const put = (address: string, tags: ReadonlySet<string>): void => {
    if (tags.size === 0) next.delete(address);
    else next.set(address, tags);
  };
  for (const { address, tag } of leaves)
    put(address, new Set([...(next.get(address) ?? [])].filter((one) => one !== tag)));
  for (const { address, tag } of joins) put(address, new Set([...(next.get(address) ?? []), tag]));
  return next;
}
