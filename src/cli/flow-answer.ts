import type { Evaluation } from '../border/evaluate.ts';
import type { HopExplanation, LeavingOf, WayExplanation } from '../border/explain.ts';
import type { Packet } from '../engine/packet.ts';
import type { Hop as ClusterHop, Verdict } from '../engine/verdict.ts';
import type { Passage, Passages } from '../firewalls/passage/passage.ts';
import { parseAddress } from '../ip/address.ts';
import type { ForeignRule } from '../plan/foreign.ts';
import { visible } from '../plan/print.ts';
import { wrapped } from './connection-text.ts';
import { passageLines, passageRemedies } from './passage-text.ts';

/** A question about a flow, as it was asked. */
export interface Question {
  readonly from: string;
  readonly to: string;
  readonly protocol: string | number;
  readonly port?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** What a device was found to hold beside our block. */
export interface DeviceRules {
  readonly foreign: readonly ForeignRule[];
  /** What all its rules do with a flow; absent: what rules of others do is not worked out for such devices. */
  readonly passages?: Passages | undefined;
}

/** Rules of others on devices, by name of the firewall; a firewall that is not in it could not be asked. */
export type Others = ReadonlyMap<string, DeviceRules>;

/** One border firewall on the way, with the rules of others that its packets meet there too; absent: nobody asked. */
interface Hop extends HopExplanation {
  readonly others?: readonly ForeignRule[] | null;
  readonly device?: Passage;
}

interface Way extends Omit<WayExplanation, 'hops'> {
  readonly hops: readonly Hop[];
}

/** A flow as a firewall sees it, but for its source. */
export type Outgoing = Omit<Packet, 'source' | 'family'>;

/**
 * A way with what else is on each device (`null`: it did not answer). Where rules of others can be worked out, all rules together say what
 * becomes of the flow; where they cannot, what our block drops stays dropped, and what it lets through is unknown where there are any.
 */
export function amongOthers(way: WayExplanation, others: Others, flow: Outgoing): Way {
  const hops = way.hops.map((hop) => hopAmong(hop, others, flow));
  const outcome = outcomeAmong(way, hops);
  const { leavesAs, ...rest } = way;
  const left = hops.at(-1)?.device?.leaves?.source ?? leavesAs;
  if (outcome !== 'passes' || left === undefined || hops.some(mayLeaveOtherwise)) return { ...rest, hops, outcome };
  return { ...rest, hops, outcome, leavesAs: left };
}

function outcomeAmong(way: WayExplanation, hops: readonly Hop[]): Way['outcome'] {
  let isSure = way.outcome !== 'unknown';
  for (const hop of hops) {
    const outcome = outcomeOf(hop);
    if (outcome === 'drops') return outcome;
    if (outcome === 'unknown') isSure = false;
    // What rules of others let through may leave with another source than by ours, and firewalls behind were not asked about that.
    if (mayLeaveOtherwise(hop) && hop.firewall !== way.exit) return 'unknown';
  }
  // Behind a firewall where our block drops the flow nobody was asked.
  return isSure && hops.at(-1)?.firewall === way.exit ? 'passes' : 'unknown';
}

function hopAmong(hop: HopExplanation, others: Others, flow: Outgoing): Hop {
  if (hop.evaluation?.reason === 'not-governed') return hop;
  const device = passageAt(hop, others, flow);
  return { ...hop, others: others.get(hop.firewall)?.foreign ?? null, ...(device === undefined ? {} : { device }) };
}

/** The source that a flow surely leaves a firewall with, by all translations of the device. */
export function leavingBy(others: Others, flow: Outgoing): LeavingOf {
  return (hop) => {
    const passage = hop.evaluation?.reason === 'not-governed' ? undefined : passageAt(hop, others, flow);
    return passage?.leaves?.source;
  };
}

function passageAt(hop: HopExplanation, others: Others, flow: Outgoing): Passage | undefined {
  const { evaluation, seenSource, firewall } = hop;
  const passages = others.get(firewall)?.passages;
  const source = seenSource === undefined ? undefined : parseAddress(seenSource);
  if (passages === undefined || evaluation === undefined || source === undefined) return undefined;
  return passages.of({ ...flow, source, family: source.family } as Packet, evaluation);
}

function outcomeOf({ evaluation, device, others }: Hop): Way['outcome'] {
  if (device !== undefined) return device.outcome;
  if (evaluation === undefined) return 'unknown';
  if (!evaluation.passes) return 'drops';
  if (evaluation.reason === 'no-rules' && others !== undefined) return 'unknown';
  return others !== undefined && (others === null || others.length > 0) ? 'unknown' : 'passes';
}

/** Whether others have a say in the source that a flow leaves with. */
function mayLeaveOtherwise({ device }: Hop): boolean {
  if (device === undefined || device.leaves !== undefined) return false;
  return device.retranslated === true || device.deciders.some(({ by }) => by !== 'ours');
}

/** The answer in one family; a question about two dual-stack pods has two. */
export interface FamilyAnswer {
  readonly source: string;
  readonly destination: string;
  readonly cluster: Verdict;
  readonly border: readonly Way[];
  /** Never better than its weakest part; `unknown` where a firewall cannot be judged. */
  readonly outcome: 'allowed' | 'denied' | 'unknown';
  /** For each place that denies the flow, what would let it pass there; empty when nothing denies it. */
  readonly wouldChange: readonly string[];
}

export interface FlowAnswer extends Question {
  readonly outcome: FamilyAnswer['outcome'];
  readonly families: readonly FamilyAnswer[];
}

/** What would let a flow pass, for each place that denies it. It names where a rule would have to stand, never that it should. */
export function whatWouldChange(cluster: Verdict, border: readonly Way[]): readonly string[] {
  const hops = [cluster.egress, cluster.ingress].filter((hop) => hop !== undefined && !hop.allowed);
  const remedies = hops.flatMap((hop) => (hop === undefined ? [] : [hopRemedy(hop)]));
  for (const { hops: firewalls } of border)
    for (const { firewall, evaluation, device } of firewalls) {
      if (device?.outcome === 'passes') continue;
      if (evaluation !== undefined && !evaluation.passes)
        remedies.push(`at ${firewall}: ${evaluationRemedy(evaluation)}`);
      if (device?.outcome === 'drops')
        remedies.push(...passageRemedies(device).map((text) => `at ${firewall}: ${text}`));
    }
  return [...new Set(remedies)];
}

function hopRemedy(hop: ClusterHop): string {
  switch (hop.reason) {
    case 'rule':
      return `in the cluster: an Allow before ${hop.policy ?? ''} rule ${hop.rule ?? 0}, for ${hop.endpoint}`;
    case 'tier-default':
      return `in the cluster: an Allow or Pass in tier ${hop.tier ?? ''}, for ${hop.endpoint}`;
    case 'profile':
    case 'no-profile-match':
      return `in the cluster: a policy that allows it, for ${hop.endpoint}`;
  }
}

function evaluationRemedy({ reason, decidedBy }: Evaluation): string {
  const policy = decidedBy?.policy ?? '';
  switch (reason) {
    case 'rule':
      return `an Allow before ${policy}${decidedBy?.rule === undefined ? '' : ` rule ${decidedBy.rule}`} (a lower order, or an earlier rule)`;
    case 'end':
      return `an Allow in ${policy.replace('/', ' ')} that selects the workload`;
    case 'translation-held':
      return `an address that ${policy} can translate to`;
    case 'unknown-source':
      return 'a pod that is known to have this address; or `unknown: Ignore`, which lets every unknown sender pass';
    case 'no-rules':
    case 'unselected':
    case 'not-governed':
    case 'not-ours':
      return 'nothing: it is not dropped here';
  }
}

const NEED_PORT: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp', 'udplite', '6', '17', '132', '136']);

/** The text of an answer in one family, every line behind `indent`. */
export function flowText(asked: Question, answer: FamilyAnswer, indent = ''): string {
  const port = asked.port === undefined ? '' : `:${asked.port}`;
  const lines: string[] = [];
  const tell = (label: string, text: string): void => {
    lines.push(...wrapped(text, indent + label, ' '.repeat(indent.length + label.length)));
  };
  tell(
    `${answer.outcome.toUpperCase()}  `,
    `${sideText(asked.from, answer.source)} -> ${sideText(asked.to, answer.destination)}${port}/${asked.protocol}`,
  );
  const { egress, ingress } = answer.cluster;
  if (egress !== undefined) tell('  cluster, leaving   ', hopText(egress));
  if (ingress !== undefined) tell('  cluster, entering  ', hopText(ingress));
  if (egress === undefined && ingress === undefined) tell('  cluster            ', 'neither side is an endpoint');
  if (answer.border.length === 0) tell('  border             ', 'no border firewall is on the way');
  for (const way of answer.border)
    for (const hop of way.hops) {
      if (hop.evaluation?.reason === 'not-governed') {
        tell(`  border ${hop.firewall}      `, 'not asked: the destination is inside the cluster');
        continue;
      }
      tell('  border ', hop.firewall);
      tell('    seen as    ', hop.seenSource ?? unseenText(hop));
      tell('    our block  ', hop.evaluation === undefined ? unjudgedText(hop) : evaluationText(hop.evaluation));
      if (hop.evaluation?.translation !== undefined) {
        const { origin, target } = hop.evaluation.translation;
        const text =
          target.kind === 'Address'
            ? `to ${target.address}`
            : target.kind === 'Exempt'
              ? 'exempt'
              : `held: ${target.reason}`;
        tell('    translated ', `${text}, by ${origin.policy}`);
      }
      for (const [label, text] of othersText(hop)) tell(label, text);
    }
  if (asked.port === undefined && NEED_PORT.has(String(asked.protocol).toLowerCase()))
    tell('  note               ', 'no port was given: no rule that names ports matches');
  for (const remedy of answer.wouldChange) tell('  would change it    ', remedy);
  return lines.join('\n');
}

function sideText(asked: string, address: string): string {
  return asked === address ? asked : `${asked} (${address})`;
}

function unseenText({ unseen }: Hop): string {
  return unseen === 'NoNodeAddress'
    ? 'unknown: the node has no such address, or is not in this world; see `nodeAddress` in the BorderFirewall'
    : 'unknown: no IP pool covers the pod; say `sees: Pod` or `sees: Node` in the BorderFirewall';
}

function unjudgedText({ unseen }: Hop): string {
  return unseen === undefined
    ? 'unknown: the BorderFirewall has mistakes; `sallyport validate` names them'
    : 'unknown, as long as the address is';
}

function othersText({ others, device, evaluation }: Hop): readonly (readonly [label: string, text: string])[] {
  if (device !== undefined) return passageLines(device);
  if (others === undefined) return [['    other rules of the device: ', 'not read here; --devices asks it']];
  const label = '    others     ';
  if (others === null) return [[label, 'unknown: the device did not answer']];
  if (others.length === 0 && evaluation?.reason === 'no-rules')
    return [[label, 'unknown: they cannot be read from here']];
  if (others.length === 0) return [[label, 'none']];
  return others.map(({ where, text, effect }) => [label, `unknown: ${effect}: ${visible(`${where}: ${text}`)}`]);
}

function hopText(hop: ClusterHop): string {
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
    case 'no-rules':
      return `${verdict}: this firewall gets no rules of ours; those of its owner decide`;
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
