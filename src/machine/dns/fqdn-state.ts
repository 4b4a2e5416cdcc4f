import { isMap, type RawMap } from '../../api/shape.ts';
import type { Family } from '../../ip/address.ts';
import type { DomainName, Policy } from '../kinds/policy.ts';
import { canonicalDomain, type DomainSet, patternMatcher } from '../rules/domain-sets.ts';

/** What the names of policies come to in the rules that are in force. */
export interface NamesNow {
  readonly sets: readonly DomainSet[];
  /** Addresses of a name as they are known now, with the time of day at which each ends, in milliseconds. */
  readonly addressesOf: (domain: string, family: Family) => ReadonlyMap<string, number>;
}

/** Entries of one policy at most: a pattern may match thousands of names, and an object of a cluster is no larger than 1.5 MB. */
const MOST_ADDRESSES = 4_000;

/**
 * `status.fqdn_state` of a ClusterwideNetworkPolicy (reference 2.1): by name or pattern as it is written there, the sets of its names. `none`: the policy
 * speaks of no names; `undefined`: the rules know none of its names yet.
 */
export function fqdnState({ spec }: Policy, { sets, addressesOf }: NamesNow): RawMap | 'none' | undefined {
  const domains = 'mistakes' in spec ? [] : spec.egress.flatMap((entry) => entry.domains);
  if (domains.length === 0) return 'none';
  let room = MOST_ADDRESSES;
  const state: Record<string, readonly RawMap[]> = {};
  for (const domain of domains) {
    const matches = matcherOf(domain);
    const own: RawMap[] = [];
    for (const { name, domain: fqdn, type } of sets) {
      if (!matches(fqdn)) continue;
      const times = [...addressesOf(fqdn, type === 'ipv4_addr' ? 4 : 6)];
      room -= times.length + 1;
      if (room < 0) break;
      const ipExpirationTimes = Object.fromEntries(
        times
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([address, until]) => [address, new Date(until).toISOString().replace(/\.\d+Z$/, 'Z')]),
      );
      own.push({ fqdn, setName: name, version: type === 'ipv4_addr' ? 'ip' : 'ip6', ipExpirationTimes });
    }
    if (own.length > 0) state[domain.text] = own;
  }
  return Object.keys(state).length === 0 ? undefined : state;
}

/**
 * A status with what names come to. Where sets and addresses are the same the times of before stay, as today: they move with every answer of a
 * resolver, and are no reason to write.
 */
export function withFqdnState(now: RawMap, state: RawMap): RawMap {
  return shapeOf(now['fqdn_state']) === shapeOf(state) ? now : { ...now, fqdn_state: state };
}

/** A state without its times, as text. */
export function shapeOf(state: unknown): string {
  if (!isMap(state)) return '';
  const sets = Object.entries(state).map(([name, entries]) => [
    name,
    (Array.isArray(entries) ? (entries as readonly unknown[]) : []).map((entry) => {
      const { fqdn, setName, version, ipExpirationTimes } = isMap(entry) ? entry : {};
      return [fqdn, setName, version, Object.keys(isMap(ipExpirationTimes) ? ipExpirationTimes : {}).toSorted()];
    }),
  ]);
  return JSON.stringify(sets.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

function matcherOf({ kind, text }: DomainName): (domain: string) => boolean {
  if (kind === 'pattern') return patternMatcher(text);
  const name = canonicalDomain(text);
  return (domain) => domain === name;
}
