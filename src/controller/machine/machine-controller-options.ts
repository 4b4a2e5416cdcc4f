import type { Clock } from '../../base/clock.ts';
import type { Parsed } from '../../base/diagnostic.ts';
import type { Log } from '../../base/log.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { NameService } from './dns/name-service.ts';
import type { Disturbances } from './disturbances.ts';
import type { FlowWatchOptions } from './flow-watch.ts';
import type { MachineConfigured } from './machine-configured.ts';
import type { PeerFiles } from './needed-peers.ts';
import type { RuleWriter } from './rule-writer.ts';
import type { SourceMemory } from './sources/memory.ts';

/** How a machine sees whether it reaches whom it needs. */
export type Reach = Pick<FlowWatchOptions, 'reaches' | 'connections'> & { readonly files: PeerFiles };

export interface MachineControllerOptions {
  readonly configuration: MachineConfigured;
  /** The file, which is read again when it changes. */
  readonly file: string;
  readonly parse: (text: string) => Parsed<Configuration>;
  readonly writer: RuleWriter;
  /** What sources said last, read already. */
  readonly memory: SourceMemory;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** How it is seen whether this machine itself reaches whom it needs; absent: that is not looked at. */
  readonly reach?: Reach;
  /** Hears what others change in the kernel; absent: it is compared by the clock alone. */
  readonly disturbances?: Disturbances;
  /** Resolves the names of policies; absent: nothing does. */
  readonly names?: NameService;
}
