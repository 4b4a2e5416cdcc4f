import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { readResource } from '../../api/read.ts';
import type { Resource } from '../../api/resource.ts';
import { isMap, type RawMap } from '../../api/shape.ts';
import type { Read, Sent } from './encoding.ts';
import { Undecodable } from './undecodable.ts';
import { JsonEncoding } from './json-encoding.ts';
import { usedAnnotations } from './used-annotations.ts';

const place = { file: 'cluster' };
const pods = new JsonEncoding('v1', 'Pod', place);

/** Texts with all that has a meaning in JSON. */
const nasty = fc.string({ unit: fc.constantFrom('a', '"', '\\', '{', '}', '[', ']', ',', ':', ' ', '\n', 'ß', '😀') });
const anything = fc.anything({
  key: nasty,
  values: [nasty, fc.integer(), fc.boolean(), fc.constant(null)],
  maxDepth: 3,
});
const odd = fc.constantFrom<unknown>(null, '', 'text', 7, true, [], {}, [null], [{}], [{ ip: '' }], { app: null }, 'ß');
const or = (usual: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd });
const some = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<RawMap> =>
  fc.record(Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, or(value)])), { requiredKeys: [] });

const ips = fc.array(some({ ip: fc.constantFrom('10.0.0.1', 'fd00::1') }), { maxLength: 2 });
const port = some({
  name: fc.constantFrom('http', 'dns'),
  containerPort: fc.constantFrom(80, 0, 65_536, 1.5),
  protocol: fc.constantFrom('TCP', 'SCTP', 'QUIC'),
});
const containers = fc.array(or(some({ ports: fc.array(or(port), { maxLength: 2 }) })), { maxLength: 2 });
const texts = fc.dictionary(
  fc.constantFrom('app', 'tier', 'cni.projectcalico.org/podIP', 'vpc.amazonaws.com/pod-ips', 'note'),
  or(nasty),
  { maxKeys: 3 },
);
const metadata = fc
  .tuple(
    some({
      labels: texts,
      annotations: texts,
      deletionTimestamp: fc.constant('2026-01-05T12:00:00Z'),
      ownerReferences: fc.array(
        or(some({ kind: fc.constant('Job'), name: fc.constant('j'), controller: fc.boolean() })),
      ),
      managedFields: anything,
    }),
    fc.record({
      name: fc.constantFrom('web-1', 'Bad_Name'),
      namespace: fc.constantFrom('shop', 'a.b', ''),
      uid: fc.constantFrom('u-1', ''),
      resourceVersion: fc.constant('17'),
    }),
  )
  .map(([some, all]) => ({ ...some, ...all }));
const pod = fc
  .tuple(
    metadata,
    some({
      spec: some({
        containers,
        initContainers: containers,
        nodeName: nasty,
        serviceAccountName: nasty,
        hostNetwork: fc.boolean(),
        readinessGates: fc.array(or(some({ conditionType: fc.constantFrom('x', 'sallyport.dev/border') })), {
          maxLength: 2,
        }),
      }),
      status: some({
        conditions: fc.array(
          or(some({ type: fc.constantFrom('Ready', 'sallyport.dev/border'), status: nasty, reason: nasty })),
          { maxLength: 2 },
        ),
        phase: nasty,
        podIP: fc.constant('10.0.0.1'),
        podIPs: ips,
        hostIP: nasty,
        hostIPs: ips,
      }),
      more: anything,
    }),
  )
  .map(([metadata, rest]) => ({ metadata, ...rest }));

/** Which object it is to everybody else is as the server calls it: not every reader says so. */
function withoutKey(whole: Read<Resource>): Omit<Read<Resource>, 'key'> {
  const { key: _, ...read } = whole;
  return read;
}

/** The same without any short cut. */
function slowly(object: unknown): unknown {
  const item = JSON.parse(JSON.stringify(object)) as RawMap;
  const metadata = isMap(item['metadata']) ? item['metadata'] : {};
  const { namespace, name, uid, resourceVersion: version } = metadata;
  const used = { ...item, metadata: usedAnnotations(metadata, item['status']), apiVersion: 'v1', kind: 'Pod' };
  return { namespace, name, uid, version, ...withoutKey(readResource(used, place)) };
}

const told = (sent: Sent): unknown => {
  const { namespace, name, uid, version } = sent;
  return { namespace, name, uid, version, ...withoutKey(sent.read()) };
};
const bytes = (value: unknown, indent?: number): Buffer => Buffer.from(JSON.stringify(value, undefined, indent));

