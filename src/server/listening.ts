import type { Server, ServerResponse } from 'node:http';
import { SallyportError } from '../base/error.ts';
import { boundConnections } from './bounded-connections.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What no request to us needs more of. */
export const requestLimits = { maxHeaderSize: 32_768, requestTimeout: 5_000, headersTimeout: 5_000 };

/** What the system's words mean to people. */
const REFUSALS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'somebody listens there already',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'ports below 1024 need a right that this process lacks',
};

/** Resolves once it listens; `what` it is for people: `the probes`. */
export async function listening(server: Server, { host, port }: ListenAddress, what: string): Promise<void> {
  boundConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const { code = '' } = error;
      const why = code in REFUSALS ? `${REFUSALS[code]} (${code})` : code || error.message;
      const said = `${what} cannot listen on ${host}:${port}: ${why}`;
      reject(new SallyportError('LISTEN_FAILED', said, {}, error));
    });
    server.listen({ host, port }, resolve);
  });
}

export function answer(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' });
  response.end(text.endsWith('\n') ? text : `${text}\n`);
}

/** Answers with the Prometheus text, or says that there is none; never why, because that may hold names. */
export function answerMetrics(response: ServerResponse, metrics: () => Promise<string>): void {
  metrics().then(
    (text) => answer(response, 200, text, 'text/plain; version=0.0.4; charset=utf-8'),
    () => answer(response, 500, 'the metrics could not be collected'),
  );
}
