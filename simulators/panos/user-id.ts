import type { Clock } from '../../src/base/clock.ts';
import { parseAddress, printAddress, type Span } from './addresses.ts';
import { type Answer, codes, refuse } from './answer.ts';
import { child, element, type Element, serialise } from './xml.ts';

/** What an older release does with a tag that an address already has (reference 1.8). */
export type Reregistering =
  /** An error for that entry; its other tags are registered. */
  | 'error'
  /** The same error, and the other tags of the entry are skipped too. */
  | 'error and skip'
  /** Nothing: it counts as done. */
  | 'silent';

export interface UserIdRules {
  readonly reregistering: Reregistering;
  /** Most addresses with tags, in each vsys. */
  readonly capacity: number;
}

interface Registration {
  persistent: boolean;
  /** Tags, each with the moment on the monotonic clock at which it ends. */
  readonly tags: Map<string, number>;
  /** As it is printed, until it changes: all are printed over and over. */
  row?: string | undefined;
}

const TAGS_PER_ADDRESS = 32;
const TAG_LENGTH = 127;
const LONGEST_TIMEOUT_S = 2_592_000;
const PAGE = 500;
const parts = new Set(['register', 'unregister', 'login', 'logout']);

/** Addresses with tags, and users' addresses: kept beside the configuration, without a commit. One table for each vsys. */
export class UserId {
  readonly #clock: Clock;
  readonly #rules: () => UserIdRules;
  #registered = new Map<string, Registration>();
  readonly #users = new Map<string, string>();
  /** The first moment at which a tag ends. */
  #soonest = Number.POSITIVE_INFINITY;
  /** Grows with every change, for whoever keeps something worked out from it. */
  version = 0;

  constructor(clock: Clock, rules: () => UserIdRules) {
    this.#clock = clock;
    this.#rules = rules;
  }

  /** A `uid-message`: everything in it that can be done is done; what cannot is told for each entry. */
  update(message: Element): Answer {
    if (message.name !== 'uid-message') throw refuse(codes.malformedCommand, ' uid-message is missing');
    const payload = child(message, 'payload') ?? child(child(message, 'type'), 'payload');
    if (payload === undefined) throw refuse(codes.malformedCommand, ' payload is missing');
    this.#expire();
    this.version += 1;
    const wrong: Element[] = [];
    const answered: Element[] = [];
    for (const part of payload.children) {
      if (!parts.has(part.name)) throw refuse(codes.malformedCommand, ` ${part.name} unexpected here`);
      const failed: Element[] = [];
      for (const one of part.children) {
        const messages = this.#act(part.name, one);
        if (messages.length > 0)
          failed.push(element('entry', [], { ...Object.fromEntries(one.attributes), message: messages.join(', ') }));
      }
      answered.push(element(part.name));
      if (failed.length > 0) wrong.push(element(part.name, failed));
    }
    if (wrong.length === 0) {
      const told = element('uid-response', [element('version', '2.0'), element('payload', answered)]);
      return { status: 'success', body: `<result>${serialise(told)}</result>` };
    }
    const told = element('uid-response', [element('version', '2.0'), element('payload', wrong)]);
    return { status: 'error', body: `<msg><line>${serialise(told)}</line></msg>` };
  }

