import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import type { Transport } from '../../../firewalls/nftables/transport.ts';
import { interfaceAddresses } from '../../../machine/interface-addresses.ts';
import type { MachineInput } from '../../../machine/ruleset.ts';
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
  readonly clock: Clock;
  readonly log: Log;
}

/** As often as today rules are looked at (reference 3.2). */
const INTERVAL_MS = 10_000;

/**
 * Keeps what else of the machine the Firewall says: addresses of its interfaces, who comes in by SSH; and what every machine has. Never before
 * rules of the sources are in force, and nothing while the Firewall says `dryRun`. Each duty by itself: what fails is told once, and tried again.
 */
export class HostDuties {
  readonly #options: HostDutiesOptions;
  readonly #failed = new Map<string, string>();

  constructor(options: HostDutiesOptions) {
    this.#options = options;
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
    const { input, transport, sshKeys, root } = this.#options;
    const now = input();
    if (now === undefined || now.firewall.dryRun) return;
    const { firewall, networks } = now;
    await this.#try('sysctls', async () => ({ changed: await keepSysctls(root) }));
    for (const addresses of interfaceAddresses(firewall, networks))
      await this.#try(`addresses of ${addresses.link}`, async () => {
        const { added, removed } = await keepAddresses(transport, addresses, signal);
        return { changed: [...added.map((each) => `+${each}`), ...removed.map((each) => `-${each}`)] };
      });
    await this.#try('SSH keys', async () => ({
      changed: (await keepSshKeys(sshKeys, firewall.sshKeys)) ? [sshKeys] : [],
    }));
  }

  async #try(duty: string, work: () => Promise<{ readonly changed: readonly string[] }>): Promise<void> {
    const { log } = this.#options;
    try {
      const { changed } = await work();
      if (changed.length > 0) log.info({ duty, changed }, 'changed on this machine');
      if (this.#failed.delete(duty)) log.info({ duty }, 'mended');
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      if (this.#failed.get(duty) !== message) log.error({ duty, code, problem: message }, 'a duty could not be done');
      this.#failed.set(duty, message);
    }
  }
}
