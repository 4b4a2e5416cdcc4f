import type { RuleAction } from '../api/resource.ts';
import type { Place } from '../base/diagnostic.ts';
import type { TierInfo } from '../inventory/model.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Selector } from '../selector/selector.ts';
import type { RuleMatch } from './rule-match.ts';
import type { Stage } from './ruleset.ts';

/** Which workloads a rule of a repeated tier is for: the source side of an egress rule, decided for each workload. */
export interface SourceMatch {
  readonly nets?: PrefixSet;
  readonly notNets?: PrefixSet;
  readonly selector?: Selector;
  readonly notSelector?: Selector;
}

/** One rule as it counts at the border. */
export interface EntryRule {
  readonly action: RuleAction;
  /** Index in the written list. */
  readonly index: number;
  readonly match: RuleMatch;
  /** Absent: for every workload of the policy. */
  readonly source?: SourceMatch;
}

/** One policy at one firewall. */
export interface Entry {
  /** Resource key or policy id. */
  readonly id: string;
  /** Its place among all entries of the firewall. */
  readonly rank: number;
  /** Where our own kinds were read. */
  readonly place?: Place;
  readonly layer: Stage['layer'];
  /** For the layer `Tier`. */
  readonly tier?: TierInfo;
  /** Effective selector of the workloads it applies to. */
  readonly selector: Selector;
  /** The policy says `onBlind: Widen` and the firewall agrees. */
  readonly widen: boolean;
  readonly rules: readonly EntryRule[];
}
