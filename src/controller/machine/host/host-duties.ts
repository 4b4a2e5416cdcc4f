import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import type { Log } from '../../../base/log.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import { type InterfaceAddresses, interfaceAddresses } from '../../../machine/interface-addresses.ts';
import type { MachineInput } from '../../../machine/ruleset.ts';
import type { DutyEvent } from '../reports/duty-events.ts';
import { ToldOnce } from '../told-once.ts';
import { keepAddresses } from './link-addresses.ts';
import { keepSshKeys } from './ssh-keys.ts';
import { keepSysctls } from './sysctls.ts';

export interface HostDutiesOptions {
  /** What the rules in force were made from; `undefined`: none of the sources' are in force. */
  readonly input: () => Pick<MachineInput, 'firewall' | 'networks'> | undefined;
  readonly transport: Transport;
  /** `/home/metal/.ssh/authorized_keys` */
  readonly sshKeys: string;
  /** `/` */
  readonly root: string;
  /** Events of the Firewall. */
  readonly tell: (event: DutyEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** As often as today rules are looked at (reference 3.2). */
const INTERVAL_MS = 10_000;

/**
 * Keeps what else of the machine the Firewall says: addresses of its interfaces, who comes in by SSH; and what every machine has. Never before
 * rules of the sources are in force, and nothing while the Firewall says `dryRun`. Each duty by itself: what fails is told once, in the log and as an
 * event of the Firewall, and tried again.
 */
export class HostDuties {
  readonly #options: HostDutiesOptions;
  readonly #works: ToldOnce;
  /** What began to fail in this look. */
  #failed: string[] = [];

  constructor(options: HostDutiesOptions) {
    this.#options = options;
    const { log } = options;
    this.#works = new ToldOnce({
      failed: (duty, { code, message }) => {
        log.error({ duty, code, problem: message }, 'a duty could not be done');
        this.#failed.push(`${duty}: ${message}`);
      },
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

  /** Does each duty once. Never throws. */
  async look(signal: AbortSignal): Promise<void> {
    const { input, sshKeys, root, tell } = this.#options;
    const now = input();
    if (now === undefined || now.firewall.dryRun) return;
    const { firewall, networks } = now;
    await this.#try('sysctls', () => keepSysctls(root), signal);
    for (const addresses of interfaceAddresses(firewall, networks))
      await this.#try(`addresses of ${addresses.link}`, () => this.#keepAddresses(addresses, signal), signal);
    await this.#try('SSH keys', async () => ((await keepSshKeys(sshKeys, firewall.sshKeys)) ? [sshKeys] : []), signal);
    // One event for all that began to fail together, as today (metal-stack reference, 3.3).
    const failed = this.#failed.splice(0);
    if (failed.length > 0) tell({ type: 'Warning', reason: 'Error', note: failed.join('; ') });
  }

  async #keepAddresses(wanted: InterfaceAddresses, signal: AbortSignal): Promise<readonly string[]> {
    const { added, removed } = await keepAddresses(this.#options.transport, wanted, signal);
    return [...added.map((each) => `+${each}`), ...removed.map((each) => `-${each}`)];
  }

  async #try(duty: string, work: () => Promise<readonly string[]>, signal: AbortSignal): Promise<void> {
    const changed = (await this.#works.try(duty, work, signal)) ?? [];
    if (changed.length > 0) this.#options.log.info({ duty, changed }, 'changed on this machine');
  }
}
