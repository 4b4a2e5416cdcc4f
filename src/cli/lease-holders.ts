import { isMap } from '../api/shape.ts';
import { SallyportError } from '../base/error.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import { leasePlace } from '../kubernetes/leases/lease.ts';
import { resourcePath } from '../kubernetes/resource-path.ts';
import type { Terminal } from './terminal.ts';
import type { CommandWorld } from './world.ts';

const LEASES = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

/** A copy of Sallyport that a Lease gives a firewall to. */
export interface LeaseHolder {
  readonly holder: string;
  /** `namespace/name` of the Lease. */
  readonly lease: string;
  /** When it was renewed, as its holder said; empty: never. */
  readonly renewed: string;
}

/**
 * Who writes to a firewall, as Leases of any namespace say; none: nobody. A holder that died without letting go still stands there.
 * Throws the `API_…` codes: API_FORBIDDEN where Leases may not be listed.
 */
export async function leaseHolders(
  api: ApiClient,
  cluster: string,
  firewall: string,
  signal: AbortSignal,
): Promise<readonly LeaseHolder[]> {
  const query = { fieldSelector: `metadata.name=${leasePlace('firewall', cluster, firewall).name}` };
  const answer = await api.call({ method: 'GET', path: resourcePath(LEASES), query }, signal);
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

/**
 * Refuses to write beside a controller that keeps the firewall in step (design invariant 8): DEVICE_LOCKED. Whoever may not look is told, and
 * goes on: what one of the two writes late, the device refuses.
 */
export async function refuseOtherWriter(
  terminal: Terminal,
  { writersOf }: CommandWorld,
  firewall: string,
): Promise<void> {
  if (writersOf === undefined) return;
  let holders: readonly LeaseHolder[];
  try {
    holders = await writersOf(firewall);
  } catch (thrown) {
    if (!(thrown instanceof SallyportError && thrown.code === 'API_FORBIDDEN')) throw thrown;
    terminal.err(`note: ${firewall}: whether a controller writes to it is not known: ${thrown.message}`);
    return;
  }
  const [first] = holders;
  if (first === undefined) return;
  const { holder, lease, renewed } = first;
  throw new SallyportError(
    'DEVICE_LOCKED',
    `${firewall} is kept in step by ${holder} (Lease ${lease}, renewed ${renewed || 'never'}); ` +
      'say yes to its plan with approve, or stop it; delete the Lease if it is long gone',
  );
}
