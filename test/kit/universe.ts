import fc from 'fast-check';
import type { Family } from '../../src/border/ruleset.ts';
import type { Flow } from '../../src/engine/flows/flow-set.ts';
import { parseAddress } from '../../src/ip/address.ts';
import type { Packet } from './ruleset-oracle.ts';

/** A world so small that random packets meet every rule of random rulesets. */
export const universe = {
  /** Senders that may be members; the last of each family lies outside all `networks` drawn here but those of everybody. */
  senders: {
    4: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '172.16.0.9'],
    6: ['fd00::1', 'fd00::2', 'fd00::3', 'fd01::9'],
  },
  /** Never members. */
  strangers: { 4: ['10.0.0.200', '172.16.0.200'], 6: ['fd00::200', 'fd01::200'] },
  destinations: {
    4: [
      '203.0.113.1',
      '203.0.113.7',
      '203.0.113.77',
      '198.51.100.1',
      '198.51.100.129',
      '192.0.2.1',
      '10.0.0.3',
      '10.0.1.1',
    ],
    6: ['2001:db8::1', '2001:db8::7', '2001:db8:f::1', '2001:db8:ffff::1', 'fd00::3'],
  },
  nets: {
    4: [
      '203.0.113.0/24',
      '203.0.113.7/32',
      '203.0.113.0/29',
      '198.51.100.0/25',
      '198.51.100.0/24',
      '192.0.2.1/32',
      '0.0.0.0/0',
    ],
    6: ['2001:db8::/64', '2001:db8::7/128', '2001:db8:f::/48', '2001:db8::/32', '::/0'],
  },
  /** What a firewall of this universe owns and may translate to. */
  translated: { 4: ['198.18.0.1', '198.18.0.2'], 6: ['fd99:5::1', 'fd99:5::2'] },
  ports: [[80], [443], [53], [8000, 8080], [0, 65535]],
  classes: { 4: ['c4-a', 'c4-b', 'c4-c', 'c4-d'], 6: ['c6-a', 'c6-b'] },
  groups: { 4: ['g4-a', 'g4-b'], 6: ['g6-a', 'g6-b'] },
} as const;

/** Any packet of the universe, from members and strangers, to all its destinations. */
export function packets(families: readonly Family[] = [4, 6]): fc.Arbitrary<Packet> {
  return fc.constantFrom(...families).chain((family) => {
    const ends = {
      family: fc.constant(family),
      source: fc.constantFrom(...universe.senders[family], ...universe.strangers[family]),
      destination: fc.constantFrom<string>(...universe.destinations[family]),
    };
    const ported = fc.record({
      ...ends,
      protocol: fc.constantFrom(6, 17, 132),
      sourcePort: fc.constantFrom(443, 8001, 50_000),
      destinationPort: fc.constantFrom(22, 53, 80, 443, 8000, 8080),
    });
    const icmp = fc.record({
      ...ends,
      protocol: fc.constant(family === 4 ? 1 : 58),
      icmpType: fc.constantFrom(...(family === 4 ? [8, 3] : [128, 1])),
      icmpCode: fc.constantFrom(0, 4),
    });
    return fc.oneof<fc.MaybeWeightedArbitrary<Packet>[]>(
      { weight: 4, arbitrary: ported },
      { weight: 1, arbitrary: icmp },
      { weight: 1, arbitrary: fc.record({ ...ends, protocol: fc.constant(47) }) },
    );
  });
}

/** Every kind of packet that rules of the universe can tell apart, once. */
export function everyPacket(families: readonly Family[] = [4, 6]): readonly Packet[] {
  return families.flatMap((family) => {
    const icmp = family === 4 ? 1 : 58;
    const services: readonly Omit<Packet, 'family' | 'source' | 'destination'>[] = [
      ...[6, 17].flatMap((protocol) =>
        [22, 80, 443, 8001].map((destinationPort) => ({ protocol, sourcePort: 50_000, destinationPort })),
      ),
      { protocol: 6, sourcePort: 443, destinationPort: 53 },
      { protocol: 132, sourcePort: 50_000, destinationPort: 80 },
      { protocol: 47 },
      { protocol: icmp, icmpType: family === 4 ? 8 : 128, icmpCode: 0 },
      { protocol: icmp, icmpType: family === 4 ? 3 : 1, icmpCode: 4 },
    ];
    return [...universe.senders[family], ...universe.strangers[family]].flatMap((source) =>
      universe.destinations[family].flatMap((destination) =>
        services.map((service) => ({ family, source, destination, ...service })),
      ),
    );
  });
}

/** The packet in the words of the engine. */
export function flowOf(packet: Packet): Flow {
  const source = parseAddress(packet.source);
  const destination = parseAddress(packet.destination);
  if (source === undefined || destination === undefined) throw new Error('the universe has a bad address');
  return { ...packet, source, destination };
}
