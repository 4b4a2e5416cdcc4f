import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { encode, framed, wrapped } from '../../../test/kit/pod-proto.ts';
import type { Sent } from './encoding.ts';
import { Undecodable } from './undecodable.ts';
import { JsonEncoding } from './json-encoding.ts';
import { PodEncoding } from './pod-encoding.ts';

const place = { file: 'cluster' };
const protobuf = new PodEncoding(place);
const json = new JsonEncoding('v1', 'Pod', place);

const word = fc.constantFrom('a', 'web-1', 'x.y', 'Bad_Name', 'größe', '');
const texts = fc.dictionary(
  fc.constantFrom('app', 'tier', 'example.com/x', 'cni.projectcalico.org/podIP', 'vpc.amazonaws.com/pod-ips', 'note'),
  word,
  { maxKeys: 4 },
);
const ip = fc.record({ ip: fc.constantFrom('10.0.0.1', 'fd00::1', 'nonsense', '') });
const gate = fc.constantFrom('sallyport.dev/border', 'Ready', '');
const container = fc.record(
  {
    name: word,
    image: word,
    ports: fc.array(
      fc.record(
        {
          name: word,
          containerPort: fc.constantFrom(0, 1, 80, 65_535, 65_536),
          protocol: fc.constantFrom('TCP', 'UDP', 'SCTP', 'QUIC', ''),
        },
        { requiredKeys: ['containerPort'] },
      ),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);
const pod = fc.record(
  {
    metadata: fc
      .record(
        {
          generateName: word,
          labels: texts,
          annotations: texts,
          deletionTimestamp: fc.constant({ seconds: 5 }),
          ownerReferences: fc.array(
            fc.record({ kind: fc.constantFrom('ReplicaSet', 'Job', 'bad kind'), name: word, controller: fc.boolean() }),
            { maxLength: 3 },
          ),
          finalizers: fc.array(word, { maxLength: 2 }),
          managedFields: fc.array(fc.record({ manager: word, operation: word }), { maxLength: 2 }),
        },
        { requiredKeys: [] },
      )
      .chain((metadata) =>
        fc.record({
          metadata: fc.constant(metadata),
          name: fc.constantFrom('web-1', 'a.b', 'Bad_Name'),
          namespace: fc.constantFrom('shop', 'default', 'a.b'),
        }),
      )
      .map(({ metadata, name, namespace }) => ({ ...metadata, name, namespace, uid: 'u-1', resourceVersion: '17' })),
    spec: fc.record(
      {
        containers: fc.array(container, { maxLength: 2 }),
        initContainers: fc.array(container, { maxLength: 2 }),
        nodeSelector: texts,
        serviceAccountName: word,
        nodeName: word,
        hostNetwork: fc.boolean(),
        readinessGates: fc.array(fc.record({ conditionType: gate }), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
    status: fc.record(
      {
        phase: fc.constantFrom('Running', 'Pending', ''),
        message: word,
        hostIP: word,
        podIP: word,
        podIPs: fc.array(ip, { maxLength: 2 }),
        hostIPs: fc.array(ip, { maxLength: 2 }),
        conditions: fc.array(fc.record({ type: gate, status: word, reason: word, message: word }), { maxLength: 3 }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['metadata'] },
);

/** As the API writes it: what is empty is left out, but not in maps that users fill. */
function asJson(value: unknown, isMap = false): unknown {
  if (Array.isArray(value)) return value.map((item) => asJson(item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => isMap || (field !== '' && field !== false));
  return Object.fromEntries(
    entries.map(([key, field]) => [key, asJson(field, ['labels', 'annotations', 'nodeSelector'].includes(key))]),
  );
}

const told = (sent: Sent): unknown => {
  const { namespace, name, uid, version } = sent;
  // Which object it is to everybody else is as the server calls it: not every reader says so.
  const { key: _, ...read } = sent.read();
  return { namespace, name, uid, version, ...read };
};

describe('pods as protobuf', () => {
  test('are what they are as JSON', () => {
    fc.assert(
      fc.property(fc.array(pod, { maxLength: 3 }), (items) => {
        const metadata = { resourceVersion: '20', continue: 'more' };
        const one = protobuf.page(wrapped('PodList', { metadata, items }));
        const other = json.page(Buffer.from(JSON.stringify({ metadata, items: asJson(items) })));
        expect({ ...one, items: [...one.items].map(told) }).toEqual({ ...other, items: [...other.items].map(told) });
      }),
      tries(200, 40),
    );
  });

  test('come as events, in whatever pieces', () => {
    const events = [
      ['ADDED', 'put'],
      ['MODIFIED', 'put'],
      ['DELETED', 'delete'],
    ] as const;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...events), pod), { maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }),
        (sent, sizes) => {
          const body = Buffer.concat(sent.map(([[type], value]) => framed(type, 'Pod', value)));
          const records = protobuf.records();
          const got: unknown[] = [];
          for (let start = 0, turn = 0; start < body.length; ) {
            const size = sizes[turn++ % sizes.length] ?? 1;
            for (const record of records.push(body.subarray(start, start + size))) {
              const event = protobuf.event(record);
              got.push('sent' in event ? [event.kind, told(event.sent)] : event);
            }
            start += size;
          }
          expect(records.pending).toBe(0);
          const expected = sent.map(([[type, kind], value]) => {
            const event = json.event(Buffer.from(JSON.stringify({ type, object: asJson(value) })));
            return [kind, 'sent' in event ? told(event.sent) : undefined];
          });
          expect(got).toEqual(expected);
        },
      ),
      tries(200, 40),
    );
  });

  test('bookmarks and failures are the same as in JSON', () => {
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    const last = { metadata: { resourceVersion: '40', annotations } };
    const status = { message: 'too old', reason: 'Expired', code: 410 };
    const frame = (type: string, kind: string, value: object): Buffer => framed(type, kind, value).subarray(4);
    expect(protobuf.event(frame('BOOKMARK', 'Pod', last))).toEqual({ kind: 'bookmark', version: '40', endsList: true });
    expect(protobuf.event(frame('ERROR', 'Status', status))).toEqual({ kind: 'failure', failure: status });
    const lines = [
      { type: 'BOOKMARK', object: last },
      { type: 'ERROR', object: { kind: 'Status', ...status } },
    ].map((event) => json.event(Buffer.from(JSON.stringify(event))));
    expect(lines).toEqual([
      protobuf.event(frame('BOOKMARK', 'Pod', last)),
      protobuf.event(frame('ERROR', 'Status', status)),
    ]);
  });

  const whole = wrapped('PodList', {
    metadata: { resourceVersion: '1' },
    items: [{ metadata: { name: 'a', namespace: 'b', resourceVersion: '1' }, status: { phase: 'Running' } }],
  });
  const readAll = (body: Buffer): unknown => [...protobuf.page(body).items].map(told);

  test('cut off anywhere, they are refused or lack what was cut, and nothing else is thrown', () => {
    for (let length = 0; length < whole.length; length++)
      expect(() => readAll(whole.subarray(0, length))).toThrow(Undecodable);
  });

  test('garbage is refused or read, and nothing else is thrown', () => {
    const spoiled = fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, byte]) => {
      const body = Buffer.from(whole);
      body[at] = byte;
      return body;
    });
    const anything = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(
        fc.oneof(
          spoiled,
          anything,
          anything.map((bytes) => Buffer.concat([whole.subarray(0, 8), bytes])),
        ),
        (body) => {
          try {
            readAll(body);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(Undecodable);
          }
        },
      ),
      tries(1_000, 200),
    );
  });

  test('other kinds and empty objects are refused', () => {
    for (const body of [wrapped('Pod', { metadata: { name: 'a' } }), wrapped('PodList', {}), encode('PodList', {})])
      expect(() => protobuf.page(body)).toThrow(Undecodable);
  });
});
