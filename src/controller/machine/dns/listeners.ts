import { createSocket, type SocketOptions, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Reply } from './proxy.ts';
import { MessageReader, framed } from './tcp-messages.ts';

/** Where the proxy listens. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

/** Who answers, at once or later. */
export type Answerer = (query: Buffer, client: string, over: 'udp' | 'tcp', reply: Reply) => void;

/** A client that says nothing for so long is gone. */
const IDLE_MS = 10_000;
const MOST_CONNECTIONS = 500;
const MOST_CONNECTIONS_OF_A_CLIENT = 100;
/** Questions of one connection that are not answered yet; further ones wait unread, as they do while the client takes no answers. */
const MOST_UNANSWERED = 32;
/** What the kernel keeps of datagrams while we are busy. */
const RECEIVE_BYTES = 4 << 20;

/** The proxy's sockets, UDP and TCP on one address. */
export class Listeners {
  readonly place: Place;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();
  readonly #ofClient = new Map<string, number>();
  #closed = false;

  /** Rejects with the system's error if the address is not ours, or taken. `isClient`: nobody else gets a word. */
  static async open(place: Place, answer: Answerer, isClient: (address: string) => boolean): Promise<Listeners> {
    const listeners = new Listeners(place, answer, isClient);
    try {
      await listeners.#listen();
    } catch (thrown) {
      listeners.close();
      throw thrown;
    }
    return listeners;
  }

  private constructor(place: Place, answer: Answerer, isClient: (address: string) => boolean) {
    this.place = place;
    const family = place.address.includes(':') ? 6 : 4;
    // Addresses alone are sent to: nothing has to be looked up, and an answer leaves at once.
    const lookup: SocketOptions['lookup'] = (name, _, callback) => callback(null, name, family);
    this.#udp = createSocket({ type: family === 6 ? 'udp6' : 'udp4', lookup });
    this.#udp.on('message', (query, { address, port }) => {
      if (!isClient(address)) return;
      answer(query, address, 'udp', (reply) => {
        // Closed meanwhile, it would throw. Whether it can be sent is nobody's concern: the client asks again.
        if (reply !== undefined && !this.#closed) this.#udp.send(reply, port, address);
      });
    });
    this.#tcp = createServer((socket) => {
      const client = socket.remoteAddress ?? '';
      if (isClient(client) && this.#enter(socket, client)) serve(socket, client, answer);
      else socket.destroy();
    });
    this.#tcp.maxConnections = MOST_CONNECTIONS;
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#connections) socket.destroy();
    this.#tcp.close();
    this.#udp.close();
  }

  async #listen(): Promise<void> {
    const { address, port } = this.place;
    this.#tcp.listen({ host: address, port });
    await once(this.#tcp, 'listening');
    this.#tcp.on('error', () => {});
    const bound = once(this.#udp, 'listening');
    this.#udp.bind({ address, port });
    await bound;
    this.#udp.on('error', () => {});
    try {
      this.#udp.setRecvBufferSize(RECEIVE_BYTES);
    } catch {
      // As much as the system allows is what it has.
    }
  }

  #enter(socket: Socket, client: string): boolean {
    const open = this.#ofClient.get(client) ?? 0;
    if (open >= MOST_CONNECTIONS_OF_A_CLIENT) return false;
    this.#ofClient.set(client, open + 1);
    this.#connections.add(socket);
    socket.on('close', () => {
      this.#connections.delete(socket);
      const left = (this.#ofClient.get(client) ?? 1) - 1;
      if (left === 0) this.#ofClient.delete(client);
      else this.#ofClient.set(client, left);
    });
    return true;
  }
}

function serve(socket: Socket, client: string, answer: Answerer): void {
  const reader = new MessageReader();
  /** Questions that were read. Some kilobytes hold thousands, and an answer may have a thousand times their length. */
  const waiting: Buffer[] = [];
  let unanswered = 0;
  /** An answer that is there at once goes on with the loop that asked for it. */
  let isStepping = false;
  const isBusy = (): boolean => unanswered >= MOST_UNANSWERED || socket.writableNeedDrain;
  const step = (): void => {
    if (isStepping) return;
    isStepping = true;
    while (!socket.destroyed && !isBusy()) {
      const query = waiting.shift();
      if (query === undefined) break;
      unanswered++;
      answer(query, client, 'tcp', (reply) => {
        unanswered--;
        if (reply === undefined) socket.destroy();
        else if (!socket.destroyed) socket.write(framed(reply));
        step();
      });
    }
    isStepping = false;
    if (socket.destroyed) return;
    if (isBusy()) socket.pause();
    else socket.resume();
  };
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('drain', step);
  socket.on('data', (chunk) => {
    waiting.push(...reader.take(chunk));
    step();
  });
}
