import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { connect, isIPv6 } from 'node:net';
import { type Clock, systemClock } from '../../base/clock.ts';
import { formatAddress } from '../../ip/address.ts';
import type { OwnFlow } from '../../machine/own-flows.ts';

/** The question for the name servers of the root, which every resolver answers, if only with a refusal. */
const QUESTION = Buffer.from('5361010000010000000000000000020001', 'hex');
const ANSWER_MS = 2_000;

/**
 * Whether a new connection for this flow gets through; a refusal by the other end has got through too. `undefined`: the other end would have
 * to open it, or is not known.
 */
export async function reaches(
  { direction, peer, port, protocol }: OwnFlow,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<boolean | undefined> {
  if (direction === 'in' || peer === undefined || peer.length !== (peer.family === 4 ? 32 : 128)) return undefined;
  const host = formatAddress(peer.address);
  return protocol === 'tcp' ? connects(host, port, signal, clock) : answers(host, port, signal, clock);
}

function connects(host: string, port: number, signal: AbortSignal, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (reached: boolean): void => {
      cancel();
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(reached);
    };
    const abort = (): void => end(false);
    const cancel = clock.after(ANSWER_MS, abort);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => end(true));
    socket.once('error', (error) => end('code' in error && error.code === 'ECONNREFUSED'));
  });
}

function answers(host: string, port: number, signal: AbortSignal, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    let isOpen = true;
    const end = (reached: boolean): void => {
      cancel();
      signal.removeEventListener('abort', abort);
      if (isOpen) socket.close();
      isOpen = false;
      resolve(reached);
    };
    const abort = (): void => end(false);
    const cancel = clock.after(ANSWER_MS, abort);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('message', () => end(true));
    socket.once('error', (error) => end('code' in error && error.code === 'ECONNREFUSED'));
    // Without a way there the socket is not connected, and to send on it would throw.
    socket.connect(port, host, (error?: Error) => {
      if (error !== undefined && error !== null) return end(false);
      socket.send(QUESTION, (failed) => {
        if (failed !== null) end(false);
      });
    });
  });
}

/** An open TCP connection of this machine. */
export interface OpenConnection {
  readonly localPort: number;
  readonly remotePort: number;
  /** What was sent is not acknowledged, time after time. */
  readonly stalled: boolean;
}

/** A retransmission or two happens; the third in a row comes after a second or more. */
const STALLED_AFTER = 3;
const ESTABLISHED = '01';

/** The established TCP connections in a listing of `/proc/net/tcp` or `tcp6`. */
export function openConnections(listing: string): readonly OpenConnection[] {
  return listing.split('\n').flatMap((line) => {
    const [, local = '', remote = '', state = '', , , retransmits = '0'] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED) return [];
    const port = (end: string): number => Number.parseInt(end.split(':')[1] ?? '', 16);
    return [
      {
        localPort: port(local),
        remotePort: port(remote),
        stalled: Number.parseInt(retransmits, 16) >= STALLED_AFTER,
      },
    ];
  });
}

/** The established TCP connections of this machine, as far as it tells. */
export async function ownConnections(): Promise<readonly OpenConnection[]> {
  const texts = await Promise.all(
    ['/proc/self/net/tcp', '/proc/self/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return texts.flatMap(openConnections);
}
