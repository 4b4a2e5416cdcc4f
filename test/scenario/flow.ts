import { evaluate, type Evaluation } from '../../src/border/evaluate.ts';
import type { FirewallView } from '../../src/border/firewall-view.ts';
import type { Outgoing } from '../../src/border/explain.ts';
import { podEndpointId } from '../../src/inventory/endpoint-of-pod.ts';
import { formatAddress, parseAddress } from '../../src/ip/address.ts';
import { fateUnder } from '../../src/plan/fate.ts';
import type { Arrival } from './device.ts';
import type { Stage } from './stage.ts';

/** A flow that a story speaks of. */
export interface FlowQuestion {
  /** `namespace/pod`, or an address. */
  readonly from: string;
  readonly flow: Outgoing;
  /** One firewall alone; absent: every one on the way. */
  readonly at?: string;
}

/** What is said of a flow; parts that a story leaves out are not compared. */
export interface FlowAnswer {
  readonly verdict: string;
  /** Source address after the last firewall. */
  readonly from?: string;
  /** The rule, end or reason that decides, as the wanted rules tell. */
  readonly by?: string;
}

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['TCP', 6],
  ['UDP', 17],
  ['SCTP', 132],
]);

/** `FROM`, `->`, `ADDRESS:PORT/TCP` (or `ADDRESS/ICMP` for an echo request), and maybe `at FIREWALL`; gives the words after it as well. */
export function readQuestion(words: readonly string[]): { question: FlowQuestion; rest: readonly string[] } {
  const [from = '', arrow, target = '', ...more] = words;
  const found = /^\[?([0-9a-fA-F.:]+?)\]?(?::(\d+))?\/(\w+)$/.exec(target);
  const destination = parseAddress(found?.[1] ?? '');
  if (arrow !== '->' || found === null || destination === undefined)
    throw new Error(`"${words.join(' ')}" is no flow like "shop/web-1 -> 203.0.113.10:443/TCP"`);
  const isEcho = found[3] === 'ICMP';
  const protocol = isEcho ? (destination.family === 4 ? 1 : 58) : PROTOCOLS.get(found[3] ?? '');
  if (protocol === undefined || (found[2] === undefined) !== isEcho) throw new Error(`${target} is no service`);
  const details = isEcho
    ? { icmpType: destination.family === 4 ? 8 : 128, icmpCode: 0 }
    : { sourcePort: 40_000, destinationPort: Number(found[2]) };
  const [at, firewall, ...afterAt] = more;
  const isAt = at === 'at' && firewall !== undefined;
  return {
    question: { from, flow: { destination, protocol, ...details }, ...(isAt ? { at: firewall } : {}) },
    rest: isAt ? afterAt : more,
  };
}

/** `passes`, `passes from ADDRESS`, `dropped by RULE`, `meets no firewall`. */
export function readAnswer(words: readonly string[]): FlowAnswer {
  const text = words.join(' ');
  const found = /^(passes|dropped|meets no firewall)(?: from (\S+))?(?: by (.+))?$/.exec(text);
  if (found === null) throw new Error(`"${text}" says nothing of a flow`);
  const [, verdict = '', from, by] = found;
  return { verdict, ...(from === undefined ? {} : { from }), ...(by === undefined ? {} : { by }) };
}

/** What becomes of a flow, by what the devices said when they were read just now; the reason is that of the wanted rules. */
export async function answer(stage: Stage, question: FlowQuestion): Promise<FlowAnswer> {
  const ways = waysOf(stage, question);
  const answers: FlowAnswer[] = [];
  for (const way of ways) answers.push(await follow(stage, question, way));
  const [first = { verdict: 'meets no firewall' }, ...others] = answers;
  const different = others.find(({ verdict, from }) => verdict !== first.verdict || from !== first.from);
  if (different === undefined) return first;
  return { verdict: `${textOf(first)} by one exit and ${textOf(different)} by another` };
}

export function textOf({ verdict, from, by }: FlowAnswer): string {
  return [verdict, ...(from === undefined ? [] : [`from ${from}`]), ...(by === undefined ? [] : [`by ${by}`])].join(
    ' ',
  );
}

/** The source at the first firewall, and the firewalls. */
interface Way {
  readonly source: string;
  readonly firewalls: readonly string[];
}

function waysOf(stage: Stage, question: FlowQuestion): readonly Way[] {
  const { world } = stage.controller;
  const { from, at } = question;
  if (parseAddress(from) !== undefined) {
    const firewalls = at === undefined ? [...world.firewalls.keys()] : [at];
    if (firewalls.length !== 1) throw new Error('of an address one has to say at which firewall');
    return [{ source: from, firewalls }];
  }
  const [namespace = '', name = ''] = from.split('/');
  const ways = world.border.explain(podEndpointId(namespace, name), question.flow).map(({ hops }): Way => {
    const [first] = hops;
    if (first?.seenSource === undefined) throw new Error(`nobody can tell which address ${first?.firewall} sees`);
    return { source: first.seenSource, firewalls: hops.map(({ firewall }) => firewall) };
  });
  if (at === undefined) return ways;
  return ways.flatMap(({ source, firewalls }) => (firewalls[0] === at ? [{ source, firewalls: [at] }] : []));
}

async function follow(stage: Stage, question: FlowQuestion, way: Way): Promise<FlowAnswer> {
  let { source } = way;
  let by: string | undefined;
  const { destination } = question.flow;
  const packet = { ...question.flow, family: destination.family, source, destination: formatAddress(destination) };
  const arrival = await stage.devices.send?.(packet);
  for (const name of way.firewalls) {
    const behaviour = await stage.devices.behaviour(stage.firewall(name));
    const fate = fateUnder(behaviour, { ...packet, source });
    const wanted = evaluationOf(stage.controller.world.firewalls.get(name), question.flow, source);
    by = wanted === undefined ? undefined : reasonOf(wanted, fate.passes);
    if (!fate.passes) return compared({ verdict: 'dropped', ...(by === undefined ? {} : { by }) }, arrival);
    source = fate.from ?? source;
  }
  return compared({ verdict: 'passes', from: source, ...(by === undefined ? {} : { by }) }, arrival);
}

/** A packet that was sent has the last word. */
function compared(computed: FlowAnswer, arrival: Arrival | undefined): FlowAnswer {
  if (arrival === undefined) return computed;
  const verdict = arrival.passes ? 'passes' : 'dropped';
  const from = arrival.from ?? computed.from;
  if (verdict === computed.verdict && from === computed.from) return computed;
  return { verdict: `by what was read, ${textOf(computed)}; by a packet, ${verdict} from ${from ?? 'nowhere'}` };
}

function evaluationOf(view: FirewallView | undefined, flow: Outgoing, from: string): Evaluation | undefined {
  const source = parseAddress(from);
  if (view?.ruleset === undefined || source === undefined) return undefined;
  return evaluate(view.ruleset, { ...flow, family: source.family, source });
}

function reasonOf({ passes, reason, decidedBy }: Evaluation, really: boolean): string {
  if (passes !== really) return 'what the device holds, not what is wanted';
  if (decidedBy === undefined) return reason;
  if (reason === 'translation-held') return `${decidedBy.policy}, held`;
  return decidedBy.rule === undefined ? `the end of ${decidedBy.policy}` : `${decidedBy.policy} rule ${decidedBy.rule}`;
}
