import type { Answer } from './rest.ts';
import type { Firewall, Network, Store } from './store.ts';

/** What a hand does beside the API, which changes no rules: `PUT /simulate/firewall` or `/simulate/network`, in the form of v1's answers. */
export function change(store: Store, method: string, path: string, body: unknown): Answer {
  const refused = (message: string): Answer => [400, { statuscode: 400, message }];
  if (method !== 'PUT') return [405, { statuscode: 405, message: 'PUT only' }];
  if (typeof body !== 'object' || body === null || !('id' in body) || typeof body.id !== 'string')
    return refused('an object with an id is needed');
  try {
    if (path === '/simulate/firewall') {
      if (!('allocation' in body) || typeof body.allocation !== 'object' || body.allocation === null)
        return refused('a firewall has an allocation');
      store.putFirewall(body as Firewall);
    } else if (path === '/simulate/network') {
      if (!('prefixes' in body) || !Array.isArray(body.prefixes)) return refused('a network has prefixes');
      store.putNetwork(body as unknown as Network);
    } else return [404, { statuscode: 404, message: 'there are /simulate/firewall and /simulate/network' }];
  } catch (thrown) {
    return refused(thrown instanceof Error ? thrown.message : String(thrown));
  }
  return [200, body];
}
