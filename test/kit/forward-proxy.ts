import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A forward proxy that makes tunnels (CONNECT), and remembers to where and for whom. */
export class ForwardProxy {
  readonly tunnels: { readonly to: string; readonly authorization: string | undefined }[] = [];
  /** What it answers instead of making tunnels. */
  refuses: number | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(): Promise<ForwardProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ForwardProxy(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#sockets.add(socket));
    server.on('connect', (request, client) => {
      const to = request.url ?? '';
      this.tunnels.push({ to, authorization: request.headers['proxy-authorization'] });
      if (this.refuses !== undefined) {
        client.end(`HTTP/1.1 ${this.refuses} No\r\n\r\n`);
        return;
      }
      const { hostname, port } = new URL(`http://${to}`);
      const upstream = connect(Number(port), hostname, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      this.#sockets.add(upstream);
      const end = (): void => {
        upstream.destroy();
        client.destroy();
      };
      for (const one of [upstream, client]) one.on('error', end).on('close', end);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
