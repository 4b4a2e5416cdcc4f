import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { samplePod } from '../../../test/kit/fake-apiserver/sample-pod.ts';
import { tries } from '../../../test/kit/runs.ts';
import { readResource } from '../../api/read.ts';
import { type RawMap, isMap } from '../../api/shape.ts';
import { JsonEncoding } from './json-encoding.ts';
import { JsonPod } from './json-pod.ts';
import { JsonScan } from './json-scan.ts';
import { Undecodable } from './undecodable.ts';
import { usedAnnotations } from './used-annotations.ts';

const place = { file: 'cluster' };
const pods = new JsonEncoding('v1', 'Pod', place);

/** Mostly what servers write. */
const usual = <T>(arbitrary: fc.Arbitrary<T>, ...odd: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 20, arbitrary },
    { weight: 1, arbitrary: fc.constantFrom(...odd, null, 7, {}, [], ['x'], 'ß"\\') },
  );
const fields = (all: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<RawMap> =>
  fc.record(all, { requiredKeys: [] });
const texts = fc.dictionary(
  fc.constantFrom('app', 'tier', 'a.b/c', 'cni.projectcalico.org/podIP', 'vpc.amazonaws.com/pod-ips', '__proto__'),
  usual(fc.constantFrom('web', '', '10.0.0.7/32'), 'a b'),
  { maxKeys: 3, noNullPrototype: true },
);
const ips = fc.array(
  usual(fields({ ip: usual(fc.constantFrom('10.0.0.1', 'fd00::1', '10.0.0.01')), other: fc.constant(1) }), { ip: '' }),
  {
    maxLength: 2,
  },
);
const containers = fc.array(
  usual(
    fields({
      name: fc.constantFrom('a', 'b'),
      ports: usual(
        fc.array(
          usual(
            fields({
              name: usual(fc.constantFrom('http', 'dns'), ''),
              containerPort: usual(fc.constantFrom(80, 65_535), 0, 65_536, 1.5),
              protocol: usual(fc.constantFrom('TCP', 'SCTP', 'QUIC'), ''),
            }),
          ),
          { maxLength: 2 },
        ),
      ),
      env: fc.constant([{ name: 'ports', value: '}"]' }]),
    }),
  ),
  { maxLength: 2 },
);
const gated = fields({
  readinessGates: usual(fc.constant([{ conditionType: 'sallyport.dev/border' }])),
});
const pod = fc.record(
  {
    kind: fc.constant('Pod'),
    metadata: fc
      .tuple(
        fc.record({
          name: usual(fc.constantFrom('web-1', 'a.b'), 'Bad_Name', '', undefined),
          namespace: usual(fc.constantFrom('shop', 'x-1'), 'a.b', '', undefined),
          uid: usual(fc.constantFrom('u-1', 'ü-2'), '', undefined),
          resourceVersion: usual(fc.constantFrom('17', '18'), '', undefined),
        }),
        fields({
          generateName: fc.constant('web-'),
          labels: usual(texts),
          annotations: usual(texts),
          deletionTimestamp: usual(fc.constant('2026-01-05T12:00:00Z')),
          ownerReferences: usual(fc.constant([{ kind: 'Job', name: 'j', controller: true }]), [
            { kind: 'bad kind', name: 'j' },
          ]),
          managedFields: fc.constant([{ fieldsV1: { 'f:metadata': { 'k:{"x":"["}': {} } } }]),
        }),
      )
      .map(([all, some]) => ({ ...all, ...some })),
    spec: usual(
      fc
        .tuple(
          fields({
            volumes: fc.constant([{ name: 'v', nodeName: 'no' }]),
            containers: usual(containers),
            initContainers: usual(containers),
            nodeName: usual(fc.constantFrom('node-1', 'node-2'), ''),
            serviceAccountName: usual(fc.constant('default'), ''),
            hostNetwork: usual(fc.boolean(), 'true'),
          }),
          gated,
        )
        .map(([some, gate]) => ({ ...some, ...gate })),
    ),
    status: usual(
      fields({
        phase: usual(fc.constantFrom('Running', 'Succeeded'), ''),
        conditions: usual(fc.constant([{ type: 'sallyport.dev/border', status: 'True', reason: 'r' }])),
        podIP: usual(fc.constantFrom('10.0.0.1', 'fd00::1'), ''),
        podIPs: usual(ips),
        hostIP: usual(fc.constant('192.0.2.1'), ''),
        hostIPs: usual(ips),
      }),
    ),
  },
  { requiredKeys: ['metadata'] },
);

/** A value as JSON in an odd way: members in any order and written twice, with escapes in their names, and space between all. */
function oddly(value: unknown, draw: () => number): string {
  const space = (): string => (draw() % 30 === 0 ? ' \n' : '');
  if (Array.isArray(value))
    return `[${space()}${value.map((item) => oddly(item, draw)).join(`${space()},${space()}`)}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([key, inner]) => ({ key, text: oddly(inner, draw) }));
  if (draw() % 10 === 0) members.reverse();
  const twin = members[draw() % 90];
  if (twin !== undefined) {
    const text = ['null', '{}', '[]', '"x"', twin.text][draw() % 5] ?? '';
    const again = { key: twin.key, text };
    if (draw() % 2 === 0) members.push(again);
    else members.unshift(again);
  }
  const texts = members.map(({ key, text }) => `${nameOf(key, draw)}${space()}:${space()}${text}`);
  return `{${space()}${texts.join(`${space()},`)}${space()}}`;
}

function nameOf(key: string, draw: () => number): string {
  const at = draw() % 400;
  const code = key.charCodeAt(at);
  if (Number.isNaN(code)) return JSON.stringify(key);
  const plain = (part: string): string => JSON.stringify(part).slice(1, -1);
  return `"${plain(key.slice(0, at))}\\u${code.toString(16).padStart(4, '0')}${plain(key.slice(at + 1))}"`;
}

/** What a page with this one item says of it, or that it is refused. */
function told(item: string): unknown {
  try {
    return [...pods.page(Buffer.from(`{"metadata":{"resourceVersion":"1"},"items":[${item}]}`)).items].map((sent) => {
      const { namespace, name, uid, version } = sent;
      const { key: _, ...read } = sent.read();
      return { namespace, name, uid, version, ...read };
    });
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Undecodable);
    return 'refused';
  }
}

/** The same by `JSON.parse` and `readResource` alone. */
function slowly(item: string): unknown {
  let object: unknown;
  try {
    object = JSON.parse(item);
  } catch {
    return 'refused';
  }
  if (!isMap(object)) return 'refused';
  const { metadata } = object;
  if (!isMap(metadata)) return 'refused';
  const { namespace = '', name, uid = '', resourceVersion: version } = metadata;
  const isNamed = [name, version].every((text) => typeof text === 'string' && text !== '');
  if (!isNamed || typeof namespace !== 'string' || typeof uid !== 'string') return 'refused';
  const used = { ...object, metadata: usedAnnotations(metadata, object['status']), apiVersion: 'v1', kind: 'Pod' };
  // Which object it is to everybody else is as the server calls it: not every reader says so.
  const { key: _, ...read } = readResource(used, place);
  return [{ namespace, name, uid, version, ...read }];
}

/** A sample, with letters where it has gaps. */
function whole(sample: unknown): string {
  return JSON.stringify(sample).replaceAll(/[~^`|@%!]/g, '0');
}

