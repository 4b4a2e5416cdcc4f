import { SallyportError } from '../../base/error.ts';
import type { LiveWorld } from '../../controller/live-world.ts';
import { packetOf, protocolNumber } from '../../engine/packet.ts';
import type { EndpointId } from '../../inventory/model.ts';
import { type Address, formatAddress } from '../../ip/address.ts';
import { type ExitCode, exit } from '../exit.ts';
import { onDevices, viewsOf } from '../firewalls.ts';
import {
  amongOthers,
  type FamilyAnswer,
  type FlowAnswer,
  flowText,
  type Others,
  type Question,
  whatWouldChange,
} from '../flow-answer.ts';
import { sideOf, waysOfStranger } from '../flow-sides.ts';
import { answerLines, refuseTwoReaders } from '../lines.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { type CommandWorld, readWholeWorld } from '../world.ts';

interface FlowOptions extends WorldOptions, OutputOptions {
  readonly from?: string;
  readonly to?: string;
  readonly protocol: string;
  readonly port?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly stdin?: boolean;
  readonly devices?: boolean;
}

/** A world, and the rules of others on its devices where they were asked for: by name of the firewall. */
interface Asked {
  readonly world: LiveWorld;
  readonly others: Others | undefined;
}

/** TCP, UDP, SCTP, UDPLite. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132, 136]);
/** ICMP, ICMPv6. */
const WITH_TYPES: ReadonlySet<number> = new Set([1, 58]);

/** `sallyport flow`: whether a flow passes, in the cluster and at each border firewall on its way, and why. */
export async function flow(terminal: Terminal, options: FlowOptions): Promise<ExitCode> {
  const { from, to, stdin } = options;
  if (stdin === true ? from !== undefined || to !== undefined : from === undefined || to === undefined)
    throw usage('give --from and --to, or --stdin');
  refuseTwoReaders(options);
  const read = await readWholeWorld(terminal, options);
  const others = options.devices === true ? await othersOnDevices(terminal, read) : undefined;
  const asked: Asked = { world: read.world, others };
  if (from === undefined || to === undefined)
    return answerLines(terminal, (line) => {
      const answer = answerTo(asked, readQuestion(line));
      return { data: answer, code: codeOf(answer) };
    });
  const { protocol, port, icmpType, icmpCode } = options;
  const answer = answerTo(asked, question(from, to, protocol, port, icmpType, icmpCode));
  printResult(terminal, options.output, 'FlowAnswer', answer, () =>
    answer.families.map((one) => flowText(answer, one)).join('\n\n'),
  );
  return codeOf(answer);
}

function codeOf({ outcome }: FlowAnswer): ExitCode {
  return outcome === 'allowed' ? exit.done : outcome === 'denied' ? exit.pending : exit.wrong;
}

function question(
  from: string,
  to: string,
  protocol: string | number,
  port: number | undefined,
  icmpType: number | undefined,
  icmpCode: number | undefined,
): Question {
  return {
    from,
    to,
    protocol,
    ...(port === undefined ? {} : { port }),
    ...(icmpType === undefined ? {} : { icmpType }),
    ...(icmpCode === undefined ? {} : { icmpCode }),
  };
}

function readQuestion(line: Readonly<Record<string, unknown>>): Question {
  const { from, to, protocol = 'TCP', port, icmpType, icmpCode } = line;
  const number = (value: unknown, name: string): number | undefined => {
    if (value === undefined || typeof value === 'number') return value;
    throw usage(`"${name}" is a number`);
  };
  if (typeof from !== 'string' || typeof to !== 'string')
    throw usage('a line has "from" and "to", each a pod or an address');
  if (typeof protocol !== 'string' && typeof protocol !== 'number') throw usage('"protocol" is a name or a number');
  return question(from, to, protocol, number(port, 'port'), number(icmpType, 'icmpType'), number(icmpCode, 'icmpCode'));
}

/** The chains of others on each device; a device that does not answer is told, and nothing is known of it. */
async function othersOnDevices(terminal: Terminal, read: CommandWorld): Promise<Others> {
  const signal = new AbortController().signal;
  const { results } = await onDevices(
    terminal,
    read,
    viewsOf(terminal, read, undefined),
    async ({ name, device }) => [name, (await device.driver.observe(signal)).foreign] as const,
    'tell',
  );
  return new Map(results);
}

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

function answerTo({ world, others }: Asked, asked: Question): FlowAnswer {
  refuseIdle(asked);
  const source = sideOf(world, asked.from);
  const destination = sideOf(world, asked.to);
  const pairs = source.addresses.flatMap((from) =>
    destination.addresses.filter((to) => to.family === from.family).map((to) => ({ from, to })),
  );
  if (pairs.length === 0)
    throw new SallyportError('FLOW_INVALID', `${asked.from} and ${asked.to} have no address of one family`);
  const families = pairs.map(({ from, to }) =>
    familyAnswer({ world, others }, asked, source.endpoint ?? holderOf(world, from), from, to),
  );
  const outcomes = new Set(families.map(({ outcome }) => outcome));
  const outcome = outcomes.has('denied') ? 'denied' : outcomes.has('unknown') ? 'unknown' : 'allowed';
  return { ...asked, outcome, families };
}

function familyAnswer(
  { world, others }: Asked,
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
  const cluster = world.engine.verdict(packet);
  const { source: _, family: __, ...outgoing } = packet;
  const ways = sender === undefined ? waysOfStranger(world, packet) : world.border.explain(sender, outgoing);
  const border = others === undefined ? ways : ways.map((way) => amongOthers(way, others));
  const borders = border.map((way) => way.outcome);
  const outcome =
    !cluster.allowed || borders.includes('drops') ? 'denied' : borders.includes('unknown') ? 'unknown' : 'allowed';
  const wouldChange = whatWouldChange(cluster, border);
  return { source: formatAddress(from), destination: formatAddress(to), cluster, border, outcome, wouldChange };
}

function holderOf(world: LiveWorld, address: Address): EndpointId | undefined {
  return world.engine.party(address).holders[0]?.endpoint.id;
}
