import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import type { Log } from '../../../base/log.ts';
import { formatAddress } from '../../../ip/address.ts';
import { primaryOf } from '../../../machine/kinds/network.ts';
import type { MachineInput } from '../../../machine/ruleset.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import { restartUnit } from '../host/units.ts';
import type { ClusterAccess } from '../sources/cluster-source.ts';
import { ToldOnce } from '../told-once.ts';
import { DroptailerAccess, type DroptailerPlaces } from './droptailer-access.ts';
import { keepExporterServices } from './exporter-services.ts';

export interface WorkloadDutiesOptions {
  /** What the rules in force were made from; `undefined`: none of the sources' are in force. */
  readonly input: () => Pick<MachineInput, 'firewall' | 'networks'> | undefined;
  /** The workload cluster; `undefined`: there is none, or it cannot be reached yet. */
  readonly home: () => ClusterAccess | undefined;
  /** Whether drops are shipped. */
  readonly shipsDrops: () => boolean;
  readonly places: DroptailerPlaces;
  /** Whether a droptailer of ours runs here, which reads again by itself what it needs; today's has to be restarted. */
  readonly readsAgain: () => boolean;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
}

const INTERVAL_MS = 10_000;
const DROPTAILER_UNIT = 'droptailer.service';
/** As often as today (reference 3.2). */
const EXPORTERS_MS = 180_000;

/**
 * Keeps what this machine and its workload cluster need of each other: where its exporters are, and how dropped packets are shipped. Never before
 * rules of the sources are in force. Each duty by itself: what fails is told once, and tried again.
 */
export class WorkloadDuties {
  readonly #options: WorkloadDutiesOptions;
  readonly #droptailer: DroptailerAccess;
  readonly #works: ToldOnce;
  /** What the droptailer that runs here has not read yet. */
  #isRestartDue = false;
  #exporters: { readonly of: string; readonly access: ClusterAccess; readonly at: number } | undefined;

  constructor(options: WorkloadDutiesOptions) {
    this.#options = options;
    this.#droptailer = new DroptailerAccess(options.places, options.clock);
    const { log } = options;
    this.#works = new ToldOnce({
      failed: (duty, { code, message }) => log.error({ duty, code, problem: message }, 'a duty could not be done'),
      mended: (duty) => log.info({ duty }, 'mended'),
    });
  }

  /** How often each duty was looked after. */
  get counts(): ToldOnce['counts'] {
    return this.#works.counts;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look(signal);
      await elapsed(this.#options.clock, INTERVAL_MS, signal);
    }
  }

  /** Does each duty once that is due. Never throws. */
  async look(signal: AbortSignal): Promise<void> {
    const { input, home, shipsDrops } = this.#options;
    const now = input();
    const access = home();
    if (now === undefined || now.firewall.dryRun || access === undefined) return;
    await this.#try('exporter services', () => this.#keepExporters(now, access, signal), signal);
    if (shipsDrops()) await this.#keepDroptailer(access, signal);
  }

  async #keepDroptailer(access: ClusterAccess, signal: AbortSignal): Promise<void> {
    const host = await this.#try('droptailer host', () => this.#droptailer.keepHost(access, signal), signal);
    const certificates = await this.#try(
      'droptailer certificates',
      () => this.#droptailer.keepCertificates(access, signal),
      signal,
    );
    this.#isRestartDue ||= host || certificates;
    if (this.#isRestartDue) await this.#try('droptailer restart', () => this.#restartDroptailer(signal), signal);
  }

  async #restartDroptailer(signal: AbortSignal): Promise<readonly string[]> {
    const { readsAgain, transport } = this.#options;
    const restarted = readsAgain() ? [] : [DROPTAILER_UNIT];
    for (const unit of restarted) await restartUnit(transport, unit, signal);
    this.#isRestartDue = false;
    return restarted;
  }

  async #keepExporters(
    { networks }: Pick<MachineInput, 'networks'>,
    access: ClusterAccess,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const address = primaryOf(networks)?.addresses[0];
    if (address === undefined) return [];
    const of = formatAddress(address);
    const at = this.#options.clock.monotonic();
    const last = this.#exporters;
    if (last?.of === of && last.access === access && at - last.at < EXPORTERS_MS) return [];
    await keepExporterServices(access, address, signal);
    this.#exporters = { of, access, at };
    return last?.of === of ? [] : [of];
  }

  /** Whether it changed anything. */
  async #try(duty: string, work: () => Promise<readonly string[]>, signal: AbortSignal): Promise<boolean> {
    const changed = (await this.#works.try(duty, work, signal)) ?? [];
    if (changed.length > 0) this.#options.log.info({ duty, changed }, 'changed for the workload cluster');
    return changed.length > 0;
  }
}
