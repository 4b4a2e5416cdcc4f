import type { Server, Socket } from 'node:net';
import { parseAddress } from '../ip/address.ts';

/** Where a connection comes from; of one that is over, nowhere. */
type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/** Of one who shows who it is this part of all places is safe: a firewall takes a few, and none shall take all. */
const PART_OF_ONE = 1 / 20;

/**
 * The connections that a server has places for. Where there are more, one of those gives way who have not shown who they are: of the network
 * with most of them whoever came first. So whoever takes all places keeps nobody out who shows it in time, and cuts nobody off who has.
 */
export class Places {
  readonly #most: number;
  /** Who has shown nothing yet, by network, in the order in which they came. */
  readonly #strangers = new Map<string, Map<string, Socket>>();
  readonly #known = new Map<string, { readonly name: string; readonly socket: Socket }>();
  readonly #countOf = new Map<string, number>();
  readonly #taken = new Set<Socket>();

  constructor(server: Server, most: number) {
    this.#most = most;
    server.on('connection', (socket) => this.#came(socket));
  }

  /** Whoever is at the other end has shown that it is `name`. */
  knows(peer: Peer, name: string): void {
    const key = keyOf(peer);
    if (this.#known.has(key)) return;
    const socket = this.#strangers.get(networkOf(peer))?.get(key);
    const count = this.#countOf.get(name) ?? 0;
    if (socket === undefined || count >= this.#most * PART_OF_ONE) return;
    this.#leave(networkOf(peer), key);
    this.#known.set(key, { name, socket });
    this.#countOf.set(name, count + 1);
  }

  /** What it shows is believed no more. */
  forgets(peer: Peer): void {
    const key = keyOf(peer);
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#forget(key, known.name);
    this.#arrive(networkOf(peer), key, known.socket);
  }

  #came(socket: Socket): void {
    const [network, key] = [networkOf(socket), keyOf(socket)];
    this.#taken.add(socket);
    this.#arrive(network, key, socket);
    socket.once('close', () => this.#went(network, key, socket));
    if (this.#taken.size > this.#most) this.#makeRoom();
  }

  #went(network: string, key: string, socket: Socket): void {
    this.#taken.delete(socket);
    const known = this.#known.get(key);
    if (known?.socket === socket) this.#forget(key, known.name);
    if (this.#strangers.get(network)?.get(key) === socket) this.#leave(network, key);
  }

  #makeRoom(): void {
    let fullest: readonly [string, ReadonlyMap<string, Socket>] = ['', new Map()];
    for (const one of this.#strangers) if (one[1].size > fullest[1].size) fullest = one;
    const [network, some] = fullest;
    for (const [key, socket] of some) {
      socket.destroy();
      // It is told later that it is closed.
      return this.#went(network, key, socket);
    }
  }

  #arrive(network: string, key: string, socket: Socket): void {
    const some = this.#strangers.get(network) ?? new Map<string, Socket>();
    this.#strangers.set(network, some);
    some.set(key, socket);
  }

  #leave(network: string, key: string): void {
    const some = this.#strangers.get(network);
    some?.delete(key);
    if (some?.size === 0) this.#strangers.delete(network);
  }

  #forget(key: string, name: string): void {
    this.#known.delete(key);
    const left = (this.#countOf.get(name) ?? 1) - 1;
    if (left === 0) this.#countOf.delete(name);
    else this.#countOf.set(name, left);
  }
}

function keyOf({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress} ${remotePort}`;
}

/** Whoever has one address of IPv6 has all of its /64. */
function networkOf({ remoteAddress = '' }: Peer): string {
  const address = parseAddress(remoteAddress);
  return address?.family === 6 && !remoteAddress.includes('.') ? `${address.value >> 64n}` : remoteAddress;
}