describe('JSON', () => {
  test('of a page is read object by object as it would be at once', () => {
    fc.assert(
      fc.property(fc.array(pod, { maxLength: 3 }), anything, fc.constantFrom(0, 1), (items, more, indent) => {
        const metadata = { resourceVersion: '20', continue: 'more', more };
        for (const list of [
          { kind: 'PodList', metadata, items, more },
          { more, items, metadata },
        ]) {
          const { items: sent, ...rest } = pods.page(bytes(list, indent));
          expect([...sent].map(told)).toEqual(items.map(slowly));
          expect(rest).toEqual({ version: '20', next: 'more' });
        }
      }),
      tries(500, 100),
    );
  });

  test('of an event is read as that of a page', () => {
    fc.assert(
      fc.property(pod, fc.constantFrom(0, 1), (object, indent) => {
        for (const event of [
          { type: 'MODIFIED', object },
          { object, type: 'MODIFIED' },
        ]) {
          const got = pods.event(bytes(event, indent));
          expect('sent' in got && told(got.sent)).toEqual(slowly(object));
        }
      }),
      tries(100, 20),
    );
  });

  const sound = {
    metadata: { name: 'a', namespace: 'b', uid: 'ü', resourceVersion: '1', managedFields: [{ x: ['}'] }] },
  };
  const list = bytes({ metadata: { resourceVersion: '1' }, items: [sound, { ...sound, n: 1e3, ok: true, no: null }] });
  const readAll = (body: Buffer): unknown => [...pods.page(body).items].map(told);

  test('that is cut off anywhere is refused', () => {
    expect(readAll(list)).toHaveLength(2);
    for (let length = 0; length < list.length; length++)
      expect(() => readAll(list.subarray(0, length))).toThrow(Undecodable);
    const event = bytes({ type: 'ADDED', object: sound });
    for (let length = 0; length < event.length; length++)
      expect(() => pods.event(event.subarray(0, length))).toThrow(Undecodable);
  });

  test('that is spoiled is refused wherever a parser of the whole would, but in managedFields', () => {
    fc.assert(
      fc.property(fc.nat(list.length - 1), fc.nat(255), (at, byte) => {
        const body = Buffer.from(list);
        body[at] = byte;
        let isJson = true;
        try {
          JSON.parse(body.toString('utf8').replace('[{"x":["}"]}]', '0'));
        } catch {
          isJson = false;
        }
        if (isJson) {
          // Names may be others now: then it is no list of pods.
          try {
            readAll(body);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(Undecodable);
          }
        } else if (!isWithinManagedFields(at)) expect(() => readAll(body)).toThrow(Undecodable);
      }),
      tries(2_000, 400),
    );
  });

  const isWithinManagedFields = (at: number): boolean => {
    const text = list.toString('latin1');
    const start = text.lastIndexOf('"managedFields":', at);
    return start >= 0 && at < start + '"managedFields":[{"x":["}"]}]'.length;
  };

  test.each(['', ' ', 'null', '[]', '{', '{}}', '{"items":[]}', '{"metadata":{"resourceVersion":"1"},"items":{}}'])(
    'that is no list is refused: %s',
    (text) => {
      expect(() => readAll(Buffer.from(text))).toThrow(Undecodable);
    },
  );

  const after = ['}', 'x', ',', '{}', ',"items":[]}'];
  test.each(after)('is refused where something stands after the end: %s', (more) => {
    const items = '[{"metadata":{"name":"a","namespace":"b","uid":"c","resourceVersion":"1"}}]';
    for (const text of [
      `{"metadata":{"resourceVersion":"1"},"items":${items}}`,
      `{"items":${items},"metadata":{"resourceVersion":"1"}}`,
    ]) {
      expect(readAll(Buffer.from(`${text} \n`))).toHaveLength(1);
      expect(() => readAll(Buffer.from(text + more))).toThrow(Undecodable);
    }
    const event = '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}}}';
    expect(pods.event(Buffer.from(`${event} `))).toMatchObject({ kind: 'bookmark' });
    expect(() => pods.event(Buffer.from(event + more))).toThrow(Undecodable);
  });

  test('is refused where a list or an event says twice what it is', () => {
    const list = ['"metadata":{"resourceVersion":"1"}', '"items":[]'];
    for (const members of [
      [list[0], list[0], list[1]],
      [list[0], list[1], list[0]],
      [list[0], list[1], list[1]],
      [list[1], list[0], list[0]],
      [list[1], list[1], list[0]],
    ])
      expect(() => readAll(Buffer.from(`{${members.join(',')}}`))).toThrow(Undecodable);
    const event = ['"type":"ADDED"', `"object":${JSON.stringify(sound)}`];
    for (const members of [
      [event[0], event[0], event[1]],
      [event[0], event[1], event[1]],
      [event[0], event[1], '"type":"DELETED"'],
    ])
      expect(() => pods.event(Buffer.from(`{${members.join(',')}}`))).toThrow(Undecodable);
  });

  test('of a list of nothing may be null', () => {
    expect(readAll(Buffer.from('{"metadata":{"resourceVersion":"1"},"items": null}'))).toEqual([]);
  });
});
