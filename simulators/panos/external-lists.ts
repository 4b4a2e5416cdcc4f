import type { Clock } from '../../src/base/clock.ts';
import { parseNetmask, parseRange, type Span } from './addresses.ts';
import { fetchList, type Source } from './fetch.ts';
import type { Quirks } from './quirks.ts';
import { child, type Element, members, textOf } from './xml.ts';

/** A list as it is configured. */
export interface ConfiguredList {
  /** Scope and name: what makes it this list. */
  readonly id: string;
  readonly name: string;
  readonly definition: Element;
}

interface Entry {
  readonly text: string;
  readonly span: Span;
}

interface Held {
  configured: ConfiguredList;
  /** Text of the definition, to see whether it is still the same. */
  source: string;
  /** The last good content; `undefined`: there never was one. */
  entries: readonly Entry[] | undefined;
  /** The server refused the credentials: the content does not count (reference 1.9). */
  refused: boolean;
  cancel: (() => void) | undefined;
}

/** One line of the device's system log. */
export interface LogLine {
  readonly wall: number;
  readonly text: string;
}

/** Lists that the device fetches by itself: what they held last, and when they are fetched next (reference 1.9). */
export class ExternalLists {
  readonly #clock: Clock;
  readonly #capacity: () => number;
  /** PEM of the authority that a certificate profile names. */
  readonly #authority: (profile: string) => string | undefined;
  readonly #empty: () => Quirks['emptyLists'];
  #held: Held[] = [];
  #fetching = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly log: LogLine[] = [];

  constructor(
    clock: Clock,
    capacity: () => number,
    authority: (profile: string) => string | undefined,
    empty: () => Quirks['emptyLists'],
  ) {
    this.#empty = empty;
    this.#clock = clock;
    this.#capacity = capacity;
    this.#authority = authority;
  }

