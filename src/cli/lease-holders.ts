import { isMap } from '../api/shape.ts';
import { SallyportError } from '../base/error.ts';
import type { Connected } from '../kubernetes/in-cluster.ts';
import { leasePlace } from '../kubernetes/leases/lease.ts';
import { resourcePath } from '../kubernetes/resource-path.ts';
import type { Terminal } from './terminal.ts';

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
  /** The one namespace that could be looked at; absent: all were. */
  readonly only?: string;
}

/** Looks at the Leases of a firewall of one cluster. */
export type LookForWriters = (firewall: string) => Promise<LeaseHolders>;

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
    return { holders: holdersIn(await ask({})) };
  } catch (thrown) {
    if (namespace === undefined || !isForbidden(thrown)) throw thrown;
    return { holders: holdersIn(await ask({ namespace })), only: namespace };
  }
}

function holdersIn(answer: unknown): readonly LeaseHolder[] {
  const items = isMap(answer) && Array.isArray(answer['items']) ? (answer['items'] as readonly unknown[]) : [];
  return items.flatMap((item) => {
    const { metadata, spec } = isMap(item) ? item : {};
    if (!isMap(metadata) || !isMap(spec)) return [];
    const { holderIdentity: holder, renewTime } = spec;
    if (typeof holder !== 'string' || holder === '') return [];
    const renewed = typeof renewTime === 'string' ? renewTime : '';
    return [{ holder, lease: `${String(metadata['namespace'])}/${String(metadata['name'])}`, renewed }];
  });
}

function isForbidden(thrown: unknown): thrown is SallyportError {
  return thrown instanceof SallyportError && thrown.code === 'API_FORBIDDEN';
}

/**
 * Refuses to write beside a controller that keeps the firewall in step (design invariant 8): DEVICE_LOCKED. Whoever may not look is told, and
 * goes on: what one of the two writes late, the device refuses.
 */
export async function refuseOtherWriter(
  terminal: Terminal,
  { writersOf }: { readonly writersOf?: LookForWriters },
  firewall: string,
): Promise<void> {
  if (writersOf === undefined) return;
  const unsure = (why: string): void =>
    terminal.err(`note: ${firewall}: whether a controller writes to it is not known: ${why}`);
  let found: LeaseHolders;
  try {
    found = await writersOf(firewall);
  } catch (thrown) {
    if (!isForbidden(thrown)) throw thrown;
    return unsure(thrown.message);
  }
  const [first] = found.holders;
  if (first === undefined)
    return found.only === undefined ? undefined : unsure(`Leases of namespace ${found.only} alone may be listed`);
  const { holder, lease, renewed } = first;
  throw new SallyportError(
    'DEVICE_LOCKED',
    `${firewall} is kept in step by ${holder} (Lease ${lease}, renewed ${renewed || 'never'}); ` +
      'say yes to its plan with approve, or stop it; delete the Lease if it is long gone',
  );
}
