import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { podMessage } from './protobuf.ts';
import { PodTemplate, TemplateEntry } from './pod-template.ts';
import { FakeApiServer } from './server.ts';
import { Watching, ask } from './test-client.ts';

let api: FakeApiServer;
beforeEach(async () => {
  api = await FakeApiServer.start();
});
afterEach(() => api.stop());

test('a pod of a template is the same pod in both texts, of about 5.9 KB', () => {
  const entry = new TemplateEntry(new PodTemplate(3), 123_456, 7, 10_000_042, 5);
  const { object } = entry;
  expect(entry.protobuf()).toEqual(podMessage(object));
  expect(object.metadata).toMatchObject({
    name: entry.name,
    namespace: 'shop-0007',
    resourceVersion: '10000042',
    uid: '00000000-0000-4000-8000-000000123456',
    labels: entry.labels,
  });
  expect(object['status']).toMatchObject({ podIP: '10.112.134.156', podIPs: [{ ip: '10.112.134.156' }] });
  expect(object['spec']).toMatchObject({ nodeName: 'node-0456' });
  expect(Math.round(entry.json().length / 100)).toBe(59);
});

test('fills with pods that differ in name, uid and address', async () => {
  api.load.fill({ pods: 1_000, namespaces: 4, apps: 10 });
  const { body } = await ask(`${api.url}/api/v1/pods`);
  const distinct = (of: (metadata: Readonly<Record<string, unknown>>) => unknown): number =>
    new Set(body.items?.map(({ metadata = {} }) => of(metadata))).size;
  expect(body.items?.length).toBe(1_000);
  expect(distinct(({ name }) => name)).toBe(1_000);
  expect(distinct(({ uid }) => uid)).toBe(1_000);
  expect(new Set(body.items?.map(({ status }) => (status as { podIP: string }).podIP)).size).toBe(1_000);
  expect(distinct(({ namespace }) => namespace)).toBe(4);
  expect(distinct(({ labels }) => JSON.stringify(labels))).toBe(10);
  const some = await ask(`${api.url}/api/v1/pods?labelSelector=app%3Dapp-0003&limit=3`);
  expect(some.body.items?.length).toBe(3);
});

test('large answers are compressed for those who ask, streams and small ones never', async () => {
  api.load.fill({ pods: 100 });
  const headers = { 'accept-encoding': 'gzip' };
  const url = `${api.url}/api/v1/pods`;
  const packed = await ask(url, { headers });
  expect([packed.headers['content-encoding'], packed.headers['content-length']]).toEqual([
    'gzip',
    String(packed.bytes.length),
  ]);
  expect(gunzipSync(packed.bytes).toString()).toBe((await ask(url)).text);
  expect((await ask(`${url}?limit=5`, { headers })).headers['content-encoding']).toBeUndefined();
  const watching = await Watching.open(`${url}?watch=true`, headers);
  await watching.seen(100);
  expect(watching.headers['content-encoding']).toBeUndefined();
  watching.close();
});

test('events change pods, or let one come and one go', async () => {
  api.load.fill({ pods: 10 });
  const watching = await Watching.open(`${api.url}/api/v1/pods?watch=true&resourceVersion=${api.version}`);
  api.load.modify(12);
  api.load.churn(6);
  await watching.seen(18);
  const { events } = watching;
  expect(events.slice(0, 12).map(({ type }) => type)).toEqual(Array(12).fill('MODIFIED'));
  expect(events.slice(12).map(({ type }) => type)).toEqual([
    'ADDED',
    'DELETED',
    'ADDED',
    'DELETED',
    'ADDED',
    'DELETED',
  ]);
  const rounds = events
    .slice(0, 12)
    .map(({ object }) => ((object.metadata?.['annotations'] ?? {}) as Record<string, string>)['example.org/round']);
  expect([rounds[0], rounds[10]]).toEqual(['0000001', '0000002']);
  const gone = events.filter(({ type }) => type === 'DELETED').map(({ object }) => object.metadata?.['name']);
  expect(new Set(gone).size).toBe(3);
  const { body } = await ask(`${api.url}/api/v1/pods`);
  const there = body.items?.map(({ metadata }) => metadata?.['name']) ?? [];
  expect([there.length, there.filter((name) => gone.includes(name))]).toEqual([10, []]);
  watching.close();
});

test('pods come and go for long: each lives as long as there are others, and none comes back', async () => {
  api.load.fill({ pods: 10 });
  const watching = await Watching.open(`${api.url}/api/v1/pods?watch=true&resourceVersion=${api.version}`);
  api.load.churn(100);
  api.load.modify(20);
  await watching.seen(120);
  const gone = new Set<string | undefined>();
  const came: (string | undefined)[] = [];
  for (const { type, object } of watching.events) {
    const name = object.metadata?.['name'] as string | undefined;
    if (type === 'ADDED') came.push(name);
    else if (type === 'DELETED') {
      expect(came.slice(-9)).not.toContain(name);
      gone.add(name);
    } else expect(gone.has(name)).toBe(false);
  }
  expect([came.length, gone.size]).toEqual([50, 50]);
  watching.close();
});

test('a reader that is slower than the window loses its watch, and what it got has no gap', async () => {
  await using small = await FakeApiServer.start({ historySize: 100 });
  small.load.fill({ pods: 10 });
  const from = small.version;
  const watching = await Watching.open(`${small.url}/api/v1/pods?watch=true&resourceVersion=${from}`);
  small.load.modify(101);
  await watching.ended;
  const versions = watching.events.map(({ object }) => Number(object.metadata?.['resourceVersion']));
  expect(versions).toEqual(versions.map((_, index) => from + 1 + index));
});
