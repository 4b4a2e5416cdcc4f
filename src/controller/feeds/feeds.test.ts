import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { borderFirewallStatus } from '../../api/status.ts';
import type { Log } from '../../base/log.ts';
import type { FeedList } from '../../firewalls/feed/feed-list.ts';
import { FeedStore } from '../../firewalls/feed/feed-store.ts';
import { Publication } from '../../firewalls/feed/publication.ts';
import { Feeds } from './feeds.ts';
import { tellLateConsumers } from './late-consumers.ts';
import { Metrics } from '../metrics.ts';
import { listsSummary } from '../status/lists-summary.ts';

const HOUR_MS = 3_600_000;
const LIST: FeedList = {
  name: 'web',
  resource: 'AddressGroup/web',
  use: 'Allow',
  addresses: { 4: ['10.0.0.1'], 6: [] },
};
const more: FeedList = { ...LIST, addresses: { 4: ['10.0.0.1'], 6: ['fd00::1'] } };
const panos = { name: 'panos', firewall: 'edge-1' };

let folder: string;
let clock: FakeClock;
let metrics: Metrics;
let feeds: Feeds;
let publication: Publication;
let holds: boolean;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-feeds-'));
  clock = new FakeClock();
  metrics = new Metrics();
  feeds = new Feeds({
    clock,
    metrics,
    consumers: [panos, { name: 'idle', firewall: 'edge-1' }, { name: 'x', firewall: 'edge-2' }],
  });
  const owner = { cluster: 'lab', firewall: 'edge-1' };
  publication = new Publication(new FeedStore(folder, owner), clock);
  holds = true;
  feeds.give('edge-1', { owner, publication, holds: () => holds });
  await publication.put(LIST);
});
afterEach(() => rmSync(folder, { recursive: true }));

const fetch = (part: 'all' | 'ipv4' = 'all', result: 'whole' | 'unchanged' = 'whole'): void =>
  feeds.fetched(panos, [{ list: 'web', part, version: publication.versionOf('web', part) ?? '' }], result);

const values = async (name: string): Promise<readonly string[]> =>
  (await metrics.text()).split('\n').filter((line) => line.startsWith(`${name}{`));

test('what a consumer has is what it was given, by part, until that changes', async () => {
  fetch();
  fetch('ipv4');
  expect(feeds.standing('edge-1')?.consumers[0]).toMatchObject({ name: 'panos', current: 2, behind: 0 });
  await publication.put(more);
  // The other family's addresses are none of those that it fetched by themselves.
  expect(feeds.standing('edge-1')?.consumers[0]).toMatchObject({ current: 1, behind: 1 });
  expect(feeds.standing('edge-1')?.fetches.map(({ part, isCurrent }) => [part, isCurrent])).toEqual([
    ['all', false],
    ['ipv4', true],
  ]);
});

test('stands in the status: bounded, the worst first, without a write for each fetch', async () => {
  feeds.source({ kind: 'frozen', reason: 'lost', sinceMs: clock.wall() }, () => true);
  fetch();
  const first = feeds.standing('edge-1');
  if (first === undefined) throw new Error('no standing');
  clock.advance(60_000);
  fetch('all', 'unchanged');
  const second = feeds.standing('edge-1');
  if (second === undefined) throw new Error('no standing');
  expect(listsSummary(second)).toEqual(listsSummary(first));
  expect(listsSummary(second)).toMatchObject({
    given: 1,
    frozenSince: expect.any(String) as string,
    consumers: [
      { name: 'panos', late: false, current: 1, behind: 0 },
      { name: 'idle', late: false, current: 0, behind: 0 },
    ],
    fetches: [
      { consumer: 'panos', list: 'web', current: true, version: publication.versionOf('web', 'all')?.slice(0, 12) },
    ],
  });
  const many = {
    ...second,
    consumers: Array.from({ length: 900 }, (_, at) => ({
      name: `c${at}`,
      fetchedAt: 1,
      isLate: at === 899,
      current: 0,
      behind: 0,
    })),
    fetches: Array.from({ length: 5_000 }, (_, at) => ({
      consumer: 'c',
      list: `l${at}`,
      part: 'ipv6' as const,
      version: 'f'.repeat(64),
      at: 1,
      isCurrent: at !== 4_999,
    })),
  };
  const summary = listsSummary(many);
  expect(borderFirewallStatus.safeParse({ lists: summary }).error).toBeUndefined();
  expect([summary.consumers[0]?.name, summary.fetches[0]?.list, summary.more]).toEqual([
    'c899',
    'ipv6/l4999',
    868 + 4_936,
  ]);
});

test('is told as metrics, of the lists that this copy gives out', async () => {
  fetch();
  fetch('all', 'unchanged');
  expect(await values('sallyport_feed_fetches_total')).toEqual([
    'sallyport_feed_fetches_total{firewall="edge-1",consumer="panos",result="whole"} 1',
    'sallyport_feed_fetches_total{firewall="edge-1",consumer="panos",result="unchanged"} 1',
  ]);
  expect(await values('sallyport_feed_fetched_timestamp_seconds')).toEqual([
    `sallyport_feed_fetched_timestamp_seconds{firewall="edge-1",consumer="panos"} ${clock.wall() / 1_000}`,
  ]);
  await publication.put(more);
  clock.advance(HOUR_MS);
  expect(await values('sallyport_feed_lists_behind')).toContain(
    'sallyport_feed_lists_behind{firewall="edge-1",consumer="panos"} 1',
  );
  expect(await values('sallyport_feed_consumer_late')).toContain(
    'sallyport_feed_consumer_late{firewall="edge-1",consumer="idle"} 1',
  );
  holds = false;
  expect(await values('sallyport_feed_consumer_late')).toEqual([]);
});

test('who is late is late by the monotonic clock, whatever becomes of the wall clock', async () => {
  const late = async (): Promise<readonly string[]> => {
    const lines = await values('sallyport_feed_consumer_late');
    return lines.filter((line) => line.endsWith(' 1')).map((line) => /consumer="(\w+)"/.exec(line)?.[1] ?? '');
  };
  clock.advance(1_000);
  fetch();
  clock.setWall(5 * HOUR_MS);
  expect(await late()).toEqual([]);
  clock.setWall(-10 * HOUR_MS);
  clock.advance(HOUR_MS - 1_000);
  expect(await late()).toEqual(['idle']);
  clock.advance(1_000);
  expect(await late()).toEqual(['panos', 'idle']);
  fetch();
  expect(await late()).toEqual(['idle']);
});

test('who fetches nothing for an hour is told once, and once when it is back', () => {
  const lines: string[] = [];
  const note = (fields: object, text: string): void => void lines.push(`${text} ${JSON.stringify(fields)}`);
  const end = tellLateConsumers(feeds, clock, { info: note, warn: note, error: note } as unknown as Log);
  for (let minute = 0; minute < 200; minute++) {
    if (minute !== 70) fetch();
    clock.advance(60_000);
  }
  end();
  expect(lines).toEqual(['a consumer has not fetched its lists for an hour {"firewall":"edge-1","consumer":"idle"}']);
});

test('a list that is not there does not exist once what is wanted was read back', () => {
  expect(feeds.isWhole('edge-1')).toBe(false);
  feeds.confirmed('edge-1');
  expect(feeds.isWhole('edge-1')).toBe(true);
  const owner = { cluster: 'lab', firewall: 'edge-1' };
  const again = new Publication(new FeedStore(folder, owner), clock);
  feeds.give('edge-1', { owner, publication: again, holds: () => true });
  expect(feeds.isWhole('edge-1')).toBe(true);
});
