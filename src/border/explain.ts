import type { Flow } from '../engine/flows/flow-set.ts';
import type { Endpoint } from '../inventory/model.ts';
import { type Address, formatAddress, parseAddress } from '../ip/address.ts';
import type { FirewallView } from './firewall-view.ts';
import type { Compilation } from './compilation.ts';
import { type Evaluation, evaluate } from './evaluate.ts';

/** A question about one workload's traffic; its source address is what the answer tells. */
export type Outgoing = Omit<Flow, 'source' | 'family'>;

/** One firewall on the way of a flow. */
export interface HopExplanation {
  readonly firewall: string;
  /** The source address as this firewall sees it, canonical; absent where nobody can tell. */
  readonly seenSource?: string;
  /** Why there is no address. */
  readonly unseen?: 'Unsaid' | 'NoNodeAddress';
  /** What its ruleset does; absent without address, or where its own mistakes leave it no ruleset. */
  readonly evaluation?: Evaluation;
}

/** One exit, and the firewalls before it. Several where firewalls have equal claims: parallel exits. */
export interface WayExplanation {
  readonly exit: string;
  /** Nearest to the pod first; ends with the firewall that drops the flow, if one does. */
  readonly hops: readonly HopExplanation[];
  /** `unknown`: some firewall on the way has no ruleset or sees no address that could be told. */
  readonly outcome: 'passes' | 'drops' | 'unknown';
  /** Source address after the last firewall; absent unless it passes. */
  readonly leavesAs?: string;
}

/** The ways of a workload's flow through the border; none where no firewall takes it. `ruleless`: those that get no rules of ours, whatever they are to hold. */
export function explain(
  compilation: Compilation,
  views: ReadonlyMap<string, FirewallView>,
  endpoint: Endpoint,
  flow: Outgoing,
  ruleless: ReadonlySet<string>,
  leaving: LeavingOf = () => undefined,
): readonly WayExplanation[] {
  return compilation
    .waysOf(endpoint, flow.destination)
    .map(({ exit, chain }) => follow(compilation, views, endpoint, flow, ruleless, exit, chain, leaving));
}

/** The source, canonical, that a flow surely leaves a firewall with, whatever ours do; `undefined`: nobody knows better than ours. */
export type LeavingOf = (hop: HopExplanation) => string | undefined;

function follow(
  compilation: Compilation,
  views: ReadonlyMap<string, FirewallView>,
  endpoint: Endpoint,
  flow: Outgoing,
  ruleless: ReadonlySet<string>,
  exit: string,
  chain: readonly string[],
  leaving: LeavingOf,
): WayExplanation {
  const hops: HopExplanation[] = [];
  let translated: Address | undefined;
  let leavesAs: string | undefined;
  let certain = true;
  for (const firewall of chain) {
    const seen = translated === undefined ? compilation.seenBy(firewall, endpoint, flow.destination) : undefined;
    if (seen !== undefined && seen.kind !== 'Address') {
      hops.push({ firewall, unseen: seen.kind });
      certain = false;
      continue;
    }
    const source = seen?.address ?? translated;
    const ruleset = views.get(firewall)?.ruleset;
    if (source === undefined) continue;
    const seenSource = formatAddress(source);
    leavesAs = seenSource;
    if (ruleset === undefined) {
      hops.push({ firewall, seenSource });
      certain = false;
      continue;
    }
    const judged = evaluate(ruleset, { ...flow, family: source.family, source });
    const evaluation =
      ruleless.has(firewall) && judged.reason !== 'not-governed'
        ? ({ passes: true, reason: 'no-rules', logged: [], seenSource, leavesAs: seenSource } as const)
        : judged;
    const hop = { firewall, seenSource, evaluation };
    hops.push(hop);
    if (!evaluation.passes) return { exit, hops, outcome: 'drops' };
    leavesAs = leaving(hop) ?? evaluation.leavesAs;
    if (leavesAs !== seenSource) translated = parseAddress(leavesAs);
  }
  if (!certain || leavesAs === undefined) return { exit, hops, outcome: 'unknown' };
  return { exit, hops, outcome: 'passes', leavesAs };
}
