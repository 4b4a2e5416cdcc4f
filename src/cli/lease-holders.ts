import { isMap } from '../api/shape.ts';
import { SallyportError } from '../base/error.ts';
import type { Connected } from '../kubernetes/in-cluster.ts';
import { leasePlace } from '../kubernetes/leases/lease.ts';
import { resourcePath } from '../kubernetes/resource-path.ts';

const LEASES = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

/** A copy of Sallyport that a Lease gives a firewall to. */
export interface LeaseHolder {
  readonly holder: string;
  /** `namespace/name` of the Lease. */
  readonly lease: string;
  /** When it was renewed, as its holder said; empty: never. */
  readonly renewed: string;
}

/** Who writes to a firewall, as Leases say. */
export interface LeaseHolders {
  /** None: nobody. A holder that died without letting go still stands there. */
  readonly holders: readonly LeaseHolder[];
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

function found(answer: unknown): LeaseHolders {
  const holders = holdersIn(answer);
  const held = holders.map(({ lease }) => lease.slice(0, lease.indexOf('/')));
  return { holders, namespaces: [...new Set([...held, ...namespacesIn(answer)])] };
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

function holdersIn(answer: unknown): readonly LeaseHolder[] {
  return itemsIn(answer).flatMap((item) => {
    const { metadata, spec } = isMap(item) ? item : {};
    if (!isMap(metadata) || !isMap(spec)) return [];
    const { holderIdentity: holder, renewTime } = spec;
    if (typeof holder !== 'string' || holder === '') return [];
    const renewed = typeof renewTime === 'string' ? renewTime : '';
    return [{ holder, lease: `${String(metadata['namespace'])}/${String(metadata['name'])}`, renewed }];
  });
}

export function isForbidden(thrown: unknown): thrown is SallyportError {
  return thrown instanceof SallyportError && thrown.code === 'API_FORBIDDEN';
}
