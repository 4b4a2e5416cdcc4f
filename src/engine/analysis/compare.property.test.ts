import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { analyse, compare } from './compare.ts';
import type { ListedEntity, ListedRule, ListVerdict, RuleList } from './rule-list.ts';

type WrittenList = Exclude<RuleList, readonly ListedRule[]>;

// A universe so small that every packet of it can be asked. Rules speak only of the values below, so a packet for each combination of them,
// and of one value that no rule names, stands for all packets. The oracle reads the rules as they are written, packet by packet.

interface Packet {
  readonly family: 4 | 6;
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly sport: number;
  readonly dport: number;
  readonly type: number;
  readonly code: number;
  readonly atoms: readonly string[];
}

const WEB = 'app == "web"';
const ATOMS = [
  `source selector ${WEB}`,
  `destination selector ${WEB}`,
  'destination named port http',
  'destination domain a.example',
];
const NETS = {
  4: [
    ['10.0.0.0/31', ['10.0.0.0', '10.0.0.1']],
    ['10.0.0.1/32', ['10.0.0.1']],
    ['10.0.0.0/30', ['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3']],
  ],
  6: [
    ['2001:db8::/127', ['2001:db8::', '2001:db8::1']],
    ['2001:db8::1/128', ['2001:db8::1']],
  ],
} as const;
const ADDRESSES = {
  4: ['10.0.0.0', '10.0.0.1', '10.0.0.2', '192.0.2.9'],
  6: ['2001:db8::', '2001:db8::1', '2001:db8::9'],
} as const;
const NUMBERS: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132, ICMP: 1, ICMPv6: 58 };
const PORTS: readonly (readonly [number | string, number, number])[] = [
  [80, 80, 80],
  ['81:65535', 81, 65535],
  ['1:79', 1, 79],
];
/** One for each range above, and one outside. */
const PORT_VALUES = [0, 7, 80, 81];

function everyPacket(): readonly Packet[] {
  const packets: Packet[] = [];
  const sets = Array.from({ length: 2 ** ATOMS.length }, (_, n) => ATOMS.filter((_, bit) => (n >> bit) & 1));
  for (const family of [4, 6] as const)
    for (const src of ADDRESSES[family])
      for (const dst of ADDRESSES[family])
        for (const atoms of sets) {
          const put = (proto: number, rest: Partial<Packet>): void => {
            packets.push({ family, src, dst, proto, sport: 0, dport: 0, type: 8, code: 0, atoms, ...rest });
          };
          for (const proto of [6, 17])
            for (const dport of PORT_VALUES) for (const sport of PORT_VALUES) put(proto, { dport, sport });
          for (const [type, code] of [
            [8, 0],
            [8, 1],
            [3, 0],
          ] as const)
            put(family === 4 ? 1 : 58, { type, code });
          put(47, {});
          put(family === 4 ? 58 : 1, {});
        }
  return packets;
}
const packets = everyPacket();

function matches(rule: ListedRule, packet: Packet): boolean {
  const number = (protocol: string | number): number =>
    typeof protocol === 'number' ? protocol : (NUMBERS[protocol] ?? 0);
  if (rule.ipVersion !== undefined && rule.ipVersion !== packet.family) return false;
  if (rule.protocol === 'ICMP' && packet.family !== 4) return false;
  if (rule.protocol === 'ICMPv6' && packet.family !== 6) return false;
  if (rule.protocol !== undefined && number(rule.protocol) !== packet.proto) return false;
  if (rule.notProtocol !== undefined && number(rule.notProtocol) === packet.proto) return false;
  const icmp = (match: { type: number; code?: number }): boolean =>
    packet.proto === (packet.family === 4 ? 1 : 58) &&
    packet.type === match.type &&
    (match.code ?? packet.code) === packet.code;
  if (rule.icmp !== undefined && !icmp(rule.icmp)) return false;
  if (rule.notICMP !== undefined && icmp(rule.notICMP)) return false;
  const side = (name: 'source' | 'destination', entity: ListedEntity, address: string, port: number): boolean => {
    const inNet = (net: string): boolean =>
      NETS[packet.family].some(([text, held]) => text === net && (held as readonly string[]).includes(address));
    const hasPort = (entry: number | string): boolean =>
      [6, 17, 132].includes(packet.proto) &&
      (PORTS.some(([text, first, last]) => text === entry && port >= first && port <= last) ||
        packet.atoms.includes(`${name} named port ${entry}`));
    if (entity.nets?.some(inNet) === false) return false;
    // A list of nets makes the rule one of their family, a negative one too (5.4).
    const family = [...(entity.nets ?? []), ...(entity.notNets ?? [])].some((net) => net.includes(':')) ? 6 : 4;
    if ((entity.nets ?? entity.notNets) !== undefined && packet.family !== family) return false;
    if (entity.notNets?.some(inNet) === true) return false;
    if (entity.selector !== undefined && !packet.atoms.includes(`${name} selector ${WEB}`)) return false;
    if (entity.notSelector !== undefined && packet.atoms.includes(`${name} selector ${WEB}`)) return false;
    if (entity.ports?.some(hasPort) === false) return false;
    if (entity.notPorts?.some(hasPort) === true) return false;
    return entity.domains === undefined || packet.atoms.includes('destination domain a.example');
  };
  return (
    side('source', rule.source ?? {}, packet.src, packet.sport) &&
    side('destination', rule.destination ?? {}, packet.dst, packet.dport)
  );
}

function verdict({ rules, defaultAction = 'Deny' }: WrittenList, packet: Packet): ListVerdict {
  for (const rule of rules) if (rule.action !== 'Log' && matches(rule, packet)) return rule.action;
  return defaultAction;
}

