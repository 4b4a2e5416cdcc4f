import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FakeClock } from '../../../test/kit/fake-clock.ts';
import type { DeliveredState } from '../../../test/kit/delivered-state.ts';
import { FollowedSource, pod, until } from '../../../test/kit/followed-source.ts';
import { type MemoryApi, MemoryStream, PODS, refused } from '../../../test/kit/memory-api.ts';

let source: FollowedSource;
let api: MemoryApi;
let clock: FakeClock;
let seen: DeliveredState;

beforeEach(() => {
  source = new FollowedSource();
  ({ api, clock, seen } = source);
});
afterEach(() => source.end());

const begin = async (): Promise<void> => {
  for (const name of ['a', 'b', 'c']) api.put(PODS, pod(name));
  source.start();
  await until(() => seen.state === 'complete');
};
const isStreamedList = (query: Readonly<Record<string, string>> | undefined): boolean =>
  query?.['sendInitialEvents'] === 'true';
const expire = (): void => {
  for (const stream of api.watches(PODS)) stream.event('ERROR', { kind: 'Status', code: 410 });
};

test('a watch goes on after the last event, and not before it', async () => {
  await begin();
  api.put(PODS, pod('d'));
  await until(() => seen.keys.includes('Pod/shop/d'));
  const { version } = api;
  for (const stream of api.watches(PODS)) stream.end();
  await clock.pass(2_000);
  expect(api.asked(PODS, 'watch').at(-1)?.query).toMatchObject({ resourceVersion: version });
});

test('a list in pages is of the version of its first page', async () => {
  api.streamsLists = false;
  const page = (name: string, resourceVersion: string, next: object): object => ({
    metadata: { resourceVersion, ...next },
    items: [{ ...pod(name), metadata: { namespace: 'shop', name, uid: name, resourceVersion: '7' } }],
  });
  api.intercept = ({ path, query }) => {
    if (path !== PODS || query?.['limit'] === undefined) return undefined;
    return query['continue'] === undefined ? page('a', '1001', { continue: 'more' }) : page('b', '1009', {});
  };
  source.start();
  await until(() => seen.state === 'complete');
  expect(seen.keys).toEqual(['Pod/shop/a', 'Pod/shop/b']);
  await until(() => api.asked(PODS, 'watch').some(({ query }) => query?.['resourceVersion'] === '1001'));
});

test('a streamed list that is older than what is known is not taken in', async () => {
  await begin();
  api.put(PODS, pod('late'));
  await until(() => seen.keys.includes('Pod/shop/late'));
  let stale = 1;
  api.intercept = (request) => {
    if (request.path !== PODS || !isStreamedList(request.query) || stale-- <= 0) return undefined;
    const stream = new MemoryStream(request);
    for (const name of ['a', 'b', 'c'])
      stream.event('ADDED', { ...pod(name), metadata: { namespace: 'shop', name, uid: name, resourceVersion: '900' } });
    stream.event('BOOKMARK', {
      metadata: { resourceVersion: '901', annotations: { 'k8s.io/initial-events-end': 'true' } },
    });
    return stream;
  };
  expire();
  await clock.pass(40_000);
  expect(stale).toBeLessThan(1);
  expect([seen.deleted, seen.state]).toEqual([[], 'complete']);
});

test('a server to which every version is too old is asked ever more seldom', async () => {
  await begin();
  let asked = 0;
  // Who asked without pause would never come to an end.
  api.intercept = ({ path }) => (path === PODS && ++asked < 100 ? refused(410, 'Expired') : undefined);
  expire();
  await clock.pass(60_000);
  expect(asked).toBeLessThan(20);
  expect(seen.keys).toEqual(['Pod/shop/a', 'Pod/shop/b', 'Pod/shop/c']);
});