  #act(what: string, one: Element): readonly string[] {
    switch (what) {
      case 'register':
        return this.#register(one);
      case 'unregister':
        return this.#unregister(one);
      case 'login':
        return this.#login(one);
      default:
        return this.#logout(one);
    }
  }

  #register(one: Element): readonly string[] {
    const span = parseAddress(one.attributes.get('ip') ?? '');
    if (span === undefined) return [`Failed to register: ip ${one.attributes.get('ip') ?? ''} is no single address`];
    const ip = printAddress(span);
    const { reregistering, capacity } = this.#rules();
    const wanted = (child(one, 'tag')?.children ?? []).map((member) => ({
      tag: member.text,
      timeout: member.attributes.get('timeout') ?? '0',
    }));
    if (wanted.length === 0) return [`Failed to register: no tag for ip ${ip}`];
    const wrong = wanted.flatMap(({ tag, timeout }) => {
      if (tag.length > TAG_LENGTH || !/^[A-Za-z0-9._ -]+$/.test(tag))
        return [`Failed to register: tag ${tag} is invalid`];
      if (!/^[0-9]{1,9}$/.test(timeout) || Number(timeout) > LONGEST_TIMEOUT_S)
        return [`Failed to register: timeout ${timeout} is invalid`];
      return [];
    });
    if (wrong.length > 0) return wrong;
    const known = this.#registered.get(ip);
    if (known === undefined && this.#registered.size >= capacity)
      return [`Failed to register: registered ip capacity ${capacity} is reached`];
    const tags = known?.tags ?? new Map<string, number>();
    const repeated = wanted.filter(({ tag }) => tags.has(tag));
    const messages = reregistering === 'silent' ? [] : repeated.map(({ tag }) => `tag ${tag} already exists, ignore`);
    if (repeated.length > 0 && reregistering === 'error and skip') return messages;
    for (const { tag, timeout } of wanted) {
      if (tags.has(tag) && reregistering !== 'silent') continue;
      if (!tags.has(tag) && tags.size >= TAGS_PER_ADDRESS) {
        messages.push(`Failed to register: ip ${ip} has ${TAGS_PER_ADDRESS} tags`);
        continue;
      }
      const seconds = Number(timeout);
      const end = seconds === 0 ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + seconds * 1000;
      tags.set(tag, end);
      this.#soonest = Math.min(this.#soonest, end);
    }
    const persistent = one.attributes.get('persistent') !== '0';
    if (known === undefined) this.#registered.set(ip, { persistent, tags });
    else {
      known.persistent = persistent;
      known.row = undefined;
    }
    return messages;
  }

  #unregister(one: Element): readonly string[] {
    const span = parseAddress(one.attributes.get('ip') ?? '');
    const ip = span === undefined ? (one.attributes.get('ip') ?? '') : printAddress(span);
    const known = this.#registered.get(ip);
    if (known === undefined) return [`ip ${ip} does not exist, ignore unreg`];
    known.row = undefined;
    const listed = child(one, 'tag')?.children.map(({ text }) => text);
    const messages: string[] = [];
    for (const tag of listed ?? [...known.tags.keys()])
      if (!known.tags.delete(tag)) messages.push(`tag ${tag} does not exist, ignore unreg`);
    if (known.tags.size === 0) this.#registered.delete(ip);
    return messages;
  }

  #login(one: Element): readonly string[] {
    const ip = one.attributes.get('ip') ?? '';
    const name = one.attributes.get('name') ?? '';
    if (parseAddress(ip) === undefined || name === '') return ['Failed to login: a name and an ip are needed'];
    this.#users.set(ip, name);
    return [];
  }

  #logout(one: Element): readonly string[] {
    const ip = one.attributes.get('ip') ?? '';
    return this.#users.delete(ip) ? [] : [`ip ${ip} does not exist, ignore`];
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    if (now < this.#soonest) return;
    this.#soonest = Number.POSITIVE_INFINITY;
    this.version += 1;
    for (const [ip, known] of this.#registered) {
      const { tags } = known;
      known.row = undefined;
      for (const [tag, end] of tags)
        if (end <= now) tags.delete(tag);
        else this.#soonest = Math.min(this.#soonest, end);
      if (tags.size === 0) this.#registered.delete(ip);
    }
  }

  /** `show object registered-ip`: at most 500 rows an answer, whatever was asked for. */
  show(query: Element): Answer {
    this.#expire();
    const only = child(query, 'ip')?.text.trim();
    const span = only === undefined ? undefined : parseAddress(only);
    const tag = child(child(query, 'tag'), 'entry')?.attributes.get('name');
    const limit = whole(child(query, 'limit')?.text ?? String(PAGE));
    const start = whole(child(query, 'start-point')?.text ?? '1');
    if (limit === undefined || limit < 1 || limit > PAGE) throw refuse(codes.invalidCommand, ` limit is 1 to ${PAGE}`);
    if (start === undefined || start < 1) throw refuse(codes.invalidCommand, ' start-point is 1 or more');
    const asked = only === undefined ? this.#registered : this.#registeredAt(span);
    const rows = tag === undefined ? asked : new Map([...asked].filter(([, { tags }]) => tags.has(tag)));
    if (child(child(query, 'all'), 'option')?.text.trim() === 'count')
      return { status: 'success', body: `<result><count>${rows.size}</count></result>` };
    const page = partOf(rows, start - 1, limit).map(([ip, known]) => (known.row ??= printed(ip, known)));
    return { status: 'success', body: `<result>${page.join('')}<count>${page.length}</count></result>` };
  }

  #registeredAt(span: Span | undefined): ReadonlyMap<string, Registration> {
    if (span === undefined) return new Map();
    const ip = printAddress(span);
    const found = this.#registered.get(ip);
    return new Map(found === undefined ? [] : [[ip, found]]);
  }

  userAt(ip: string): string | undefined {
    return this.#users.get(ip);
  }

  /** Every registered address with its tags. */
  registered(): readonly { readonly ip: string; readonly tags: readonly string[]; readonly persistent: boolean }[] {
    this.#expire();
    return [...this.#registered].map(([ip, { tags, persistent }]) => ({ ip, tags: [...tags.keys()], persistent }));
  }

  /** Tags of an address; `undefined`: it is not registered. */
  tagsAt(address: Span): ReadonlySet<string> | undefined {
    this.#expire();
    const known = this.#registered.get(printAddress(address));
    return known === undefined ? undefined : new Set(known.tags.keys());
  }

  /** A reboot: what is not persistent is gone. */
  reboot(): void {
    for (const [ip, { persistent }] of this.#registered) if (!persistent) this.#registered.delete(ip);
    this.#users.clear();
    this.version += 1;
  }

  clear(): void {
    this.#registered.clear();
    this.#users.clear();
    this.version += 1;
  }

  /** The other one's table, as a failover of a pair that shares it leaves it. */
  copyFrom(other: UserId): void {
    this.#registered = new Map(
      [...other.#registered].map(([ip, { persistent, tags }]) => [ip, { persistent, tags: new Map(tags) }]),
    );
    this.#soonest = other.#soonest;
    this.version += 1;
  }
}

/** So many entries from a place on, without a list of all. */
function partOf<K, V>(map: ReadonlyMap<K, V>, from: number, most: number): readonly (readonly [K, V])[] {
  const part: (readonly [K, V])[] = [];
  let at = 0;
  for (const entry of map) {
    if (at >= from + most) break;
    if (at >= from) part.push(entry);
    at += 1;
  }
  return part;
}

function printed(ip: string, { persistent, tags }: Registration): string {
  const members = [...tags.keys()].map((one) => element('member', one));
  const attributes = { ip, from_agent: '0', persistent: persistent ? '1' : '0' };
  return serialise(element('entry', [element('tag', members)], attributes));
}

function whole(text: string): number | undefined {
  return /^[0-9]{1,9}$/.test(text.trim()) ? Number(text) : undefined;
}
