import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeApiServer, type Given } from './server.ts';
import { type Answer, Watching, ask } from './test-client.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const DOORS = '/apis/example.org/v1/doors';

const rootSchema = {
  type: 'object',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: {
      type: 'object',
      required: ['height'],
      properties: {
        height: { type: 'integer', minimum: 1, maximum: 300 },
        colour: { type: 'string', enum: ['Red', 'Blue'], default: 'Red' },
        name: { type: 'string', pattern: '^[a-z]+$', maxLength: 5 },
        port: { 'x-kubernetes-int-or-string': true },
        locks: {
          type: 'array',
          maxItems: 2,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['side'],
          items: {
            type: 'object',
            required: ['side'],
            properties: { side: { type: 'string' }, shut: { type: 'boolean', default: true } },
          },
        },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
      'x-kubernetes-validations': [{ rule: 'self.height > 0', message: 'not evaluated here' }],
    },
    status: { type: 'object', properties: { open: { type: 'boolean' } } },
  },
};

function definition(schema: object = rootSchema): Given & { readonly spec: { readonly versions: readonly object[] } } {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'doors.example.org' },
    spec: {
      group: 'example.org',
      scope: 'Cluster',
      names: { plural: 'doors', kind: 'Door' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, subresources: { status: {} } },
      ],
    } as { readonly versions: readonly object[] },
  };
}
const door = (spec: object, more: object = {}): object => ({
  apiVersion: 'example.org/v1',
  kind: 'Door',
  metadata: { name: 'front' },
  spec,
  ...more,
});

let api: FakeApiServer;
const send = (method: string, path: string, body?: unknown): Promise<Answer> => ask(api.url + path, { method, body });

beforeEach(async () => {
  api = await FakeApiServer.start();
});
afterEach(() => api.stop());

test('its kind is served from the moment it is there, and not after', async () => {
  expect((await send('GET', DOORS)).status).toBe(404);
  const { status, body } = await send('POST', DEFINITIONS, definition());
  expect(status).toBe(201);
  // Not yet: the server answers first.
  expect(body['status']).toEqual({ acceptedNames: { kind: '', plural: '' }, conditions: null, storedVersions: ['v1'] });
  await expect.poll(async () => (await send('GET', DOORS)).status).toBe(200);
  const after = await send('GET', `${DEFINITIONS}/doors.example.org`);
  expect(after.body['status']).toMatchObject({
    acceptedNames: { plural: 'doors', singular: 'door', kind: 'Door', listKind: 'DoorList' },
    conditions: [
      { type: 'NamesAccepted', status: 'True' },
      { type: 'Established', status: 'True' },
    ],
    storedVersions: ['v1'],
  });
  expect((await send('GET', DOORS)).body).toMatchObject({ kind: 'DoorList', items: [] });
  const { body: found } = await send('GET', '/apis/example.org/v1');
  expect((found['resources'] as readonly { name: string }[]).map(({ name }) => name)).toEqual([
    'doors',
    'doors/status',
  ]);
  await send('POST', DOORS, door({ height: 2 }));
  const watching = await Watching.open(`${api.url}${DOORS}?watch=true`);
  await watching.seen(1);
  const begun = await send('DELETE', `${DEFINITIONS}/doors.example.org`);
  expect(begun.body.metadata?.['finalizers']).toEqual(['customresourcecleanup.apiextensions.k8s.io']);
  await watching.ended;
  expect(await watching.seen(2)).toEqual(['ADDED front', 'DELETED front']);
  expect((await send('GET', DOORS)).text).toBe('404 page not found\n');
});

test('prunes, defaults, and leaves the status to its sub-resource', async () => {
  api.put(definition());
  const { body } = await send(
    'POST',
    DOORS,
    door({ height: 2, wings: 3, locks: [{ side: 'left', rust: 1 }], free: { any: 1 } }, { status: { open: true } }),
  );
  expect(body['spec']).toEqual({ height: 2, colour: 'Red', locks: [{ side: 'left', shut: true }], free: { any: 1 } });
  expect(body['status']).toBeUndefined();
  expect(body.metadata?.['generation']).toBe(1);
  const opened = await send('PUT', `${DOORS}/front/status`, {
    ...body,
    spec: { height: 9 },
    status: { open: true, x: 1 },
  });
  expect(opened.body).toMatchObject({ spec: { height: 2 }, status: { open: true }, metadata: { generation: 1 } });
  const higher = await send('PUT', `${DOORS}/front`, { ...opened.body, spec: { height: 9 } });
  expect(higher.body).toMatchObject({ status: { open: true }, metadata: { generation: 2 } });
});

test('unknown fields are warned of, or refused where the client wants that', async () => {
  api.put(definition());
  const strict = await send('POST', `${DOORS}?fieldValidation=Strict`, door({ height: 2, wings: 3 }));
  expect([strict.status, strict.body.message]).toEqual([
    400,
    'Door in version "v1" cannot be handled as a Door: strict decoding error: unknown field "spec.wings"',
  ]);
  expect((await send('POST', DOORS, door({ height: 2, wings: 3 }))).headers['warning']).toBe(
    '299 - "unknown field \\"spec.wings\\""',
  );
});

