import { isMap } from '../../api/shape.ts';
import { type Address, formatAddress, parseAddress } from '../../ip/address.ts';
import { canonicalDomain, type Resolved } from '../rules/domain-sets.ts';
import { readStateText, STATE_KEY } from './state-text.ts';

/** The ConfigMap in which today's controller keeps what it learnt (reference 5). */
export const STATE_CONFIG_MAP = 'fqdnstate';

/** Addresses of a name that an object has recorded. */
export interface RecordedName {
  /** Of the object. */
  readonly namespace: string;
  /** Lower case, with its last dot. */
  readonly name: string;
  readonly addresses: readonly Address[];
}

/**
 * What names came to, as an object has it: the ConfigMap `fqdnstate`, or a policy in its `status.fqdn_state` (reference 5, 2.1). What cannot be
 * read is left out; when addresses end is not looked at.
 */
export function recordedNames(raw: unknown): readonly RecordedName[] {
  if (!isMap(raw) || !isMap(raw['metadata'])) return [];
  const { name, namespace } = raw['metadata'];
  if (typeof namespace !== 'string') return [];
  if (raw['kind'] === 'ConfigMap' && name === STATE_CONFIG_MAP) return ofConfigMap(raw['data'], namespace);
  const status = raw['kind'] === 'ClusterwideNetworkPolicy' ? raw['status'] : undefined;
  return isMap(status) && isMap(status['fqdn_state'])
    ? Object.values(status['fqdn_state']).flatMap((sets) => ofSets(sets, namespace))
    : [];
}

/** The names that objects of a namespace have recorded, as rules take them. */
export function resolvedFrom(recorded: Iterable<RecordedName>, namespace: string): Resolved {
  const resolved = new Map<string, { ipv4: string[]; ipv6: string[] | undefined }>();
  for (const { name, addresses, ...each } of recorded) {
    if (each.namespace !== namespace) continue;
    const known = resolved.get(name) ?? { ipv4: [], ipv6: undefined };
    resolved.set(name, known);
    for (const address of addresses) {
      if (address.family === 4) known.ipv4.push(formatAddress(address));
      else (known.ipv6 ??= []).push(formatAddress(address));
    }
  }
  return resolved;
}

function ofConfigMap(data: unknown, namespace: string): readonly RecordedName[] {
  const text = isMap(data) ? data[STATE_KEY] : undefined;
  if (typeof text !== 'string') return [];
  return readStateText(text, (wall) => wall).map(({ name, addresses }) => ({
    namespace,
    name,
    addresses: addressesOf([...addresses.keys()]),
  }));
}

function ofSets(sets: unknown, namespace: string): readonly RecordedName[] {
  return (Array.isArray(sets) ? (sets as readonly unknown[]) : []).flatMap((set) => {
    if (!isMap(set) || typeof set['fqdn'] !== 'string' || set['fqdn'] === '') return [];
    const { ips, ipExpirationTimes } = set;
    const written = [
      ...(Array.isArray(ips) ? (ips as readonly unknown[]) : []),
      ...(isMap(ipExpirationTimes) ? Object.keys(ipExpirationTimes) : []),
    ];
    return [{ namespace, name: canonicalDomain(set['fqdn']), addresses: addressesOf(written) }];
  });
}

function addressesOf(written: readonly unknown[]): readonly Address[] {
  return written.flatMap((text) => (typeof text === 'string' ? (parseAddress(text) ?? []) : []));
}
