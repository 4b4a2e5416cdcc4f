import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isMap } from './object.ts';
import { samplePod } from './sample-pod.ts';
import { FakeApiServer, type Given } from './server.ts';
import { Watching, ask } from './test-client.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const { root } = protobuf.parse(readFileSync(join(import.meta.dirname, 'pod.proto'), 'utf8'), { keepCase: true });

interface Message {
  readonly [field: string]: unknown;
}

function decode(name: string, bytes: Uint8Array): Message {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: Number, bytes: Buffer }) as Message;
}

/** What is inside the envelope, and what the envelope says it is. */
function open(bytes: Buffer): { readonly kind: unknown; readonly raw: Buffer } {
  expect(bytes.subarray(0, 4)).toEqual(Buffer.from('k8s\0'));
  const { typeMeta, raw } = decode('Unknown', bytes.subarray(4));
  return { kind: (typeMeta as Message)['kind'], raw: raw as Buffer };
}

const pod: Given = {
  ...samplePod(1),
  metadata: { ...samplePod(1).metadata, name: 'a', namespace: 'shop', uid: 'u', labels: { app: 'web', é: '' } },
};

let api: FakeApiServer;
beforeEach(async () => {
  api = await FakeApiServer.start();
});
afterEach(() => api.stop());

test('a list is an envelope around a PodList; everything that JSON says of a pod is in it', async () => {
  api.put(pod);
  const { headers, bytes } = await ask(`${api.url}/api/v1/pods?limit=5`, {
    headers: { accept: `${PROTOBUF},application/json` },
  });
  expect(headers['content-type']).toBe(PROTOBUF);
  const { kind, raw } = open(bytes);
  expect(kind).toBe('PodList');
  const reader = protobuf.Reader.create(raw);
  const items: Message[] = [];
  let version = '';
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 0x0a) version = String(decode('ListMeta', reader.bytes())['resourceVersion']);
    else if (tag === 0x12) items.push(decode('Pod', reader.bytes()));
    else throw new Error(`field ${tag >>> 3} is none of a list`);
  }
  expect([version, items.length]).toEqual(['1001', 1]);
  const said = (await ask(`${api.url}/api/v1/pods`)).body.items?.[0];
  expect(lost(said, items[0])).toEqual([]);
  expect(items[0]).toMatchObject({
    spec: { hostNetwork: false, hostname: '' },
    metadata: { generateName: 'app-0001-7d9f8c0001-' },
  });
});

/** Paths of JSON that the message does not have, or has otherwise. */
function lost(json: unknown, message: unknown, path = ''): readonly string[] {
  if (path === '.kind' || path === '.apiVersion' || json === null) return [];
  if (Array.isArray(json))
    return (json as readonly unknown[]).flatMap((one, index) =>
      lost(one, (message as readonly unknown[] | undefined)?.[index], `${path}[${index}]`),
    );
  if (isMap(json) && path.endsWith('.fieldsV1')) {
    const raw = isMap(message) ? (message['Raw'] as Buffer) : Buffer.alloc(0);
    return raw.toString() === JSON.stringify(json) ? [] : [path];
  }
  if (isMap(json)) {
    if (Object.keys(json).length === 0 || !isMap(message)) return isMap(message) ? [] : [path];
    const around = ['volumeSource', 'handler', 'localObjectReference'].map((key) => message[key]).find(isMap) ?? {};
    return Object.entries(json).flatMap(([key, one]) => lost(one, message[key] ?? around[key], `${path}.${key}`));
  }
  if (isMap(message)) {
    if ('seconds' in message) return message['seconds'] === Date.parse(json as string) / 1_000 ? [] : [path];
    return Object.values(message).includes(json) ? [] : [path];
  }
  return json === message ? [] : [path];
}

test('a watch has frames of an event each, and errors and bookmarks are frames too', async () => {
  const headers = { accept: `${PROTOBUF};stream=watch` };
  api.put(pod);
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const watching = await Watching.open(`${api.url}/api/v1/pods?${query}`, headers);
  expect(watching.headers['content-type']).toBe(`${PROTOBUF};stream=watch`);
  const frames = (): readonly Message[] => {
    const bytes = Buffer.concat(watching.chunks);
    const found: Message[] = [];
    for (let at = 0; at + 4 <= bytes.length; ) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      const { type, object } = decode('WatchEvent', bytes.subarray(at + 4, end));
      const { kind, raw } = open((object as Message)['raw'] as Buffer);
      found.push({ type, kind, object: decode(String(kind), raw) });
      at = end;
    }
    return found;
  };
  await watching.until(() => frames().length === 2);
  expect(frames()).toMatchObject([
    { type: 'ADDED', kind: 'Pod', object: { metadata: { name: 'a', labels: { app: 'web' } } } },
    {
      type: 'BOOKMARK',
      object: { metadata: { resourceVersion: '1001', annotations: { 'k8s.io/initial-events-end': 'true' } } },
    },
  ]);
  watching.close();
  const expired = await ask(`${api.url}/api/v1/pods?watch=true&resourceVersion=9`, { headers });
  const { object } = decode('WatchEvent', expired.bytes.subarray(4));
  const { kind, raw } = open((object as Message)['raw'] as Buffer);
  expect([kind, decode('Status', raw)]).toMatchObject(['Status', { code: 410, reason: 'Expired', status: 'Failure' }]);
});

test('a refusal is Protobuf as well for those who ask for that first', async () => {
  const { headers, bytes } = await ask(`${api.url}/api/v1/namespaces/shop/pods/a`, { headers: { accept: PROTOBUF } });
  expect(headers['content-type']).toBe(PROTOBUF);
  expect(decode('Status', open(bytes).raw)).toMatchObject({ code: 404, details: { kind: 'pods', name: 'a' } });
});

test.each([
  ['/api/v1/nodes', `${PROTOBUF}, application/json`, 200, 'application/json'],
  ['/api/v1/nodes', PROTOBUF, 406, PROTOBUF],
  ['/api/v1/pods', 'application/json;drop=metadata.managedFields,application/json', 200, 'application/json'],
  ['/api/v1/pods', 'application/json;as=Table;v=v1;g=meta.k8s.io, application/json', 200, 'application/json'],
  ['/api/v1/pods', `application/json;q=0.5, ${PROTOBUF}`, 200, PROTOBUF],
  ['/api/v1/pods', '*/*', 200, 'application/json'],
  ['/api/v1/pods', 'text/html', 406, 'application/json'],
])('%s for %s', async (path, accept, status, type) => {
  const answer = await ask(api.url + path, { headers: { accept } });
  expect([answer.status, answer.headers['content-type']]).toEqual([status, type]);
});

test('a server that knows the word leaves managedFields out', async () => {
  await using newer = await FakeApiServer.start({ dropsManagedFields: true });
  newer.put(pod);
  const url = `${newer.url}/api/v1/pods`;
  const fields = async (accept: string): Promise<unknown> =>
    (await ask(url, { headers: { accept } })).body.items?.[0]?.metadata?.['managedFields'];
  expect(await fields('application/json;drop=metadata.managedFields')).toBeUndefined();
  expect(await fields('application/json')).toBeDefined();
});
