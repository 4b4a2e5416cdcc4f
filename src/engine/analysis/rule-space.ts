import type { IcmpMatch } from '../../api/resource.ts';
import { type Address, type Family, ipv4Address, ipv6Address } from '../../ip/address.ts';
import type { PortSet } from '../../ip/port-set.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';
import type { Flow } from '../flows/flow-set.ts';
import { icmpProtocol, protocolKind } from '../flows/service-set.ts';
import { DecisionDiagram, NO_QUESTION, type Root } from './decision-diagram.ts';
import { Dimension } from './dimension.ts';
import type { PortCondition, ReadRule, ReadSide } from './rule-list.ts';

const NOTHING: Root = 0;
const HOLDS: Root = 1;

type AddressValue = number | bigint;
type Side = 'source' | 'destination';
/** A field, whatever its numbers are. */
type Asking = Pick<Dimension<number>, 'askFrom' | 'wishedAnswer'>;

const ADDRESSES: Readonly<Record<Family, readonly [AddressValue, AddressValue]>> = {
  4: [0, 2 ** 32],
  6: [0n, 1n << 128n],
};
const NUMBERS = [0, 65536] as const;
/** Protocols that people meet, TCP before the others; an example is one of them where that is possible. */
const USUAL = [6, 17, 1, 58, 132];
/** What a person would write in an example: addresses of RFC 5737 and RFC 3849, HTTPS, an echo request. */
const WISHES = {
  source: { 4: 0xc0000201, 6: (0x20010db8n << 96n) + 1n },
  destination: { 4: 0xcb007101, 6: (0x20010db8n << 96n) + (1n << 64n) + 1n },
  ports: { source: 49152, destination: 443 },
  icmp: { 4: 8 * 256, 6: 128 * 256 },
} as const;

/** A packet for which exactly these atoms hold. */
export interface SpacePoint {
  readonly packet: Required<Flow>;
  readonly atoms: ReadonlySet<string>;
}

/**
 * Every packet of one family as far as some rules can tell packets apart. Each field is cut where a rule cuts it, and only the piece
 * counts: so diagrams are as deep as the rules have boundaries, for both families alike.
 */
export class RuleSpace {
  readonly family: Family;
  readonly diagram: DecisionDiagram;
  readonly #addresses: Readonly<Record<Side, Dimension<AddressValue>>>;
  readonly #protocol: Dimension<number>;
  /** By their place in `#protocol`: the usual ones and those that rules name; the last stands for all others. */
  readonly #protocols: readonly number[];
  readonly #ports: Readonly<Record<Side, Dimension<number>>>;
  readonly #icmp: Dimension<number>;
  /** All of them, in the order in which they are asked. */
  readonly #dimensions: readonly Asking[];
  /** The question of each atom. They come last, in the order of the rules: there the diagrams of first-match lists stay small. */
  readonly #atoms = new Map<string, number>();
  readonly #withPorts: Root;
  readonly #isIcmp: Root;

