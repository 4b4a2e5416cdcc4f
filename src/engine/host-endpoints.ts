import { compareUtf8 } from '../base/compare.ts';
import type { Endpoint } from '../inventory/model.ts';
import type { Holder } from './party.ts';
import type { Direction, PolicyList } from './selected-policies.ts';

/** Every interface of the host. */
const EVERY_INTERFACE = '*';

const NORMAL: readonly PolicyList[] = ['normal'];
/**
 * What traffic of the host itself meets (semantics 7.10): a list that does not decide hands on to the next, and after the last one the
 * profiles decide. Forwarded traffic meets other lists, on its way to somebody else; no flow to or from the host's own address does.
 */
const OF_HOST: Readonly<Record<Direction, readonly PolicyList[]>> = {
  ingress: ['untracked', 'preDNAT', 'normal'],
  egress: ['untracked', 'normal'],
};

/** The lists of policies that an endpoint's own traffic meets, in order. */
export function listsMet({ kind }: Endpoint, direction: Direction): readonly PolicyList[] {
  return kind === 'HostEndpoint' ? OF_HOST[direction] : NORMAL;
}

/**
 * Those holders of an address whose policies are asked: of the host endpoints of one node, those that can be in force on the interface that
 * has the address (semantics 7.1).
 */
export function inForce(holders: readonly Holder[]): readonly Holder[] {
  if (holders.length < 2) return holders;
  const nodes = new Map<string, Endpoint[]>();
  for (const { endpoint } of holders) {
    if (endpoint.kind !== 'HostEndpoint') continue;
    const known = nodes.get(endpoint.node);
    if (known === undefined) nodes.set(endpoint.node, [endpoint]);
    else known.push(endpoint);
  }
  const asked = new Map([...nodes].map(([node, endpoints]) => [node, inForceOnNode(endpoints)]));
  return holders.filter(
    ({ endpoint }) => endpoint.kind !== 'HostEndpoint' || asked.get(endpoint.node)?.has(endpoint) === true,
  );
}

/**
 * One that names the interface or has its address is in force before one for every interface, and of several the first by name. Where they name
 * different interfaces any of these can be the one.
 */
function inForceOnNode(endpoints: readonly Endpoint[]): ReadonlySet<Endpoint> {
  const sorted = endpoints.toSorted((a, b) => compareUtf8(a.name, b.name));
  const specific = sorted.filter(({ interfaceName }) => interfaceName !== EVERY_INTERFACE);
  const named = specific.flatMap(({ interfaceName }) => interfaceName ?? []);
  if (named.length === 0) return new Set((specific.length > 0 ? specific : sorted).slice(0, 1));
  return new Set(
    named.flatMap(
      (name) => specific.find(({ interfaceName }) => interfaceName === undefined || interfaceName === name) ?? [],
    ),
  );
}
