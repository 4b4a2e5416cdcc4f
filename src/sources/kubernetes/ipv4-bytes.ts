import { addressesOf } from '../../api/pod.ts';
import { type Address, ipv4Address } from '../../ip/address.ts';

const DOT = 46;

/** The address of these bytes; a text if it is none. Texts of addresses are not kept, so none is made. */
export function readAddress(bytes: Buffer, start: number, end: number): Address | string {
  const value = readIpv4(bytes, start, end);
  if (value >= 0) return ipv4Address(value);
  const text = bytes.toString('utf8', start, end);
  return addressesOf([text], undefined)[0] ?? text;
}

/** The dotted quad of these bytes as a number, or -1: exactly what `parseAddress` takes for IPv4, without making a text of it. */
export function readIpv4(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 7 || end - start > 15) return -1;
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let at = start; at < end; at++) {
    const code = bytes[at] as number;
    if (code >= 48 && code <= 57) {
      if (octet === 0) return -1;
      octet = octet < 0 ? code - 48 : octet * 10 + code - 48;
      if (octet > 255) return -1;
    } else if (code === DOT && octet >= 0 && dots < 3) {
      value = value * 256 + octet;
      octet = -1;
      dots += 1;
    } else return -1;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : -1;
}
