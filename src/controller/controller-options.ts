import type { BorderFirewall, UnreadFirewall } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Log } from '../base/log.ts';
import type { EarlyDropBook } from '../insight/early-drop-book.ts';
import type { Delivery, Source } from '../sources/source.ts';
import type { Approvals } from './approvals/approvals.ts';
import type { Departures } from './departure/departures.ts';
import type { Feeds } from './feeds/feeds.ts';
import type { Metrics } from './metrics.ts';
import type { OpenDevice } from './devices/open-device.ts';
import type { Reporter } from './status/reporter.ts';
import type { Grant, Writers } from './devices/writers.ts';

/** What a controller works with. */
export interface ControllerOptions {
  /** Owner of what is created on devices. */
  readonly cluster: string;
  readonly source: Source;
  /** Throws a SallyportError where the firewall cannot be opened as it is described. */
  readonly open: (firewall: BorderFirewall, grant: Grant | undefined) => OpenDevice;
  /** Who writes to which firewall, where there are several copies; absent: this process to all. */
  readonly writers?: Writers;
  /** Who holds objects until their devices were left; absent: nobody, and only what is seen to go is left. */
  readonly departures?: Departures;
  /** What a firewall says that its device cannot be; absent: nothing is known of that. */
  readonly mistakes?: (firewall: BorderFirewall | UnreadFirewall) => readonly Diagnostic[];
  /** Whether there is a record of what was confirmed on a firewall, where no status tells; absent: there is none of any. */
  readonly isRecorded?: (firewall: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Where people leave their yes; absent: nowhere. */
  readonly approvals?: Approvals;
  readonly metrics?: Metrics;
  /** Told of what was delivered, once it was computed. */
  readonly taken?: (changes: Delivery['changes']) => void;
  /** Where early drops are kept for later questions; absent: nowhere. */
  readonly early?: Pick<EarlyDropBook, 'append'>;
  /** Where lists are given out; absent: nowhere by this process. */
  readonly lists?: Pick<Feeds, 'confirmed' | 'source' | 'standing'>;
  /** Who tells the cluster how everything stands; absent: nobody. */
  readonly reporter?: Pick<
    Reporter,
    'begin' | 'taken' | 'wrong' | 'confirmed' | 'released' | 'early' | 'changed' | 'stop'
  >;
}