const verdicts = (list: WrittenList): readonly ListVerdict[] => packets.map((packet) => verdict(list, packet));

type Side = 'source' | 'destination';
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 3 });
/** Without the members that are not there. */
const present = <T extends object>(given: T): T =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;

function entity(side: Side, family: 4 | 6, withPorts: boolean, allow: boolean): fc.Arbitrary<ListedEntity> {
  const nets = fc.subarray(
    NETS[family].map(([net]) => net as string),
    { minLength: 1 },
  );
  const numbers = PORTS.map(([text]) => text);
  const ports = fc.subarray(side === 'destination' ? [...numbers, 'http'] : numbers, { minLength: 1 });
  const plain = fc
    .record({
      nets: maybe(nets),
      notNets: maybe(nets),
      selector: maybe(fc.constant("app == 'web'")),
      notSelector: maybe(fc.constant("app == 'web'")),
      ports: withPorts ? maybe(ports) : fc.constant(undefined),
      notPorts: withPorts ? maybe(ports) : fc.constant(undefined),
    })
    // Both together are one selector of its own.
    .map(
      ({ notSelector, ...rest }) =>
        present({ ...rest, ...(rest.selector === undefined ? { notSelector } : {}) }) as ListedEntity,
    );
  if (side === 'source' || !allow) return plain;
  return fc.oneof({ weight: 5, arbitrary: plain }, { weight: 1, arbitrary: fc.constant({ domains: ['a.example'] }) });
}

const rule: fc.Arbitrary<ListedRule> = fc
  .record({
    action: fc.constantFrom('Allow', 'Allow', 'Deny', 'Pass', 'Log' as const),
    family: fc.constantFrom(4, 4, 6 as const),
    protocol: fc.constantFrom('TCP', 'TCP', 'UDP', 'ICMP', 17, undefined),
    notProtocol: maybe(fc.constantFrom('TCP', 17)),
  })
  .chain(({ action, family, protocol: wanted, notProtocol }) => {
    const protocol = wanted === 'ICMP' && family === 6 ? 'ICMPv6' : wanted;
    const isIcmp = protocol === 'ICMP' || protocol === 'ICMPv6';
    const withPorts = protocol !== undefined && !isIcmp;
    const icmp = isIcmp ? maybe(fc.constantFrom({ type: 8 }, { type: 8, code: 1 })) : fc.constant(undefined);
    return fc
      .record({
        source: maybe(entity('source', family, withPorts, false)),
        destination: maybe(entity('destination', family, withPorts, action === 'Allow')),
        icmp,
        notICMP: icmp,
        ipVersion: fc.constantFrom(undefined, undefined, family),
      })
      .map((rest) => present({ action, protocol, notProtocol, ...rest }) as ListedRule);
  });

const list: fc.Arbitrary<WrittenList> = fc
  .record({
    rules: fc.array(rule, { maxLength: 7 }),
    defaultAction: fc.constantFrom('Allow', 'Deny', 'Pass', undefined),
  })
  .map(present) as fc.Arbitrary<WrittenList>;

/** Lists that are often the same: a few changes that may or may not matter. */
const pair = fc
  .tuple(list, list, fc.nat(), fc.constantFrom('other', 'swap', 'drop', 'double'))
  .map(([a, b, at, change]): [WrittenList, WrittenList] => {
    const rules = [...a.rules];
    const place = rules.length === 0 ? 0 : at % rules.length;
    if (change === 'other') return [a, b];
    if (change === 'drop') rules.splice(place, 1);
    if (change === 'double') rules.splice(place, 0, ...rules.slice(place, place + 1));
    if (change === 'swap') rules.splice(place, 2, ...rules.slice(place, place + 2).reverse());
    return [a, { ...a, rules }];
  });

describe('lists of rules (semantics 15.7, 15.8), against every packet of a small universe', () => {
  test(
    'are equal exactly if every packet gets the same verdict; a witness is one that does not',
    () => {
      fc.assert(
        fc.property(pair, ([a, b]) => {
          const result = compare(a, b);
          const [ofA, ofB] = [verdicts(a), verdicts(b)];
          expect(result.equal).toBe(ofA.every((one, n) => one === ofB[n]));
          if (result.equal) return;
          const {
            src,
            dst,
            proto,
            sport = 0,
            dport = 0,
            icmpType: type = 0,
            icmpCode: code = 0,
            atoms = [],
          } = result.witness;
          const packet: Packet = {
            family: src.includes(':') ? 6 : 4,
            src,
            dst,
            proto: Number(proto),
            sport,
            dport,
            type,
            code,
            atoms,
          };
          expect(verdict(a, packet)).not.toBe(verdict(b, packet));
        }),
        tries(35, 12),
      );
    },
    PATIENCE_MS,
  );

  test(
    'say which rules never match and which could go',
    () => {
      fc.assert(
        fc.property(list, (given) => {
          const { rules } = given;
          const whole = verdicts(given);
          const neverMatches: number[] = [];
          const individuallyRedundant: number[] = [];
          for (const [index, rule] of rules.entries()) {
            const earlier = rules.slice(0, index).filter(({ action }) => action !== 'Log');
            const reached = packets.some(
              (packet) => matches(rule, packet) && !earlier.some((other) => matches(other, packet)),
            );
            if (!reached) neverMatches.push(index);
            const without = verdicts({ ...given, rules: rules.toSpliced(index, 1) });
            if (whole.every((one, n) => one === without[n])) individuallyRedundant.push(index);
          }
          expect(analyse(given)).toEqual({ neverMatches, individuallyRedundant });
        }),
        tries(14, 5),
      );
    },
    PATIENCE_MS,
  );
});
