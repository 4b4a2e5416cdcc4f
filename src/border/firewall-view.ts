import type { BorderFirewall } from '../api/resource.ts';
import type { Finding } from './finding.ts';
import type { Ruleset } from './ruleset.ts';

/** What one border firewall must hold, and what keeps it from being all that was asked for. One version; it never changes. */
export interface FirewallView {
  readonly firewall: BorderFirewall;
  /** Absent: the firewall's own mistakes leave nothing to plan; its device keeps what it holds. */
  readonly ruleset?: Ruleset;
  /** Sorted. */
  readonly findings: readonly Finding[];
}
