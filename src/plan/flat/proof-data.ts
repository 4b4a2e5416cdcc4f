import { createHash } from 'node:crypto';
import { type Address, ipv4Address, ipv6Address } from '../../ip/address.ts';
import { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { canonicalText, classText } from '../canonical.ts';
import type { FlatList } from './flat-list.ts';
import type { ProvableRuleset } from './prove.ts';

/** What a proof is asked about. */
export interface ProofQuestion {
  readonly ruleset: ProvableRuleset;
  readonly list: FlatList;
}

/** Sets as plain values, in the place of objects whose inside does not survive a structured clone. */
type PlainSet =
  | {
      readonly plain: 'Prefixes';
      readonly v4: readonly (readonly [number, number])[];
      readonly v6: readonly (readonly [bigint, bigint])[];
    }
  | { readonly plain: 'Ports'; readonly ranges: readonly (readonly [number, number])[] };

/**
 * A question as a value that can be cloned into another thread: without members, and with sets as plain values. What is one object stays
 * one, so that stages which classes share are still shared.
 */
export function packQuestion({ ruleset, list }: ProofQuestion): unknown {
  const { destinations, inside, networks, classes } = ruleset;
  const groups = new Map([...ruleset.groups].filter(([, group]) => group.kind === 'Outside'));
  return mapped({ ruleset: { destinations, inside, networks, classes, groups }, list }, packSet);
}

/** The question that was packed. */
export function unpackQuestion(packed: unknown): ProofQuestion {
  // Nothing but `packQuestion` makes such values, and they come from our own process.
  return mapped(packed, unpackSet) as ProofQuestion;
}

function packSet(value: object): PlainSet | undefined {
  if (value instanceof PrefixSet)
    return {
      plain: 'Prefixes',
      v4: value.ranges(4).map(([first, last]) => [Number(first.value), Number(last.value)]),
      v6: value.ranges(6).map(([first, last]) => [BigInt(first.value), BigInt(last.value)]),
    };
  return value instanceof PortSet ? { plain: 'Ports', ranges: value.ranges() } : undefined;
}

function unpackSet(value: object): PrefixSet | PortSet | undefined {
  if (!('plain' in value)) return undefined;
  const set = value as PlainSet;
  if (set.plain === 'Ports') return PortSet.of(...set.ranges);
  const v4 = set.v4.map(([first, last]): [Address, Address] => [ipv4Address(first), ipv4Address(last)]);
  const v6 = set.v6.map(([first, last]): [Address, Address] => [ipv6Address(first), ipv6Address(last)]);
  return PrefixSet.ofRanges([...v4, ...v6]);
}

/** A copy of plain data with some objects replaced; objects that stand in several places are replaced once. */
function mapped(root: unknown, replace: (value: object) => object | undefined): unknown {
  const known = new Map<object, unknown>();
  const copy = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const before = known.get(value);
    if (before !== undefined) return before;
    const made = replace(value) ?? copyOf(value);
    known.set(value, made);
    return made;
  };
  const copyOf = (value: object): unknown => {
    if (Array.isArray(value)) return value.map(copy);
    if (value instanceof Map) return new Map(Array.from(value, ([key, inner]) => [key, copy(inner)] as const));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
  };
  return copy(root);
}

/**
 * SHA-256 of all that a proof depends on but what groups and the inside hold: while it stays the same, and the inside keeps out of
 * `assumes.outside`, the answer does.
 */
export function questionDigest({ ruleset, list }: ProofQuestion): string {
  const hash = createHash('sha256');
  hash.update(canonicalText([ruleset.destinations, ruleset.networks]));
  for (const text of [...ruleset.classes.values()].map(classText).toSorted()) hash.update('\nclass ').update(text);
  hash.update('\nlist ').update(canonicalText({ ...list, sources: [...list.sources], groups: [...list.groups] }));
  return hash.digest('hex');
}
