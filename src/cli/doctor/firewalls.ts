import { hostname, userInfo } from 'node:os';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { compareUtf8 } from '../../base/compare.ts';
import { deadline } from '../../base/deadline.ts';
import { toSallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import { type BorderFirewall, resourceKey, type UnreadFirewall } from '../../api/resource.ts';
import type { FirewallView } from '../../border/firewall-view.ts';
import { deviceMistakes } from '../../controller/devices/device-mistakes.ts';
import { openDevice } from '../../controller/devices/devices.ts';
import { stateFolder } from '../../controller/state/state-folder.ts';
import type { ForeignRule } from '../../firewalls/driver.ts';
import { nearlyFull } from '../../firewalls/table-use.ts';
import type { Connected } from '../../kubernetes/in-cluster.ts';
import { type CommandWorld, NO_CLUSTER } from '../command-world.ts';
import { hasBeenToldOf, renewedLeases, serverTime, unfollowedText } from '../followers.ts';
import { type Check, failed, ofDiagnostic } from './checks.ts';

/** A device that answers nothing in this time is not there. */
const PATIENCE_MS = 20_000;

/** Each firewall: its mistakes, who writes to it, its device. `connected`: absent without a cluster. */
export async function checkFirewalls(
  read: CommandWorld,
  connected: Connected | undefined,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const views = [...read.world.firewalls.values()].toSorted((a, b) => compareUtf8(a.firewall.name, b.firewall.name));
  const unread = [...read.world.unread.values()].toSorted((a, b) => compareUtf8(a.name, b.name));
  const broken = unread.flatMap((firewall) => unreadChecks(read, firewall));
  if (views.length === 0 && broken.length === 0)
    return [
      {
        check: 'firewall',
        result: 'Warning',
        message: 'there is no BorderFirewall, so there is nothing to keep in step',
        fix: 'Describe yours in an object of that kind.',
      },
    ];
  const checks: Check[] = [...broken];
  for (const view of views) {
    checks.push(...mistakesOf(view, read.cluster));
    if (connected !== undefined && read.cluster !== undefined)
      checks.push(await checkWriter(connected, read.cluster, view.firewall, signal));
    checks.push(...(await checkDevice(read, view, { signal, hasLease: connected !== undefined })));
  }
  return checks;
}

/** One that cannot be read: all that is wrong with it. */
function unreadChecks({ diagnostics }: CommandWorld, firewall: UnreadFirewall): readonly Check[] {
  const key = resourceKey(firewall);
  const mistakes = [...diagnostics.filter(({ object }) => object === key), ...deviceMistakes(firewall)];
  return [
    ...mistakes.map((mistake) => ofDiagnostic('firewall', mistake, firewall.name)),
    {
      check: 'firewall',
      subject: firewall.name,
      result: 'Skipped',
      message: 'it cannot be read: nothing is planned for it, and its device, which keeps what it holds, is not asked',
    },
  ];
}

function mistakesOf({ firewall, ruleset, findings }: FirewallView, cluster = NO_CLUSTER): readonly Check[] {
  const mistakes = [
    ...deviceMistakes(firewall, cluster),
    ...findings.filter(({ severity }) => severity === 'error' || ruleset === undefined),
  ];
  return mistakes.map((mistake) => ofDiagnostic('firewall', mistake, firewall.name));
}

/** Who holds the Lease. */
async function checkWriter(
  connected: Connected,
  cluster: string,
  firewall: BorderFirewall,
  signal: AbortSignal,
): Promise<Check> {
  const { leaseHolders } = await import('../lease-holders.ts');
  const { name } = firewall;
  const about = { check: 'firewall', subject: name } as const;
  try {
    const { holders, free, only } = await leaseHolders(connected, cluster, name, signal);
    const where = only === undefined ? '' : ` (namespace ${only} alone could be looked at)`;
    const again = async () => (await leaseHolders(connected, cluster, name, signal)).holders;
    const living = await renewedLeases(holders, again, serverTime(connected.client), (ms) => pause(ms));
    const titles = holders
      .filter(({ lease }) => living.has(lease))
      .map(({ holder, lease, renewed }) => `${holder} (Lease ${lease}, renewed ${renewed || 'never'})`);
    if (titles.length > 1)
      return {
        ...about,
        result: 'Error',
        message: `two installations write to it: ${titles.join(' and ')}`,
        fix: 'Stop one of them; with another `cluster` name it would make everything a second time.',
      };
    if (titles.length === 1) return { ...about, result: 'OK', message: `kept in step by ${titles.join()}` };
    if (only !== undefined && holders.length + free.length === 0) {
      const message = `who writes to it is not known: Leases of namespace ${only} alone may be listed, and none there is its`;
      return { ...about, result: 'Skipped', message };
    }
    if (holders.length > 0 || hasBeenToldOf(firewall))
      return {
        ...about,
        result: 'Warning',
        message: `${unfollowedText([...holders, ...free])}: nobody follows it; it keeps what it holds, and its status is from before${where}`,
        fix: 'Start a controller; if one runs, its log and /standing say why it does not take the Lease.',
      };
    return { ...about, result: 'OK', message: `its Lease is free: no copy of Sallyport writes to it now${where}` };
  } catch (thrown) {
    const { message } = toSallyportError(thrown);
    return { ...about, result: 'Skipped', message: `who writes to it is not known: ${message}` };
  }
}

async function checkDevice(
  { cluster, secrets }: CommandWorld,
  { firewall, ruleset }: FirewallView,
  { signal, hasLease }: { readonly signal: AbortSignal; readonly hasLease: boolean },
): Promise<readonly Check[]> {
  const about = { check: 'firewall', subject: firewall.name } as const;
  if (
    ruleset === undefined ||
    deviceMistakes(firewall, cluster ?? NO_CLUSTER).some(({ severity }) => severity === 'error')
  )
    return [{ ...about, result: 'Skipped', message: 'its mistakes leave nothing to plan; its device is not asked' }];
  using limit = deadline(signal, PATIENCE_MS, 'DEVICE_UNREACHABLE');
  try {
    const device = openDevice(firewall, {
      log: silentLog,
      cluster: cluster ?? NO_CLUSTER,
      stateFolder: stateFolder(cluster ?? NO_CLUSTER, process.env),
      by: `user ${userInfo().username}`,
      places: { environment: process.env, secrets: secrets },
    });
    try {
      const { device: title, families, notes } = await device.driver.capabilities(limit.signal);
      const { foreign, tables } = await device.driver.observe(limit.signal);
      // Where the lock lies is known with the cluster's name alone; with a Lease none is taken.
      const keepers = hasLease || cluster === undefined ? undefined : await device.driver.keepers?.();
      const versions = families.map((family) => `IPv${family}`).join(' and ');
      return [
        {
          ...about,
          result: 'OK',
          message: `${title}${placeText(firewall)}; filters ${versions}; ${modeText(firewall)}`,
        },
        ...(keepers === undefined ? [] : [{ ...about, result: 'OK', message: keeperText(keepers) } as const]),
        ...[...notes, ...nearlyFull(tables)].map((note) => ({ ...about, result: 'Warning', message: note }) as const),
        ...foreign.map((rule) => ({ ...about, ...ofForeign(rule) })),
      ];
    } finally {
      await device.close();
    }
  } catch (thrown) {
    return [failed('firewall', thrown, firewall.name)];
  }
}

/** `local` means another machine to whoever asks from another one. */
function placeText({ address }: BorderFirewall): string {
  return /^(local$|netns:)/.test(address) ? `, at ${address} of this machine (${hostname()})` : '';
}

function keeperText(keepers: readonly string[]): string {
  if (keepers.length === 0) return 'no process of this machine writes to it now';
  return `kept in step by process ${keepers.join(', ')} of this machine`;
}

function modeText({ mode }: BorderFirewall): string {
  switch (mode) {
    case 'Observe':
      return 'mode Observe: nothing is written';
    case 'Approve':
      return 'mode Approve: changes of rules wait for a yes';
    case 'Enforce':
      return 'mode Enforce';
  }
}

function ofForeign({ where, text, effect }: ForeignRule): Pick<Check, 'result' | 'message' | 'fix'> {
  const what = {
    'before ours': 'is asked before ours: what it drops or takes elsewhere never reaches them',
    'after ours': 'is asked after ours: it may drop what they let through',
    unknown: 'may be asked before or after ours',
  }[effect];
  return {
    result: 'Warning',
    message: `a rule of somebody else, ${where}, ${what}: ${text}`,
    fix: 'Look whether it is meant; Sallyport never changes it.',
  };
}
