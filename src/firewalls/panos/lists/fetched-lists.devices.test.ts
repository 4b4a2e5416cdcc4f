import { describe, expect, test } from 'vitest';
import { PanOs, type PanOsOptions } from '../../../../simulators/panos/index.ts';
import { CommitClock } from '../../../../test/kit/commit-clock.ts';
import { ListServer } from '../../../../test/kit/list-server.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import type { ListBehind } from '../../driver.ts';
import { bring, stepsOf, translationOf } from '../../contract/harness.ts';
import { NOBODY } from '../../feed/feed-list.ts';
import type { PanosDriver, PanosTranslation } from '../firewall/driver.ts';
import { ACCOUNT, FULL, byHand, commitByHand, furnish, writesOn } from '../lab.fixture.ts';
import { fetched as wish } from './lists.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';

const signal = new AbortController().signal;
const lab = closedAfterEach();

const MINUTE = 60_000;

/** A firewall, whoever gives out its lists, and the list `payments` that rules of others name, as it is at the beginning. */
async function border(members: readonly string[], options: PanOsOptions = {}) {
  const clock = new CommitClock();
  const lists = lab.keep(await ListServer.start('panos-1', 'secret'));
  const device = await lab.border({ clock, ...options });
  device.installAuthority('feed-ca', lists.authority);
  await commitByHand(device);
  const connect = (): PanosDriver =>
    lab.connect(device, { ...FULL, lists: { url: lists.url, certificateProfile: 'feed-ca' } }, { clock });
  const driver = connect();
  lists.give('payments', members);
  await bring(driver, wish(members));
  await use(device);
  clock.advance(10 * MINUTE);
  await device.lists.settled();
  return {
    device,
    driver,
    lists,
    connect,
    /** What is behind of a wish, as a worker would ask. */
    behind: (of: Ruleset, by = driver): Promise<readonly ListBehind[]> => behindOf(by, of),
    async later(ms: number): Promise<void> {
      clock.advance(ms);
      await device.lists.settled();
    },
    shows: (): readonly string[] => device.lists.texts('vsys1/payments') ?? [],
  };
}

async function behindOf(driver: PanosDriver, of: Ruleset): Promise<readonly ListBehind[]> {
  const wanted = (await translationOf(driver, of)) as PanosTranslation;
  return driver.behind(await driver.observe(signal), wanted);
}

/** Somebody writes user name and password into the list, and a rule over it. */
async function use(device: PanOs): Promise<void> {
  byHand(device, 'set', "/external-list/entry[@name='payments']/type/ip", {
    element: '<auth><username>panos-1</username><password>secret</password></auth>',
  });
  byHand(device, 'edit', "/rulebase/security/rules/entry[@name='first']/source", {
    element: '<source><member>payments</member></source>',
  });
  await commitByHand(device);
  await device.lists.settled();
}

const refreshes = (device: PanOs): number =>
  device.served.filter(({ parameters: { cmd } }) => cmd?.includes('<refresh>') === true).length;

