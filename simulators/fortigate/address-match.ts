import { type Family, prefixRange, type Range, readAddress, readAddress4, maskLength } from './addresses.ts';
import { type Configuration, GLOBAL } from './configuration.ts';
import { any, both, doubtful, type Holds, not, sure } from './doubt.ts';
import { namesOf, type Row, textOf } from './row.ts';
import type { Switches } from './switches.ts';

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** What names of addresses stand for now, in one VDOM. */
export interface AddressBook {
  readonly configuration: Configuration;
  readonly vdom: string;
  readonly switches: Switches;
  /** Of a dynamic address, or a domain; `undefined`: nobody knows. */
  readonly resolved: (name: string) => readonly Range[] | undefined;
  /** Of a feed. */
  readonly listed: (name: string) => readonly Range[];
}

/** Whether one of the names of a rule's field stands for an address. */
export function namesHold(book: AddressBook, names: readonly string[], address: Address): Holds {
  return any(names, (name) => nameHolds(book, name, address));
}

function nameHolds(book: AddressBook, name: string, address: Address): Holds {
  const { configuration, vdom, switches } = book;
  const suffix = address.family === 6 ? '6' : '';
  const object = configuration.row(vdom, `firewall/address${suffix}`, name);
  if (object !== undefined) return objectHolds(book, name, object, address);
  const group = configuration.row(vdom, `firewall/addrgrp${suffix}`, name);
  if (group !== undefined) {
    const members = namesOf(group, 'member');
    if (members.length === 0) return empty(`group ${name} is empty`, switches);
    const excluded = textOf(group, 'exclude') === 'enable' ? namesOf(group, 'exclude-member') : [];
    return both(
      () => namesHold(book, members, address),
      () => not(namesHold(book, excluded, address)),
    );
  }
  const feed =
    configuration.row(vdom, 'system/external-resource', name) ??
    configuration.row(GLOBAL, 'system/external-resource', name);
  if (feed === undefined) return sure(false);
  const held = textOf(feed, 'status') === 'enable' ? book.listed(name) : [];
  return held.length === 0 ? empty(`feed ${name} is empty`, switches) : sure(rangesHold(held, address));
}

const empty = (what: string, { emptyMatches }: Switches): Holds => doubtful(emptyMatches === 'everything', what);

export const rangesHold = (ranges: readonly Range[], { family, value }: Address): boolean =>
  ranges.some((range) => range.family === family && value >= range.from && value <= range.to);

function objectHolds(book: AddressBook, name: string, row: Row, address: Address): Holds {
  const type = textOf(row, 'type');
  if (type === 'wildcard' && address.family === 4) return sure(wildcardHolds(textOf(row, 'wildcard'), address.value));
  const range = rangeOf(row);
  if (range !== undefined) return sure(rangesHold([range], address));
  const resolved = book.resolved(name);
  if (resolved === undefined) return doubtful(false, `what ${name} (${type}) stands for is not known`);
  if (resolved.length === 0) return empty(`${name} (${type}) stands for nothing now`, book.switches);
  return sure(rangesHold(resolved, address));
}

function wildcardHolds(text: string, value: bigint): boolean {
  const [address = 0n, mask = 0n] = text.split(' ').map((part) => readAddress4(part) ?? 0n);
  return (value & mask) === (address & mask);
}

const ranges = new WeakMap<Row, Range>();

/** Of the types that are plain numbers; `undefined` for the others. */
function rangeOf(row: Row): Range | undefined {
  const kept = ranges.get(row);
  if (kept !== undefined) return kept;
  const range = readRange(row);
  if (range !== undefined) ranges.set(row, range);
  return range;
}

function readRange(row: Row): Range | undefined {
  switch (textOf(row, 'type')) {
    case 'ipmask':
    case 'interface-subnet': {
      const [address = 0n, mask = 0n] = textOf(row, 'subnet')
        .split(' ')
        .map((part) => readAddress4(part) ?? 0n);
      return prefixRange(4, address, maskLength(mask) ?? 32);
    }
    case 'ipprefix': {
      const [text = '', length = ''] = textOf(row, 'ip6').split('/');
      const address = readAddress(text);
      return address === undefined ? undefined : prefixRange(6, address.value, Number(length));
    }
    case 'iprange': {
      const [from, to] = [readAddress(textOf(row, 'start-ip')), readAddress(textOf(row, 'end-ip'))];
      return from === undefined || to === undefined
        ? undefined
        : { family: from.family, from: from.value, to: to.value };
    }
    default:
      return undefined;
  }
}
