import { createServer, type Server } from 'node:http';
import { isLoopback } from '../base/loopback.ts';
import { answer, answerMetrics, type ListenAddress, listening, requestLimits } from './listening.ts';

/** What the probes ask. */
export interface Probed {
  /** True once every source that a controller uses has delivered a complete first state. */
  ready(): { readonly ready: boolean; readonly reason: string };
  /** Prometheus text. */
  metrics(): Promise<string>;
}

/**
 * `/healthz` (the process answers) and `/readyz` (it has a complete picture), for whoever reaches the address; `/metrics` only on loopback.
 * Nothing else, nothing that changes anything. Resolves once it listens.
 */
export async function serveProbes(address: ListenAddress, probed: Probed): Promise<Server> {
  const hasMetrics = isLoopback(address.host);
  const server = createServer(requestLimits, (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, 'only GET and HEAD');
    const path = request.url?.split('?', 1)[0];
    if (path === '/healthz') return answer(response, 200, 'ok');
    if (path === '/readyz') {
      const { ready, reason } = probed.ready();
      return answer(response, ready ? 200 : 503, reason);
    }
    if (path === '/metrics' && hasMetrics) return answerMetrics(response, () => probed.metrics());
    if (path === '/metrics') return answer(response, 404, 'metrics are served at server.queries, or on loopback');
    answer(response, 404, `known here: /healthz, /readyz${hasMetrics ? ', /metrics' : ''}`);
  });
  await listening(server, address, 'the probes');
  return server;
}
