import { expect, test } from 'vitest';
import type { PanOsOptions } from '../../../../simulators/panos/index.ts';
import { CommitClock } from '../../../../test/kit/commit-clock.ts';
import { ListServer } from '../../../../test/kit/list-server.ts';
import { crowd, world } from '../../../../test/kit/worlds.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { bring, stepsOf, translationOf } from '../../contract/harness.ts';
import type { ListBehind } from '../../driver.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import type { PanosTranslation } from '../firewall/driver.ts';
import { FULL, byHand, commitByHand } from '../lab.fixture.ts';
import { fetched } from '../lists/lists.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';
import {
  type Border,
  SERIALS,
  commitOn,
  connectToBorder,
  editGroup,
  pushFrom,
  startBorder,
  writesOnBorder,
} from './lab.fixture.ts';
import type { PanoramaDriver } from './driver.ts';

const signal = new AbortController().signal;
const MINUTE = 60_000;
const { keep } = closedAfterEach();

/** A device group whose firewalls fetch the list `payments`, which rules of others name. */
async function border(members: readonly string[], options: PanOsOptions = {}) {
  const clock = new CommitClock();
  const lists = keep(await ListServer.start('panos-1', 'secret'));
  const at = keep(await startBorder({ clock }, { clock, ...options }));
  for (const firewall of at.firewalls) {
    firewall.installAuthority('feed-ca', lists.authority);
    await commitByHand(firewall);
  }
  at.panorama.byHand(
    {
      type: 'config',
      action: 'set',
      xpath: "/config/shared/certificate-profile/entry[@name='feed-ca']",
      element: '<CA><entry name="feed-ca-ca"/></CA>',
    },
    'alice',
  );
  await commitOn(at.panorama);
  await pushFrom(at.panorama);
  const feeds = { ...FULL, lists: { url: lists.url, certificateProfile: 'feed-ca' } };
  const driver = keep(connectToBorder(at, feeds, { clock, write: writeAtOnce }));
  lists.give('payments', members);
  await bring(driver, fetched(members));
  await use(at);
  clock.advance(10 * MINUTE);
  await settled(at);
  return { ...at, driver, lists, clock };
}

async function settled({ firewalls }: Pick<Border, 'firewalls'>): Promise<void> {
  for (const { lists } of firewalls) await lists.settled();
}

/** Somebody writes user name and password into the list, and a rule over it, and pushes both. */
async function use(at: Border): Promise<void> {
  editGroup(at.panorama, 'set', "/external-list/entry[@name='payments']/type/ip", {
    element: '<auth><username>panos-1</username><password>secret</password></auth>',
  });
  editGroup(at.panorama, 'edit', "/pre-rulebase/security/rules/entry[@name='first']/source", {
    element: '<source><member>payments</member></source>',
  });
  await commitOn(at.panorama);
  await pushFrom(at.panorama);
}

async function behind(driver: PanoramaDriver, wish: Ruleset): Promise<readonly ListBehind[]> {
  const wanted = (await translationOf(driver, wish)) as PanosTranslation;
  return driver.behind(await driver.observe(signal), wanted);
}

const told = (lists: readonly ListBehind[]): readonly (readonly string[])[] =>
  lists.map(({ text, lacks, keeps }) => [
    /edge-\d/.exec(text)?.[0] ?? '',
    `+${[...lacks].join(' ')}`,
    `-${[...keeps].join(' ')}`,
  ]);

/** Requests about lists that Panorama handed through to each firewall: those that have it fetch, and others. */
function asked({ panorama }: Pick<Border, 'panorama'>): readonly (readonly [number, number])[] {
  return SERIALS.map((serial) => {
    const all = panorama.served.filter(
      ({ parameters: { cmd, target } }) => target === serial && cmd?.includes('<external-list>') === true,
    );
    const refreshes = all.filter(({ parameters: { cmd } }) => cmd?.includes('<refresh>') === true).length;
    return [refreshes, all.length - refreshes];
  });
}

