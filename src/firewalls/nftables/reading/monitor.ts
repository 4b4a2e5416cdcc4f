import { StringDecoder } from 'node:string_decoder';
import { SallyportError } from '../../../base/error.ts';
import { type Commit, CommitReader } from './monitor-lines.ts';
import type { Running, Transport } from '../reach/transport.ts';

/** The first waits between two looks whether it listens; with many rules it takes a second until it does, and the waits grow. */
const READY_POLL_MS = 3;
const READY_POLLS = 1_000;
/** NETLINK_NETFILTER and the bit of NFNLGRP_NFTABLES in /proc/net/netlink. */
const NETFILTER = 12;
const NFTABLES_GROUP = 0x40;

/** A socket that listens for transactions. */
interface Listener {
  readonly port: string;
  /** Messages that the kernel could not deliver: it loses them without a word. */
  readonly lost: number;
}

export interface MonitorEvents {
  commit(commit: Commit): void;
  /** It ended though nobody stopped it. nft 1.0.6 dies when two elements of a concatenated interval set change. */
  broken(): void;
}

/** One run of `nft monitor`: every transaction on the device, in order, within a millisecond of its commit. */
export class Monitor {
  readonly #transport: Transport;
  readonly #running: Running;
  readonly #reader: CommitReader;
  #stopped = false;
  #port: string | undefined;

  private constructor(transport: Transport, running: Running, events: MonitorEvents, reader: CommitReader) {
    this.#transport = transport;
    this.#reader = reader;
    this.#running = running;
    const decoder = new StringDecoder('utf8');
    let rest = '';
    running.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const commit = this.#reader.read(line);
        if (commit !== undefined && !this.#stopped) events.commit(commit);
      }
    });
    running.stderr.resume();
    running.onEnd(() => {
      const isUnasked = !this.#stopped;
      this.#stopped = true;
      if (isUnasked) events.broken();
    });
  }

  /** Starts and returns once the kernel sends it everything: what is read afterwards cannot miss a change. */
  static async start(
    transport: Transport,
    events: MonitorEvents,
    signal: AbortSignal,
    reader = new CommitReader(),
  ): Promise<Monitor> {
    const before = new Set((await listeners(transport, signal)).map(({ port }) => port));
    const running = transport.start('nft', ['-n', 'monitor'], 'ignores input');
    const monitor = new Monitor(transport, running, events, reader);
    try {
      for (let poll = 0; poll < READY_POLLS && !monitor.#stopped; poll++) {
        const pid = running.pid?.toString();
        const found = (await listeners(transport, signal)).find(({ port }) =>
          pid === undefined ? !before.has(port) : port === pid,
        );
        if (found !== undefined) {
          monitor.#port = found.port;
          return monitor;
        }
        await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS * 2 ** Math.min(poll >> 3, 4)));
      }
      throw new SallyportError('DEVICE_UNREACHABLE', `nft monitor does not start on ${transport.name}`);
    } catch (error) {
      await monitor.stop();
      throw error;
    }
  }

  /** Half of a transaction has been told: it comes, or the kernel lost the rest. */
  get pending(): boolean {
    return this.#reader.pending;
  }

  /** Whether the kernel delivered every message so far. */
  async isWhole(signal: AbortSignal): Promise<boolean> {
    if (this.#stopped) return false;
    const own = (await listeners(this.#transport, signal)).find(({ port }) => port === this.#port);
    return own !== undefined && own.lost === 0;
  }

  /** Ends it; resolves when it is gone, because any listener slows big transactions. No event comes after the call. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#running.stop();
    await this.#running.ended;
  }
}

async function listeners(transport: Transport, signal: AbortSignal): Promise<readonly Listener[]> {
  const found: Listener[] = [];
  for (const line of (await sockets(transport, signal)).split('\n')) {
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
    const [, protocol, port = '', groups = '', , , , , lost] = line.trim().split(/\s+/);
    if (Number(protocol) === NETFILTER && (Number.parseInt(groups, 16) & NFTABLES_GROUP) !== 0)
      found.push({ port, lost: Number(lost) });
  }
  return found;
}

/** What the kernel says of the sockets of its netlink; empty where it says nothing. */
async function sockets(transport: Transport, signal: AbortSignal): Promise<string> {
  const path = '/proc/net/netlink';
  if (transport.ownFile !== undefined) {
    signal.throwIfAborted();
    return transport.ownFile(path).catch(() => '');
  }
  return (await transport.run('cat', [path], signal)).stdout;
}
