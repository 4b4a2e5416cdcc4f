import { type Registered, canonicalAddress } from './registered.ts';

/** Addresses by tag, canonical. */
export type Tagged = ReadonlyMap<string, ReadonlySet<string>>;

export function taggedOf(registered: Registered): Tagged {
  const found = new Map<string, Set<string>>();
  for (const [address, tags] of registered) addTo(found, address, tags);
  return found;
}

/**
 * The same, from what it was for an earlier reading: of tags that nobody joined or left it is the very same set. A device writes an address in
 * one way.
 */
function taggedSince(before: Registered, tagged: Tagged, registered: Registered): Tagged {
  const left: (readonly [string, ReadonlySet<string>])[] = [];
  const joined: (readonly [string, ReadonlySet<string>])[] = [];
  for (const one of before) if (registered.get(one[0]) !== one[1]) left.push(one);
  for (const one of registered) if (before.get(one[0]) !== one[1]) joined.push(one);
  const changed = new Map<string, Set<string>>();
  for (const [, tags] of [...left, ...joined])
    for (const tag of tags) if (!changed.has(tag)) changed.set(tag, new Set(tagged.get(tag)));
  for (const [address, tags] of left) for (const tag of tags) changed.get(tag)?.delete(canonicalAddress(address));
  for (const [address, tags] of joined) addTo(changed, address, tags);
  const next = new Map([...tagged, ...changed]);
  for (const [tag, members] of changed) if (members.size === 0) next.delete(tag);
  return next;
}

function addTo(found: Map<string, Set<string>>, address: string, tags: ReadonlySet<string>): void {
  const text = canonicalAddress(address);
  for (const tag of tags) {
    const members = found.get(tag);
    if (members === undefined) found.set(tag, new Set([text]));
    else members.add(text);
  }
}

/** Addresses by tag of one reading after the other, at the cost of what changed in between. */
export class TaggedReadings {
  #last: { readonly registered: Registered; readonly tagged: Tagged } | undefined;

  of(registered: Registered): Tagged {
    const last = this.#last;
    if (last?.registered === registered) return last.tagged;
    const tagged = last === undefined ? taggedOf(registered) : taggedSince(last.registered, last.tagged, registered);
    this.#last = { registered, tagged };
    return tagged;
  }
}
