import { Buffer } from 'node:buffer';
import { SallyportError } from '../../base/error.ts';
import { type Address, formatAddress, ipv4Address, ipv6Address } from '../../ip/address.ts';

/** A packet that a `log … group` statement sent. */
export interface LoggedPacket {
  /** Milliseconds since the epoch, from the kernel. */
  readonly at: number;
  readonly prefix: string;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

const FILE_HEADER = 24;
const PACKET_HEADER = 16;
const MAGIC = 0xa1b2c3d4;
const LINK_TYPE_NFLOG = 239;
const LARGEST_PACKET = 1 << 20;
/** Attributes of a message, by linux/netfilter/nfnetlink_log.h. */
const PAYLOAD = 9;
const PREFIX = 10;
const NFLOG_HEADER = 4;
/** Headers of IPv6 that stand before the protocol proper: hop-by-hop, routing, destination options. */
const EXTENSIONS = new Set([0, 43, 60]);
const FRAGMENT = 44;
const WITH_PORTS = new Set([6, 17, 33, 132, 136]);

/** Reads a pcap stream of link type 239 piece by piece (nftables reference, section 11). */
export class NflogReader {
  #rest: Buffer = Buffer.alloc(0);
  #littleEndian: boolean | undefined;

  /** The packets that this piece completes. Throws DEVICE_UNREADABLE if it is no such stream. */
  read(chunk: Buffer): readonly LoggedPacket[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const packets: LoggedPacket[] = [];
    let position = this.#littleEndian === undefined ? this.#readHeader() : 0;
    while (position >= 0 && this.#rest.length >= position + PACKET_HEADER) {
      const length = this.#number(position + 8);
      if (length > LARGEST_PACKET) throw unreadable(`a packet of ${length} bytes`);
      const start = position + PACKET_HEADER;
      if (this.#rest.length < start + length) break;
      const at = this.#number(position) * 1000 + Math.floor(this.#number(position + 4) / 1000);
      const packet = readMessage(this.#rest.subarray(start, start + length), this.#littleEndian === true, at);
      if (packet !== undefined) packets.push(packet);
      position = start + length;
    }
    if (position > 0) this.#rest = Buffer.from(this.#rest.subarray(position));
    return packets;
  }

  /** Position after the header of the file; -1 while it has not come whole. */
  #readHeader(): number {
    if (this.#rest.length < FILE_HEADER) return -1;
    if (this.#rest.readUInt32LE(0) === MAGIC) this.#littleEndian = true;
    else if (this.#rest.readUInt32BE(0) === MAGIC) this.#littleEndian = false;
    else throw unreadable('no pcap header');
    if (this.#number(20) !== LINK_TYPE_NFLOG) throw unreadable(`link type ${this.#number(20)}`);
    return FILE_HEADER;
  }

  #number(position: number): number {
    return this.#littleEndian === true ? this.#rest.readUInt32LE(position) : this.#rest.readUInt32BE(position);
  }
}

function unreadable(what: string): SallyportError {
  return new SallyportError('DEVICE_UNREADABLE', `tcpdump printed something that is not a log of packets: ${what}`);
}

/** Attributes with length and type in the byte order of the machine that wrote them, each padded to four bytes. */
function readMessage(message: Buffer, littleEndian: boolean, at: number): LoggedPacket | undefined {
  let prefix = '';
  let payload: Buffer | undefined;
  const short = (position: number): number =>
    littleEndian ? message.readUInt16LE(position) : message.readUInt16BE(position);
  for (let position = NFLOG_HEADER; position + 4 <= message.length; ) {
    const length = short(position);
    if (length < 4) return undefined;
    const value = message.subarray(position + 4, position + length);
    const type = short(position + 2) & 0x7fff;
    if (type === PREFIX) prefix = value.toString('latin1').replace(/\0.*$/s, '');
    if (type === PAYLOAD) payload = value;
    position += (length + 3) & ~3;
  }
  return payload === undefined ? undefined : readPacket(payload, prefix, at);
}

function readPacket(packet: Buffer, prefix: string, at: number): LoggedPacket | undefined {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4 && packet.length >= 20) {
    const header = ((packet[0] ?? 0) & 15) * 4;
    const isFirst = (packet.readUInt16BE(6) & 0x1fff) === 0;
    const source = ipv4Address(packet.readUInt32BE(12));
    const destination = ipv4Address(packet.readUInt32BE(16));
    return withPorts(
      { at, prefix, ...texts(source, destination), protocol: packet[9] ?? 0 },
      packet,
      isFirst ? header : -1,
    );
  }
  if (version !== 6 || packet.length < 40) return undefined;
  const addresses = texts(ipv6At(packet, 8), ipv6At(packet, 24));
  let protocol = packet[6] ?? 0;
  let position = 40;
  while (EXTENSIONS.has(protocol) || protocol === FRAGMENT) {
    if (position + 8 > packet.length) return { at, prefix, ...addresses, protocol };
    if (protocol === FRAGMENT && (packet.readUInt16BE(position + 2) & 0xfff8) !== 0)
      return { at, prefix, ...addresses, protocol: packet[position] ?? 0 };
    const length = protocol === FRAGMENT ? 8 : ((packet[position + 1] ?? 0) + 1) * 8;
    protocol = packet[position] ?? 0;
    position += length;
  }
  return withPorts({ at, prefix, ...addresses, protocol }, packet, position);
}

function withPorts(packet: LoggedPacket, bytes: Buffer, position: number): LoggedPacket {
  if (position < 0 || !WITH_PORTS.has(packet.protocol) || bytes.length < position + 4) return packet;
  return { ...packet, sourcePort: bytes.readUInt16BE(position), destinationPort: bytes.readUInt16BE(position + 2) };
}

function ipv6At(packet: Buffer, position: number): Address {
  return ipv6Address((packet.readBigUInt64BE(position) << 64n) | packet.readBigUInt64BE(position + 8));
}

function texts(source: Address, destination: Address): { readonly source: string; readonly destination: string } {
  return { source: formatAddress(source), destination: formatAddress(destination) };
}
