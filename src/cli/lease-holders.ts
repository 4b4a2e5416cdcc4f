import { isMap } from '../api/shape.ts';
import { SallyportError } from '../base/error.ts';
import type { Connected } from '../kubernetes/in-cluster.ts';
import { LEASE_MS, leasePlace } from '../kubernetes/leases/lease.ts';
import { resourcePath } from '../kubernetes/resource-path.ts';

const LEASES = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

/** A copy of Sallyport that a Lease gives a firewall to. */
export interface LeaseHolder {
  /** Empty: it was let go of, or emptied by a hand. */
  readonly holder: string;
  /** `namespace/name` of the Lease. */
  readonly lease: string;
  /** When it was renewed, or let go of, as its holder said; empty: never. */
  readonly renewed: string;
  /** For how long that counts, as the Lease says. */
  readonly lastsMs: number;
  /** Changes with each renewal. */
  readonly version: string;
}

/** Who writes to a firewall, as Leases say. */
export interface LeaseHolders {
  /** None: nobody. A holder that died without letting go still stands there. */
  readonly holders: readonly LeaseHolder[];
  /** Leases that nobody stands in. */
  readonly free: readonly LeaseHolder[];
  /** Namespaces in which the firewall has a Lease, held or not; those where it is held first. */
  readonly namespaces: readonly string[];
  /** The one namespace that could be looked at; absent: all were. */
  readonly only?: string;
}

/**
 * Looks at the Leases of a firewall: in all namespaces, or, where that is not allowed, in our own. Throws the `API_…` codes: API_FORBIDDEN where not
 * even those may be listed.
 */
export async function leaseHolders(
  { client: api, namespace }: Pick<Connected, 'client' | 'namespace'>,
  cluster: string,
  firewall: string,
  signal: AbortSignal,
): Promise<LeaseHolders> {
  const query = { fieldSelector: `metadata.name=${leasePlace('firewall', cluster, firewall).name}` };
  const ask = (where: { readonly namespace?: string }): Promise<unknown> =>
    api.call({ method: 'GET', path: resourcePath(LEASES, where), query }, signal);
  try {
    return found(await ask({}));
  } catch (thrown) {
    if (namespace === undefined || !isForbidden(thrown)) throw thrown;
    return { ...found(await ask({ namespace })), only: namespace };
  }
}

/**
 * The same of every firewall of a cluster at once, by its name, as far as labels and titles of Leases were left as they are. `undefined`: not all
 * namespaces may be looked at.
 */
export async function allLeaseHolders(
  { client: api }: Pick<Connected, 'client'>,
  cluster: string,
  signal: AbortSignal,
): Promise<readonly LeaseHolder[] | undefined> {
  const query = { labelSelector: `sallyport.dev/cluster=${cluster},sallyport.dev/lease=firewall` };
  try {
    return leasesIn(await api.call({ method: 'GET', path: resourcePath(LEASES), query }, signal));
  } catch (thrown) {
    if (isForbidden(thrown)) return undefined;
    throw thrown;
  }
}

function found(answer: unknown): LeaseHolders {
  const leases = leasesIn(answer);
  const holders = leases.filter(({ holder }) => holder !== '');
  const held = holders.map(({ lease }) => lease.slice(0, lease.indexOf('/')));
  return {
    holders,
    free: leases.filter(({ holder }) => holder === ''),
    namespaces: [...new Set([...held, ...namespacesIn(answer)])],
  };
}

function itemsIn(answer: unknown): readonly unknown[] {
  return isMap(answer) && Array.isArray(answer['items']) ? (answer['items'] as readonly unknown[]) : [];
}

/** Namespaces of all objects in a list. */
export function namespacesIn(answer: unknown): readonly string[] {
  return itemsIn(answer).flatMap((item) => {
    const { metadata } = isMap(item) ? item : {};
    return isMap(metadata) && typeof metadata['namespace'] === 'string' ? [metadata['namespace']] : [];
  });
}

function leasesIn(answer: unknown): readonly LeaseHolder[] {
  return itemsIn(answer).flatMap((item) => {
    const { metadata, spec } = isMap(item) ? item : {};
    if (!isMap(metadata) || !isMap(spec)) return [];
    const { holderIdentity, renewTime, leaseDurationSeconds: seconds } = spec;
    return [
      {
        holder: typeof holderIdentity === 'string' ? holderIdentity : '',
        lease: `${String(metadata['namespace'])}/${String(metadata['name'])}`,
        renewed: typeof renewTime === 'string' ? renewTime : '',
        lastsMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : LEASE_MS,
        version: String(metadata['resourceVersion']),
      },
    ];
  });
}

export function isForbidden(thrown: unknown): thrown is SallyportError {
  return thrown instanceof SallyportError && thrown.code === 'API_FORBIDDEN';
}
