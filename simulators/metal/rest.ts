import type { Firewall, Network, Store } from './store.ts';

/** A status and a JSON body. */
export type Answer = readonly [status: number, body: unknown];

const failure = (statuscode: number, message: string): Answer => [statuscode, { statuscode, message }];

/** The calls of metal-api v1 that read (metal-stack reference, 12.2); everything that writes needs more than a viewer, and is not simulated. */
export function answerRest(store: Store, method: string, path: string, body: unknown): Answer {
  const [, collection, id = ''] = /^\/v1\/(firewall|network)\/([^/]+)$/.exec(path) ?? [];
  if (collection === undefined) return failure(404, `404: Page Not Found`);
  if (method === 'POST' && id === 'find') {
    const asked = isRecord(body) ? body : undefined;
    if (asked === undefined) return failure(400, 'cannot read the body');
    return [200, collection === 'firewall' ? findFirewalls(store, asked) : findNetworks(store, asked)];
  }
  if (method !== 'GET') return failure(405, '405: Method Not Allowed');
  const found: Firewall | Network | undefined =
    collection === 'firewall' ? store.firewalls.get(id) : store.networks.get(id);
  return found === undefined ? failure(404, `no ${collection} with id "${id}" found`) : [200, found];
}

function findFirewalls(store: Store, asked: Readonly<Record<string, unknown>>): readonly Firewall[] {
  const { allocation_name: name, allocation_hostname: hostname, allocation_project: project } = asked;
  return [...store.firewalls.values()].filter(
    ({ allocation }) =>
      (name === undefined || name === allocation.name) &&
      (hostname === undefined || hostname === allocation.hostname) &&
      (project === undefined || project === allocation.project),
  );
}

function findNetworks(store: Store, { id }: Readonly<Record<string, unknown>>): readonly Network[] {
  return [...store.networks.values()].filter((network) => id === undefined || network.id === id);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
