import protobuf from 'protobufjs';
import { expect } from 'vitest';
import { type List, type Clause, type Stage, pods } from './server-under-test.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** As much of the public .proto files of Kubernetes as these tests read. */
const { root } = protobuf.parse(`
  syntax = "proto2";
  message Unknown { optional TypeMeta typeMeta = 1; optional bytes raw = 2; optional string contentEncoding = 3; optional string contentType = 4; }
  message TypeMeta { optional string apiVersion = 1; optional string kind = 2; }
  message WatchEvent { optional string type = 1; optional RawExtension object = 2; }
  message RawExtension { optional bytes raw = 1; }
  message PodList { optional ListMeta metadata = 1; repeated Pod items = 2; }
  message ListMeta { optional string selfLink = 1; optional string resourceVersion = 2; optional string continue = 3; optional int64 remainingItemCount = 4; }
  message Pod { optional ObjectMeta metadata = 1; optional PodSpec spec = 2; optional PodStatus status = 3; }
  message ObjectMeta { optional string name = 1; optional string namespace = 3; optional string uid = 5; optional string resourceVersion = 6; map<string, string> labels = 11; map<string, string> annotations = 12; }
  message PodSpec { repeated Container containers = 2; optional string nodeName = 10; optional bool hostNetwork = 11; }
  message Container { optional string name = 1; repeated ContainerPort ports = 6; }
  message ContainerPort { optional string name = 1; optional int32 hostPort = 2; optional int32 containerPort = 3; optional string protocol = 4; }
  message PodStatus { optional string phase = 1; optional string hostIP = 5; optional string podIP = 6; repeated PodIP podIPs = 12; }
  message PodIP { optional string ip = 1; }
`);

function decode<T>(type: string, bytes: Uint8Array): T {
  const found = root.lookupType(type);
  return found.toObject(found.decode(bytes), { longs: String }) as T;
}

interface Unknown {
  readonly typeMeta: { readonly apiVersion: string; readonly kind: string };
  readonly raw: Uint8Array;
}

/** An object in its envelope: four bytes that say so, then runtime.Unknown. */
function unwrap(bytes: Uint8Array): Unknown {
  expect(Buffer.from(bytes.subarray(0, 4)).toString('hex')).toBe('6b387300');
  return decode<Unknown>('Unknown', bytes.subarray(4));
}

interface WirePod {
  readonly metadata: { readonly name: string; readonly resourceVersion: string; readonly labels?: object };
  readonly status: object;
}

/** Pods as protobuf, which say the same as JSON. */
export function protobufOfPods(stage: () => Stage, test: Clause): void {
  test('a list says the same as its JSON', async () => {
    const namespace = await stage().namespace();
    await stage().pod(namespace, 'one', { tier: 'front' }, '10.0.0.1');
    await stage().pod(namespace, 'two', {}, '10.0.0.2');
    const { headers, bytes } = await stage().api.send({
      path: `${pods(namespace)}?limit=1`,
      headers: { accept: PROTOBUF },
    });
    expect(headers['content-type']).toBe(PROTOBUF);
    const { typeMeta, raw } = unwrap(bytes);
    expect(typeMeta).toEqual({ apiVersion: 'v1', kind: 'PodList' });
    const list = decode<{ metadata: object; items: WirePod[] }>('PodList', raw);
    const json = await stage().api.json<List>('GET', `${pods(namespace)}?limit=1`);
    const { resourceVersion, remainingItemCount } = json.metadata;
    expect(list.metadata).toMatchObject({ resourceVersion, remainingItemCount: `${remainingItemCount}` });
    const [item] = json.items;
    expect(list.items).toMatchObject([
      {
        metadata: {
          name: 'one',
          namespace,
          uid: item?.metadata.uid,
          resourceVersion: item?.metadata.resourceVersion,
          labels: { tier: 'front' },
        },
        spec: { containers: [{ name: 'main', ports: [{ name: 'web', containerPort: 8080, protocol: 'TCP' }] }] },
        status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
      },
    ]);
  });

  test('a watch sends frames: length, event, and in it an object in its envelope', async () => {
    const namespace = await stage().namespace();
    await stage().pod(namespace, 'one', {}, '10.0.0.1');
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const accept = `${PROTOBUF};stream=watch`;
    const stream = await stage().api.open({
      path: `${pods(namespace)}?${query}`,
      headers: { accept },
    });
    expect(stream.headers['content-type']).toBe(accept);
    let bytes = Buffer.alloc(0);
    const events: { type: string; kind: string; pod: WirePod }[] = [];
    for await (const chunk of stream.chunks) {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
        const size = bytes.readUInt32BE(0);
        const event = decode<{ type: string; object: { raw: Uint8Array } }>('WatchEvent', bytes.subarray(4, 4 + size));
        const { typeMeta, raw } = unwrap(event.object.raw);
        events.push({ type: event.type, kind: typeMeta.kind, pod: decode<WirePod>('Pod', raw) });
        bytes = bytes.subarray(4 + size);
      }
      if (events.length === 2) break;
    }
    expect(bytes.length).toBe(0);
    expect(events).toMatchObject([
      { type: 'ADDED', kind: 'Pod', pod: { metadata: { name: 'one' }, status: { podIP: '10.0.0.1' } } },
      { type: 'BOOKMARK', kind: 'Pod', pod: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } } },
    ]);
  });

  test('a refusal is in the type that was asked for', async () => {
    const path = `${pods('nowhere')}/nobody`;
    const { status, headers, bytes } = await stage().api.send({
      path,
      headers: { accept: `${PROTOBUF}, application/json` },
    });
    expect([status, headers['content-type']]).toEqual([404, PROTOBUF]);
    expect(unwrap(bytes).typeMeta).toEqual({ apiVersion: 'v1', kind: 'Status' });
  });
}
