import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { type Clock, systemClock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import { isLoopback } from '../base/loopback.ts';
import type { Log } from '../base/log.ts';
import type { Access, ReviewedAccess } from '../kubernetes/reviewed-access.ts';
import { answer, answerMetrics, type ListenAddress, listening, requestLimits } from './listening.ts';
import { renewedTls } from './tls-files.ts';

/** What stands before the answers. Beyond loopback both have to be there. */
export interface Guards {
  /** Paths of PEM files; read again when they change. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Who may ask; absent: whoever can. */
  readonly access: Pick<ReviewedAccess, 'ofReader'> | undefined;
}

/** What is not for everybody, because it names firewalls, sources and copies. */
export interface QueryAnswers {
  /** Prometheus text. */
  metrics(): Promise<string>;
  /** One line: what the picture lacks; which firewalls this copy writes to, and who writes to the others. */
  standing(): string;
}

export const QUERIES = ['/metrics', '/standing'] as const;
export type Query = (typeof QUERIES)[number];

export function isQuery(path: string | undefined): path is Query {
  return QUERIES.some((query) => query === path);
}

export function answerQuery(query: Query, response: ServerResponse, answers: QueryAnswers): void {
  if (query === '/metrics') return answerMetrics(response, () => answers.metrics());
  answer(response, 200, answers.standing());
}

/**
 * `/metrics` and `/standing`. Resolves once it listens; refuses to listen for others than
 * this machine without TLS and review.
 */
export async function serveQueries(
  address: ListenAddress,
  answers: QueryAnswers,
  { tls, access }: Guards,
  log: Log,
  clock: Clock = systemClock,
): Promise<Server> {
  if (!isLoopback(address.host) && (tls === undefined || access === undefined))
    throw new SallyportError(
      'LISTEN_FAILED',
      `the queries are not served on ${address.host}:${address.port}: others than this machine reach it, and TLS or a cluster that says who may ask is missing`,
    );
  const respond = (request: IncomingMessage, response: ServerResponse): void => {
    const path = pathOf(request);
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, 'only GET and HEAD');
    if (isQuery(path)) return answerQuery(path, response, answers);
    answer(response, 404, `known here: ${QUERIES.join(', ')}`);
  };
  const guarded = access === undefined ? respond : reviewed(access, respond);
  const server = tls === undefined ? createServer(requestLimits, guarded) : createTlsServer(requestLimits, guarded);
  if (tls !== undefined && server instanceof TlsServer) await renewedTls(server, tls, 'server.queries', log, clock);
  await listening(server, address, 'the queries');
  return server;
}

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

/** Strangers are not told which paths there are. */
function reviewed(access: Pick<ReviewedAccess, 'ofReader'>, respond: Respond): Respond {
  return (request, response) => {
    const judge = (given: Access): void => {
      switch (given) {
        case 'allowed':
          return respond(request, response);
        case 'unauthenticated':
          response.setHeader('www-authenticate', 'Bearer');
          return answer(response, 401, 'a bearer token of the cluster is needed');
        case 'forbidden':
          return answer(response, 403, 'the cluster does not let you get this path');
        case 'unavailable':
          return answer(response, 503, 'the cluster does not say whether you may get this path');
      }
    };
    access.ofReader(request.headers.authorization, pathOf(request)).then(judge, () => judge('unavailable'));
  };
}

function pathOf(request: IncomingMessage): string {
  return request.url?.split('?', 1)[0] ?? '';
}
