import type { ContainerPort, Pod } from '../../api/resource.ts';
import type { Address } from '../../ip/address.ts';

/**
 * Whether two readings of one pod say the same in everything that is read of it. Most events of a pod are about what nobody here reads:
 * restarts, conditions, annotations, who owns which field.
 */
export function samePod(a: Pod, b: Pod): boolean {
  return (
    a.uid === b.uid &&
    a.deleting === b.deleting &&
    a.nodeName === b.nodeName &&
    a.serviceAccountName === b.serviceAccountName &&
    a.owner === b.owner &&
    a.hostNetwork === b.hostNetwork &&
    a.phase === b.phase &&
    sameList(a.podIPs, b.podIPs, sameAddress) &&
    sameList(a.ports, b.ports, samePort) &&
    sameTexts(a.labels, b.labels) &&
    sameTexts(a.annotations, b.annotations) &&
    a.gate?.status === b.gate?.status &&
    a.gate?.reason === b.gate?.reason &&
    a.gate?.message === b.gate?.message
  );
}

function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let n = 0; n < a.length; n++) if (!same(a[n] as T, b[n] as T)) return false;
  return true;
}

function sameAddress(a: Address | string, b: Address | string): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.family === b.family && a.value === b.value;
}

function samePort(a: ContainerPort, b: ContainerPort): boolean {
  return a.name === b.name && a.port === b.port && a.protocol === b.protocol;
}

function sameTexts(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}
