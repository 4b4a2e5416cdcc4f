import { createServer, type Server, type ServerResponse } from 'node:http';
import { SallyportError } from '../base/error.ts';

/** What the probes ask. */
export interface Probed {
  /** True once every source that a controller uses has delivered a complete first state. */
  ready(): { readonly ready: boolean; readonly reason: string };
  /** Prometheus text. */
  metrics(): Promise<string>;
}

/**
 * `/healthz` (the process answers), `/readyz` (it has a complete picture), `/metrics`. Nothing else, nothing that changes anything; no
 * names of workloads, so it may be read by whoever reaches the address. Resolves once it listens.
 */
export async function serveProbes(
  address: { readonly host: string; readonly port: number },
  probed: Probed,
): Promise<Server> {
  const server = createServer(
    { maxHeaderSize: 8_192, requestTimeout: 5_000, headersTimeout: 5_000 },
    (request, response) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, 'only GET and HEAD');
      const path = request.url?.split('?', 1)[0];
      if (path === '/healthz') return answer(response, 200, 'ok');
      if (path === '/readyz') {
        const { ready, reason } = probed.ready();
        return answer(response, ready ? 200 : 503, reason);
      }
      if (path === '/metrics') {
        probed.metrics().then(
          (text) => answer(response, 200, text, 'text/plain; version=0.0.4; charset=utf-8'),
          () => answer(response, 500, 'the metrics could not be collected'),
        );
        return;
      }
      answer(response, 404, 'known here: /healthz, /readyz, /metrics');
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const place = `${address.host}:${address.port}`;
      reject(
        new SallyportError(
          'LISTEN_FAILED',
          `the probes cannot listen on ${place}: ${error.code ?? error.message}`,
          {},
          error,
        ),
      );
    });
    server.listen({ host: address.host, port: address.port }, resolve);
  });
  return server;
}

function answer(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' });
  response.end(text.endsWith('\n') ? text : `${text}\n`);
}