  /** For these rules and no others. `limit`: of nodes. */
  constructor(family: Family, rules: readonly ReadRule[], limit?: number) {
    this.family = family;
    const diagram = new DecisionDiagram(limit);
    this.diagram = diagram;
    const here = rules.filter((rule) => rule.family === undefined || rule.family === family);
    const addresses = (side: Side): Dimension<AddressValue> => {
      const cuts = here.flatMap((rule) => addressCuts(rule[side], family));
      return new Dimension(diagram, ADDRESSES[family], cuts, WISHES[side][family]);
    };
    const ports = (side: Side): Dimension<number> => {
      const cuts = here.flatMap((rule) => portCuts(rule[side]));
      return new Dimension(diagram, NUMBERS, cuts, WISHES.ports[side]);
    };
    this.#addresses = { source: addresses('source'), destination: addresses('destination') };
    this.#protocols = protocolsOf(here);
    this.#protocol = new Dimension(diagram, [0, this.#protocols.length], this.#protocols.keys(), 0);
    const icmpCuts = here.flatMap(({ icmp, notIcmp }) =>
      [icmp, notIcmp].flatMap((match) => (match === undefined ? [] : icmpSpan(match))),
    );
    this.#icmp = new Dimension(diagram, NUMBERS, icmpCuts, WISHES.icmp[family]);
    this.#ports = { source: ports('source'), destination: ports('destination') };
    this.#dimensions = this.#inOrder(here);
    let asked = 0;
    for (const dimension of this.#dimensions) asked = dimension.askFrom(asked);
    for (const atom of here.flatMap(atomsOf)) if (!this.#atoms.has(atom)) this.#atoms.set(atom, asked++);
    this.#withPorts = this.#protocolIs((protocol) => protocolKind(protocol, family) === 'Ports');
    this.#isIcmp = this.#protocolIs((protocol) => protocol === icmpProtocol(family));
  }

  /** 1 where the rule matches, 0 elsewhere. */
  matching(rule: ReadRule): Root {
    if (rule.family !== undefined && rule.family !== this.family) return NOTHING;
    const { diagram } = this;
    let root = this.#protocolIs(
      (protocol) => (rule.protocol === undefined || rule.protocol === protocol) && rule.notProtocol !== protocol,
    );
    if (rule.icmp !== undefined) root = diagram.within(root, this.#icmpIs(rule.icmp));
    if (rule.notIcmp !== undefined) root = diagram.without(root, this.#icmpIs(rule.notIcmp));
    return this.#side(this.#side(root, rule.destination, 'destination'), rule.source, 'source');
  }

  /** A packet on which two functions differ, a plain one where that is easy; `undefined` exactly if they are the same. */
  difference(f: Root, g: Root): SpacePoint | undefined {
    if (f === g) return undefined;
    const { diagram } = this;
    const answers = new Map<number, boolean>();
    for (let [one, other] = [f, g]; ; ) {
      const question = Math.min(diagram.question(one), diagram.question(other));
      if (question === NO_QUESTION) return this.#point(answers);
      const wished = this.#wishedAnswer(question);
      const differ = diagram.answered(one, question, wished) !== diagram.answered(other, question, wished);
      const answer = differ ? wished : !wished;
      answers.set(question, answer);
      [one, other] = [diagram.answered(one, question, answer), diagram.answered(other, question, answer)];
    }
  }

  /** What most rules limit comes first: below each of its answers few rules are left. */
  #inOrder(rules: readonly ReadRule[]): readonly Asking[] {
    const free = (limited: (rule: ReadRule) => boolean): number => rules.filter((rule) => !limited(rule)).length;
    const fields: readonly { readonly of: readonly Asking[]; readonly free: number }[] = [
      { of: [this.#addresses.source], free: free(({ source }) => source.nets !== undefined) },
      { of: [this.#addresses.destination], free: free(({ destination }) => destination.nets !== undefined) },
      {
        of: [this.#protocol, this.#ports.destination, this.#icmp],
        free: free(({ destination, icmp }) => destination.ports?.atoms.length === 0 || icmp !== undefined),
      },
    ];
    return [...fields.toSorted((a, b) => a.free - b.free).flatMap(({ of }) => of), this.#ports.source];
  }

  #side(inside: Root, side: ReadSide, name: Side): Root {
    const { diagram } = this;
    const nets = (set: PrefixSet): Root => this.#addresses[name].inside(addressSpans(set, this.family));
    let root = inside;
    if (side.ports !== undefined) root = diagram.within(root, this.#portIn(side.ports, name));
    if (side.notPorts !== undefined) root = diagram.without(root, this.#portIn(side.notPorts, name));
    for (const { atoms, holds } of side.conditions) {
      const some = this.#someHolds(atoms);
      root = holds ? diagram.within(root, some) : diagram.without(root, some);
    }
    if (side.nets !== undefined) root = diagram.within(root, nets(side.nets));
    return side.notNets === undefined ? root : diagram.without(root, nets(side.notNets));
  }

  #portIn({ numbers, atoms }: PortCondition, side: Side): Root {
    const some = this.diagram.overlay(this.#ports[side].inside(portSpans(numbers)), this.#someHolds(atoms));
    return this.diagram.within(some, this.#withPorts);
  }

  #someHolds(atoms: readonly string[]): Root {
    return atoms.reduce((root, atom) => {
      const question = this.#atoms.get(atom);
      return question === undefined ? root : this.diagram.overlay(root, this.diagram.node(question, NOTHING, HOLDS));
    }, NOTHING);
  }

  #icmpIs(match: IcmpMatch): Root {
    return this.diagram.within(this.#icmp.inside([icmpSpan(match)]), this.#isIcmp);
  }

  #protocolIs(taken: (protocol: number) => boolean): Root {
    const spans: [number, number][] = [];
    for (const [place, protocol] of this.#protocols.entries()) {
      if (!taken(protocol)) continue;
      const last = spans.at(-1);
      if (last?.[1] === place) last[1] = place + 1;
      else spans.push([place, place + 1]);
    }
    return this.#protocol.inside(spans);
  }

  #wishedAnswer(question: number): boolean {
    for (const dimension of this.#dimensions) {
      const answer = dimension.wishedAnswer(question);
      if (answer !== undefined) return answer;
    }
    return false;
  }

  #point(answers: ReadonlyMap<number, boolean>): SpacePoint {
    const [icmp] = this.#icmp.example(answers);
    const address = (side: Side): Address => {
      // The first of a net is rarely somebody's.
      const [first, second = first] = this.#addresses[side].example(answers);
      return typeof second === 'number' ? ipv4Address(second) : ipv6Address(second);
    };
    return {
      packet: {
        family: this.family,
        source: address('source'),
        destination: address('destination'),
        protocol: this.#protocols[this.#protocol.example(answers)[0]] as number,
        sourcePort: this.#ports.source.example(answers)[0],
        destinationPort: this.#ports.destination.example(answers)[0],
        icmpType: icmp >> 8,
        icmpCode: icmp & 255,
      },
      atoms: new Set([...this.#atoms].filter(([, question]) => answers.get(question) === true).map(([atom]) => atom)),
    };
  }
}

/** The usual protocols, those that rules name, and, last, one that stands for all others. */
function protocolsOf(rules: readonly ReadRule[]): readonly number[] {
  const named = new Set(USUAL);
  for (const { protocol, notProtocol } of rules)
    for (const number of [protocol, notProtocol]) if (number !== undefined) named.add(number);
  const other = Array.from({ length: 256 }, (_, n) => 255 - n).find((number) => !named.has(number));
  return other === undefined ? [...named] : [...named, other];
}

function addressCuts(side: ReadSide, family: Family): AddressValue[] {
  return [side.nets, side.notNets].flatMap((set) => (set === undefined ? [] : [...addressSpans(set, family)].flat()));
}

function* addressSpans(set: PrefixSet, family: Family): Generator<readonly [AddressValue, AddressValue]> {
  for (const [first, last] of set.ranges(family))
    yield [first.value, last.family === 4 ? last.value + 1 : last.value + 1n];
}

function portCuts(side: ReadSide): number[] {
  return [side.ports, side.notPorts].flatMap((ports) =>
    ports === undefined ? [] : [...portSpans(ports.numbers)].flat(),
  );
}

function* portSpans(ports: PortSet): Generator<readonly [number, number]> {
  for (const [first, last] of ports.ranges()) yield [first, last + 1];
}

function icmpSpan({ type, code }: IcmpMatch): readonly [number, number] {
  return code === undefined ? [type * 256, type * 256 + 256] : [type * 256 + code, type * 256 + code + 1];
}

function atomsOf({ source, destination }: ReadRule): readonly string[] {
  return [source, destination].flatMap(({ conditions, ports, notPorts }) => [
    ...conditions.flatMap(({ atoms }) => atoms),
    ...(ports?.atoms ?? []),
    ...(notPorts?.atoms ?? []),
  ]);
}
