import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DeliveredState } from '../../../test/kit/delivered-state.ts';
import type { Call } from '../../../test/kit/fake-apiserver/call.ts';
import type { Fault } from '../../../test/kit/fake-apiserver/faults.ts';
import { FakeApiServer, type Given } from '../../../test/kit/fake-apiserver/server.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { GivenCredentials } from '../../kubernetes/given-credentials.ts';
import { HttpApiClient } from '../../kubernetes/http-api-client.ts';
import { KubernetesSource } from './kubernetes-source.ts';

/**
 * What can happen to a connection and to what comes over it, for some requests in a row. An answer that never comes ends by the real clock:
 * `http-api-client.test.ts`.
 */
const WIRE: Readonly<Record<string, Fault>> = {
  'a 429 that names a time': { fault: 'status', status: 429, retryAfterSeconds: 7 },
  'a 500': { fault: 'status', status: 500 },
  'a proxy’s page': { fault: 'status', status: 502, body: 'html' },
  'a 503 with nothing': { fault: 'status', status: 503, body: 'none' },
  'a 504': { fault: 'status', status: 504 },
  'an answer that comes late': { fault: 'latency', ms: 9_000 },
  'a reset before the answer': { fault: 'reset' },
  'a reset in the middle': { fault: 'reset', afterBytes: 300 },
  'a connection that stands still in the middle': { fault: 'stall', afterBytes: 300 },
  'a body that is cut short': { fault: 'truncate', afterBytes: 300 },
  'a body that ends early as if it were whole': { fault: 'shorten', afterBytes: 300 },
  'chunks of a few bytes': { fault: 'pieces', bytes: 7 },
  'many chunks as one': { fault: 'lumps', bytes: 3_000 },
  'a body that trickles': { fault: 'slow', bytes: 2_000, pauseMs: 400 },
  'another content type': { fault: 'contentType', contentType: 'text/plain' },
  'garbage before the body': { fault: 'insert', text: 'garbage\n' },
  'garbage within the body': { fault: 'insert', text: '{"type":"DELETED"}\n', beforeChunk: 1 },
};
/** What only a watch, or only a later reading, can suffer. */
const LATER: Readonly<Record<string, Fault>> = {
  ...WIRE,
  'a version too old, as an event': { fault: 'expired', as: 'event' },
  'a version too old, as a status': { fault: 'expired', as: 'status' },
  'a clean end after a second': { fault: 'endAfter', ms: 1_000 },
  'no bookmarks': { fault: 'noBookmarks' },
  'a watch that says nothing': { fault: 'noEvents' },
  'everything twice': { fault: 'duplicates' },
  'half of the objects': { fault: 'halfState' },
  'no object at all': { fault: 'emptyState' },
  'a list of before': { fault: 'staleList', versions: 3 },
};
const TIMES = 2;
/** The longest are connections that stand still, each for 150 s. */
const LONGEST_MS = 1_800_000;

let clock: FakeClock;
let api: FakeApiServer;
let client: HttpApiClient;
let seen: DeliveredState;
let stop: AbortController;
let running: Promise<void> | undefined;

const pod = (name: string, fields: object = {}): Given => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'x' }] },
  status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
  ...fields,
});

async function begin(streamingLists: boolean): Promise<void> {
  clock = new FakeClock();
  api = await FakeApiServer.start({ clock, streamingLists });
  for (const name of ['shop', 'default']) api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (let index = 0; index < 12; index++) api.put(pod(`p${index}`));
  client = new HttpApiClient(
    { title: 'fake', url: new URL(api.url), isInsecure: false },
    new GivenCredentials({}, clock),
    clock,
  );
}

function follow(): void {
  const source = new KubernetesSource({ name: 'prod', api: client, clock, random: () => 0.5 });
  running = source.run((delivery) => seen.take(delivery), stop.signal);
}

/** Lets time go by until it holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let passed = 0; passed < LONGEST_MS; ) {
    for (let looks = 0; looks < 4; looks++) {
      if (holds()) return;
      await pause(1);
    }
    const step = passed < 60_000 ? 1_000 : 10_000;
    clock.advance(step);
    passed += step;
  }
  throw new Error(`it never came to that: ${seen.state} ${seen.reason} ${seen.keys.join()}`);
}

beforeEach(() => {
  seen = new DeliveredState();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await running;
  await client.close();
  await api.stop();
});

const names = (): readonly string[] => seen.keys.filter((key) => key.startsWith('Pod/')).map((key) => key.slice(9));
const pods = (from: number): readonly string[] =>
  Array.from({ length: 12 - from }, (_, index) => `p${index + from}`).toSorted();

describe.each([
  ['streamed', true],
  ['in pages', false],
])('a list that comes %s', (_, isStreamed) => {
  beforeEach(() => begin(isStreamed));
  /** What stands still is given up by the fake clock only where it comes piece by piece. */
  const spoil = (fault: Fault): void => {
    const verbs =
      fault.fault !== 'stall' ? (['list', 'watch'] as const) : isStreamed ? (['watch'] as const) : (['list'] as const);
    for (const verb of verbs) api.faults.times(TIMES, fault, { verb, resource: 'pods' });
  };

  test.each(Object.entries(WIRE))('is whole in the end after %s', async (__, fault) => {
    spoil(fault);
    follow();
    await until(() => seen.state === 'complete');
    expect([names(), seen.deleted]).toEqual([pods(0), []]);
  });

  test.each(Object.entries(isStreamed ? LATER : {}))('is followed by a watch that gets over %s', async (__, fault) => {
    follow();
    await until(() => seen.state === 'complete');
    spoil(fault);
    for (const stream of api.streams()) if (stream.call.path.endsWith('/pods')) stream.end();
    api.delete(pod('p0'));
    api.put(pod('p1', { spec: { nodeName: 'n2', containers: [{ name: 'c', image: 'x' }] } }));
    api.put(pod('new'));
    const isThere = (): boolean => {
      const changed = seen.resources.get('Pod/shop/p1');
      return changed?.type === 'Pod' && changed.nodeName === 'n2' && names().includes('new') && !names().includes('p0');
    };
    await until(() => isThere() && seen.state === 'complete' && seen.diagnostics.length === 0);
    expect([names(), seen.deleted]).toEqual([['new', ...pods(1)], ['Pod/shop/p0']]);
  });
});

describe('pods of a server', () => {
  const asksProtobuf = ({ resource, headers }: Call): boolean =>
    resource === 'pods' && headers.accept?.includes('protobuf') === true;

  test.each<readonly [string, Fault]>([
    ['that refuses protobuf with a 406', { fault: 'status', status: 406 }],
    ['that refuses protobuf with a 415', { fault: 'status', status: 415 }],
    ['whose protobuf makes no sense', { fault: 'insert', text: 'garbage' }],
  ])('%s come as JSON from then on', async (_, fault) => {
    await begin(true);
    api.faults.always(fault, asksProtobuf);
    follow();
    await until(() => seen.state === 'complete');
    expect([names(), seen.deleted]).toEqual([pods(0), []]);
    api.forgetRequests();
    api.put(pod('new'));
    await until(() => names().includes('new'));
    for (const stream of api.streams()) stream.end();
    api.delete(pod('p0'));
    await until(() => !names().includes('p0'));
    expect(seen.diagnostics).toEqual([]);
    const asked = api.requests.filter(({ path }) => path.endsWith('/pods')).map(({ headers }) => headers.accept);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((accept) => accept?.includes('protobuf'))).toEqual([]);
  });
});
