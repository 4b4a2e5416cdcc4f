import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiClient } from '../../src/kubernetes/api-client.ts';
import { connectInCluster } from '../../src/kubernetes/in-cluster.ts';
import { Authority } from './certificates.ts';
import { FakeClock } from './fake-clock.ts';

/** A folder with a service account and an authority, made once for a file of tests. */
export class PodFolder {
  readonly folder = mkdtempSync(join(tmpdir(), 'sallyport-client-test-'));
  readonly authority = new Authority(this.folder);
  readonly issued = this.authority.issue('/CN=api', { names: 'IP:127.0.0.1,IP:::1' });

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** An API server with real TLS on loopback, and a client in a pod of it; the test says what is answered. */
export class ApiOfPod {
  readonly clock = new FakeClock();
  readonly requests: { readonly line: string; readonly authorization: string | undefined }[] = [];
  /** Connections that are open. */
  readonly sockets = new Set<Duplex>();
  readonly server: Server;
  #client: ApiClient | undefined;
  answer: RequestListener = (_, response) => json(response, 200, { kind: 'PodList' });

  static async start(pod: PodFolder, host = '127.0.0.1'): Promise<ApiOfPod> {
    pod.write('ca.crt', pod.authority.certificate);
    pod.write('token', 'token-one\n');
    pod.write('namespace', 'sallyport\n');
    const api = new ApiOfPod(pod);
    await new Promise<void>((resolve) => api.server.listen(0, host, resolve));
    const port = String((api.server.address() as AddressInfo).port);
    const environment = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port };
    api.#client = (await connectInCluster({ environment, folder: pod.folder, clock: api.clock })).client;
    return api;
  }

  private constructor({ issued }: PodFolder) {
    this.server = createServer({ key: issued.key, cert: issued.certificate }, (request, response) => {
      this.requests.push({ line: `${request.method} ${request.url}`, authorization: request.headers.authorization });
      this.answer(request, response);
    });
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  get client(): ApiClient {
    if (this.#client === undefined) throw new Error('not started');
    return this.#client;
  }

  async stop(): Promise<void> {
    await this.client.close();
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}
