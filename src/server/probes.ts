import { createServer, type IncomingMessage, type Server } from 'node:http';
import { isLoopback } from '../base/loopback.ts';
import { type ListenAddress, answer, listening, requestLimits } from './listening.ts';
import { QUERIES, type QueryAnswers, answerQuery, isQuery } from './queries.ts';

/** What the probes ask. */
export interface Probed extends QueryAnswers {
  /** True once every source that a controller uses has delivered a complete first state; `plain` names nothing and nobody. */
  ready(): { readonly ready: boolean; readonly plain: string };
}

const PROBES = ['/healthz', '/readyz'];

/**
 * `/healthz` (the process answers) and `/readyz` (it has a complete picture), for whoever reaches the address; what the queries answer
 * only on loopback, or to whom `isOwn` knows as this machine. Nothing else, nothing that changes anything. Resolves once it listens.
 */
export async function serveProbes(
  address: ListenAddress,
  probed: Probed,
  isOwn: (request: IncomingMessage) => boolean = () => false,
): Promise<Server> {
  const server = createServer(requestLimits, (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, 'only GET and HEAD');
    const path = request.url?.split('?', 1)[0];
    const known = isLoopback(address.host) || isOwn(request) ? [...PROBES, ...QUERIES] : PROBES;
    if (path === '/healthz') return answer(response, 200, 'ok');
    if (path === '/readyz') {
      const { ready, plain } = probed.ready();
      return answer(response, ready ? 200 : 503, plain);
    }
    if (isQuery(path)) {
      if (known.includes(path)) return answerQuery(path, response, probed);
      return answer(response, 404, `${path} is served at server.queries, or on loopback`);
    }
    answer(response, 404, `known here: ${known.join(', ')}`);
  });
  await listening(server, address, 'the probes');
  return server;
}

/**
 * Whether a connection begins and ends on this machine: over loopback, or at one address of its own. True only where nobody translates who comes from
 * elsewhere to such an address.
 */
export function isWithinMachine(remote = '', local = ''): boolean {
  return remote !== '' && (remote === local || isLoopback(remote.replace(/^::ffff:/, '')));
}
