import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { type LoggedPacket, NflogReader } from './nflog.ts';

/** Header and one echo request, as `tcpdump -i nflog:7 -w -` printed them. */
const RECORDED = Buffer.from(
  'd4c3b2a102000400000000000000000000000400ef000000c9d2006b4c720b00c4000000c400000002000007080001000800' +
    '01000d000a0073703a412f623a300000000008000400000000021000080000060000067242d0a8fc000006000f0000010000' +
    '06001100000e0000120010005285adee473d067242d0a8fc0800000014000300000000006b00d2c900000000000b71b45800' +
    '09004500005463a040004001c3060a0000010a000002080014d14fac0001c9d2006b00000000ff700b000000000010111213' +
    '1415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637',
  'hex',
);
const HEADER = RECORDED.subarray(0, 24);

/** A record with this packet, of a little-endian machine. */
function recordOf(packet: Buffer, prefix: string): Buffer {
  const attribute = (type: number, value: Buffer): Buffer => {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(value.length + 4, 0);
    head.writeUInt16LE(type, 2);
    return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
  };
  const message = Buffer.concat([Buffer.alloc(4), attribute(10, Buffer.from(`${prefix}\0`)), attribute(9, packet)]);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(1, 0);
  head.writeUInt32LE(message.length, 8);
  head.writeUInt32LE(message.length, 12);
  return Buffer.concat([head, message]);
}

const read = (...chunks: Buffer[]): LoggedPacket[] => {
  const reader = new NflogReader();
  return chunks.flatMap((chunk) => [...reader.read(chunk)]);
};

describe('the log of packets', () => {
  const expected = { prefix: 'sp:A/b:0', source: '10.0.0.1', destination: '10.0.0.2', protocol: 1 };

  test('a recorded packet', () => {
    expect(read(RECORDED)).toEqual([expect.objectContaining(expected)]);
    expect(read(RECORDED)[0]).not.toHaveProperty('sourcePort');
  });

  test('however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(RECORDED.length), { maxLength: 6 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), RECORDED.length];
        const chunks = places.slice(1).map((end, index) => RECORDED.subarray(places[index], end));
        expect(read(...chunks)).toEqual([expect.objectContaining(expected)]);
      }),
      tries(50, 10),
    );
  });

  test('ports of UDP over IPv6, behind extension headers, and none in a later fragment', () => {
    const addresses = `fd01${'00'.repeat(13)}02` + `20010db8${'00'.repeat(11)}09`;
    const ipv6 = (next: number, rest: string): Buffer =>
      Buffer.from(`600000000010${next.toString(16).padStart(2, '0')}ff${addresses}${rest}`, 'hex');
    const udp = '14d100350008ffff';
    expect(read(HEADER, recordOf(ipv6(17, udp), 'p'))).toMatchObject([
      { source: 'fd01::2', destination: '2001:db8::9', protocol: 17, sourcePort: 5329, destinationPort: 53 },
    ]);
    expect(read(HEADER, recordOf(ipv6(0, `1100000000000000${udp}`), 'p'))).toMatchObject([
      { protocol: 17, destinationPort: 53 },
    ]);
    const fragment = read(HEADER, recordOf(ipv6(44, `1100001000000001${udp}`), 'p'));
    expect(fragment).toMatchObject([{ protocol: 17 }]);
    expect(fragment[0]).not.toHaveProperty('destinationPort');
  });

  test('any bytes as a packet are survived', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => {
        expect(read(HEADER, recordOf(Buffer.from(bytes), 'p')).length).toBeLessThanOrEqual(1);
      }),
      tries(200, 40),
    );
  });

  test('what is no such stream is refused', () => {
    expect(() => read(Buffer.alloc(24, 'x'))).toThrow(/no pcap header/);
    const ethernet = Buffer.from(HEADER);
    ethernet.writeUInt32LE(1, 20);
    expect(() => read(ethernet)).toThrow(/link type 1/);
    const huge = Buffer.alloc(16, 0xff);
    expect(() => read(HEADER, huge)).toThrow(/bytes/);
  });
});