  /** The lists that run now, in their order. New ones and changed ones are fetched at once. */
  follow(configured: readonly ConfiguredList[]): void {
    const before = new Map(this.#held.map((one) => [one.configured.id, one]));
    this.#held = configured.map((one) => {
      const source = JSON.stringify(sourceOf(one.definition));
      const old = before.get(one.id);
      before.delete(one.id);
      if (old !== undefined && old.source === source) {
        old.configured = one;
        return old;
      }
      old?.cancel?.();
      const held: Held = { configured: one, source, entries: undefined, refused: false, cancel: undefined };
      this.#start(held);
      return held;
    });
    for (const gone of before.values()) gone.cancel?.();
  }

  /** After a restart: contents have stayed, and everything is fetched again. */
  restart(): void {
    for (const held of this.#held) {
      held.cancel?.();
      this.#start(held);
    }
  }

  /** Fetches a list out of turn. */
  refresh(id: string): void {
    const held = this.#held.find(({ configured }) => configured.id === id);
    if (held !== undefined) this.#start(held);
  }

  has(id: string): boolean {
    return this.#held.some(({ configured }) => configured.id === id);
  }

  /** Until nothing is being fetched. */
  async settled(): Promise<void> {
    while (this.#fetching.size > 0) await Promise.all(this.#fetching);
  }

  close(): void {
    this.#stop.abort();
    for (const { cancel } of this.#held) cancel?.();
  }

  #start(held: Held): void {
    held.cancel?.();
    held.cancel = this.#clock.after(this.#untilNext(held.configured.definition), () => this.#start(held));
    const fetching = this.#fetch(held).finally(() => this.#fetching.delete(fetching));
    this.#fetching.add(fetching);
  }

  async #fetch(held: Held): Promise<void> {
    const { url, user, password, profile } = sourceOf(held.configured.definition);
    if (url === undefined) return;
    const authority = profile === undefined ? undefined : this.#authority(profile);
    if (profile !== undefined && authority === undefined) {
      this.#note(
        `${held.configured.name}: certificate profile ${profile} has no authority. Using old copy for refresh.`,
      );
      return;
    }
    const source: Source = { url, user, password, authority };
    const fetched = await fetchList(source, this.#stop.signal);
    switch (fetched.kind) {
      case 'content': {
        const entries = this.#read(held, fetched.text);
        if (entries.length > 0 || this.#empty() === 'taken') held.entries = entries;
        held.refused = false;
        break;
      }
      case 'refused':
        held.refused = true;
        this.#note(`${held.configured.name}: authentication failed. The list is not enforced.`);
        break;
      case 'unreachable':
        this.#note(`${held.configured.name}: Unable to fetch external list. Using old copy for refresh.`);
        break;
    }
  }

  #read(held: Held, text: string): readonly Entry[] {
    const except = new Set(members(child(typeOf(held.configured.definition), 'exception-list')));
    const found: Entry[] = [];
    let wrong = 0;
    for (const line of text.split(/\r?\n/)) {
      // The first space begins the comment.
      const word = line.split(/\s/, 1)[0] ?? '';
      if (word === '' || except.has(word)) continue;
      const span = parseNetmask(word) ?? parseRange(word);
      if (span === undefined) wrong += 1;
      else found.push({ text: word, span });
    }
    if (wrong > 0) this.#note(`${held.configured.name}: ${wrong} invalid entries were skipped`);
    return found;
  }

  /** What counts of each list: what stands beyond the device's capacity does not. */
  #effective(withRefused = false): ReadonlyMap<string, readonly Entry[]> {
    let room = this.#capacity();
    return new Map(
      this.#held.map(({ configured, entries, refused }) => {
        const counted = refused && !withRefused ? [] : (entries ?? []).slice(0, Math.max(0, room));
        room -= counted.length;
        return [configured.id, counted];
      }),
    );
  }

  spans(id: string): readonly Span[] | undefined {
    return this.#effective()
      .get(id)
      ?.map(({ span }) => span);
  }

  texts(id: string): readonly string[] | undefined {
    return this.#effective()
      .get(id)
      ?.map(({ text }) => text);
  }

  /** What it was given last, whether rules go by it or not: entries that do not fit are not among them. */
  kept(id: string): readonly string[] | undefined {
    return this.#effective(true)
      .get(id)
      ?.map(({ text }) => text);
  }

  /** How many entries count, of all lists together. */
  get used(): number {
    return [...this.#effective().values()].reduce((sum, entries) => sum + entries.length, 0);
  }

  #note(text: string): void {
    this.log.push({ wall: this.#clock.wall(), text });
  }

  #untilNext(definition: Element): number {
    const how = child(typeOf(definition), 'recurring')?.children[0];
    const minute = 60_000;
    switch (how?.name) {
      case 'hourly':
        return 60 * minute;
      case 'daily':
      case 'weekly':
      case 'monthly':
        return nextTime(this.#clock.wall(), how) - this.#clock.wall();
      default:
        return 5 * minute;
    }
  }
}

const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** The next full hour that a schedule names, in UTC. */
function nextTime(now: number, how: Element): number {
  const hour = Number(textOf(how, 'at') ?? '0');
  const start = new Date(now);
  for (let ahead = 0; ; ahead++) {
    const day = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate() + ahead, hour));
    const fits =
      (how.name !== 'weekly' || days[day.getUTCDay()] === textOf(how, 'day-of-week')) &&
      (how.name !== 'monthly' || String(day.getUTCDate()) === textOf(how, 'day-of-month'));
    // A month without its day is passed over; after a year there is no such day at all.
    if ((fits && day.getTime() > now) || ahead > 366) return day.getTime();
  }
}

const typeOf = (definition: Element): Element | undefined => child(definition, 'type')?.children[0];

function sourceOf(definition: Element): {
  readonly url: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly profile: string | undefined;
  readonly except: readonly string[];
} {
  const type = typeOf(definition);
  return {
    url: type?.name === 'ip' ? textOf(type, 'url') : undefined,
    user: textOf(child(type, 'auth'), 'username'),
    password: textOf(child(type, 'auth'), 'password'),
    profile: textOf(type, 'certificate-profile'),
    except: members(child(type, 'exception-list')),
  };
}