test('a list is there when each firewall of the group shows it, and each is asked by itself', async () => {
  const at = await border(['10.0.0.1', '10.0.0.2']);
  const [, second] = at.firewalls;
  const next = fetched(['10.0.0.2', '10.0.0.3']);
  expect(await behind(at.driver, fetched(['10.0.0.1', '10.0.0.2']))).toEqual([]);
  expect(told(await behind(at.driver, next))).toEqual([
    ['edge-1', '+10.0.0.3', '-10.0.0.1'],
    ['edge-2', '+10.0.0.3', '-10.0.0.1'],
  ]);
  // One of them fetches by itself.
  at.lists.give('payments', ['10.0.0.2', '10.0.0.3']);
  second?.lists.refresh('vsys1 pushed 0/payments');
  await settled(at);
  at.clock.advance(MINUTE);
  expect(told(await behind(at.driver, next))).toEqual([['edge-1', '+10.0.0.3', '-10.0.0.1']]);
  const [writes, before] = [writesOnBorder(at), asked(at)];
  const [ask, ...more] = await stepsOf(at.driver, next);
  expect([ask?.kind, more]).toEqual(['Clean', []]);
  await at.driver.apply(ask as never, signal);
  expect(asked(at).map(([refreshes], one) => refreshes - (before[one]?.[0] ?? 0))).toEqual([1, 0]);
  expect(writesOnBorder(at)).toBe(writes);
  expect(await behind(at.driver, next)).toEqual([]);
  expect(await stepsOf(at.driver, next)).toEqual([]);
});

test('a list that was not pushed yet is behind on every firewall', async () => {
  const at = await border(['10.0.0.1']);
  const two = fetched(['10.0.0.7'], fetched(['10.0.0.1']), 'tills');
  expect(told(await behind(at.driver, two))).toEqual([
    ['edge-1', '+10.0.0.7', '-'],
    ['edge-2', '+10.0.0.7', '-'],
  ]);
});

test('the server is cut off: what firewalls keep is told, and members go on', async () => {
  const at = await border(['10.0.0.1']);
  at.lists.fault = 'gone';
  const next = fetched([], world(crowd(4, 'bank')));
  await bring(at.driver, next);
  for (const firewall of at.firewalls) expect(firewall.dumpRegistered()).toMatch(/^10\.0\.0\.4 sp-/m);
  at.clock.advance(MINUTE);
  expect(told(await behind(at.driver, next))).toEqual([
    ['edge-1', '+', '-10.0.0.1'],
    ['edge-2', '+', '-10.0.0.1'],
  ]);
  at.lists.fault = undefined;
  at.lists.give('payments', []);
  at.clock.advance(5 * MINUTE);
  await settled(at);
  expect(await behind(at.driver, next)).toEqual([]);
});

test('a firewall with several vsys is asked nothing about lists, and nothing is believed of it', async () => {
  const at = await border(['10.0.0.1'], { model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
  const lists = await behind(at.driver, fetched(['10.0.0.1']));
  expect(lists.map(({ isUnread, isUsed }) => [isUnread, isUsed])).toEqual([
    [true, true],
    [true, true],
  ]);
  expect(lists[0]?.text).toContain('several vsys');
  expect(await stepsOf(at.driver, fetched(['10.0.0.1']))).toEqual([]);
  expect(asked(at)).toEqual([
    [0, 0],
    [0, 0],
  ]);
});

test('a new list for which one firewall alone has no room is refused; nothing else is', async () => {
  const at = await border(['10.0.0.1'], { capacity: { 'edl-ip': 4 } });
  const [, full] = at.firewalls;
  if (full === undefined) throw new Error('there is no second firewall');
  at.lists.give('theirs', ['192.0.2.1', '192.0.2.2']);
  byHand(full, 'set', "/external-list/entry[@name='theirs']", {
    element: `<type><ip><url>${at.lists.url}/theirs.txt</url><certificate-profile>feed-ca</certificate-profile><auth><username>panos-1</username><password>secret</password></auth><recurring><hourly/></recurring></ip></type>`,
  });
  await commitByHand(full);
  await settled(at);
  at.clock.advance(MINUTE);
  const two = fetched(['10.0.0.7', '10.0.0.8'], fetched(['10.0.0.1']), 'tills');
  const writes = writesOnBorder(at);
  await expect(stepsOf(at.driver, two)).rejects.toMatchObject({
    code: 'CAPACITY',
    message: expect.stringContaining('3 entries of external lists, where 2 fit (4 in all, 2 are of others)') as unknown,
  });
  expect(writesOnBorder(at)).toBe(writes);
  const more = { ...two, ...world(crowd(2, 'bank')), groups: two.groups };
  expect((await stepsOf(at.driver, more)).length).toBeGreaterThan(0);
});
