import type { ChildProcess } from 'node:child_process';
import { type Address, formatAddress } from '../../src/ip/address.ts';
import type { Ipv4, Ipv6 } from '../../src/ip/address.ts';
import type { Namespace } from '../kit/netns.ts';

/** A packet as the wire had it. */
export interface Seen {
  /** When the kernel put it on the wire; milliseconds since the epoch. */
  readonly at: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** Of TCP and UDP. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** A TCP reset. */
  readonly isReset?: boolean;
  readonly icmpType?: number;
  readonly icmpId?: number;
  /** What follows the header of ICMP, for telling one echo request from another. */
  readonly payload: Buffer;
}

/** A moment by the clock of `Seen.at`: what has this time or a later one came after the call. That clock counts finer than this one. */
export function fromNowOn(): number {
  return Date.now() + 1;
}

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const ETHERNET = 14;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/**
 * Everything that arrives at a device of a namespace, in its order, read from tcpdump as it comes. It keeps what a server cannot tell:
 * packets that nobody answers, and the source of a ping.
 */
export class Sniffer {
  readonly #child: ChildProcess;
  readonly #packets: Seen[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #started = false;
  #wake: () => void = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (data: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, data]);
      this.#read();
      this.#wake();
    });
  }

  /** Resolves once packets are taken. `-Z root`: it would give up the rights that a user namespace has not. */
  static async open(namespace: Namespace, device: string): Promise<Sniffer> {
    // The ring has one slot of the snapshot's size for each packet: a short one, or a burst is lost.
    const ring = ['-s', '160', '-B', '8192', '--immediate-mode'];
    const words = ['-i', device, '-Q', 'in', '-U', ...ring, '-Z', 'root', '-w', '-', 'ip or ip6'];
    const sniffer = new Sniffer(namespace.start('tcpdump', words));
    await sniffer.until(() => sniffer.#started);
    return sniffer;
  }

  /** All packets so far, oldest first. */
  get packets(): readonly Seen[] {
    return this.#packets;
  }

  clear(): void {
    this.#packets.length = 0;
  }

  /** Resolves when the condition holds; looks whenever packets came. Whoever waits for what never comes runs into the test's timeout. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #read(): void {
    if (!this.#started) {
      if (this.#rest.length < FILE_HEADER) return;
      this.#rest = this.#rest.subarray(FILE_HEADER);
      this.#started = true;
    }
    for (;;) {
      if (this.#rest.length < RECORD_HEADER) return;
      const end = RECORD_HEADER + this.#rest.readUInt32LE(8);
      if (this.#rest.length < end) return;
      const at = this.#rest.readUInt32LE(0) * 1_000 + this.#rest.readUInt32LE(4) / 1_000;
      const packet = parseFrame(this.#rest.subarray(RECORD_HEADER, end));
      if (packet !== undefined) this.#packets.push({ at, ...packet });
      this.#rest = this.#rest.subarray(end);
    }
  }
}

function parseFrame(frame: Buffer): Omit<Seen, 'at'> | undefined {
  const type = frame.readUInt16BE(12);
  const packet = frame.subarray(ETHERNET);
  if (type === IPV4) {
    const header = ((packet[0] ?? 0) & 15) * 4;
    const ends = { source: address(packet.subarray(12, 16)), destination: address(packet.subarray(16, 20)) };
    return { ...ends, ...parseContent(packet[9] ?? 0, packet.subarray(header)) };
  }
  if (type !== IPV6) return undefined;
  const ends = { source: address(packet.subarray(8, 24)), destination: address(packet.subarray(24, 40)) };
  return { ...ends, ...parseContent(packet[6] ?? 0, packet.subarray(40)) };
}

function parseContent(protocol: number, content: Buffer): Omit<Seen, 'at' | 'source' | 'destination'> {
  if (protocol === 6 || protocol === 17)
    return {
      protocol,
      sourcePort: content.readUInt16BE(0),
      destinationPort: content.readUInt16BE(2),
      ...(protocol === 6 ? { isReset: ((content[13] ?? 0) & 4) !== 0 } : {}),
      payload: content.subarray(8),
    };
  if (protocol === 1 || protocol === 58)
    return {
      protocol,
      icmpType: content[0] ?? 0,
      icmpId: content.readUInt16BE(4),
      payload: Buffer.from(content.subarray(8)),
    };
  return { protocol, payload: content };
}

function address(bytes: Buffer): string {
  const parsed: Address =
    bytes.length === 4
      ? { family: 4, value: bytes.readUInt32BE() as Ipv4 }
      : { family: 6, value: ((bytes.readBigUInt64BE(0) << 64n) | bytes.readBigUInt64BE(8)) as Ipv6 };
  return formatAddress(parsed);
}
