import { compareUtf8 } from '../base/compare.ts';
import type { Policy, Rule, RuleSide } from '../inventory/model.ts';
import { serviceName } from '../inventory/service-slice.ts';
import { type Address, formatAddress } from '../ip/address.ts';
import { formatPrefix, prefixOf } from '../ip/prefix.ts';
import { uniqueId } from '../selector/canonical.ts';
import { all } from '../selector/node.ts';
import { type Selector, selectorOf } from '../selector/selector.ts';
import type { Engine } from './engine.ts';
import { LabelIndex, type PortOfSet } from './label-index/label-index.ts';
import { profilesInUse } from './queries.ts';
import { isSubject } from './selected-policies.ts';

/** A set of addresses that rules match on, as Calico's dataplane keeps it (semantics 4). */
export interface IpSet {
  /** Calico's id of the set: `s:` selector, `n:` named port, `svc:` and `svcnoport:` service, and 38 characters (semantics 4.5). */
  uid: string;
  /** Canonical; empty for the set of a service. */
  selector: string;
  namedPort?: string;
  /** `tcp`, `udp`, `sctp`, or `any` where the rule names no protocol. */
  namedPortProtocol?: string;
  /** `10.0.0.1/32` or, with ports, `10.0.0.1,tcp:80`; sorted. */
  members: string[];
}

type Definition =
  | { readonly kind: 'selector'; readonly selector: Selector; readonly port?: PortOfSet }
  | { readonly kind: 'service'; readonly service: string; readonly ports: boolean };

const EVERYTHING = selectorOf(all());
const PROTOCOL_WORDS: ReadonlyMap<number, 'tcp' | 'udp' | 'sctp'> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

/**
 * The sets of all rules of active policies and profiles (semantics 4.1), sorted by uid. As in Calico a policy is active if it selects an endpoint,
 * and then its rules of directions it takes no part in have sets too.
 */
export function ipSetsOf(engine: Engine): IpSet[] {
  const definitions = new Map<string, Definition>();
  for (const rule of activeRules(engine))
    for (const definition of definitionsOf(rule)) definitions.set(uidOf(definition), definition);
  const index = indexOf(engine);
  return [...definitions]
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([uid, definition]) => {
      if (definition.kind === 'service') return { uid, selector: '', members: backendMembers(engine, definition) };
      const { selector, port } = definition;
      index.setSelector(uid, selector, port);
      return { uid, selector: selector.canonical, ...port, members: [...index.membersOf(uid)] };
    });
}

function* activeRules(engine: Engine): Generator<Rule> {
  // Calico keeps the sets of staged policies too, to count what they would have done.
  for (const policies of [engine.policies, engine.staged])
    for (const policy of policies.values()) if (isActive(engine, policy)) yield* everyRule(policy);
  for (const name of profilesInUse(engine)) yield* everyRule(engine.profile(name));
}

function isActive(engine: Engine, { appliesTo }: Policy): boolean {
  for (const id of engine.endpointsOf(appliesTo.id)) if (engine.appliesTo(id)) return true;
  return false;
}

function everyRule({
  ingress = [],
  egress = [],
  idle = [],
}: Pick<Policy, 'ingress' | 'egress' | 'idle'>): readonly Rule[] {
  return [...ingress, ...egress, ...idle];
}

function definitionsOf(rule: Rule): readonly Definition[] {
  const protocol = rule.protocol === undefined ? 'any' : (PROTOCOL_WORDS.get(rule.protocol) ?? 'tcp');
  return (['source', 'destination'] as const).flatMap((name): readonly Definition[] => {
    const side = rule[name];
    if (side.services === undefined) return ofSide(side, protocol);
    // A destination is matched with its port, a source without (semantics 11.2).
    return [
      ...ofSide(side, protocol),
      { kind: 'service', service: serviceName(side.services), ports: name === 'destination' },
    ];
  });
}

/**
 * A named port is looked up among those that the positive selector selects, in `notPorts` too (semantics 5.2); where names are the only ports,
 * that is all there is of the selector (semantics 5.1).
 */
function ofSide(side: RuleSide, namedPortProtocol: PortOfSet['namedPortProtocol']): readonly Definition[] {
  const { selector, notSelector, ports, notPorts } = side;
  const names = [...(ports?.names ?? []), ...(notPorts?.names ?? [])];
  const folded = ports !== undefined && ports.names.length > 0 && ports.numbers.isEmpty;
  return [
    ...names.map(
      (namedPort): Definition => ({
        kind: 'selector',
        selector: selector ?? EVERYTHING,
        port: { namedPort, namedPortProtocol },
      }),
    ),
    ...(selector === undefined || folded ? [] : [{ kind: 'selector', selector } as const]),
    ...(notSelector === undefined ? [] : [{ kind: 'selector', selector: notSelector } as const]),
  ];
}

function uidOf(definition: Definition): string {
  if (definition.kind === 'service') return uniqueId(definition.ports ? 'svc:' : 'svcnoport:', definition.service);
  const { selector, port } = definition;
  if (port === undefined) return selector.id;
  return uniqueId('n:', `${selector.id},${port.namedPortProtocol},${port.namedPort}`);
}

/** Everything that rules can select: endpoints by their addresses, network sets by their nets (semantics 4.2). */
function indexOf(engine: Engine): LabelIndex {
  const index = new LabelIndex();
  for (const { id, labels } of engine.parents.values()) index.setParent(id, labels);
  for (const endpoint of engine.endpoints.values())
    if (isSubject(endpoint))
      index.setEndpoint(endpoint.id, {
        labels: endpoint.labels,
        parents: endpoint.parents,
        nets: endpoint.addresses.map(formatAddress),
        ports: endpoint.ports.map(({ name, protocol, port }) => ({ name, port, proto: wordOf(protocol) })),
      });
  for (const set of engine.networkSets.values())
    index.setEndpoint(set.id, {
      labels: set.labels,
      parents: set.parents,
      nets: set.written.map(formatPrefix),
      ports: [],
    });
  return index;
}

function wordOf(protocol: number): string {
  return PROTOCOL_WORDS.get(protocol) ?? String(protocol);
}

function backendMembers(engine: Engine, { service, ports }: Extract<Definition, { kind: 'service' }>): string[] {
  const members = new Set<string>();
  const add = (address: Address, suffixes: readonly string[]): void => {
    for (const suffix of suffixes) members.add(`${formatAddress(address)},${suffix}`);
    if (!ports) members.add(formatPrefix(prefixOf(address)));
  };
  for (const slice of engine.slicesOf(service)) {
    const suffixes = ports ? slice.ports.map(({ protocol, port }) => `${wordOf(protocol)}:${port}`) : [];
    for (const address of slice.addresses) add(address, suffixes);
  }
  return [...members].sort(compareUtf8);
}
