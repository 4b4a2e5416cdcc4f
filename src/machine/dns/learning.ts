import { type Address, type Family, formatIpv4, formatIpv6 } from '../../ip/address.ts';
import { CLASS_INTERNET, type DnsMessage, type DnsRecord, RCODE, TYPE } from './message.ts';

/** Longest way from the name that was asked for to its addresses. */
export const MOST_ALIASES = 10;

/** An address that a resolver gave, and for how long. */
export interface GivenAddress {
  readonly family: Family;
  /** Canonical. */
  readonly text: string;
  /** Seconds. */
  readonly ttl: number;
}

/** What an answer teaches. */
export interface Lesson {
  /** The name that was asked for, and every other that the answer says is the same. */
  readonly names: readonly string[];
  readonly addresses: readonly GivenAddress[];
  /** The last of these names, if the answer neither gives addresses of it nor says that there are none: it has to be asked for itself. */
  readonly open: string | undefined;
}

const NOTHING: Lesson = { names: [], addresses: [], open: undefined };

/**
 * Follows an answer from the name that was asked for. Records of any other name teach nothing: who may speak about one name must not
 * open the way to another's addresses.
 */
export function lessonOf(message: DnsMessage): Lesson {
  const { question, answers, rcode, authorities, isTruncated } = message;
  if (rcode !== RCODE.noError || question.class !== CLASS_INTERNET) return NOTHING;
  const wanted = question.type;
  if (wanted !== TYPE.a && wanted !== TYPE.aaaa && wanted !== TYPE.any) return NOTHING;
  const names = [question.name];
  for (let last = question.name; names.length <= MOST_ALIASES; ) {
    const target = aliasOf(last, answers);
    // A name that leads to itself leads nowhere.
    if (target === undefined || names.includes(target)) break;
    names.push(target);
    last = target;
  }
  // A name that stands for another has nothing else (RFC 1034 section 3.6.2): what is said of it all the same would become the other's.
  const last = names.at(-1);
  const addresses: GivenAddress[] = [];
  for (const record of answers) {
    const address = record.name === last ? given(message, record) : undefined;
    if (address !== undefined) addresses.push(address);
  }
  const leadsOn = names.length > 1 && names.length <= MOST_ALIASES && addresses.length === 0 && !isTruncated;
  const saysNone = authorities.some(({ type }) => type === TYPE.soa);
  return { names, addresses, open: leadsOn && !saysNone ? last : undefined };
}

/** What a name stands for. */
function aliasOf(name: string, answers: readonly DnsRecord[]): string | undefined {
  for (const record of answers)
    if (record.type === TYPE.cname && record.class === CLASS_INTERNET && record.name === name) return record.target;
  return undefined;
}

function given({ bytes }: DnsMessage, record: DnsRecord): GivenAddress | undefined {
  const { type, dataAt, ttl } = record;
  if (record.class !== CLASS_INTERNET) return undefined;
  if (type === TYPE.a) {
    const value = bytes.readUInt32BE(dataAt);
    return isHost4(value) ? { family: 4, text: formatIpv4(value), ttl } : undefined;
  }
  if (type !== TYPE.aaaa) return undefined;
  const value = (bytes.readBigUInt64BE(dataAt) << 64n) | bytes.readBigUInt64BE(dataAt + 8);
  return isHost6(value) ? { family: 6, text: formatIpv6(value), ttl } : undefined;
}

/** Whether an address can be somebody's to whom a firewall machine leads. */
export function isHost(address: Address): boolean {
  return address.family === 4 ? isHost4(address.value) : isHost6(address.value);
}

/** Not of "this network", loopback, link-local (RFC 3927: no router passes these on), multicast, reserved or broadcast: there is no way to these. */
function isHost4(value: number): boolean {
  const first = value >>> 24;
  return first !== 0 && first !== 127 && first < 224 && value >>> 16 !== 0xa9fe;
}

/** Not the unspecified address, loopback, IPv4 in disguise, multicast or link-local. */
function isHost6(value: bigint): boolean {
  return value >> 32n > 0xffffn && value >> 120n !== 0xffn && value >> 118n !== 0x3fan;
}
