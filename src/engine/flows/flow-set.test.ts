import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Address, type Family, compareAddresses, ipv4Address, ipv6Address } from '../../ip/address.ts';
import { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { type Flow, type FlowMatch, FlowSet } from './flow-set.ts';
import { tries } from '../../../test/kit/runs.ts';

type Packet = Omit<Flow, 'source'>;
interface Point {
  readonly packet: Packet;
  readonly domains: readonly string[];
}

/** What a match means, told packet by packet and without any set of flows: the oracle. */
function matches(match: FlowMatch, { packet, domains }: Point): boolean {
  const { protocol } = packet;
  const withPorts = [6, 17, 132].includes(protocol);
  const icmp = protocol === (packet.family === 4 ? 1 : 58);
  const sameType = (m: { type: number; code?: number }): boolean =>
    icmp && m.type === packet.icmpType && (m.code === undefined || m.code === packet.icmpCode);
  if (match.protocol !== undefined && match.protocol !== protocol) return false;
  if (match.protocols?.includes(protocol) === false) return false;
  if (match.notProtocol === protocol) return false;
  if (match.icmp !== undefined && !sameType(match.icmp)) return false;
  const value = (packet.icmpType ?? 0) * 256 + (packet.icmpCode ?? 0);
  if (match.icmpValues !== undefined && !(icmp && match.icmpValues.contains(value))) return false;
  if (match.notIcmp !== undefined && sameType(match.notIcmp)) return false;
  if (match.destination?.contains(packet.destination) === false) return false;
  if (match.ports !== undefined && !(withPorts && match.ports.contains(packet.destinationPort ?? 0))) return false;
  if (match.sourcePorts !== undefined && !(withPorts && match.sourcePorts.contains(packet.sourcePort ?? 0)))
    return false;
  return match.domains === undefined || match.domains.some((domain) => domains.includes(domain));
}

// Small worlds: matches speak only of the values below, so one point for each combination of them and of "any other" value
// stands for all flows, and going through the points decides emptiness and equality.
const NETS = 4;
const addressAt = (family: Family, n: number): Address =>
  family === 4 ? ipv4Address(2 ** 32 - NETS - 1 + n) : ipv6Address((1n << 128n) - BigInt(NETS) - 1n + BigInt(n));

function everyPoint(family: Family): readonly Point[] {
  const points: Point[] = [];
  for (const domains of [[], ['a'], ['b'], ['a', 'b']])
    for (let n = 0; n <= NETS; n++) {
      const put = (protocol: number, rest: Partial<Packet>): void => {
        points.push({ packet: { family, destination: addressAt(family, n), protocol, ...rest }, domains });
      };
      for (const protocol of [6, 17, 132])
        for (const destinationPort of [0, 79, 80, 81, 443, 65535])
          for (const sourcePort of [6, 7, 8]) put(protocol, { destinationPort, sourcePort });
      for (const icmpType of [0, 3, 8, 255])
        for (const icmpCode of [0, 1, 7, 255]) put(family === 4 ? 1 : 58, { icmpType, icmpCode });
      // 2 stands for the protocols that no match names, not even to leave it out.
      for (const protocol of [0, 2, 47, 136, 255, family === 4 ? 58 : 1]) put(protocol, {});
    }
  return points;
}

const points: Readonly<Record<Family, readonly Point[]>> = { 4: everyPoint(4), 6: everyPoint(6) };

const icmpMatch = fc.oneof(
  fc.record({ type: fc.constantFrom(0, 8, 255) }),
  fc.record({ type: fc.constantFrom(0, 8, 255), code: fc.constantFrom(0, 1, 255) }),
);
const portSet = fc
  .subarray<number | readonly [number, number]>([0, 80, 81, [80, 443], [444, 65535], [1, 79]])
  .map((ranges) => PortSet.of(...ranges));

function matchIn(family: Family): fc.Arbitrary<FlowMatch> {
  const destination = fc.tuple(fc.subarray([1, 2, 3, 4]), fc.boolean()).map(([places, complement]) => {
    const set = PrefixSet.ofAddresses(places.map((n) => addressAt(family, n)));
    return complement ? set.complement() : set;
  });
  const parts = fc.record({
    protocol: fc.constantFrom(6, 17, 132, 1, 58, 47),
    protocols: fc.subarray([0, 1, 6, 17, 47, 58, 136]),
    notProtocol: fc.constantFrom(6, 1, 58, 255),
    icmp: icmpMatch,
    notIcmp: icmpMatch,
    icmpValues: fc.constantFrom(PortSet.of([0, 255], 8 * 256 + 1), PortSet.of(8 * 256).complement(), PortSet.empty),
    destination: destination,
    ports: portSet,
    sourcePorts: fc.constantFrom(PortSet.of(7), PortSet.of([0, 7]), PortSet.of(7).complement(), PortSet.empty),
    domains: fc.subarray(['a', 'b']),
  });
  // A match that limits everything matches nothing: up to three parts of each.
  return fc
    .tuple(parts, fc.subarray(PARTS, { minLength: 1, maxLength: 3 }))
    .map(([all, kept]) =>
      Object.assign<FlowMatch, FlowMatch>({}, Object.fromEntries(kept.map((part) => [part, all[part]]))),
    );
}
const PARTS: (keyof FlowMatch)[] = [
  'protocol',
  'protocols',
  'notProtocol',
  'icmp',
  'notIcmp',
  'icmpValues',
  'destination',
  'ports',
  'sourcePorts',
  'domains',
];

interface Expression {
  readonly set: FlowSet;
  readonly holds: (point: Point) => boolean;
}

function expressionIn(family: Family): fc.Arbitrary<Expression> {
  const leaf = matchIn(family).map(
    (match): Expression => ({ set: FlowSet.matching(family, match), holds: (point) => matches(match, point) }),
  );
  const step = fc.tuple(fc.constantFrom('union', 'union', 'intersect', 'subtract'), leaf);
  return fc.tuple(leaf, fc.array(step, { minLength: 1, maxLength: 5 })).map(([first, steps]) =>
    steps.reduce<Expression>(
      (left, [operation, right]) => ({
        set: left.set[operation](right.set),
        holds: (point) =>
          operation === 'union'
            ? left.holds(point) || right.holds(point)
            : left.holds(point) && right.holds(point) === (operation === 'intersect'),
      }),
      first,
    ),
  );
}

describe.each([4, 6] as const)('IPv%i', (family) => {
  const expression = expressionIn(family);

  test('every set holds exactly the flows that its definition says', () => {
    fc.assert(
      fc.property(expression, ({ set, holds }) => {
        for (const point of points[family]) {
          if (set.has(point.packet, point.domains) !== holds(point))
            expect({ point, has: !holds(point) }).toBeUndefined();
        }
      }),
      tries(60, 20),
    );
  });

  test('emptiness, equality and covering are decided exactly', () => {
    fc.assert(
      fc.property(expression, expression, (a, b) => {
        const inA = points[family].map(a.holds);
        const inB = points[family].map(b.holds);
        expect(a.set.isEmpty).toBe(!inA.includes(true));
        expect(a.set.equals(b.set)).toBe(inA.every((x, i) => x === inB[i]));
        expect(a.set.covers(b.set)).toBe(inA.every((x, i) => x || inB[i] === false));
      }),
      tries(40, 14),
    );
  });

  test('a witness belongs to the set, and there is one unless it is empty', () => {
    fc.assert(
      fc.property(expression, ({ set, holds }) => {
        const witness = set.witness();
        expect(witness === undefined).toBe(set.isEmpty);
        if (witness === undefined) return;
        const { domains = [], ...packet } = witness;
        expect(set.has(packet, domains)).toBe(true);
        expect(holds({ packet, domains })).toBe(true);
      }),
      tries(40, 14),
    );
  });

  test('boxes are disjoint and make the set', () => {
    fc.assert(
      fc.property(expression, ({ set, holds }) => {
        const boxes = set.boxes();
        for (const point of points[family]) {
          const { packet, domains } = point;
          const inside = boxes.filter(
            (box) =>
              box.destination.contains(packet.destination) &&
              box.protocols.includes(packet.protocol) &&
              (box.ports?.contains(packet.destinationPort ?? 0) ?? true) &&
              (box.sourcePorts?.contains(packet.sourcePort ?? 0) ?? true) &&
              (box.icmp?.contains((packet.icmpType ?? 0) * 256 + (packet.icmpCode ?? 0)) ?? true) &&
              box.domains.in.every((domain) => domains.includes(domain)) &&
              !box.domains.out.some((domain) => domains.includes(domain)),
          );
          if (inside.length !== (holds(point) ? 1 : 0)) expect({ point, boxes: inside.length }).toBeUndefined();
        }
      }),
      tries(12, 4),
    );
  });

  test('equal sets look alike, however they were made', () => {
    fc.assert(
      fc.property(expression, expression, ({ set: a }, { set: b }) => {
        const [one, other] = [a.union(b), b.union(a.subtract(b)).union(a.intersect(b))];
        expect(one.equals(other)).toBe(true);
        expect(one.describe()).toEqual(other.describe());
        expect(one.witness()).toEqual(other.witness());
        expect(one.describe().length === 0).toBe(one.isEmpty);
        expect(a.subtract(a.intersect(b)).equals(a.subtract(b))).toBe(true);
      }),
      tries(20, 7),
    );
  });
});

const nets = (...texts: string[]): PrefixSet => PrefixSet.parse(texts);
const tcp = (destination: PrefixSet, ...ports: number[]): FlowSet =>
  FlowSet.matching(4, { protocol: 6, ports: PortSet.of(...ports), destination });

describe('describe', () => {
  const all = FlowSet.everything(4);
  const web = tcp(nets('203.0.113.0/24'), 443, 80);
  test.each<[string, FlowSet, readonly string[]]>([
    ['nothing', FlowSet.nothing(4), []],
    ['everything', all, ['all to 0.0.0.0/0']],
    ['everything of IPv6', FlowSet.everything(6), ['all to ::/0']],
    ['ports', web, ['TCP 80, 443 to 203.0.113.0/24']],
    [
      'all but a port',
      all.subtract(FlowSet.matching(4, { protocol: 6, ports: PortSet.of(25) })),
      ['to 0.0.0.0/0: all except TCP 25'],
    ],
    [
      'all but a net',
      all.subtract(FlowSet.matching(4, { destination: nets('10.0.0.0/8') })),
      ['all to 0.0.0.0/0 except 10.0.0.0/8'],
    ],
    [
      'all but a service of a net',
      all.subtract(web),
      ['to 203.0.113.0/24: all except TCP 80, 443', 'all to 0.0.0.0/0 except 203.0.113.0/24'],
    ],
    ['ports without a protocol', FlowSet.matching(4, { ports: PortSet.of(53) }), ['TCP/UDP/SCTP 53 to 0.0.0.0/0']],
    ['another protocol', FlowSet.matching(4, { notProtocol: 6 }), ['to 0.0.0.0/0: all protocols except TCP']],
    ['a protocol by number', FlowSet.matching(4, { protocol: 89 }), ['protocol 89 to 0.0.0.0/0']],
    ['UDPLite', FlowSet.matching(4, { protocol: 136 }), ['UDPLite to 0.0.0.0/0']],
    [
      'a few ports not',
      FlowSet.matching(4, { protocol: 6, ports: PortSet.of(25).complement() }),
      ['to 0.0.0.0/0: TCP except 25'],
    ],
    [
      'source ports',
      FlowSet.matching(4, { protocol: 17, sourcePorts: PortSet.of([1024, 65535]) }),
      ['UDP from source port 1024-65535 to 0.0.0.0/0'],
    ],
    ['ICMP', FlowSet.matching(4, { protocol: 1 }), ['ICMP to 0.0.0.0/0']],
    ['an ICMP type', FlowSet.matching(4, { icmp: { type: 8 } }), ['ICMP type 8 to 0.0.0.0/0']],
    ['an ICMP code', FlowSet.matching(4, { icmp: { type: 3, code: 4 } }), ['ICMP type 3 code 4 to 0.0.0.0/0']],
    [
      'no such ICMP type',
      FlowSet.matching(6, { protocol: 58, notIcmp: { type: 128 } }),
      ['to ::/0: ICMPv6 except type 128'],
    ],
    ['ICMP of the other family is a number', FlowSet.matching(4, { protocol: 58 }), ['ICMPv6 to 0.0.0.0/0']],
    [
      'domains',
      FlowSet.matching(4, { protocol: 6, ports: PortSet.of(443), domains: ['b.example', '*.a.example'] }),
      ['TCP 443 to *.a.example, b.example'],
    ],
    [
      'domains within nets',
      FlowSet.matching(4, { protocol: 6, domains: ['b.example'], destination: nets('10.0.0.0/8') }),
      ['TCP to b.example within 10.0.0.0/8'],
    ],
    [
      'one domain but not another',
      FlowSet.matching(4, { domains: ['a.example'] }).subtract(FlowSet.matching(4, { domains: ['b.example'] })),
      ['all to a.example but not b.example'],
    ],
    ['a hostile domain', FlowSet.matching(4, { domains: ['a\u001b[2J'] }), ['all to "a\\u001b[2J"']],
    [
      'what several nets share is said once',
      tcp(nets('10.0.0.0/24', '10.0.1.0/24'), 443)
        .union(tcp(nets('10.0.1.0/24'), 80))
        .union(FlowSet.matching(4, { icmp: { type: 8 } })),
      ['ICMP type 8 to 0.0.0.0/0', 'TCP 80, 443 to 10.0.1.0/24', 'TCP 443 to 10.0.0.0/24'],
    ],
    [
      'many nets',
      tcp(nets(...Array.from({ length: 20 }, (_, n) => `10.0.${2 * n}.0/24`)), 443),
      ['TCP 443 to 10.0.0.0/24, 10.0.2.0/24, 10.0.4.0/24, 10.0.6.0/24, 10.0.8.0/24, 10.0.10.0/24 and 14 more'],
    ],
  ])('%s', (_name, set, lines) => {
    expect(set.describe()).toEqual(lines);
  });

  test('at most so many lines, and the last one says how many are missing', () => {
    const many = [1, 2, 3, 4, 5].map((n) => tcp(nets(`10.0.0.${n}`), n)).reduce((a, b) => a.union(b));
    expect(many.describe(3)).toEqual(['TCP 1 to 10.0.0.1/32', 'TCP 2 to 10.0.0.2/32', '… and 3 more']);
    expect(many.describe(5)).toHaveLength(5);
  });
});

describe('domains are atoms', () => {
  const a = FlowSet.matching(4, { domains: ['a'] });
  const b = FlowSet.matching(4, { domains: ['b'] });
  const [low, high] = ['0.0.0.0/1', '128.0.0.0/1'].map((net) =>
    FlowSet.matching(4, { domains: ['a'], destination: nets(net) }),
  );

  test('two of them are neither equal nor disjoint nor contained, whatever their names', () => {
    expect(a.equals(b)).toBe(false);
    expect(a.intersect(b).isEmpty).toBe(false);
    expect(a.covers(b)).toBe(false);
    expect(a.equals(FlowSet.everything(4))).toBe(false);
    expect(a.isEmpty).toBe(false);
  });

  test('one is the same everywhere', () => {
    expect(a.subtract(a).isEmpty).toBe(true);
    expect(FlowSet.everything(4).subtract(a).union(a).equals(FlowSet.everything(4))).toBe(true);
    expect(low !== undefined && high !== undefined && low.union(high).equals(a)).toBe(true);
  });

  test('a witness names the domains that its destination must be of', () => {
    expect(a.subtract(b).witness()).toMatchObject({ domains: ['a'] });
    expect(FlowSet.everything(4).subtract(a).witness()).not.toHaveProperty('domains');
  });
});

test('a plain witness is preferred', () => {
  expect(FlowSet.everything(4).witness()).toEqual({
    family: 4,
    destination: ipv4Address(0xc0000201),
    protocol: 6,
    destinationPort: 1,
    sourcePort: 49152,
  });
  const net = FlowSet.matching(6, { icmp: { type: 1, code: 4 }, destination: nets('fd00::/64') }).witness();
  expect(net).toEqual({
    family: 6,
    destination: ipv6Address((0xfd00n << 112n) + 1n),
    protocol: 58,
    icmpType: 1,
    icmpCode: 4,
  });
});

test('a witness needs no domain where there is a choice, and no port 0', () => {
  const set = FlowSet.matching(4, { protocol: 6, domains: ['a'] }).union(FlowSet.matching(4, { protocol: 89 }));
  expect(set.witness()).toMatchObject({ protocol: 89 });
  expect(set.witness()).not.toHaveProperty('domains');
  expect(FlowSet.matching(4, { sourcePorts: PortSet.of([0, 7]) }).witness()).toMatchObject({ sourcePort: 1 });
  expect(FlowSet.matching(4, { sourcePorts: PortSet.of(0, 9) }).witness()).toMatchObject({ sourcePort: 9 });
  expect(FlowSet.matching(4, { ports: PortSet.of(0) }).witness()).toMatchObject({ destinationPort: 0 });
});

test('conditions on domains are said without what goes without saying', () => {
  const of = (...domains: string[]): FlowSet => FlowSet.matching(4, { domains });
  const both = of('a').intersect(of('c')).union(of('b'));
  expect(both.describe()).toEqual(['all to a and c, b']);
  expect(of('a', 'c').subtract(of('b')).describe()).toEqual(['all to a but not b, c but not b']);
  expect(FlowSet.everything(4).subtract(of('a', 'b')).describe()).toEqual(['all to anything but a, b']);
});

test('a port and an ICMP code of the same number are different things', () => {
  const set = FlowSet.matching(4, { protocol: 6, ports: PortSet.of(8) }).union(
    FlowSet.matching(4, { icmp: { type: 0, code: 8 } }),
  );
  expect(set.describe()).toEqual(['ICMP type 0 code 8 to 0.0.0.0/0', 'TCP 8 to 0.0.0.0/0']);
});

test('rows have disjoint destinations in order', () => {
  const set = tcp(nets('10.0.0.0/8'), 443).union(tcp(nets('10.1.0.0/16', '9.0.0.0/8'), 80));
  const firsts = set.rows().map((row) => row.destination.first(4));
  expect(set.rows().map((row) => row.destination.toString())).toEqual([
    '9.0.0.0/8',
    nets('10.0.0.0/8').subtract(nets('10.1.0.0/16')).toString(),
    '10.1.0.0/16',
  ]);
  expect(firsts).toEqual(firsts.toSorted((x, y) => (x !== undefined && y !== undefined ? compareAddresses(x, y) : 0)));
});

test('what needs too many boxes is refused, not approximated', () => {
  const column = (n: number): FlowSet =>
    FlowSet.matching(4, { protocol: 6, ports: PortSet.of(2 * n), destination: nets(`10.0.${n}.0/24`) });
  const rows = Array.from({ length: 200 }, (_, n) => FlowSet.matching(4, { protocol: 17, ports: PortSet.of(2 * n) }));
  const grid = rows.reduce((set, row) => set.union(row));
  const columns = Array.from({ length: 200 }, (_, n) => column(n)).reduce((set, next) => set.union(next));
  expect(() => grid.union(columns)).toThrow(expect.objectContaining({ code: 'FLOW_SET_LIMIT' }));
  const listed = (n: number): FlowSet =>
    FlowSet.matching(4, {
      domains: Array.from({ length: 150 }, (_, i) => `${n}-${i}`),
      destination: nets(`10.0.${n}.0/24`),
    });
  const lists = Array.from({ length: 140 }, (_, n) => listed(n));
  expect(() => lists.reduce((set, next) => set.union(next))).toThrow(
    expect.objectContaining({ code: 'FLOW_SET_LIMIT' }),
  );
  const names = Array.from({ length: 400 }, (_, n) => `d${String(n).padStart(3, '0')}`);
  const one = FlowSet.matching(4, { domains: names.slice(0, 200) });
  expect(() => one.subtract(FlowSet.matching(4, { domains: names.slice(200) }))).toThrow(
    expect.objectContaining({ code: 'FLOW_SET_LIMIT' }),
  );
});

test('all protocols that are named are not all protocols', () => {
  const named = FlowSet.matching(4, { protocols: [0, 1, 6, 17, 47, 58, 132, 136] });
  const rest = FlowSet.matching(4, { notProtocol: 255 }).subtract(named);
  expect(rest.isEmpty).toBe(false);
  expect(rest.has({ family: 4, destination: ipv4Address(1), protocol: 2 })).toBe(true);
  expect(rest.has({ family: 4, destination: ipv4Address(1), protocol: 255 })).toBe(false);
});

test('families do not mix', () => {
  expect(() => FlowSet.everything(4).union(FlowSet.everything(6))).toThrow('flows of IPv4 meet flows of IPv6');
  expect(FlowSet.everything(4).equals(FlowSet.everything(6))).toBe(false);
  expect(FlowSet.everything(4).has({ family: 6, destination: ipv6Address(1n), protocol: 6 })).toBe(false);
  expect(FlowSet.matching(4, { destination: nets('2001:db8::/32') }).isEmpty).toBe(true);
});

test('what a flow leaves open counts as an ephemeral source port and an echo request', () => {
  const packet = { family: 4, destination: ipv4Address(1), protocol: 1 } as const;
  expect(FlowSet.matching(4, { icmp: { type: 8 } }).has(packet)).toBe(true);
  expect(FlowSet.matching(4, { sourcePorts: PortSet.of([1024, 65535]) }).has({ ...packet, protocol: 6 })).toBe(true);
});
