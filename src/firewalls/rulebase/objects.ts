import type { Family } from '../../border/ruleset.ts';
import { familyOf, formatAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { AddressObject } from './model.ts';
import { type Names, putNamed } from './names.ts';

/** A set as members: what is no prefix as ranges where the device has them, else cut to prefixes; single addresses bare. */
export function memberTexts(set: PrefixSet, family: Family, ranges: boolean): readonly string[] {
  const texts: string[] = [];
  for (const [first, last] of set.ranges(family)) {
    const prefixes = PrefixSet.range(first, last).toStrings();
    if (prefixes.length === 1 || !ranges) texts.push(...prefixes.map(bare));
    else texts.push(`${formatAddress(first)}-${formatAddress(last)}`);
  }
  return texts;
}

function bare(prefix: string): string {
  return prefix.replace(prefix.includes(':') ? /\/128$/ : /\/32$/, '');
}

/** The address object of a member's text. */
export function objectFor(member: string, names: Names): AddressObject {
  const name = names.of('object', member, member);
  return {
    name,
    family: familyOf(member),
    kind: 'Range',
    value: member,
    mark: names.mark('addresses'),
  };
}

/**
 * Address objects by name. Those of the rule base before are used again: a name is a hash, and with 100,000 members hashing them all would
 * stop the process.
 */
export class ObjectTable {
  readonly objects = new Map<string, AddressObject>();
  readonly #names: Names;
  readonly #known: ReadonlyMap<string, AddressObject>;
  readonly #byValue = new Map<string, AddressObject>();

  constructor(names: Names, before?: ObjectTable) {
    this.#names = names;
    this.#known = before === undefined ? new Map() : before.#byValue;
  }

  /** The name of the object for a member's text. */
  range(value: string): string {
    return this.#put(value, () => objectFor(value, this.#names));
  }

  domain(value: string, family: Family): string {
    return this.#put(`${family} ${value}`, () => ({
      name: this.#names.of('object', value, `domain ${family} ${value}`),
      family,
      kind: 'Domain',
      value,
      mark: this.#names.mark('domains'),
    }));
  }

  /** An object that was made for a table before. */
  take(object: AddressObject): void {
    this.#put(object.kind === 'Domain' ? `${object.family} ${object.value}` : object.value, () => object);
  }

  #put(key: string, make: () => AddressObject): string {
    let object = this.#byValue.get(key);
    if (object !== undefined) return object.name;
    object = this.#known.get(key) ?? make();
    this.#byValue.set(key, object);
    putNamed(this.objects, object, ({ kind, family, value: text }) => `${kind} ${family} ${text}`);
    return object.name;
  }
}
