import type { Flow } from '../engine/flows/flow-set.ts';
import { formatAddress } from '../ip/address.ts';
import type { BorderRule, Class, Nat, NatTarget, Origin, Part, Ruleset, Stage } from './ruleset.ts';

/** Why a packet passes or is dropped at one firewall. */
export type Reason =
  /** The firewall gets no rules and translations of ours at all: its owner's decide. */
  | 'no-rules'
  /** The destination is not ours to judge: outside `destinations`, or inside the cluster. */
  | 'not-governed'
  /** The sender is no known address and no `networks` hold it: left to the device's other rules. */
  | 'not-ours'
  /** The sender is no known address, and `networks` hold it. */
  | 'unknown-source'
  /** Known, and no policy here selects its workload. */
  | 'unselected'
  /** A rule, or the end of a stage or part, as `decidedBy` says. */
  | 'rule'
  | 'end'
  /** The rules let it pass, but its translation is not in place. */
  | 'translation-held';

/** What one firewall does with one packet. */
export interface Evaluation {
  readonly passes: boolean;
  /** Class of the sender's address; absent where the address is not known or was not looked up. */
  readonly class?: string;
  readonly reason: Reason;
  /** Absent for the reasons that no policy causes. */
  readonly decidedBy?: Origin;
  /**
   * It passes by an Allow of a ClusterBorderPolicy or BorderPolicy, in every part: final on a device of one list of rules with `form: Full`.
   * All else that passes is not dropped here, and no more.
   */
  readonly granted?: true;
  /** The rules that were noted with `Log` on the way, in order. */
  readonly logged: readonly Origin[];
  /** The source address as this firewall sees it, canonical. */
  readonly seenSource: string;
  /** The SourceNAT that takes the flow, if any. */
  readonly translation?: { readonly origin: Origin; readonly target: NatTarget };
  /** The source address after this firewall. */
  readonly leavesAs: string;
}

interface Decision {
  readonly passes: boolean;
  readonly reason: 'rule' | 'end';
  readonly origin: Origin;
  readonly granted: boolean;
}

const TCP = 6;
const UDP = 17;
const SCTP = 132;

/**
 * The reference: what a firewall that holds exactly this ruleset does with a first packet whose source is the address the firewall sees.
 * In the plainest possible code; drivers and compilers are tested against it. Domains are names, not addresses: a rule with `domains`
 * matches a flow only where `isDomain` says so, and nowhere without it.
 */
export function evaluate(
  ruleset: Ruleset,
  flow: Flow,
  isDomain: (domain: string, flow: Flow) => boolean = () => false,
): Evaluation {
  const source = formatAddress(flow.source);
  const logged: Origin[] = [];
  const base = { seenSource: source, logged, leavesAs: source };
  if (!isGoverned(ruleset, flow)) return { ...base, passes: true, reason: 'not-governed' };

  const classId = ruleset.members.get(source);
  const ofSender = classId === undefined ? undefined : ruleset.classes.get(classId);
  if (classId === undefined || ofSender === undefined) {
    if (ruleset.networks.contains(flow.source)) return { ...base, passes: false, reason: 'unknown-source' };
    return { ...base, passes: true, reason: 'not-ours' };
  }

  const matches = (rule: BorderRule): boolean => ruleMatches(ruleset, rule, flow, isDomain);
  const decision = decideClass(ofSender, matches, logged);
  const verdict = {
    ...base,
    class: classId,
    passes: decision?.passes ?? true,
    reason: decision?.reason ?? ('unselected' as const),
    ...(decision === undefined ? {} : { decidedBy: decision.origin }),
    ...(decision?.granted === true ? { granted: true as const } : {}),
  };
  if (!verdict.passes) return verdict;

  const nat = ruleset.nats.find((candidate) => natTakes(candidate, source, flow));
  const target = nat?.sources.get(source);
  if (nat === undefined || target === undefined) return verdict;
  const translation = { origin: nat.origin, target };
  switch (target.kind) {
    case 'Address':
      return { ...verdict, translation, leavesAs: target.address };
    case 'Exempt':
      return { ...verdict, translation };
    case 'Hold': {
      const { granted: _notAnyMore, ...held } = verdict;
      return { ...held, translation, passes: false, reason: 'translation-held', decidedBy: nat.origin };
    }
  }
}

/** Whether a packet to this destination is ours to judge at this firewall (see Ruleset). */
export function isGoverned(
  ruleset: Pick<Ruleset, 'destinations' | 'inside'>,
  flow: Pick<Flow, 'destination'>,
): boolean {
  return ruleset.destinations.contains(flow.destination) && !ruleset.inside.contains(flow.destination);
}

