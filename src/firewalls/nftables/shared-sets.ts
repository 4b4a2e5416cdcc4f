import { BucketMap } from '../../base/bucket-map.ts';
import type { Family } from '../../border/ruleset.ts';
import type { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { NftSet } from './model.ts';
import { madeName } from './names.ts';

const TRUE: true = true;
const elementsOfNets = new WeakMap<PrefixSet, Record<Family, BucketMap<true>>>();

function elementsOf(nets: PrefixSet, family: Family): BucketMap<true> {
  return BucketMap.from(
    nets
      .family(family)
      .toStrings()
      .map((text) => [text, TRUE] as const),
  );
}

/** The elements of a `net` set; the same object for the same PrefixSet, so that versions share it. */
export function netElements(nets: PrefixSet, family: Family): BucketMap<true> {
  let both = elementsOfNets.get(nets);
  if (both === undefined) {
    both = { 4: elementsOf(nets, 4), 6: elementsOf(nets, 6) };
    elementsOfNets.set(nets, both);
  }
  return both[family];
}

/** `PrefixSet.all` cut to one family. */
export function coversFamily(nets: PrefixSet, family: Family): boolean {
  return nets.covers(PrefixSet.all.family(family));
}

/**
 * The named sets for literal networks and ports: one for each content, however many rules use it (anonymous sets in rules cost
 * quadratic time, nftables reference, section 7).
 */
export class SharedSets {
  readonly sets = new Map<string, NftSet>();

  /** Name of the set with these networks. */
  nets(nets: PrefixSet, family: Family): string {
    const elements = netElements(nets, family);
    const name = madeName(`n${family}`, '', [...elements.keys()].sort().join(' '));
    if (!this.sets.has(name)) this.sets.set(name, { type: family === 4 ? 'net4' : 'net6', elements });
    return name;
  }

  /** Name of the set with these ports of each of these protocols. */
  services(protocols: readonly number[], ports: PortSet): string {
    const ranges = ports.ranges().map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
    const keys = protocols.flatMap((protocol) => ranges.map((range) => `${protocol} . ${range}`));
    const name = madeName('s', '', keys.toSorted().join(', '));
    if (!this.sets.has(name))
      this.sets.set(name, { type: 'service', elements: BucketMap.from(keys.map((key) => [key, TRUE] as const)) });
    return name;
  }
}
