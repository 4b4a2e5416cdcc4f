import { SallyportError } from '../base/error.ts';
import type { LiveWorld } from '../controller/world/live-world.ts';
import type { Engine } from '../engine/engine.ts';
import { packetOf, protocolNumber } from '../engine/packet.ts';
import type { EndpointId } from '../inventory/model.ts';
import { type Address, formatAddress } from '../ip/address.ts';
import {
  amongOthers,
  leavingBy,
  type FamilyAnswer,
  type FlowAnswer,
  type Others,
  type Question,
  whatWouldChange,
} from './flow-answer.ts';
import { sideOf, waysOfStranger } from './flow-sides.ts';

/** A world, and the rules of others on its devices where they were asked for: by name of the firewall. */
export interface Asked {
  readonly world: LiveWorld;
  /** What the policies of the cluster do. */
  readonly policies: Engine;
  readonly others: Others | undefined;
  /** Firewalls that get no rules of ours. */
  readonly ruleless: ReadonlySet<string>;
}

/** TCP, UDP, SCTP, UDPLite. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132, 136]);
/** ICMP, ICMPv6. */
const WITH_TYPES: ReadonlySet<number> = new Set([1, 58]);

/** Refuses what the protocol does not have, lest the answer be about another flow than the one that is meant. */
function refuseIdle({ protocol, port, icmpType, icmpCode }: Question): void {
  const number = protocolNumber(protocol);
  if (port !== undefined && !WITH_PORTS.has(number))
    throw new SallyportError(
      'FLOW_INVALID',
      `${protocol} has no ports; leave the port out, or name a protocol that has`,
    );
  if ((icmpType !== undefined || icmpCode !== undefined) && !WITH_TYPES.has(number))
    throw new SallyportError('FLOW_INVALID', `${protocol} has no ICMP type and code; the protocol is ICMP or ICMPv6`);
}

/** What becomes of a flow in the cluster and at each border firewall, in every family that both sides have. */
export function answerTo(asked: Asked, question: Question): FlowAnswer {
  const families = answersTo(asked, question);
  if (families.length === 0)
    throw new SallyportError('FLOW_INVALID', `${question.from} and ${question.to} have no address of one family`);
  const outcomes = new Set(families.map(({ outcome }) => outcome));
  const outcome = outcomes.has('denied') ? 'denied' : outcomes.has('unknown') ? 'unknown' : 'allowed';
  return { ...question, outcome, families };
}

/** The same, for each pair of addresses of one family; none where there is no such pair. */
export function answersTo(asked: Asked, question: Question): readonly FamilyAnswer[] {
  refuseIdle(question);
  const source = sideOf(asked.policies, question.from);
  const destination = sideOf(asked.policies, question.to);
  return source.addresses.flatMap((from) =>
    destination.addresses
      .filter((to) => to.family === from.family)
      .map((to) => familyAnswer(asked, question, senderOf(asked.world, source.endpoint, from), from, to)),
  );
}

function familyAnswer(
  { world, policies, others, ruleless }: Asked,
  asked: Question,
  sender: EndpointId | undefined,
  from: Address,
  to: Address,
): FamilyAnswer {
  const packet = packetOf({
    src: formatAddress(from),
    dst: formatAddress(to),
    proto: asked.protocol,
    ...(asked.port === undefined ? {} : { dport: asked.port }),
    ...(asked.icmpType === undefined ? {} : { icmpType: asked.icmpType }),
    ...(asked.icmpCode === undefined ? {} : { icmpCode: asked.icmpCode }),
  });
  const cluster = policies.verdict(packet);
  const { source: _, family: __, ...outgoing } = packet;
  const leaving = others && leavingBy(others, outgoing);
  const ways =
    sender === undefined
      ? waysOfStranger(world, packet, ruleless)
      : world.border.explain(sender, outgoing, leaving, ruleless);
  const border = others === undefined ? ways : ways.map((way) => amongOthers(way, others, outgoing));
  const borders = border.map((way) => way.outcome);
  const outcome =
    !cluster.allowed || borders.includes('drops') ? 'denied' : borders.includes('unknown') ? 'unknown' : 'allowed';
  const wouldChange = whatWouldChange(cluster, border);
  return { source: formatAddress(from), destination: formatAddress(to), cluster, border, outcome, wouldChange };
}

/** Who borders take for the sender: the endpoint that was named, if they know of it, else whoever they believe to have the address. */
function senderOf({ engine }: LiveWorld, named: EndpointId | undefined, address: Address): EndpointId | undefined {
  if (named !== undefined && engine.endpoints.has(named)) return named;
  return engine.party(address).holders[0]?.endpoint.id;
}
