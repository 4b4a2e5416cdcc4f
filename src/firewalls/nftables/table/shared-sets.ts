import { BucketMap } from '../../../base/bucket-map.ts';
import type { Family } from '../../../border/ruleset.ts';
import type { PortSet } from '../../../ip/port-set.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import type { NftSet } from './model.ts';
import { madeName } from './names.ts';

const TRUE: true = true;

interface Named {
  readonly name: string;
  readonly set: NftSet;
}

// A set is worked out once for each content object: rules keep theirs from one version of a ruleset to the next.
const namedNets = new WeakMap<PrefixSet, Partial<Record<Family, Named>>>();
const namedServices = new WeakMap<PortSet, Map<string, Named>>();

function namedNetsOf(nets: PrefixSet, family: Family): Named {
  const both = namedNets.get(nets) ?? {};
  let named = both[family];
  if (named === undefined) {
    const texts = nets.family(family).toStrings();
    const elements = BucketMap.from(texts.map((text) => [text, TRUE] as const));
    const name = madeName(`n${family}`, '', texts.toSorted().join(' '));
    named = { name, set: { type: family === 4 ? 'net4' : 'net6', elements } };
    namedNets.set(nets, { ...both, [family]: named });
  }
  return named;
}

function namedServicesOf(protocols: readonly number[], ports: PortSet): Named {
  let all = namedServices.get(ports);
  if (all === undefined) {
    all = new Map();
    namedServices.set(ports, all);
  }
  const key = protocols.join(' ');
  let named = all.get(key);
  if (named === undefined) {
    const ranges = ports.ranges().map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
    const elements = protocols.flatMap((protocol) => ranges.map((range) => `${protocol} . ${range}`));
    const name = madeName('s', '', elements.toSorted().join(', '));
    named = { name, set: { type: 'service', elements: BucketMap.from(elements.map((one) => [one, TRUE] as const)) } };
    all.set(key, named);
  }
  return named;
}

/** The elements of a `net` set; the same object for the same PrefixSet, so that versions share it. */
export function netElements(nets: PrefixSet, family: Family): BucketMap<true> {
  return namedNetsOf(nets, family).set.elements;
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
    return this.#share(namedNetsOf(nets, family));
  }

  /** Name of the set with these ports of each of these protocols. */
  services(protocols: readonly number[], ports: PortSet): string {
    return this.#share(namedServicesOf(protocols, ports));
  }

  #share({ name, set }: Named): string {
    if (!this.sets.has(name)) this.sets.set(name, set);
    return name;
  }
}
