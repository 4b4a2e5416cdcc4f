import type { PanOsOptions } from '../../simulators/panos/index.ts';
import type { BadDaysHarness } from '../../src/firewalls/contract/bad-days-harness.ts';
import {
  connectTo,
  foreignOn,
  furnish,
  membersOn,
  oursOn,
  passingOn,
  startDevice,
  tamper,
} from '../../src/firewalls/panos/lab.fixture.ts';
import { CommitClock } from './commit-clock.ts';
import { ownerOf } from './panos-administrator.ts';
import { panosDays, ROOM } from './panos-days.ts';

const HOUR_MS = 3_600_000;

/** A firewall with PAN-OS and rules of somebody else, on which bad days happen. */
export async function panosBadDays(options: PanOsOptions, firewall: object): Promise<BadDaysHarness> {
  const clock = new CommitClock();
  const device = await startDevice({ clock, capacity: ROOM, ...options });
  // A device that was just started counts up from nothing, and so would not look as if it was started again.
  clock.advance(HOUR_MS);
  await furnish(device);
  const days = panosDays({ server: device, firewalls: [device], scope: 'vsys1', clock }, (cluster, login) =>
    connectTo(device, firewall, cluster, login),
  );
  return {
    ...days,
    administrator: ownerOf(device, clock),
    ours: () => oursOn(device),
    foreign: () => foreignOn(device),
    passing: () => passingOn(device),
    members: () => membersOn(device, ['payments', 'blocked']),
    tamper: (variant) => tamper(device, variant),
    async close() {
      await days.close();
      await device[Symbol.asyncDispose]();
    },
  };
}
