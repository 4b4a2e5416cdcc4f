import { parseNetmask, parseRange, parseWildcard, type Span, within } from './addresses.ts';
import { parseFilter, satisfies } from './filter.ts';
import type { Scope } from './references.ts';
import { childAt, find } from './tree.ts';
import type { UserId } from './user-id.ts';
import { child, descend, type Element, entryNames, members, textOf } from './xml.ts';

/** Whether something is so; `unknown`: it hangs on what nobody here knows. */
export type Knowledge = 'yes' | 'no' | 'unknown';

export interface DynamicGroup {
  readonly name: string;
  readonly filter: string;
  readonly members: readonly { readonly text: string; readonly type: 'registered-ip' | 'address-object' }[];
}

/** What the names of addresses mean, in one vsys of a running firewall. */
export interface MembershipParts {
  readonly root: Element;
  readonly scope: Scope;
  readonly userId: UserId;
  /** Entries of a fetched list; `undefined`: there is no such list. */
  readonly list?: (name: string) => readonly Span[] | undefined;
  /** Addresses of a domain name; `undefined`: it was never resolved. */
  readonly resolve?: (name: string) => readonly Span[] | undefined;
}

const either = (all: Iterable<Knowledge>): Knowledge => {
  let found: Knowledge = 'no';
  for (const one of all) {
    if (one === 'yes') return 'yes';
    if (one === 'unknown') found = 'unknown';
  }
  return found;
};

export class Membership {
  readonly #parts: MembershipParts;
  /** Answers by name and address: many flows ask the same. It is made for questions about one moment. */
  readonly #known = new Map<string, Knowledge>();

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  /** The homes in which names are looked up, nearest first. */
  #homes(): readonly (Element | undefined)[] {
    const { root, scope } = this.#parts;
    return [...[scope, ...scope.sees].map(({ place }) => find(root, place)), ...scope.beside];
  }

  /** The nearest entry of a name, in one of several folders. */
  lookup(
    name: string,
    ...folders: readonly string[]
  ): { readonly folder: string; readonly entry: Element } | undefined {
    for (const home of this.#homes())
      for (const folder of folders) {
        const found = childAt(child(home, folder), `entry ${name}`);
        if (found !== undefined) return { folder, entry: found };
      }
    return undefined;
  }

  /** Whether an address is meant by a name as it stands in a rule or a group. */
  includes(name: string, address: Span): Knowledge {
    if (name === 'any') return 'yes';
    const { family, low, high } = address;
    const key = `${family} ${low} ${high} ${name}`;
    const known = this.#known.get(key) ?? this.#includes(name, address, new Set());
    this.#known.set(key, known);
    return known;
  }

  #includes(name: string, address: Span, seen: ReadonlySet<string>): Knowledge {
    if (name === 'any') return 'yes';
    const found = this.lookup(name, 'address', 'address-group', 'external-list');
    if (found === undefined) {
      const literal = parseNetmask(name) ?? parseRange(name);
      if (literal === undefined) return /^[A-Z]{2}$/.test(name) ? 'unknown' : 'no';
      return within(address, literal) ? 'yes' : 'no';
    }
    if (seen.has(name)) return 'no';
    switch (found.folder) {
      case 'address':
        return this.#inObject(found.entry, address);
      case 'external-list':
        return this.#parts.list?.(name)?.some((span) => within(address, span)) === true ? 'yes' : 'no';
      default: {
        const dynamic = textOf(child(found.entry, 'dynamic'), 'filter');
        if (dynamic !== undefined) return this.#inDynamic(dynamic, address);
        const below = new Set([...seen, name]);
        return either(members(child(found.entry, 'static')).map((one) => this.#includes(one, address, below)));
      }
    }
  }

  #inObject(object: Element, address: Span): Knowledge {
    const fqdn = textOf(object, 'fqdn');
    if (fqdn !== undefined) {
      const known = this.#parts.resolve?.(fqdn);
      if (known === undefined) return 'unknown';
      return known.some((span) => within(address, span)) ? 'yes' : 'no';
    }
    const wildcard = parseWildcard(textOf(object, 'ip-wildcard') ?? '');
    if (wildcard !== undefined)
      return address.family === 4 && ((address.low ^ wildcard.address) & ~wildcard.mask) === 0n ? 'yes' : 'no';
    const span = spanOf(object);
    return span !== undefined && within(address, span) ? 'yes' : 'no';
  }

  #inDynamic(text: string, address: Span): Knowledge {
    const filter = parseFilter(text);
    if (filter === undefined) return 'no';
    const { userId } = this.#parts;
    const tags = userId.tagsAt(address);
    if (tags !== undefined && satisfies(filter, (tag) => tags.has(tag))) return 'yes';
    return either(this.#tagged(filter).map((object) => this.#inObject(object, address)));
  }

  /** Address objects that carry the tags that a filter wants. */
  #tagged(filter: NonNullable<ReturnType<typeof parseFilter>>): readonly Element[] {
    return this.#homes().flatMap((home) =>
      (child(home, 'address')?.children ?? []).filter((one) => {
        const tags = members(child(one, 'tag'));
        return tags.length > 0 && satisfies(filter, (tag) => tags.includes(tag));
      }),
    );
  }

  /** Every group with a filter. One that no running rule uses, directly or in a group, has no members (reference 1.8). */
  dynamicGroups(): readonly DynamicGroup[] {
    const used = this.#used();
    const names = new Set(this.#homes().flatMap((home) => entryNames(child(home, 'address-group'))));
    return [...names].toSorted().flatMap((name) => {
      const group = this.lookup(name, 'address-group')?.entry;
      const text = textOf(child(group, 'dynamic'), 'filter');
      const filter = text === undefined ? undefined : parseFilter(text);
      if (text === undefined || filter === undefined) return [];
      if (!used.has(name)) return [{ name, filter: text, members: [] }];
      const registered = this.#parts.userId
        .registered()
        .filter(({ tags }) => satisfies(filter, (tag) => tags.includes(tag)))
        .map(({ ip }) => ({ text: ip, type: 'registered-ip' as const }));
      const objects = this.#tagged(filter).map((one) => ({
        text: one.attributes.get('name') ?? '',
        type: 'address-object' as const,
      }));
      return [{ name, filter: text, members: [...registered, ...objects] }];
    });
  }

  /** Names of addresses in running rules, and in the groups that those name. */
  #used(): ReadonlySet<string> {
    const found = new Set<string>();
    const add = (name: string): void => {
      if (found.has(name)) return;
      found.add(name);
      for (const one of members(child(this.lookup(name, 'address-group')?.entry, 'static'))) add(one);
    };
    for (const home of this.#homes())
      for (const base of ['rulebase', 'pre-rulebase', 'post-rulebase'])
        for (const type of ['security', 'nat'])
          for (const rule of descend(home, base, type, 'rules')?.children ?? [])
            for (const side of ['source', 'destination']) for (const name of members(child(rule, side))) add(name);
    return found;
  }
}

/** The addresses of an object that has some written in it. */
function spanOf(object: Element): Span | undefined {
  return parseNetmask(textOf(object, 'ip-netmask') ?? '') ?? parseRange(textOf(object, 'ip-range') ?? '');
}
