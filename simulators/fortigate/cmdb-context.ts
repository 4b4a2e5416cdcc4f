import type { Accounts } from './accounts.ts';
import type { Device } from './device.ts';

/** What answers need of the device around the configuration. */
export interface CmdbContext {
  readonly device: Device;
  readonly accounts: Accounts;
  /** A commit that the power fails in: so many changes at most are made, and the device boots. */
  readonly commitAtMost: () => number | undefined;
}
