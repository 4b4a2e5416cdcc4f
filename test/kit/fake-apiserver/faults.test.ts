import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../fake-clock.ts';
import { FakeApiServer, type Given } from './server.ts';
import { type Answer, Watching, ask } from './test-client.ts';

const pod = (name: string): Given => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop' } });
const LIST = { verb: 'list', resource: 'pods' } as const;
const WATCH = { verb: 'watch', resource: 'pods' } as const;

let api: FakeApiServer;
let clock: FakeClock;
let open: Watching[] = [];
const list = (): Promise<Answer> => ask(`${api.url}/api/v1/pods`);
const names = ({ body }: Answer): readonly unknown[] | undefined =>
  body.items?.map(({ metadata }) => metadata?.['name']);

async function watch(query = ''): Promise<Watching> {
  const watching = await Watching.open(`${api.url}/api/v1/pods?watch=true${query}`);
  watching.ended.catch(() => {});
  open.push(watching);
  return watching;
}

beforeEach(async () => {
  clock = new FakeClock();
  api = await FakeApiServer.start({ clock, bookmarkMs: 1_000 });
  for (const name of ['a', 'b', 'c']) api.put(pod(name));
});
afterEach(async () => {
  for (const one of open) one.close();
  open = [];
  await api.stop();
});

describe('which requests', () => {
  test('faults queue up, each for one matching request, and are logged', async () => {
    api.faults.next({ fault: 'status', status: 500 }, LIST);
    api.faults.next({ fault: 'status', status: 503 }, (call) => call.verb === 'list');
    expect((await ask(`${api.url}/api/v1/nodes/n`)).status).toBe(404);
    expect([(await list()).status, (await list()).status, (await list()).status]).toEqual([500, 503, 200]);
    expect(api.faults.left).toBe(0);
    expect(api.requests.map(({ verb, status, faults }) => [verb, status, faults.length])).toEqual([
      ['get', 404, 0],
      ['list', 500, 1],
      ['list', 503, 1],
      ['list', 200, 0],
    ]);
  });

  test('after some that go well, so many, or always until it is undone', async () => {
    api.faults.times(2, { fault: 'status', status: 502 }, LIST, 1);
    const statuses = async (count: number): Promise<readonly number[]> => {
      const seen: number[] = [];
      for (let i = 0; i < count; i++) seen.push((await list()).status);
      return seen;
    };
    expect(await statuses(4)).toEqual([200, 502, 502, 200]);
    const undo = api.faults.always({ fault: 'status', status: 504 });
    expect(await statuses(2)).toEqual([504, 504]);
    undo();
    expect(await statuses(1)).toEqual([200]);
  });
});

describe('answers', () => {
  test('a status has a Status, a page or nothing, and says when to come again', async () => {
    api.faults.next({ fault: 'status', status: 429, retryAfterSeconds: 7 });
    const busy = await list();
    expect([busy.headers['retry-after'], busy.body.reason, busy.body.details]).toEqual([
      '7',
      'TooManyRequests',
      { retryAfterSeconds: 7 },
    ]);
    api.faults.next({ fault: 'status', status: 502, body: 'html' });
    const proxy = await list();
    expect([proxy.headers['content-type'], proxy.text.slice(0, 6)]).toEqual(['text/html', '<html>']);
    api.faults.next({ fault: 'status', status: 503, body: 'none' });
    expect((await list()).text).toBe('');
  });

  test('connections are reset before the answer or in its middle, or end there', async () => {
    const whole = (await list()).text;
    api.faults.next({ fault: 'reset' });
    await expect(list()).rejects.toMatchObject({ code: 'ECONNRESET' });
    api.faults.next({ fault: 'reset', afterBytes: 20 });
    await expect(list()).rejects.toMatchObject({ code: 'ECONNRESET' });
    api.faults.next({ fault: 'truncate', afterBytes: 20 });
    await expect(list()).rejects.toThrow('aborted');
    api.faults.next({ fault: 'shorten', afterBytes: 20 });
    expect((await list()).text).toBe(whole.slice(0, 20));
  });

  test('an answer that never comes leaves the connection open', async () => {
    api.faults.next({ fault: 'noAnswer' });
    const asked = request(`${api.url}/api/v1/pods`);
    const answered = new Promise<string>((resolve) => {
      asked.on('response', () => resolve('answered')).on('error', () => resolve('broken'));
    });
    asked.end();
    await expect.poll(() => api.requests.length).toBe(1);
    expect(api.requests[0]?.status).toBe(0);
    await api.stop();
    expect(await answered).toBe('broken');
  });

  test('latency and slowness follow the clock', async () => {
    api.faults.next([
      { fault: 'latency', ms: 500 },
      { fault: 'slow', bytes: 100, pauseMs: 10 },
    ]);
    let done = false;
    const answer = list().finally(() => {
      done = true;
    });
    await expect.poll(() => clock.next()).toBe(500);
    clock.advance(500);
    await expect
      .poll(() => {
        if (!done) clock.advance(10);
        return done;
      })
      .toBe(true);
    expect(names(await answer)).toEqual(['a', 'b', 'c']);
    expect(clock.wall() - Date.UTC(2026, 0, 5, 12)).toBeGreaterThanOrEqual(540);
  });

  test('the type is a lie, the body begins with garbage', async () => {
    api.faults.next([
      { fault: 'contentType', contentType: 'text/plain' },
      { fault: 'insert', text: 'garbage\n' },
    ]);
    const { headers, text } = await list();
    expect([headers['content-type'], text.startsWith('garbage\n{"kind":"PodList"')]).toEqual(['text/plain', true]);
  });

  test('half a state, none, or an old one', async () => {
    api.faults.next({ fault: 'halfState' }, LIST);
    expect(names(await list())).toEqual(['a', 'c']);
    api.faults.next({ fault: 'emptyState' }, LIST);
    const empty = await list();
    expect([names(empty), empty.body.metadata]).toEqual([[], { resourceVersion: '1003' }]);
    api.faults.next({ fault: 'staleList', versions: 2 }, LIST);
    const stale = await list();
    expect([names(stale), stale.body.metadata]).toEqual([['a'], { resourceVersion: '1001' }]);
  });
});

