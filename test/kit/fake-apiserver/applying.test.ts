import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../fake-clock.ts';
import { FakeApiServer } from './server.ts';
import { type Answer, ask } from './test-client.ts';

let api: FakeApiServer;
const PATH = '/api/v1/namespaces/shop/configmaps/a';

async function apply(manager: string, body: object, { force = false, path = PATH, dry = false } = {}): Promise<Answer> {
  const query = `fieldManager=${manager}${force ? '&force=true' : ''}${dry ? '&dryRun=All' : ''}`;
  return ask(`${api.url}${path}?${query}`, {
    method: 'PATCH',
    body,
    headers: { 'content-type': 'application/apply-patch+yaml' },
  });
}
const map = (data: Record<string, string>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a' },
  data,
});
const owners = ({ body }: Answer): unknown =>
  (
    (body.metadata?.['managedFields'] ?? []) as readonly { manager: string; subresource?: string; fieldsV1: object }[]
  ).map(({ manager, subresource, fieldsV1 }) => [
    subresource === undefined ? manager : `${manager}/${subresource}`,
    fieldsV1,
  ]);

beforeEach(async () => {
  api = await FakeApiServer.start({ clock: new FakeClock() });
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => api.stop());

test('creates, and changes nothing the second time', async () => {
  const first = await apply('ann', map({ x: '1' }));
  expect(first.status).toBe(201);
  expect(owners(first)).toEqual([['ann', { 'f:data': { 'f:x': {} } }]]);
  const again = await apply('ann', map({ x: '1' }));
  expect([again.status, again.body.metadata?.['resourceVersion']]).toEqual([
    200,
    first.body.metadata?.['resourceVersion'],
  ]);
});

test('what a manager no longer applies goes, unless somebody else owns it too', async () => {
  await apply('ann', map({ x: '1', y: '2', z: '3' }));
  await apply('bob', map({ y: '2' }));
  const answer = await apply('ann', map({ x: '1' }));
  expect(answer.body['data']).toEqual({ x: '1', y: '2' });
  expect(owners(answer)).toEqual([
    ['ann', { 'f:data': { 'f:x': {} } }],
    ['bob', { 'f:data': { 'f:y': {} } }],
  ]);
});

test('somebody else’s value is a conflict with causes; force takes it', async () => {
  await apply('ann', map({ x: '1' }));
  const refused = await apply('bob', map({ x: '2' }));
  expect(refused.body).toMatchObject({
    code: 409,
    reason: 'Conflict',
    message: 'Apply failed with 1 conflict: conflict with "ann": .data.x',
    details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "ann"', field: '.data.x' }] },
  });
  const forced = await apply('bob', map({ x: '2' }), { force: true });
  expect([forced.body['data'], owners(forced)]).toEqual([{ x: '2' }, [['bob', { 'f:data': { 'f:x': {} } }]]]);
});

test('an update takes what it changes away from the applier', async () => {
  await apply('ann', map({ x: '1', y: '2' }));
  const patched = await ask(`${api.url}${PATH}?fieldManager=kubectl`, {
    method: 'PATCH',
    body: { data: { x: '9' } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  expect(owners(patched)).toEqual([
    ['ann', { 'f:data': { 'f:y': {} } }],
    ['kubectl', { 'f:data': { 'f:x': {} } }],
  ]);
  const back = await apply('ann', map({ x: '1', y: '2' }));
  expect(back.body.message).toBe('Apply failed with 1 conflict: conflict with "kubectl" using v1: .data.x');
});

describe('status', () => {
  const path = '/api/v1/namespaces/shop/pods/p';
  const ready = (status: string, more: object = {}): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    status: { conditions: [{ type: 'Ready', status }], ...more },
  });

  test('conditions are merged by type, each of its own manager', async () => {
    api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'shop' }, spec: { hostNetwork: true } });
    await apply('kubelet', ready('True'), { path: `${path}/status` });
    const gate = {
      ...ready(''),
      spec: { hostNetwork: false },
      status: { conditions: [{ type: 'sallyport.dev/border', status: 'True' }] },
    };
    const answer = await apply('gate', gate, { path: `${path}/status` });
    expect(answer.body).toMatchObject({
      spec: { hostNetwork: true },
      status: {
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'sallyport.dev/border', status: 'True' },
        ],
      },
    });
    expect(owners(answer)).toMatchObject([
      ['gate/status', {}],
      [
        'kubelet/status',
        { 'f:status': { 'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:status': {}, 'f:type': {} } } } },
      ],
    ]);
    const fought = await apply('gate', ready('False'), { path: `${path}/status` });
    expect(fought.body.message).toContain(
      'conflict with "kubelet" with subresource "status": .status.conditions[type="Ready"].status',
    );
    // Nothing left to own: the element goes.
    const left = await apply('gate', { ...ready(''), status: {} }, { path: `${path}/status` });
    expect(left.body['status']).toEqual({ conditions: [{ type: 'Ready', status: 'True' }] });
  });

  test('of what is not there is not found', async () => {
    expect((await apply('gate', ready('True'), { path: `${path}/status` })).status).toBe(404);
  });
});

test.each([
  ['without a manager', '', map({}), 422, 'fieldManager: Required value: is required for apply patch'],
  ['with managedFields', 'ann', { ...map({}), metadata: { name: 'a', managedFields: [] } }, 400, 'must be nil'],
  ['without a kind', 'ann', { apiVersion: 'v1', metadata: { name: 'a' } }, 400, 'invalid object type'],
  ['of another name', 'ann', { ...map({}), metadata: { name: 'b' } }, 400, 'does not match the name on the URL'],
])('%s it is refused', async (_what, manager, body, status, why) => {
  api.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'shop' } });
  const answer = await apply(manager, body);
  expect(answer.status).toBe(status);
  expect(answer.body.message).toContain(why);
});

test('a version that is named has to be the present one', async () => {
  await apply('ann', map({ x: '1' }));
  const stale = await apply('ann', { ...map({ x: '2' }), metadata: { name: 'a', resourceVersion: '1' } });
  expect([stale.status, stale.body.reason]).toEqual([409, 'Conflict']);
});

test('a dry run tells and stores nothing', async () => {
  await apply('ann', map({ x: '1' }));
  expect((await apply('ann', map({ x: '2' }), { dry: true })).body['data']).toEqual({ x: '2' });
  expect((await ask(`${api.url}${PATH}`)).body['data']).toEqual({ x: '1' });
});
