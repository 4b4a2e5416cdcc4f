import { BucketMap } from '../../../base/bucket-map.ts';
import type { Family } from '../../../border/ruleset.ts';

/** The one table of ours; family `inet`. */
export const TABLE = 'sallyport';

/** Bit of the connection mark that says "cut": packets of both directions are refused. Not bit 31: nft 1.0.6 lists that wrongly. */
export const DEAD_MARK = 0x40000000;

/**
 * Numbers of the NFLOG groups that denied packets are sent to. Those of unknown senders have a group of their own: who listens to it pays for
 * no other denial, however many rules deny, and leaves the other group to people.
 */
export const LOG_GROUPS = { denied: 7, unknown: 8 } as const;
export type LogGroup = keyof typeof LOG_GROUPS;

/**
 * What a set holds. Element texts are canonical, so that equal content is equal text:
 * - `address4`, `address6`: hash sets, `10.0.0.1`, RFC 5952 for IPv6;
 * - `net4`, `net6`: `ipv4_addr . inet_proto; flags interval` with the dummy protocol `0-255`, which the element text leaves out:
 *   always a prefix with its length, `203.0.113.0/24`, `198.51.100.7/32`;
 * - `service`: `inet_proto . inet_service; flags interval`: `6 . 443`, `17 . 8000-8080`, protocols as numbers;
 * - `number`: `type mark`: decimal digits.
 */
export type SetType = 'address4' | 'address6' | 'net4' | 'net6' | 'service' | 'number';

/**
 * What a map leads from and to; keys as in sets. Values are canonical text too: a verdict (`accept`, `drop`, `return`, `goto c_x`,
 * `jump c_x`), an address, or a number in decimal digits. Plain hash maps, all of them.
 */
export type MapType =
  | 'address4:verdict'
  | 'address6:verdict'
  | 'address4:number'
  | 'address6:number'
  | 'number:verdict'
  | 'address4:address4'
  | 'address6:address6';

export interface NftSet {
  readonly type: SetType;
  readonly comment?: string;
  readonly elements: BucketMap<true>;
}

export interface NftMap {
  readonly type: MapType;
  readonly comment?: string;
  readonly elements: BucketMap<string>;
}

export type CtState = 'new' | 'established' | 'related' | 'invalid' | 'untracked';

/** One condition of a rule; the comment shows its nft text for IPv4. */
export type Match =
  /** `ct state invalid,untracked`; sorted by name. */
  | { readonly on: 'state'; readonly states: readonly CtState[] }
  /** `ct direction original` */
  | { readonly on: 'direction'; readonly direction: 'original' | 'reply' }
  /** `ct mark and 0x40000000 != 0` */
  | { readonly on: 'dead' }
  /** `ip saddr @set`, `ip saddr != @set`; the name may be that of a map. */
  | {
      readonly on: 'address';
      readonly side: 'saddr' | 'daddr';
      readonly family: Family;
      readonly set: string;
      readonly not: boolean;
    }
  /** `ip daddr . meta l4proto @set`, `… != @set` */
  | {
      readonly on: 'net';
      readonly side: 'saddr' | 'daddr';
      readonly family: Family;
      readonly set: string;
      readonly not: boolean;
    }
  /** `meta l4proto . th dport @set` */
  | { readonly on: 'service'; readonly side: 'sport' | 'dport'; readonly set: string }
  /** `meta l4proto 47`, `meta l4proto != 47` */
  | { readonly on: 'protocol'; readonly protocol: number; readonly not: boolean }
  /** `icmp type 8`, `icmp code != 0` (`icmpv6` for family 6); implies the protocol. */
  | {
      readonly on: 'icmp';
      readonly family: Family;
      readonly field: 'type' | 'code';
      readonly value: number;
      readonly not: boolean;
    };

/** What a rule does with the packets it matches. */
export type Action =
  | { readonly do: 'accept' }
  | { readonly do: 'drop' }
  | { readonly do: 'return' }
  | { readonly do: 'goto'; readonly chain: string }
  | { readonly do: 'jump'; readonly chain: string }
  /** `ip saddr vmap @map`: a miss goes on to the next rule. */
  | { readonly do: 'dispatch'; readonly family: Family; readonly map: string }
  /** `meta mark set ip saddr map @numbers meta mark vmap @map`: one rule, or a foreign mark could choose the class. */
  | { readonly do: 'dispatchByNumber'; readonly family: Family; readonly numbers: string; readonly map: string }
  /** `limit rate 2000/second burst 4000 packets log prefix "…" group 7 snaplen 96 queue-threshold 1` */
  | { readonly do: 'log'; readonly prefix: string; readonly group: LogGroup }
  /** `ct mark set ct mark or 0x40000000` */
  | { readonly do: 'markDead' }
  /** `reject with tcp reset`; the rule also has the TCP match that nft demands. */
  | { readonly do: 'resetTcp' }
  /** `snat ip to ip saddr map @map`: a miss goes on to the next rule. */
  | { readonly do: 'translate'; readonly family: Family; readonly map: string };

/** A rule in our own terms, written `matches counter action comment`; or one that we cannot read, which is never ours. */
export type Rule =
  | {
      readonly kind: 'ours';
      readonly matches: readonly Match[];
      readonly counter: boolean;
      readonly action: Action;
      readonly comment?: string;
    }
  | { readonly kind: 'foreign'; readonly text: string };

/** Where a base chain hangs; all have policy accept, other policies are drift and make `policy` differ. */
export interface Base {
  readonly type: 'filter' | 'nat';
  readonly hook: 'forward' | 'postrouting';
  /** 0 for filter, 100 for srcnat. */
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
}

export interface NftChain {
  readonly base?: Base;
  readonly rules: readonly Rule[];
}

/**
 * Everything in `table inet sallyport`. Immutable; versions share what did not change.
 * Two sets are bookkeeping and not part of what is wanted: `rev` (the fence numbers) and, while connections are judged, `recheck*`/`gone*`.
 */
export interface NftTable {
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly maps: ReadonlyMap<string, NftMap>;
  readonly chains: ReadonlyMap<string, NftChain>;
  /** What else stands in our table and cannot be ours, as `kind name`: named counters, flowtables, sets of other types, base chains elsewhere. Sorted. */
  readonly foreign: readonly string[];
}

export const EMPTY_TABLE: NftTable = { sets: new Map(), maps: new Map(), chains: new Map(), foreign: [] };

/** The family of the addresses in a set or of the keys in a map; `undefined` for services and numbers. */
export function familyOf(type: SetType | MapType): Family | undefined {
  if (type.startsWith('address4') || type === 'net4') return 4;
  if (type.startsWith('address6') || type === 'net6') return 6;
  return undefined;
}

const NO_ELEMENTS = BucketMap.empty<true>();
const NO_ENTRIES = BucketMap.empty<string>();

/** A set without elements. */
export function emptySet(type: SetType, comment?: string): NftSet {
  const elements = NO_ELEMENTS;
  return comment === undefined ? { type, elements } : { type, comment, elements };
}

/** A map without elements. */
export function emptyMap(type: MapType, comment?: string): NftMap {
  const elements = NO_ENTRIES;
  return comment === undefined ? { type, elements } : { type, comment, elements };
}
