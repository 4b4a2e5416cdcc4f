import { type Address, formatAddress, formatIpv4, parseAddress } from '../../../ip/address.ts';
import { type AddressRange, isInRange, readRange } from '../../passage/packet.ts';
import { type Truth, anyOf, doubt, isDoubt } from '../../passage/truth.ts';
import { type Registered, canonicalAddress } from '../members/registered.ts';
import { type TagFilter, readFilter, satisfies } from './tag-filter.ts';
import type { WholeFirewall } from './whole-firewall.ts';
import { type XmlElement, child, membersAt, textAt } from '../api/xml.ts';

/** What one entry, or a text that stands in a rule itself, means. */
type Meaning =
  | { readonly kind: 'Any' }
  | { readonly kind: 'Range'; readonly range: AddressRange }
  | { readonly kind: 'Group'; readonly members: readonly string[] }
  | { readonly kind: 'Tagged'; readonly filter: TagFilter }
  | { readonly kind: 'Doubt'; readonly because: string };

/** Says of an address whether a name stands for it. */
export type AddressHolder = (name: string) => Truth;

/** What the names of addresses in rules stand for, on one firewall. */
export class AddressBook {
  readonly #objects: WholeFirewall['objects'];
  /** By address, in canonical text. */
  readonly #registered: Registered;
  /** Why it is not known who is registered. */
  readonly #unread: string | undefined;
  /** What is registered and is no address. */
  readonly #odd: readonly string[];
  readonly #known = new Map<string, readonly Meaning[]>();

  /** `registered`: a text says why they are not known. */
  constructor(objects: WholeFirewall['objects'], registered: Registered | string) {
    this.#objects = objects;
    this.#unread = typeof registered === 'string' ? registered : undefined;
    const rows = typeof registered === 'string' ? [] : [...registered];
    this.#registered = new Map(rows.map(([address, tags]) => [canonicalAddress(address), tags]));
    this.#odd = [...this.#registered.keys()].filter((text) => parseAddress(text) === undefined);
  }

  /** What was found out of a name is kept for as long as the function is. */
  holder(address: Address): AddressHolder {
    const found = new Map<string, Truth>();
    const holds = (name: string): Truth => {
      const known = found.get(name);
      if (known !== undefined) return known;
      found.set(name, doubt(`group "${name}" holds itself`));
      const truths = this.#meanings(name).map((meaning) => this.#holds(name, meaning, address, holds));
      const truth = agreed(name, truths);
      found.set(name, truth);
      return truth;
    };
    return holds;
  }

  /** Whether names stand for addresses of the other family alone: what their negation means for a flow of this one is not said anywhere. */
  areOfOtherFamily(names: readonly string[], { family }: Address): boolean {
    const families = new Set<number>();
    const seen = new Set<string>();
    const look = (name: string): void => {
      if (seen.has(name)) return;
      seen.add(name);
      for (const meaning of this.#meanings(name)) {
        if (meaning.kind === 'Range') families.add(meaning.range.family);
        if (meaning.kind === 'Group') meaning.members.forEach(look);
        if (meaning.kind === 'Tagged')
          for (const [text, tags] of this.#registered)
            if (satisfies(meaning.filter, (tag) => tags.has(tag))) families.add(text.includes(':') ? 6 : 4);
      }
    };
    names.forEach(look);
    return families.size > 0 && !families.has(family);
  }

  /** The one address of IPv4 that a name surely stands for; `undefined`: several, or nobody can tell. */
  only(name: string): string | undefined {
    const [meaning, ...more] = this.#meanings(name);
    if (meaning?.kind !== 'Range' || more.length > 0) return undefined;
    const { family, from, to } = meaning.range;
    return family === 4 && from === to ? formatIpv4(Number(from)) : undefined;
  }

  #holds(name: string, meaning: Meaning, address: Address, holds: AddressHolder): Truth {
    switch (meaning.kind) {
      case 'Any':
        return true;
      case 'Doubt':
        return doubt(meaning.because);
      case 'Range':
        return isInRange(meaning.range, address);
      case 'Group':
        return anyOf(meaning.members.map((member) => () => holds(member)));
      case 'Tagged':
        return this.#isTagged(name, meaning.filter, address, holds);
    }
  }