/** `undefined`: the class has no part that could decide. */
function decideClass(of: Class, matches: (rule: BorderRule) => boolean, logged: Origin[]): Decision | undefined {
  for (const part of of.widened)
    for (const rule of part.stages.flatMap((stage) => stage.rules))
      if (rule.widen && (rule.action === 'Allow' || rule.action === 'Deny') && matches(rule))
        return decidedBy(rule, rule.action === 'Allow');
  let passed: Decision | undefined;
  for (const part of of.parts) {
    const decision = decidePart(part, matches, logged);
    if (!decision.passes) return decision;
    passed = passed === undefined ? decision : { ...passed, granted: passed.granted && decision.granted };
  }
  return passed;
}

function decidePart(part: Part, matches: (rule: BorderRule) => boolean, logged: Origin[]): Decision {
  let skipToOwn = false;
  for (const stage of part.stages) {
    if (skipToOwn && stage.layer !== 'BorderPolicy') continue;
    const outcome = decideStage(stage, matches, logged);
    if (outcome === 'Next') continue;
    if (!('skips' in outcome)) return outcome;
    // With nothing further to ask, an Allow of a tier stands.
    if (!part.stages.some((each) => each.layer === 'BorderPolicy')) return outcome.skips;
    skipToOwn = true;
  }
  return { passes: part.otherwise === 'Allow', reason: 'end', origin: part.otherwiseOrigin, granted: false };
}

function decidedBy({ action, origin }: BorderRule, granted: boolean): Decision {
  return { passes: action !== 'Deny', reason: 'rule', origin, granted };
}

function decideStage(
  stage: Stage,
  matches: (rule: BorderRule) => boolean,
  logged: Origin[],
): Decision | 'Next' | { readonly skips: Decision } {
  for (const rule of stage.rules) {
    if (!matches(rule)) continue;
    switch (rule.action) {
      case 'Log':
        logged.push(rule.origin);
        continue;
      case 'Next':
        return 'Next';
      case 'SkipToOwn':
        return { skips: decidedBy(rule, false) };
      case 'Allow':
      case 'Deny':
        // A repeated tier takes away and never gives.
        return decidedBy(rule, rule.action === 'Allow' && stage.layer !== 'Tier');
    }
  }
  return stage.end === 'Next' ? 'Next' : { passes: false, reason: 'end', origin: stage.endOrigin, granted: false };
}

function ruleMatches(
  ruleset: Ruleset,
  rule: BorderRule,
  flow: Flow,
  isDomain: (domain: string, flow: Flow) => boolean,
): boolean {
  if (rule.family !== flow.family) return false;
  if (rule.protocol !== undefined && rule.protocol !== flow.protocol) return false;
  if (rule.notProtocol !== undefined && rule.notProtocol === flow.protocol) return false;
  if (rule.icmp !== undefined && !icmpMatches(rule.icmp, flow)) return false;
  if (rule.notIcmp !== undefined && icmpMatches(rule.notIcmp, flow)) return false;
  if (rule.ports !== undefined && !portMatches(rule.ports, flow, flow.destinationPort)) return false;
  if (rule.sourcePorts !== undefined && !portMatches(rule.sourcePorts, flow, flow.sourcePort)) return false;
  const { nets, groups, notGroups, domains } = rule.outside;
  if (nets !== undefined && !nets.contains(flow.destination)) return false;
  if (!groups.every((id) => groupHas(ruleset, id, flow))) return false;
  if (notGroups.some((id) => groupHas(ruleset, id, flow))) return false;
  return domains.length === 0 || domains.some((domain) => isDomain(domain, flow));
}

function groupHas(ruleset: Ruleset, id: string, flow: Flow): boolean {
  const group = ruleset.groups.get(id);
  return group?.kind === 'Outside' && group.nets.contains(flow.destination);
}

function icmpMatches(match: { readonly type: number; readonly code?: number }, flow: Flow): boolean {
  if (flow.protocol !== (flow.family === 4 ? 1 : 58)) return false;
  return match.type === flow.icmpType && (match.code === undefined || match.code === flow.icmpCode);
}

function portMatches(ports: { contains(port: number): boolean }, flow: Flow, port: number | undefined): boolean {
  const hasPorts = flow.protocol === TCP || flow.protocol === UDP || flow.protocol === SCTP;
  return hasPorts && port !== undefined && ports.contains(port);
}

function natTakes(nat: Nat, source: string, flow: Flow): boolean {
  if (nat.family !== flow.family || !nat.sources.has(source)) return false;
  if (!nat.destination.contains(flow.destination)) return false;
  if (nat.protocol !== undefined && nat.protocol !== flow.protocol) return false;
  return nat.ports === undefined || portMatches(nat.ports, flow, flow.destinationPort);
}
