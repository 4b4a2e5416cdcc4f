import { access, constants, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { isSea } from 'node:sea';
import { rootCertificates } from 'node:tls';
import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import { version } from '../../../base/version.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import type { FirewallSpec } from '../../../machine/kinds/firewall.ts';
import type { MachineConfiguration } from '../../configuration/machine-configuration.ts';
import type { DutyEvent } from '../reports/duty-events.ts';
import { EXPORTER, ExporterUpdate } from './exporter-update.ts';
import { Fetching } from './fetching.ts';
import { MachineUpdates, updateKey } from './machine-updates.ts';
import { UpdateRecord } from './record.ts';
import { SelfUpdate } from './self-update.ts';

/** Of a firewall machine (metal-stack reference, 1.1). */
const EXPORTER_VERSION = '/etc/metal/nftables-exporter.version';
/** The authorities that this machine trusts, on Debian. */
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface UpdatePlaces {
  /** What the configuration says now; `undefined`: programs stay as they are. */
  readonly selfUpdate: () => MachineConfiguration['firewall']['selfUpdate'];
  /** Where it is kept what became of programs. */
  readonly folder: () => string;
  readonly firewall: () => FirewallSpec | undefined;
  readonly transport: Transport;
  readonly tell: (event: DutyEvent) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file that this process was started from. */
  readonly program: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What keeps the programs of this machine as its Firewall says, while the configuration wants it. */
export async function openUpdates(
  places: UpdatePlaces,
): Promise<{ readonly updates: MachineUpdates; readonly self: SelfUpdate | undefined }> {
  const { selfUpdate, folder, firewall, transport, tell, environment, program, clock, log } = places;
  const key = updateKey(selfUpdate);
  const own = await readFile(AUTHORITIES, 'utf8').catch(() => undefined);
  const fetching = new Fetching(environment, { ca: own === undefined ? undefined : [...rootCertificates, own] });
  const record = (name: string): UpdateRecord => new UpdateRecord(() => join(folder(), name), log);
  if (!isSea() && selfUpdate() !== undefined)
    log.warn(
      { program },
      'this program was not started as one file, so it does not replace itself; the exporter is kept as the Firewall says',
    );
  const self = isSea()
    ? new SelfUpdate({
        program,
        running: '/proc/self/exe',
        version,
        record: record('update.json'),
        key,
        fetching,
        clock,
        log,
      })
    : undefined;
  const exporter = new ExporterUpdate({
    program: () => findProgram(EXPORTER, environment['PATH'] ?? SYSTEM_PATH),
    versionFile: EXPORTER_VERSION,
    record: record('exporter-update.json'),
    key,
    fetching,
    transport,
    clock,
    log,
  });
  const updates = new MachineUpdates({
    firewall: () => (selfUpdate() === undefined ? undefined : firewall()),
    self,
    exporter,
    tell: (reason, note) => tell({ reason, ...note }),
    clock,
    log,
  });
  return { updates, self };
}

/** Where a shell would find a program; `undefined`: nowhere. */
export async function findProgram(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    if (!folder.startsWith('/')) continue;
    const file = join(folder, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}