  /** Registered addresses are single ones (reference 1.8). Whether objects that carry the tags count too is not said. */
  #isTagged(name: string, filter: TagFilter, address: Address, holds: AddressHolder): Truth {
    if (this.#unread !== undefined) return doubt(`who is in "${name}" is not known: ${this.#unread}`);
    const isIn = (text: string): boolean => satisfies(filter, (tag) => this.#registered.get(text)?.has(tag) === true);
    if (isIn(formatAddress(address))) return true;
    const odd = this.#odd.find(isIn);
    if (odd !== undefined) return doubt(`"${odd}", which is registered for "${name}", is no address`);
    for (const folder of ['address', 'address-group'] as const)
      for (const [object, entries] of this.#objects[folder])
        if (object !== name && entries.some((entry) => carries(entry, filter)) && holds(object) !== false)
          return doubt(`whether "${object}", which has the tags of "${name}", is in it is not known`);
    return false;
  }

  /** Everything that a name may mean: which of several entries of one name counts is not known for sure (reference 1.11). */
  #meanings(name: string): readonly Meaning[] {
    const known = this.#known.get(name) ?? this.#read(name);
    this.#known.set(name, known);
    return known;
  }

  #read(name: string): readonly Meaning[] {
    if (name === 'any') return [{ kind: 'Any' }];
    const { address, 'address-group': groups, 'external-list': lists } = this.#objects;
    const range = readRange(name);
    const found: readonly Meaning[] = [
      ...(address.get(name) ?? []).map((entry) => readObject(name, entry)),
      ...(groups.get(name) ?? []).map((entry) => readGroup(name, entry)),
      ...(lists.get(name) ?? []).map(
        (): Meaning => ({ kind: 'Doubt', because: `what is in the list "${name}" is not known` }),
      ),
      ...(range === undefined ? [] : [{ kind: 'Range', range } as const]),
    ];
    return found.length > 0 ? found : [{ kind: 'Doubt', because: `"${name}" is no address that can be read` }];
  }
}

/** Several things of one name that all say the same are as good as one. */
export function agreed(name: string, truths: readonly Truth[]): Truth {
  const [first, ...more] = truths;
  if (first === undefined) return doubt(`"${name}" cannot be read`);
  const doubts = truths.filter(isDoubt);
  if (doubts.length > 0) return doubt(...new Set(doubts.flatMap(({ because }) => because)));
  return more.every((one) => one === first)
    ? first
    : doubt(`there is more than one "${name}", and which of them counts is not known`);
}

const VALUES = ['ip-netmask', 'ip-range', 'ip-wildcard', 'fqdn'];

/** Reference 1.6. Domain names stand for what the device knows alone; of a wildcard the reference does not say which bits count. */
function readObject(name: string, entry: XmlElement): Meaning {
  const values = entry.children.filter((one) => VALUES.includes(one.name));
  const [value] = values;
  const text = value?.text.trim() ?? '';
  const isDashed = text.includes('-');
  const isPlain = value !== undefined && values.length === 1 && value.name === (isDashed ? 'ip-range' : 'ip-netmask');
  const range = isPlain ? readRange(text) : undefined;
  if (range !== undefined) return { kind: 'Range', range };
  return {
    kind: 'Doubt',
    because: `address "${name}" is ${value === undefined ? 'nothing known' : `${value.name} ${text}`}`,
  };
}

function readGroup(name: string, entry: XmlElement): Meaning {
  const members = membersAt(entry, 'static');
  const isDynamic = child(entry, 'dynamic') !== undefined;
  if (isDynamic && members.length > 0) return { kind: 'Doubt', because: `group "${name}" is of two kinds` };
  if (!isDynamic)
    return members.length === 0 ? { kind: 'Doubt', because: `group "${name}" is empty` } : { kind: 'Group', members };
  const text = textAt(entry, 'dynamic', 'filter') ?? '';
  const filter = readFilter(text);
  return filter === undefined
    ? { kind: 'Doubt', because: `the filter of group "${name}" cannot be read (${text})` }
    : { kind: 'Tagged', filter };
}

function carries(entry: XmlElement, filter: TagFilter): boolean {
  const tags = membersAt(entry, 'tag');
  return tags.length > 0 && satisfies(filter, (tag) => tags.includes(tag));
}
