import type { RecordPlace } from '../../firewalls/worker/confirmed-keeper.ts';
import type { Driver } from '../../firewalls/driver.ts';
import type { MemoryPlace } from '../../firewalls/guard/guard-memory.ts';
import type { WriterLock } from '../../firewalls/writer-lock.ts';
import type { AuditTrail } from '../../insight/audit/trail.ts';
import type { AuditedDriver } from './audited-driver.ts';

/** A device opened for writing: its driver, and the right to write. */
export interface OpenDevice {
  readonly driver: Driver & Partial<Pick<AuditedDriver, 'under'>>;
  readonly lock: WriterLock;
  /** What is written there is recorded; absent: nowhere. */
  readonly trail?: AuditTrail;
  /** What its guard must not forget; absent: it forgets with the process. */
  readonly memory?: MemoryPlace;
  /** Where what is confirmed there is kept; absent: nowhere. */
  readonly record?: RecordPlace;
  close(): Promise<void>;
}
