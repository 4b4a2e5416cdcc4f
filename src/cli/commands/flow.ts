import { SallyportError } from '../../base/error.ts';
import type { Evaluation } from '../../border/evaluate.ts';
import type { WayExplanation } from '../../border/explain.ts';
import type { LiveWorld } from '../../controller/live-world.ts';
import { packetOf } from '../../engine/packet.ts';
import type { Hop, Verdict } from '../../engine/verdict.ts';
import type { EndpointId } from '../../inventory/model.ts';
import { type Address, formatAddress, parseAddress } from '../../ip/address.ts';
import { type ExitCode, exit } from '../exit.ts';
import { answerLines } from '../lines.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { readWholeWorld } from '../world.ts';

interface FlowOptions extends WorldOptions, OutputOptions {
  readonly from?: string;
  readonly to?: string;
  readonly protocol: string;
  readonly port?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly stdin?: boolean;
}

interface Question {
  readonly from: string;
  readonly to: string;
  readonly protocol: string | number;
  readonly port?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** The answer in one family; a question about two dual-stack pods has two. */
interface FamilyAnswer {
  readonly source: string;
  readonly destination: string;
  readonly cluster: Verdict;
  readonly border: readonly WayExplanation[];
  /** Never better than its weakest part; `unknown` where a firewall cannot be judged. */
  readonly outcome: 'allowed' | 'denied' | 'unknown';
}

interface FlowAnswer extends Question {
  readonly outcome: FamilyAnswer['outcome'];
  readonly families: readonly FamilyAnswer[];
}

/** `sallyport flow`: whether a flow passes, in the cluster and at each border firewall on its way, and why. */
export async function flow(terminal: Terminal, options: FlowOptions): Promise<ExitCode> {
  const { from, to, stdin } = options;
  if (stdin === true ? from !== undefined || to !== undefined : from === undefined || to === undefined)
    throw usage('give --from and --to, or --stdin');
  const { world } = await readWholeWorld(terminal, options);
  if (from === undefined || to === undefined)
    return answerLines(terminal, (line) => {
      const answer = answerTo(world, readQuestion(line));
      return { data: answer, code: codeOf(answer) };
    });
  const { protocol, port, icmpType, icmpCode } = options;
  const answer = answerTo(world, question(from, to, protocol, port, icmpType, icmpCode));
  printResult(terminal, options.output, 'FlowAnswer', answer, () =>
    answer.families.map((one) => block(answer, one)).join('\n\n'),
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

function answerTo(world: LiveWorld, asked: Question): FlowAnswer {
  const source = sideOf(world, asked.from);
  const destination = sideOf(world, asked.to);
  const pairs = source.addresses.flatMap((from) =>
    destination.addresses.filter((to) => to.family === from.family).map((to) => ({ from, to })),
  );
  if (pairs.length === 0)
    throw new SallyportError('FLOW_INVALID', `${asked.from} and ${asked.to} have no address of one family`);
  const families = pairs.map(({ from, to }) =>
    familyAnswer(world, asked, source.endpoint ?? holderOf(world, from), from, to),
  );
  const outcomes = new Set(families.map(({ outcome }) => outcome));
  const outcome = outcomes.has('denied') ? 'denied' : outcomes.has('unknown') ? 'unknown' : 'allowed';
  return { ...asked, outcome, families };
}

function familyAnswer(
  world: LiveWorld,
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
  const border = sender === undefined ? [] : world.border.explain(sender, outgoing);
  const borders = border.map((way) => way.outcome);
  const outcome =
    !cluster.allowed || borders.includes('drops') ? 'denied' : borders.includes('unknown') ? 'unknown' : 'allowed';
  return { source: formatAddress(from), destination: formatAddress(to), cluster, border, outcome };
}

/** A side of a flow: a pod by name, or any address. */
function sideOf(
  world: LiveWorld,
  text: string,
): { readonly endpoint?: EndpointId; readonly addresses: readonly Address[] } {
  const address = parseAddress(text);
  if (address !== undefined) return { addresses: [address] };
  const id = text.startsWith('pod:') || text.startsWith('hep:') ? text : `pod:${text}`;
  const endpoint = world.engine.endpoints.get(id);
  if (endpoint === undefined)
    throw new SallyportError('NOT_FOUND', `"${text}" is neither an address nor a pod (namespace/name) of this world`);
  if (endpoint.hostNetwork) {
    const node = world.inventory.nodes.get(endpoint.node);
    return { endpoint: id, addresses: (node?.addresses ?? []).map((own) => own.address) };
  }
  return { endpoint: id, addresses: endpoint.addresses };
}

function holderOf(world: LiveWorld, address: Address): EndpointId | undefined {
  return world.engine.party(address).holders[0]?.endpoint.id;
}

function block(asked: Question, answer: FamilyAnswer): string {
  const port = asked.port === undefined ? '' : `:${asked.port}`;
  const lines = [
    `${answer.outcome.toUpperCase()}  ${asked.from} (${answer.source}) -> ${asked.to}${asked.to === answer.destination ? '' : ` (${answer.destination})`}${port}/${asked.protocol}`,
  ];
  const { egress, ingress } = answer.cluster;
  if (egress !== undefined) lines.push(`  cluster, leaving   ${hopText(egress)}`);
  if (ingress !== undefined) lines.push(`  cluster, entering  ${hopText(ingress)}`);
  if (egress === undefined && ingress === undefined) lines.push('  cluster            neither side is an endpoint');
  if (answer.border.length === 0) lines.push('  border             no border firewall is on the way');
  for (const way of answer.border)
    for (const hop of way.hops) {
      lines.push(`  border ${hop.firewall}`);
      lines.push(`    seen as    ${hop.seenSource ?? 'unknown: say `sees` in the BorderFirewall'}`);
      lines.push(
        `    our block  ${hop.evaluation === undefined ? 'unknown: the firewall has mistakes' : evaluationText(hop.evaluation)}`,
      );
      if (hop.evaluation?.translation !== undefined) {
        const { origin, target } = hop.evaluation.translation;
        const text =
          target.kind === 'Address'
            ? `to ${target.address}`
            : target.kind === 'Exempt'
              ? 'exempt'
              : `held: ${target.reason}`;
        lines.push(`    translated ${text}, by ${origin.policy}`);
      }
      lines.push('    other rules of the device: not read here; `sallyport plan` lists those that matter');
    }
  return lines.join('\n');
}

function hopText(hop: Hop): string {
  const verdict = hop.allowed ? 'allowed' : 'denied';
  const passes = hop.passes === undefined || hop.passes.length === 0 ? '' : `, after ${hop.passes.join(', ')}`;
  switch (hop.reason) {
    case 'rule':
      return `${verdict} by ${hop.policy ?? ''} rule ${hop.rule ?? 0} (tier ${hop.tier ?? ''})${passes}`;
    case 'tier-default':
      return `${verdict} at the end of tier ${hop.tier ?? ''}${passes}`;
    case 'profile':
      return `${verdict} by ${hop.policy ?? 'a profile'}${passes}`;
    case 'no-profile-match':
      return `${verdict}: no policy and no profile allows it${passes}`;
  }
}

function evaluationText(evaluation: Evaluation): string {
  const verdict = evaluation.passes ? 'passes' : 'dropped';
  const by = evaluation.decidedBy;
  switch (evaluation.reason) {
    case 'not-governed':
      return `${verdict}: the destination is not outside`;
    case 'not-ours':
      return `${verdict}: the sender is not known here and not inside networks`;
    case 'unknown-source':
      return `${verdict}: the sender is unknown, and networks hold its address`;
    case 'unselected':
      return `${verdict}: no policy here selects the workload`;
    case 'translation-held':
      return `${verdict}: its translation is not in place`;
    case 'rule':
      return `${verdict} by ${by?.policy ?? ''}${by?.rule === undefined ? '' : ` rule ${by.rule}`} (class ${evaluation.class ?? ''})`;
    case 'end':
      return `${verdict} at the end of ${by?.policy ?? ''} (class ${evaluation.class ?? ''})`;
  }
}
