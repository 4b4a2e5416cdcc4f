import { type Address, type Family, parseAddress } from '../../ip/address.ts';
import { type AddressRange, isInRange, readRange } from '../passage/packet.ts';
import { type Truth, allOf, anyOf, doubt, not } from '../passage/truth.ts';
import { type ToldRow, isOn, toldNames, toldText } from './told.ts';

/** What a name stands for. */
type Named =
  | { readonly kind: 'Ranges'; readonly ranges: readonly AddressRange[] }
  | { readonly kind: 'Group'; readonly members: readonly string[]; readonly without: readonly string[] }
  | { readonly kind: 'Doubt'; readonly because: string };

/** Address objects and groups of one family, by name. */
export interface AddressTables {
  readonly objects: ReadonlyMap<string, ToldRow>;
  readonly groups: ReadonlyMap<string, ToldRow>;
  /** Why some of what could be named was not read. */
  readonly unread: string | undefined;
}

/** What feeds hold, by name; a text says why that is not known. */
export type FeedContents = ReadonlyMap<string, readonly string[] | string>;

/** What the names of addresses in policies stand for, as the device holds them. */
export class AddressBook {
  readonly #tables: Readonly<Record<Family, AddressTables>>;
  readonly #feeds: FeedContents;
  readonly #known = new Map<string, Named>();

  constructor(tables: Readonly<Record<Family, AddressTables>>, feeds: FeedContents) {
    this.#tables = tables;
    this.#feeds = feeds;
  }

  /** Whether names stand for this address; what was found out of a name is kept for as long as the function is. */
  holder(address: Address): (name: string) => Truth {
    const found = new Map<string, Truth>();
    const holds = (name: string): Truth => {
      const known = found.get(name);
      if (known !== undefined) return known;
      found.set(name, doubt(`group "${name}" holds itself`));
      const truth = this.#holds(this.#named(name, address.family), address, holds);
      found.set(name, truth);
      return truth;
    };
    return holds;
  }

  #holds(named: Named, address: Address, holds: (name: string) => Truth): Truth {
    switch (named.kind) {
      case 'Doubt':
        return doubt(named.because);
      case 'Ranges':
        return named.ranges.some((range) => isInRange(range, address));
      case 'Group': {
        const any = (names: readonly string[]): Truth => anyOf(names.map((name) => () => holds(name)));
        return allOf([() => any(named.members), () => not(any(named.without))]);
      }
    }
  }

  #named(name: string, family: Family): Named {
    const key = `${family} ${name}`;
    const known = this.#known.get(key) ?? this.#read(name, family);
    this.#known.set(key, known);
    return known;
  }

  #read(name: string, family: Family): Named {
    const { objects, groups, unread } = this.#tables[family];
    const object = objects.get(name);
    if (object !== undefined) return readObject(name, object, family);
    const group = groups.get(name);
    if (group !== undefined) return readGroup(name, group);
    const feed = this.#feeds.get(name);
    if (feed === undefined)
      return {
        kind: 'Doubt',
        because: `"${name}" is no address that can be read${unread === undefined ? '' : ` (${unread})`}`,
      };
    return typeof feed === 'string' ? { kind: 'Doubt', because: feed } : readEntries(name, feed, family);
  }
}

/** Vendor reference 1.6. Other types stand for what the device knows alone, or for what the reference does not say. */
function readObject(name: string, row: ToldRow, family: Family): Named {
  const type = toldText(row, 'type');
  const bound = toldText(row, 'associated-interface');
  const range = rangeOf(type, row, family);
  if (range === undefined) return { kind: 'Doubt', because: `address "${name}" is of the type ${type}` };
  if (bound !== '' && bound !== 'any')
    return { kind: 'Doubt', because: `address "${name}" is bound to the interface ${bound}` };
  return { kind: 'Ranges', ranges: [range] };
}

function rangeOf(type: string, row: ToldRow, family: Family): AddressRange | undefined {
  if (type === 'iprange') {
    const range = readRange(`${toldText(row, 'start-ip')}-${toldText(row, 'end-ip')}`);
    return range?.family === family ? range : undefined;
  }
  if (type === 'ipmask' && family === 4) return readSubnet(toldText(row, 'subnet'));
  if (type === 'ipprefix' && family === 6) return readRange(toldText(row, 'ip6'));
  return undefined;
}

/** `10.0.0.0 255.0.0.0`, or `10.0.0.0/8` (vendor reference 1.6). */
function readSubnet(text: string): AddressRange | undefined {
  const [first = '', second, ...more] = text.split(/\s+/);
  if (second === undefined || more.length > 0) return readRange(text);
  const [address, mask] = [parseAddress(first), parseAddress(second)];
  if (address?.family !== 4 || mask?.family !== 4) return undefined;
  const rest = 0xffff_ffff - mask.value;
  // A mask with holes, or an address with bits outside of it: what that means is not said.
  if ((rest & (rest + 1)) !== 0 || (address.value & rest) !== 0) return undefined;
  return { family: 4, from: BigInt(address.value), to: BigInt(address.value + rest) };
}

function readGroup(name: string, row: ToldRow): Named {
  const [type, category] = [toldText(row, 'type'), toldText(row, 'category')];
  const members = toldNames(row, 'member');
  if (!['', 'default'].includes(type) || !['', 'default'].includes(category))
    return { kind: 'Doubt', because: `group "${name}" is of a kind of its own (${[type, category].join(' ').trim()})` };
  if (members.length === 0) return { kind: 'Doubt', because: `group "${name}" is empty` };
  return { kind: 'Group', members, without: isOn(row, 'exclude') ? toldNames(row, 'exclude-member') : [] };
}

/** A feed without addresses of a family: what that means in a policy is not proven. */
function readEntries(name: string, entries: readonly string[], family: Family): Named {
  const ranges: AddressRange[] = [];
  for (const entry of entries) {
    const range = readRange(entry);
    if (range === undefined) return { kind: 'Doubt', because: `an entry of the feed "${name}" is no address` };
    if (range.family === family) ranges.push(range);
  }
  return ranges.length === 0
    ? { kind: 'Doubt', because: `the feed "${name}" has no IPv${family} address` }
    : { kind: 'Ranges', ranges };
}
