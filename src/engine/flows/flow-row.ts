import type { PrefixSet } from '../../ip/prefix-set.ts';
import type { ServiceSet } from './service-set.ts';

/** Flows of one destination set: a row of a set's normal form. */
export interface FlowRow {
  readonly destination: PrefixSet;
  readonly services: ServiceSet;
}
