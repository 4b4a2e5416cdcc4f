/**
 * What the policies of a cluster do: which apply to whom, and what they say to a flow. Needs no cluster and no firewall.
 * @module sallyport/engine
 */
export { type TierList, type World, type WorldEndpoint, loadWorld, worldOf } from './world.ts';
export type { IpSet } from './ip-sets.ts';
export { Engine, type EngineChanges } from './engine.ts';
export {
  type Delta,
  type EndpointPort,
  type IndexedEndpoint,
  LabelIndex,
  type PortOfSet,
  type SetMember,
} from './label-index/label-index.ts';
export { type Flow, type Packet, packetOf, protocolNumber } from './packet.ts';
export type { Hop, Verdict } from './verdict.ts';
export {
  type AppliedPolicies,
  type AppliedTier,
  type Mention,
  endpointsMatching,
  endpointsOf,
  mentionedBy,
  mentions,
  policiesOf,
} from './queries.ts';
export { type LintFinding, lint } from './analysis/lint.ts';
export { type WorldDifference, diffWorlds } from './analysis/difference.ts';
export type { Connection, ConnectionService, NumberRange } from './analysis/connections.ts';
export type { ConnectionEnd } from './analysis/connection-ends.ts';
export type { WorkloadId } from './analysis/workload.ts';
export { type Difference, type ListAnalysis, analyse, compare } from './analysis/compare.ts';
export type { ListVerdict, ListedEntity, ListedRule, RuleList } from './analysis/rule-list.ts';
export type { EndpointId, PolicyId } from '../inventory/model.ts';
export type { Diagnostic } from '../base/diagnostic.ts';
