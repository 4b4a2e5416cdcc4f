import type { Address, Family } from '../../ip/address.ts';
import { type Prefix, formatPrefix, prefixOf } from '../../ip/prefix.ts';
import type { Network } from '../kinds/network.ts';
import type { Routing } from './routing.ts';

/** A prefix that one VRF may, or may not, learn from another. */
interface Import {
  readonly prefix: Prefix;
  readonly verdict: 'permit' | 'deny';
  /** The VRF that it comes from. */
  readonly source: number;
  /** Whether it is told on; else it stays on this machine. */
  readonly isTold: boolean;
}

/** What one VRF learns from others on the same machine. */
export interface VrfImports {
  readonly vrf: number;
  /** Whom it learns from. */
  readonly sources: readonly number[];
  readonly prefixLists: readonly PrefixList[];
}

/** Prefixes from one VRF, of one family, told on or not. Entries are in order: the first that matches decides. */
export interface PrefixList {
  readonly name: string;
  readonly family: Family;
  readonly source: number;
  readonly isTold: boolean;
  /** Each from `seq` or the verdict on. */
  readonly entries: readonly string[];
}

/** Numbers of entries begin here, and count through all lists of a VRF. */
const FIRST_ENTRY = 100;

/** What every VRF of a machine learns from the others (reference 9.2): primary, secondary, external. */
export function importsOf(routing: Routing): readonly VrfImports[] {
  const { primary, secondary, external } = routing;
  return [
    vrfImports(primary, [...external, ...secondary], intoPrimary(routing)),
    ...secondary.map((network) => intoSecondary(network, routing)),
    ...external.map((network) => intoExternal(network, routing)),
  ];
}

/** The cluster reaches the world and shared networks, but not the machine's own addresses out there. */
function intoPrimary({ secondary, external, defaultRoute }: Routing): readonly Import[] {
  const first = [
    ...external.flatMap((network) => permit(network.destinations, network)),
    ...defaultRoute.addresses.map((own) => deny(own, defaultRoute)),
    ...external.flatMap((network) => permit(network.prefixes, network)),
    ...secondary.flatMap((network) => permit(network.prefixes, network)),
  ];
  const known = new Set(first.map(({ prefix }) => formatPrefix(prefix)));
  const further = secondary.flatMap((network) =>
    permit(network.destinations, network).filter(({ prefix }) => {
      const text = formatPrefix(prefix);
      return !known.has(text) && known.add(text);
    }),
  );
  return [...first, ...further];
}

/** A shared network reaches the cluster; one that is a way into the world, that world as well. */
function intoSecondary(network: Network, { primary, external }: Routing): VrfImports {
  const imports = permit([...primary.prefixes, ...network.prefixes], primary);
  const sources = [primary];
  for (const destination of network.destinations)
    for (const other of external) {
      if (!other.destinations.some((each) => formatPrefix(each) === formatPrefix(destination))) continue;
      if (!sources.includes(other)) sources.push(other);
      imports.push(...permit([destination, ...other.prefixes], other));
    }
  return vrfImports(network, sources, imports);
}

/** An outside network learns its own prefixes from the cluster, and where the cluster is without telling others. */
function intoExternal(network: Network, { primary, secondary }: Routing): VrfImports {
  const throughIt = network.destinations.some(isDefault)
    ? secondary.filter(({ destinations }) => destinations.some(isDefault))
    : [];
  const inside = [primary, ...throughIt];
  const kept = inside.flatMap((each) => permit(each.prefixes, each)).map((each) => ({ ...each, isTold: false }));
  return vrfImports(network, inside, [...kept, ...permit(network.prefixes, primary)]);
}

function vrfImports(target: Network, sources: readonly Network[], imports: readonly Import[]): VrfImports {
  const lists = new Map<string, { readonly list: Omit<PrefixList, 'entries'>; readonly entries: string[] }>();
  let number = FIRST_ENTRY;
  for (const family of [4, 6] as const)
    for (const isTold of [false, true])
      for (const each of imports) {
        if (each.prefix.family !== family || each.isTold !== isTold) continue;
        const seq = number;
        number += 1;
        // Nothing is learnt from oneself.
        if (each.source === target.vrf) continue;
        const { source } = each;
        const name = `vrf${target.vrf}-import-from-vrf${source}${family === 6 ? '-ipv6' : ''}${isTold ? '' : '-no-export'}`;
        const known = lists.get(name) ?? { list: { name, family, source, isTold }, entries: [] };
        known.entries.push(entryText(each, seq, known.entries.length === 0));
        lists.set(name, known);
      }
  return {
    vrf: target.vrf,
    sources: sources.map(({ vrf }) => vrf),
    prefixLists: [...lists.values()].map(({ list, entries }) => ({ ...list, entries })),
  };
}

/** The number that FRR gives to an entry without one is below all of ours only where it is the first. */
function entryText({ prefix, verdict }: Import, number: number, isFirst: boolean): string {
  const text = formatPrefix(prefix);
  const numbered = `seq ${number} ${verdict} ${text}`;
  if (prefix.length === 0) return isFirst ? `${verdict} ${text}` : numbered;
  return `${numbered} le ${prefix.family === 4 ? 32 : 128}`;
}

function permit(prefixes: readonly Prefix[], { vrf }: Network): Import[] {
  return prefixes.map((prefix) => ({ prefix, verdict: 'permit', source: vrf, isTold: true }));
}

function deny(address: Address, { vrf }: Network): Import {
  return { prefix: prefixOf(address), verdict: 'deny', source: vrf, isTold: true };
}

function isDefault({ length }: Prefix): boolean {
  return length === 0;
}