describe('a list is there when the device shows it', () => {
  test.each(['member', 'entry', 'line', 'text'] as const)('whatever form its rows have: %s', async (listRows) => {
    const at = await border(['10.0.0.1'], { quirks: { listRows } });
    const many = Array.from({ length: 1200 }, (_, at) => `10.9.${at >> 8}.${at & 255}`);
    for (const members of [['10.0.0.1'], many, ['10.0.0.2', '10.0.0.3'], [], ['10.0.0.1']]) {
      at.lists.give('payments', members);
      await at.later(5_000);
      await bring(at.driver, wish(members));
      expect(await at.behind(wish(members))).toEqual([]);
      expect(at.shows().toSorted()).toEqual(members.length === 0 ? Object.values(NOBODY) : members.toSorted());
      expect(await stepsOf(at.driver, wish(members))).toEqual([]);
    }
  });

  test.each([
    ['kept', ['10.0.0.1']],
    ['taken', []],
  ] as const)('a list without a line is %s by the firewall: who is still in it is told', async (emptyLists, keeps) => {
    const at = await border(['10.0.0.1'], { quirks: { emptyLists } });
    at.lists.givesEmpty = true;
    at.lists.give('payments', []);
    await at.later(5 * MINUTE);
    const behind = await at.behind(wish([]));
    expect(behind.flatMap((one) => [...one.keeps])).toEqual(keeps);
    at.lists.givesEmpty = false;
    await at.later(5 * MINUTE);
    expect(await at.behind(wish([]))).toEqual([]);
  });

  test('and not when it was asked for, nor when it was given out', async () => {
    const at = await border(['10.0.0.1', '10.0.0.2']);
    expect(await at.behind(wish(['10.0.0.1', '10.0.0.2']))).toEqual([]);
    // The wish is here before whoever gives lists out has it.
    const next = wish(['10.0.0.2', '10.0.0.3']);
    const [behind] = await at.behind(next);
    expect(behind).toMatchObject({ list: 'payments', isUsed: true, isUnread: false });
    expect([[...(behind?.lacks ?? [])], [...(behind?.keeps ?? [])]]).toEqual([['10.0.0.3'], ['10.0.0.1']]);
    expect(behind?.text).toMatch(
      /^list payments at .*: it lacks 10\.0\.0\.3 and still has 10\.0\.0\.1\. It is fetched every five/,
    );
    const [writes, asked] = [writesOn(at.device), refreshes(at.device)];
    const [ask, ...more] = await stepsOf(at.driver, next);
    expect(more).toEqual([]);
    expect(ask).toMatchObject({ kind: 'Clean', urgent: false });
    if (ask === undefined) throw new Error('nothing is asked for');
    await at.driver.apply(ask as never, signal);
    expect(refreshes(at.device) - asked).toBe(1);
    expect(writesOn(at.device)).toBe(writes);
    expect(await at.behind(next)).toHaveLength(1);
    // Not again at once; then it helps.
    expect(await stepsOf(at.driver, next)).toEqual([]);
    at.lists.give('payments', ['10.0.0.2', '10.0.0.3']);
    expect(await at.behind(next)).toHaveLength(1);
    await at.later(10_000);
    await bring(at.driver, next);
    expect(await at.behind(next)).toEqual([]);
    expect(at.shows()).toEqual(['10.0.0.2', '10.0.0.3']);
    expect(refreshes(at.device) - asked).toBe(2);
  });

  test('and where the device fetches by itself it is found without being asked for', async () => {
    const at = await border(['10.0.0.1']);
    const asked = refreshes(at.device);
    at.lists.give('payments', ['10.0.0.4']);
    const next = wish(['10.0.0.4']);
    expect(await at.behind(next)).toHaveLength(1);
    await at.later(5 * MINUTE);
    expect(await at.behind(next)).toEqual([]);
    expect(refreshes(at.device)).toBe(asked);
  });

  test('on both of a pair: who takes over goes by what it has', async () => {
    const clock = new CommitClock();
    const lists = lab.keep(await ListServer.start('panos-1', 'secret'));
    const pair = await PanOs.startPair({ accounts: [ACCOUNT], zones: ['k8s', 'internet'], commitMs: 0, clock });
    for (const one of pair) lab.keep(one);
    const [first, second] = pair;
    await furnish(first);
    for (const one of pair) one.installAuthority('feed-ca', lists.authority);
    await commitByHand(first);
    const peer = { address: second.url, pin: second.fingerprint };
    const feeds = { url: lists.url, certificateProfile: 'feed-ca' };
    const driver = lab.connect(first, { position: { before: 'rest' }, peer, lists: feeds }, { clock });
    lists.give('payments', ['10.0.0.1']);
    await bring(driver, wish(['10.0.0.1']));
    await use(first);
    first.byHand({
      type: 'op',
      cmd: '<request><high-availability><sync-to-remote><running-config/></sync-to-remote></high-availability></request>',
    });
    await second.lists.settled();
    clock.advance(5 * MINUTE);
    for (const one of pair) await one.lists.settled();
    expect(await behindOf(driver, wish(['10.0.0.1']))).toEqual([]);
    lists.give('payments', ['10.0.0.2']);
    first.lists.refresh('vsys1/payments');
    await first.lists.settled();
    clock.advance(MINUTE);
    const behind = await behindOf(driver, wish(['10.0.0.2']));
    expect(behind.map(({ text, keeps }) => [text.includes(new URL(second.url).host), ...keeps])).toEqual([
      [true, '10.0.0.1'],
    ]);
    await bring(driver, wish(['10.0.0.2']));
    expect(await behindOf(driver, wish(['10.0.0.2']))).toEqual([]);
  });

  test('and where the firewall has several vsys nothing is asked, and nothing is believed', async () => {
    const at = await border(['10.0.0.1'], { model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
    const [behind] = await at.behind(wish(['10.0.0.1']));
    expect(behind).toMatchObject({ isUnread: true, isUsed: true });
    expect([...(behind?.lacks ?? [])]).toEqual(['10.0.0.1']);
    expect(behind?.text).toContain('several vsys');
    expect(await stepsOf(at.driver, wish(['10.0.0.1']))).toEqual([]);
    expect(refreshes(at.device)).toBe(0);
  });
});

describe('bad days of lists', () => {
  test('the server is cut off: the old content stays, over a restart too; it is told, and members go on', async () => {
    const at = await border(['10.0.0.1']);
    const [before, after] = [
      wish([], world(crowd(3, 'bank'))),
      wish([], world(crowd(4, 'bank'), [allowing('bank', '203.0.113.0/24', 443)])),
    ];
    at.lists.fault = 'gone';
    await bring(at.driver, before);
    const told = async (): Promise<readonly string[]> => [...((await at.behind(before))[0]?.keeps ?? [])];
    expect(await told()).toEqual(['10.0.0.1']);
    at.device.reboot();
    await at.device.lists.settled();
    await bring(at.driver, before);
    expect(await told()).toEqual(['10.0.0.1']);
    expect(at.shows()).toEqual(['10.0.0.1']);
    // Other members change all the same.
    await bring(at.driver, after);
    expect(await stepsOf(at.driver, after)).toEqual([]);
    // It is asked for ever more seldom, not at each look.
    const asked = refreshes(at.device);
    for (let look = 0; look < 20; look++) {
      await at.later(MINUTE);
      for (const step of await stepsOf(at.driver, after)) await at.driver.apply(step as never, signal);
    }
    expect(refreshes(at.device) - asked).toBeLessThan(12);
    expect(refreshes(at.device) - asked).toBeGreaterThan(4);
    at.lists.fault = undefined;
    at.lists.give('payments', []);
    await at.later(5 * MINUTE);
    expect(await at.behind(after)).toEqual([]);
    expect(at.shows()).toEqual(Object.values(NOBODY));
  });

  test.each([true, false])(
    'the password is revoked: who left stays told as long as it is shown (%s), and comes in order again',
    async (showsRefusedLists) => {
      const at = await border(['10.0.0.1', '10.0.0.2'], { quirks: { showsRefusedLists } });
      at.lists.fault = 'refuses';
      at.lists.give('payments', ['10.0.0.2']);
      const next = wish(['10.0.0.2']);
      await at.later(5 * MINUTE);
      await bring(at.driver, next);
      // No rule goes by it.
      expect(at.shows()).toEqual([]);
      const [behind] = await at.behind(next);
      expect([...(behind?.keeps ?? [])]).toEqual(showsRefusedLists ? ['10.0.0.1'] : []);
      expect([...(behind?.lacks ?? [])]).toEqual(showsRefusedLists ? [] : ['10.0.0.2']);
      at.lists.fault = undefined;
      await at.later(5 * MINUTE);
      expect(await at.behind(next)).toEqual([]);
      expect(at.shows()).toEqual(['10.0.0.2']);
    },
  );

  test('a list over the limit: who does not fit is told, and a new list is refused before anything is sent', async () => {
    const at = await border(['10.0.0.1', '10.0.0.2'], { capacity: { 'edl-ip': 3 } });
    const many = wish(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']);
    at.lists.give('payments', ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']);
    await at.later(5 * MINUTE);
    const [behind] = await at.behind(many);
    expect([...(behind?.lacks ?? [])]).toEqual(['10.0.0.4']);
    expect(behind?.text).toContain('all lists there have 3 of 3 entries, and what is beyond is skipped');
    expect((await at.driver.observe(signal)).tables).toContainEqual({
      table: 'entries of external lists',
      used: 3,
      most: 3,
    });
    const two = wish(['10.0.0.9'], wish(['10.0.0.1', '10.0.0.2', '10.0.0.3']), 'tills');
    at.lists.give('payments', ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    await at.later(5 * MINUTE);
    const writes = writesOn(at.device);
    await expect(stepsOf(at.driver, two)).rejects.toMatchObject({
      code: 'CAPACITY',
      message: expect.stringContaining(
        'PAN-OS would need 4 entries of external lists, where 3 fit (3 in all, 0 are of others)',
      ) as unknown,
    });
    expect(writesOn(at.device)).toBe(writes);
  });

  test('more lists than it has room for, those of others counted', async () => {
    const at = await border(['10.0.0.1'], { capacity: { 'max-edl-objs': 2 } });
    byHand(at.device, 'set', "/external-list/entry[@name='theirs']", {
      element: '<type><ip><url>https://theirs.example/x</url><recurring><hourly/></recurring></ip></type>',
    });
    await commitByHand(at.device);
    const two = wish(['10.0.0.9'], wish(['10.0.0.1']), 'tills');
    await expect(stepsOf(at.driver, two)).rejects.toMatchObject({
      code: 'CAPACITY',
      message: expect.stringContaining('2 external lists, where 1 fit (2 in all, 1 are of others)') as unknown,
    });
    // What else is wanted goes ahead before.
    const more = { ...two, ...world(crowd(2, 'bank')), groups: two.groups };
    expect((await stepsOf(at.driver, more)).length).toBeGreaterThan(0);
  });
});
