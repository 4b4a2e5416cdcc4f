import type { BadDaysHarness } from '../../src/firewalls/contract/bad-days-harness.ts';
import { passingOn } from '../../src/firewalls/panos/lab.fixture.ts';
import {
  connectToBorder,
  foreignOnBorder,
  membersOnBorder,
  oursOnBorder,
  startBorder,
  tamperOnBorder,
} from '../../src/firewalls/panos/panorama/lab.fixture.ts';
import { CommitClock } from './commit-clock.ts';
import { ownerOfGroup } from './panos-administrator.ts';
import { panosDays, ROOM } from './panos-days.ts';

const HOUR_MS = 3_600_000;

/** A Panorama with two firewalls and rules of somebody else, on which bad days happen: to it, or to the second firewall. */
export async function panoramaBadDays(options: object): Promise<BadDaysHarness> {
  const clock = new CommitClock();
  const border = await startBorder({ clock }, { clock, capacity: ROOM });
  const [first, ...rest] = border.firewalls;
  if (first === undefined) throw new Error('two firewalls were started');
  // A device that was just started counts up from nothing, and so would not look as if it was started again.
  clock.advance(HOUR_MS);
  const stage = { server: border.panorama, firewalls: [first, ...rest], scope: 'edge', clock } as const;
  const days = panosDays(stage, (cluster, login) => connectToBorder(border, options, { cluster, ...login }));
  return {
    ...days,
    administrator: ownerOfGroup(border.panorama, border.firewalls, clock),
    ours: () => oursOnBorder(border),
    foreign: () => foreignOnBorder(border),
    passing() {
      const each = border.firewalls.map(passingOn);
      return (packet) => each.flatMap((passes) => passes(packet) ?? []);
    },
    members: () => membersOnBorder(border, ['payments', 'blocked']),
    tamper: (variant) => tamperOnBorder(border, variant),
    async close() {
      await days.close();
      await border[Symbol.asyncDispose]();
    },
  };
}