describe('a pod as JSON', () => {
  test('is what it would be by JSON.parse, however it is written', () => {
    fc.assert(
      fc.property(pod, fc.infiniteStream(fc.nat(1_000_000)), (object, stream) => {
        const item = oddly(object, () => Number(stream.next().value));
        expect(told(item)).toEqual(slowly(item));
      }),
      tries(5_000, 400),
    );
  });

  test('that is spoiled is refused where JSON.parse does', () => {
    const change = fc.tuple(fc.nat(), fc.nat(1), fc.constantFrom('', ...'{}[]",:\\0-x '.split('')));
    fc.assert(
      fc.property(pod, fc.array(change, { minLength: 1, maxLength: 2 }), (object, changes) => {
        const letters = JSON.stringify(object).split('');
        for (const [at, removed, put] of changes) letters.splice(at % (letters.length + 1), removed, put);
        expect(told(letters.join(''))).toEqual(slowly(letters.join('')));
      }),
      tries(10_000, 700),
    );
  });

  const port = (fields: string): string => `"spec":{"containers":[{"ports":[{"name":"http",${fields}}]}]}`;
  test.each([
    '"spec":{"nodeName":"a"},"spec":{}',
    '"status":{"podIPs":[{"ip":"10.0.0.1","ip":"10.0.0.2"}]}',
    '"status":{"podIPs":[{"ip":"10.0.0.1"}]},"status":{"phase":"Running"}',
    '"spec":{"containers":[{"ports":[{"name":"a","containerPort":1}],"ports":[]}]}',
    port('"containerPort":0'),
    port('"containerPort":65536'),
    port('"containerPort":65535'),
    port('"containerPort":80,"protocol":""'),
    port('"containerPort":80,"protocol":"QUIC"'),
    '"spec":{"containers":[,{"ports":[]}]}',
    '"spec":{"containers":[{"ports":[]},]}',
    '"spec":{,"nodeName":"a"}',
    '"spec":{"nodeName":"a",}',
    '"status":{"podIPs":[,]}',
  ])('is what it would be by JSON.parse: %s', (more) => {
    const item = `{"metadata":{"name":"a","namespace":"b","uid":"c","resourceVersion":"1"},${more}}`;
    expect(told(item)).toEqual(slowly(item));
  });

  test('as servers write it is read without JSON.parse', () => {
    const never = (): never => {
      throw new Error('the long way');
    };
    for (const object of [samplePod(1), { ...samplePod(2), status: { phase: 'Pending' } }]) {
      const text = whole(object);
      for (const item of [text, JSON.stringify(JSON.parse(text), undefined, 2)]) {
        const read = new JsonPod(new JsonScan(Buffer.from(item)), place, never).read();
        expect(slowly(item)).toMatchObject([read]);
        expect(read.resource).toBeDefined();
      }
    }
  });

  test('holds on to nothing of the pod before it', () => {
    const full = whole(samplePod(1));
    const bare = '{"metadata":{"name":"a","namespace":"b","uid":"c","resourceVersion":"1"}}';
    const [, second] = told(`${full},${bare}`) as unknown[];
    expect([second]).toEqual(slowly(bare));
  });
});
