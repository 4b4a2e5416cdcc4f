import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface MostConnections {
  /** Of one address. Whoever waits for an answer is not counted. */
  readonly ofOne: number;
  readonly ofAll: number;
}

/** More than those who ask need: a copy asks for many pods at once, and many pods wait. Each connection costs some 7 kB. */
const MOST: MostConnections = { ofOne: 512, ofAll: 10_000 };

/**
 * Keeps connections on which nothing is asked from filling the memory: where there are too many of them, the oldest of the address that has most goes.
 * To refuse new ones instead would let whoever opens many keep all others out, the probes of the node among them.
 */
export function boundConnections(server: Server, most: MostConnections = MOST): void {
  const idle = new Map<string, Map<number, Socket>>();
  let all = 0;
  const forget = (address: string, port: number): void => {
    const own = idle.get(address);
    if (own?.delete(port) === true) all -= 1;
    if (own?.size === 0) idle.delete(address);
  };
  const keep = (address: string, port: number, socket: Socket): void => {
    const own = idle.get(address) ?? new Map<number, Socket>();
    if (!own.has(port)) all += 1;
    idle.set(address, own.set(port, socket));
    if (own.size > most.ofOne) end(address);
    else if (all > most.ofAll) end([...idle].reduce((a, b) => (b[1].size > a[1].size ? b : a))[0]);
  };
  const end = (address: string): void => {
    const [oldest] = idle.get(address) ?? [];
    if (oldest === undefined) return;
    forget(address, oldest[0]);
    oldest[1].destroy();
  };
  // Told by where they come from: under TLS a request names another socket than its connection.
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    keep(address, port, socket);
    socket.once('close', () => forget(address, port));
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    forget(address, port);
    response.once('close', () => {
      if (!socket.destroyed) keep(address, port, socket);
    });
  });
}
