import type { EndpointId } from '../inventory/model.ts';
import type { Family } from '../ip/address.ts';
import type { Entry } from './entry.ts';
import type { Part } from './ruleset.ts';

/** Everything that one firewall makes of a workload in one family, but its addresses. Workloads that are treated alike share one. */
export interface Profile {
  readonly family: Family;
  /** The policies that select it, in order. */
  readonly entries: readonly Entry[];
  /** Absent: no policy selects it, and such workloads are left to the device's other rules. */
  readonly part?: Part;
  /** Ranks of the policies whose rules count for a whole shared address (see `Parts.widening`). */
  readonly widening: readonly number[];
  /** Indexes of the firewall's translations that select it, in order of precedence. */
  readonly nats: readonly number[];
  /** Indexes of the firewall's AddressGroups that select it. */
  readonly groups: readonly number[];
}

/** One workload sends from one address, as one firewall sees it. One firewall may see several addresses of a workload. */
export interface Sending {
  readonly firewall: string;
  readonly endpoint: EndpointId;
  /** Canonical. */
  readonly address: string;
  /** Others may send from the address by nature; else it is the workload's own. */
  readonly blind: boolean;
  readonly profile: Profile;
}