test('everything that breaks the schema is told at once, with its cause', async () => {
  api.put(definition());
  const { status, body } = await send(
    'POST',
    DOORS,
    door({
      height: 'two',
      colour: 'Green',
      name: 'Front door',
      port: true,
      locks: [{ side: 'a' }, { side: 'a' }, { shut: false }],
    }),
  );
  expect([status, body.reason]).toEqual([422, 'Invalid']);
  expect(body.message).toContain('Door.example.org "front" is invalid: [');
  const causes = (
    (body.details?.['causes'] ?? []) as readonly { field: string; reason: string; message: string }[]
  ).map(({ field, reason, message }) => `${field} ${reason} ${message}`);
  expect(causes).toEqual([
    'spec.height FieldValueTypeInvalid Invalid value: "string": spec.height in body must be of type integer: "string"',
    'spec.colour FieldValueNotSupported Unsupported value: "Green": supported values: "Red", "Blue"',
    'spec.name FieldValueTooLong Too long: may not be more than 5 bytes',
    'spec.port FieldValueTypeInvalid Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    'spec.locks FieldValueTooMany Too many: 3: must have at most 2 items',
    'spec.locks[1] FieldValueDuplicate Duplicate value: {"side":"a"}',
    'spec.locks[2].side FieldValueRequired Required value',
  ]);
});

test('lists are applied by their keys', async () => {
  api.put(definition());
  const apply = (manager: string, locks: readonly object[]): Promise<Answer> =>
    ask(`${api.url}${DOORS}/front?fieldManager=${manager}`, {
      method: 'PATCH',
      body: door({ height: 2, locks }),
      headers: { 'content-type': 'application/apply-patch+yaml' },
    });
  await apply('ann', [{ side: 'left', shut: false }]);
  const { body } = await apply('bob', [{ side: 'right' }]);
  expect((body['spec'] as { locks: unknown }).locks).toEqual([
    { side: 'left', shut: false },
    { side: 'right', shut: true },
  ]);
});

test('strategic patches are for built-in kinds', async () => {
  api.put(definition());
  const answer = await ask(`${api.url}${DOORS}/front`, {
    method: 'PATCH',
    body: {},
    headers: { 'content-type': 'application/strategic-merge-patch+json' },
  });
  expect(answer.status).toBe(415);
});

describe('a schema that is not structural is refused', () => {
  const withSpec = (spec: object): object => ({ type: 'object', properties: { spec } });
  test.each([
    ['no type', withSpec({ properties: {} }), 'type: Required value: must not be empty for specified object fields'],
    ['an unknown type', withSpec({ type: 'map' }), 'Unsupported value: "map"'],
    [
      'additionalProperties: false',
      withSpec({ type: 'object', additionalProperties: false }),
      'cannot be set to false',
    ],
    [
      'both kinds of properties',
      withSpec({ type: 'object', properties: { a: { type: 'string' } }, additionalProperties: { type: 'string' } }),
      'mutual exclusive',
    ],
    ['$ref', withSpec({ type: 'object', $ref: '#/x' }), '$ref is not supported'],
    ['a list of anything', withSpec({ type: 'array' }), 'items: Required value'],
    [
      'a type inside oneOf',
      withSpec({ type: 'string', oneOf: [{ type: 'string' }] }),
      'must be empty to be structural',
    ],
    ['a property only inside anyOf', withSpec({ type: 'object', anyOf: [{ properties: { a: {} } }] }), 'properties[a]'],
    ['a wrong default', withSpec({ type: 'integer', default: 'one' }), 'must be of type integer'],
    [
      'a map list without keys',
      withSpec({ type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } }),
      'x-kubernetes-list-map-keys: Required value',
    ],
    [
      'an optional key without default',
      withSpec({
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['a'],
        items: { type: 'object', properties: { a: { type: 'string' } } },
      }),
      'so it must have a default or be a required property',
    ],
    [
      'metadata with more than a name',
      { type: 'object', properties: { metadata: { type: 'object', properties: { labels: {} } } } },
      'must not specify anything other than name and generateName',
    ],
    ['a root that is no object', { type: 'string' }, 'must be object at the root'],
  ])('%s', async (_what, schema, why) => {
    const { status, body } = await send('POST', DEFINITIONS, definition(schema));
    expect(status).toBe(422);
    expect(body.message).toContain(why);
  });

  test('wrong names and versions', async () => {
    const { spec } = definition();
    const { body } = await send('POST', DEFINITIONS, {
      ...definition(),
      metadata: { name: 'wrong' },
      spec: { ...spec, scope: 'Global', versions: [...spec.versions, ...spec.versions] },
    });
    for (const why of [
      'must be spec.names.plural+',
      'supported values: "Cluster", "Namespaced"',
      'exactly one version',
    ])
      expect(body.message).toContain(why);
  });
});
