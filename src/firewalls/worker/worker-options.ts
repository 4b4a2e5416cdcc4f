import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Step } from '../../plan/step.ts';
import type { WorkerEvents } from './carrier.ts';
import type { RecordPlace } from './confirmed-keeper.ts';
import type { WorkerSettings } from './course.ts';
import type { Actual, Driver, Translation } from '../driver.ts';
import type { MemoryPlace } from '../guard/guard-memory.ts';
import type { OwnerVersions } from '../confirmed/owner-versions.ts';
import type { WriterLock } from '../writer-lock.ts';

/** What a worker needs to keep one firewall. */
export interface WorkerOptions<A extends Actual, W extends Translation, S extends Step> {
  /** Owner of what is on the device, with the firewall's name. */
  readonly cluster: string;
  readonly firewall: string;
  readonly driver: Driver<A, W, S>;
  readonly settings: WorkerSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly lock: WriterLock;
  readonly events?: WorkerEvents;
  /** Canary firewalls (`guard.after`) that have not confirmed this version yet; call `nudge` when that changes. */
  readonly canaries?: (version: number) => readonly string[];
  /** Where lies what must outlive this process; absent: nothing does. */
  readonly memory?: MemoryPlace | undefined;
  /** Where lies what is confirmed, for whoever comes after this process; absent: nowhere. */
  readonly record?: RecordPlace | undefined;
  /** Those of who has which address that all firewalls of the process are wished; absent: this one alone knows. */
  readonly ownerVersions?: OwnerVersions | undefined;
}
