import { join } from 'node:path';
import process from 'node:process';
import type { DriverWord } from '../../api/border-firewall.ts';
import type { BorderFirewall, FirewallSettings } from '../../api/resource.ts';
import { systemClock } from '../../base/clock.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { SallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { DeviceCredentials } from '../../firewalls/device-credentials.ts';
import type { Driver } from '../../firewalls/driver.ts';
import { FeedDriver } from '../../firewalls/feed/feed-driver.ts';
import { FeedStore } from '../../firewalls/feed/feed-store.ts';
import { Publication } from '../../firewalls/feed/publication.ts';
import { checkFeedSettings } from '../../firewalls/feed/settings.ts';
import { FortigateDriver } from '../../firewalls/fortigate/driver.ts';
import { checkFortigateSettings, optionsOf } from '../../firewalls/fortigate/settings.ts';
import { parseHttpsAddress } from '../../firewalls/https/device-address.ts';
import { NftablesDriver } from '../../firewalls/nftables/driver.ts';
import { askHere, isHere } from '../../firewalls/nftables/reach/here.ts';
import { checkSettings } from '../../firewalls/nftables/settings.ts';
import { openPanos } from '../../firewalls/panos/connect.ts';
import { checkPanosSettings } from '../../firewalls/panos/settings.ts';
import type { WriterEpoch, WriterLock } from '../../firewalls/writer-lock.ts';
import type { Feeds } from '../feeds/feeds.ts';
import { makePrivateFolder, removePrivateFolder } from '../state/private-folder.ts';

export interface DriverSurroundings {
  readonly log: Log;
  readonly cluster: string;
  readonly stateFolder: string;
  /** Of a Lease; absent: the lock of this machine keeps others out. */
  readonly epoch: WriterEpoch | undefined;
  /** The right to write to this firewall. */
  readonly lock: WriterLock;
  /** What lets us in, by `credentialsRef`; absent: it has none. */
  readonly credentials?: DeviceCredentials | undefined;
  /** Where lists are given out; absent: nowhere by this process. */
  readonly feeds?: Feeds | undefined;
}

/** One kind of border firewall, by the word in `spec.driver`. */
export interface DriverKind {
  /** What a BorderFirewall says that this kind, or this version, cannot do; found without asking the device. */
  check(firewall: FirewallSettings): readonly Diagnostic[];
  /**
   * Whether an address means the machine of whoever works at the firewall: asks this one whether it can be worked at, and rejects with why not.
   * `undefined`: it means the same from everywhere, as it does for a kind without this.
   */
  here?(address: string): ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Whether it gets no rules and translations of ours, whatever policies say; absent: it gets them. */
  isRuleless?(firewall: FirewallSettings): boolean;
  /** Nothing is sent yet. Throws a SallyportError. */
  open(firewall: BorderFirewall, around: DriverSurroundings): { readonly driver: Driver; close(): Promise<void> };
}

/** A Lease is for all machines. The lock of this one would outlast it in a process that sleeps, and keep its successor out. */
function locksIn({ epoch, stateFolder }: DriverSurroundings): string | undefined {
  return epoch === undefined ? join(stateFolder, 'locks') : undefined;
}

const nftables: DriverKind = {
  check: checkSettings,
  here(address) {
    if (!isHere(address)) return undefined;
    return async (signal) => {
      const directory = makePrivateFolder('here');
      try {
        await askHere(address, directory, signal);
      } finally {
        removePrivateFolder(directory);
      }
    };
  },
  open(firewall, around) {
    const agentSocket = process.env['SSH_AUTH_SOCK'];
    const directory = makePrivateFolder('device');
    const lockDirectory = locksIn(around);
    const driver = new NftablesDriver({
      address: firewall.address,
      log: around.log,
      directory,
      ...(around.epoch === undefined ? {} : { epoch: around.epoch }),
      ...(lockDirectory === undefined ? {} : { lockDirectory }),
      ...(agentSocket === undefined ? {} : { agentSocket }),
    });
    return {
      driver,
      async close() {
        await driver.close();
        removePrivateFolder(directory);
      },
    };
  },
};

const feed: DriverKind = {
  check: checkFeedSettings,
  isRuleless: () => true,
  open({ name: firewall }, around) {
    const owner = { cluster: around.cluster, firewall };
    const publication = new Publication(new FeedStore(join(around.stateFolder, 'feeds', firewall), owner), systemClock);
    const givesOut = around.feeds !== undefined;
    const driver = new FeedDriver(publication, owner, { lockDirectory: locksIn(around), givesOut });
    const holds = (): boolean => around.lock.held() && driver.holds;
    const end = around.feeds?.give(firewall, { owner, publication, holds });
    return {
      driver,
      async close() {
        end?.();
        await driver.close();
      },
    };
  },
};

const fortigate: DriverKind = {
  check: checkFortigateSettings,
  isRuleless: ({ options }) => options['zones'] === undefined || options['position'] === undefined,
  open(firewall, around) {
    const { credentials, cluster } = around;
    if (credentials === undefined)
      throw new SallyportError('DEVICE_CREDENTIALS', `${firewall.name}: spec.credentialsRef names no credentials`);
    const driver = new FortigateDriver({
      url: parseHttpsAddress(firewall.address),
      tls: firewall.tls,
      credentials,
      options: optionsOf(firewall),
      adopt: firewall.adopt,
      owner: { cluster, firewall: firewall.name },
      clock: systemClock,
      lockDirectory: locksIn(around),
    });
    return { driver, close: () => driver.close() };
  },
};

const panos: DriverKind = {
  check: checkPanosSettings,
  open(firewall, around) {
    const { cluster, credentials } = around;
    const driver = openPanos(firewall, { cluster, clock: systemClock, credentials, lockDirectory: locksIn(around) });
    return { driver, close: () => driver.close() };
  },
};

/** Names of the firewalls that get no rules of ours, of those that are described. */
export function rulelessOf(firewalls: Iterable<BorderFirewall>): ReadonlySet<string> {
  return new Set(
    [...firewalls].flatMap((firewall) =>
      driverKinds.get(firewall.driver)?.isRuleless?.(firewall) === true ? [firewall.name] : [],
    ),
  );
}

/** Every kind there is. */
export const driverKinds: ReadonlyMap<string, DriverKind> = new Map(
  Object.entries({ nftables, feed, fortigate, panos } satisfies Record<DriverWord, DriverKind>),
);