describe('watches', () => {
  test('chunks are cut at every byte, or lumped together, and hold the same events', async () => {
    api.faults.next({ fault: 'pieces', bytes: 1 }, WATCH);
    const pieces = await watch();
    expect(await pieces.seen(3)).toEqual(['ADDED a', 'ADDED b', 'ADDED c']);
    expect(pieces.chunks.length).toBeGreaterThan(50);
    const { length } = pieces.text;
    api.faults.next({ fault: 'lumps', bytes: length + 10 }, WATCH);
    const lumps = await watch();
    api.put(pod('d'));
    expect(await lumps.seen(4)).toEqual(['ADDED a', 'ADDED b', 'ADDED c', 'ADDED d']);
    expect(lumps.chunks.length).toBe(1);
  });

  test('break in the middle of a chunk, end after a while, go silent, say nothing', async () => {
    api.faults.next({ fault: 'truncate', afterBytes: 100 }, WATCH);
    const broken = await watch();
    await expect(broken.ended).rejects.toThrow('aborted');
    expect(broken.chunks.length).toBeGreaterThan(0);
    api.faults.next({ fault: 'endAfter', ms: 1_500 }, WATCH);
    const short = await watch();
    await short.seen(3);
    clock.advance(1_500);
    await short.ended;
    api.faults.next({ fault: 'stall', afterBytes: 100 }, WATCH);
    const stalled = await watch();
    await stalled.until(() => stalled.text.length === 100);
    api.faults.next({ fault: 'noEvents' }, WATCH);
    const nothing = await watch('&allowWatchBookmarks=true');
    const good = await watch();
    api.put(pod('d'));
    clock.advance(1_000);
    await good.seen(4);
    expect([stalled.text.length, nothing.text]).toEqual([100, '']);
  });

  test('tell things twice, keep bookmarks back, or slip garbage in', async () => {
    api.faults.next([{ fault: 'duplicates' }, { fault: 'noBookmarks' }], WATCH);
    const twice = await watch(`&resourceVersion=${api.version}&allowWatchBookmarks=true`);
    api.put(pod('d'));
    clock.advance(1_000);
    api.put(pod('e'));
    expect(await twice.seen(4)).toEqual(['ADDED d', 'ADDED d', 'ADDED e', 'ADDED e']);
    api.faults.next({ fault: 'insert', text: 'no json\n', beforeChunk: 1 }, WATCH);
    const garbage = await watch();
    await garbage.until(() => garbage.text.length > 100);
    api.put(pod('f'));
    await garbage.until(() => garbage.text.includes('"name":"f"'));
    expect(garbage.text).toContain('}\nno json\n{"type":"ADDED"');
  });

  test('are too old, as event or as status', async () => {
    api.faults.next({ fault: 'expired', as: 'event' }, WATCH);
    const event = await watch('&resourceVersion=1003');
    await event.ended;
    expect(event.events).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
    api.faults.next({ fault: 'expired', as: 'status' }, WATCH);
    expect((await ask(`${api.url}/api/v1/pods?watch=true&resourceVersion=1003`)).status).toBe(410);
  });

  test('that are open can be ended, reset, stalled, and written to', async () => {
    const [ended, reset, stalled] = [await watch(), await watch(), await watch()];
    for (const one of [ended, reset, stalled]) await one.seen(3);
    const [first, second, third] = api.streams(WATCH);
    first?.insert('garbage');
    first?.end();
    await ended.ended;
    expect(ended.text.endsWith('garbage')).toBe(true);
    second?.reset();
    await expect(reset.ended).rejects.toMatchObject({ code: 'ECONNRESET' });
    third?.stall();
    api.put(pod('d'));
    const good = await watch();
    await good.seen(4);
    expect(stalled.events.length).toBe(3);
    expect(api.streams(WATCH).length).toBe(2);
  });

  test('end with the server', async () => {
    const watching = await watch();
    await watching.seen(3);
    await api.restart({ firstVersion: 10, keep: () => false });
    await expect(watching.ended).rejects.toThrow();
    const after = await list();
    expect([names(after), after.body.metadata]).toEqual([[], { resourceVersion: '10' }]);
  });
});
