import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../fake-clock.ts';
import { FakeApiServer, type Given } from './server.ts';
import { Watching, ask } from './test-client.ts';

const pod = (name: string, labels: Record<string, string> = {}, namespace = 'shop'): Given => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels },
});

let api: FakeApiServer;
let clock: FakeClock;
let open: Watching[] = [];

async function watch(query = '', headers: Record<string, string> = {}): Promise<Watching> {
  const watching = await Watching.open(`${api.url}/api/v1/pods?watch=true${query}`, headers);
  watching.ended.catch(() => {});
  open.push(watching);
  return watching;
}

beforeEach(async () => {
  clock = new FakeClock();
  api = await FakeApiServer.start({ clock, historySize: 5, bookmarkMs: 1_000 });
});
afterEach(async () => {
  for (const one of open) one.close();
  open = [];
  await api.stop();
});

test('without a version a watch begins with what there is', async () => {
  api.put(pod('a'));
  const watching = await watch();
  expect(await watching.seen(1)).toEqual(['ADDED a']);
  api.put(pod('a', { tier: 'web' }));
  api.delete(pod('a'));
  expect(await watching.seen(3)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
  const versions = watching.events.map(({ object }) => Number(object.metadata?.['resourceVersion']));
  expect(versions).toEqual([1_001, 1_002, 1_003]);
});

test('from a version a watch tells what came after it, and nothing twice', async () => {
  api.put(pod('a'));
  const { body } = await ask(`${api.url}/api/v1/pods`);
  api.put(pod('b'));
  const watching = await watch(`&resourceVersion=${String(body.metadata?.['resourceVersion'])}`);
  api.put(pod('c'));
  expect(await watching.seen(2)).toEqual(['ADDED b', 'ADDED c']);
});

test('a selector turns changes into arrivals and departures; a departure shows what was selected', async () => {
  api.put(pod('a', { tier: 'db' }));
  const watching = await watch(`&resourceVersion=${api.version}&labelSelector=${encodeURIComponent('tier in (web)')}`);
  api.put(pod('a', { tier: 'web' }));
  api.put(pod('a', { tier: 'web', more: 'x' }));
  api.put(pod('a', { tier: 'db' }));
  api.delete(pod('a'));
  api.put(pod('end', { tier: 'web' }));
  expect(await watching.seen(4)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED end']);
  const [, , gone] = watching.events;
  expect(gone?.object.metadata).toMatchObject({ labels: { tier: 'web', more: 'x' }, resourceVersion: '1004' });
});

test('bookmarks come when asked for, tell the version of the whole store, and never overtake events', async () => {
  api.put(pod('a'));
  const from = `&resourceVersion=${api.version}`;
  const asked = await watch(`${from}&allowWatchBookmarks=true`);
  const other = await watch(from);
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } });
  api.put(pod('b'));
  clock.advance(1_000);
  expect(await asked.seen(2)).toEqual(['ADDED b', 'BOOKMARK']);
  expect(asked.events[1]?.object).toMatchObject({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { resourceVersion: '1003' },
  });
  api.put(pod('c'));
  expect(await other.seen(2)).toEqual(['ADDED b', 'ADDED c']);
});

test('a version before the window is too old, as an ERROR event', async () => {
  for (let i = 0; i < 7; i++) api.put(pod(`p${i}`));
  const good = await watch('&resourceVersion=1002');
  expect(await good.seen(5)).toEqual(['ADDED p2', 'ADDED p3', 'ADDED p4', 'ADDED p5', 'ADDED p6']);
  const old = await watch('&resourceVersion=1001');
  await old.ended;
  expect(old.status).toBe(200);
  expect(old.events).toMatchObject([
    {
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 1001 (1002)' },
    },
  ]);
  api.compact();
  const compacted = await watch('&resourceVersion=1006');
  expect(await compacted.seen(1)).toEqual(['ERROR']);
});

test('a version too old can be told as HTTP status as well', async () => {
  api.faults.next({ fault: 'expired', as: 'status' }, { verb: 'watch' });
  const { status, body } = await ask(`${api.url}/api/v1/pods?watch=1&resourceVersion=5`);
  expect([status, body.reason]).toEqual([410, 'Expired']);
});

test('a streamed list ends with the annotated bookmark', async () => {
  api.put(pod('b'));
  api.put(pod('a'));
  const watching = await watch('&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true');
  expect(await watching.seen(3)).toEqual(['ADDED a', 'ADDED b', 'BOOKMARK']);
  expect(watching.events[2]?.object.metadata).toMatchObject({
    resourceVersion: '1002',
    annotations: { 'k8s.io/initial-events-end': 'true' },
  });
  api.put(pod('c'));
  expect(await watching.seen(4)).toEqual(['ADDED a', 'ADDED b', 'BOOKMARK', 'ADDED c']);
});

test.each([
  ['&sendInitialEvents=true', 'sendInitialEvents requires setting resourceVersionMatch'],
  ['&resourceVersionMatch=NotOlderThan&resourceVersion=0', 'forbidden for watch unless sendInitialEvents'],
])('refuses %s', async (query, why) => {
  const { status, body } = await ask(`${api.url}/api/v1/pods?watch=true${query}`);
  expect([status, body.reason]).toEqual([422, 'Invalid']);
  expect(body.message).toContain(why);
});

test('a server without streamed lists refuses them', async () => {
  await using old = await FakeApiServer.start({ streamingLists: false });
  const { status, body } = await ask(
    `${old.url}/api/v1/pods?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
  );
  expect(status).toBe(422);
  expect(body.message).toContain('WatchList');
});

test('ends cleanly after timeoutSeconds, with a bookmark shortly before', async () => {
  const watching = await watch(`&resourceVersion=1000&allowWatchBookmarks=true&timeoutSeconds=3`);
  api.put(pod('a'));
  await watching.seen(1);
  clock.advance(1_000);
  clock.advance(2_000);
  await watching.ended;
  expect((await watching.seen(0)).filter((one) => one === 'BOOKMARK').length).toBeGreaterThan(1);
});

test('a version of the future is waited for in silence', async () => {
  const watching = await watch('&resourceVersion=1002&allowWatchBookmarks=true');
  api.put(pod('a'));
  clock.advance(1_000);
  api.put(pod('b'));
  api.put(pod('c'));
  expect(await watching.seen(1)).toEqual(['ADDED c']);
});

test('what is deleted unseen shows at the next list only; what respawns has another uid', async () => {
  const { uid } = api.put(pod('a')).metadata;
  api.put(pod('b'));
  const watching = await watch(`&resourceVersion=${api.version}`);
  api.deleteUnseen(pod('b'));
  api.respawn(pod('a'));
  expect(await watching.seen(2)).toEqual(['DELETED a', 'ADDED a']);
  expect(watching.events[0]?.object.metadata?.['uid']).toBe(uid);
  expect(watching.events[1]?.object.metadata?.['uid']).not.toBe(uid);
  expect((await ask(`${api.url}/api/v1/pods`)).body.items?.length).toBe(1);
});
