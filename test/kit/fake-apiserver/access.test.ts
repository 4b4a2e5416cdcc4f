import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Metadata } from './object.ts';
import { FakeApiServer } from './server.ts';
import { type Answer, ask } from './test-client.ts';

let api: FakeApiServer;
const as = (token: string, path: string, method = 'GET', body?: unknown): Promise<Answer> =>
  ask(api.url + path, { method, body, headers: { authorization: `Bearer ${token}` } });

beforeEach(async () => {
  api = await FakeApiServer.start();
  api.access.setToken('ann-1', { name: 'ann', groups: ['team'] });
  api.access.setToken('root', { name: 'root', groups: ['system:masters'] });
});
afterEach(() => api.stop());

test('without a rule everybody known may do everything; with one only what is allowed', async () => {
  expect((await as('ann-1', '/api/v1/pods')).status).toBe(200);
  api.access.allow('team', { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }, 'shop');
  expect((await as('ann-1', '/api/v1/namespaces/shop/pods')).status).toBe(200);
  const everywhere = await as('ann-1', '/api/v1/pods');
  expect(everywhere.body).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'pods is forbidden: User "ann" cannot list resource "pods" in API group "" at the cluster scope',
    reason: 'Forbidden',
    details: { kind: 'pods' },
    code: 403,
  });
  const status = await as('ann-1', '/api/v1/namespaces/shop/pods/a/status', 'PUT', {});
  expect(status.body.message).toBe(
    'pods "a" is forbidden: User "ann" cannot update resource "pods/status" in API group "" in the namespace "shop"',
  );
  const path = await as('ann-1', '/metrics');
  expect(path.body.message).toBe('forbidden: User "ann" cannot get path "/metrics"');
  expect((await as('root', '/api/v1/pods')).status).toBe(200);
});

test('rights come before the question whether something is there', async () => {
  api.access.allow('ann', { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'] }, 'shop');
  expect((await as('ann-1', '/api/v1/namespaces/shop/secrets/mine')).status).toBe(404);
  expect((await as('ann-1', '/api/v1/namespaces/shop/secrets/other')).status).toBe(403);
  expect((await as('ann-1', '/apis/none.example.org/v1/things')).status).toBe(403);
});

test('roles and bindings that are stored count, if the server uses RBAC', async () => {
  api.access.rbac = true;
  const rbac = 'rbac.authorization.k8s.io';
  expect((await as('ann-1', '/api/v1/pods')).status).toBe(403);
  api.put({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name: 'reader' },
    rules: [{ verbs: ['list', 'watch'], apiGroups: [''], resources: ['pods'] }],
  });
  const binding = (kind: string, metadata: Metadata): void =>
    void api.put({
      apiVersion: `${rbac}/v1`,
      kind,
      metadata,
      subjects: [{ kind: 'Group', name: 'team' }],
      roleRef: { kind: 'ClusterRole', name: 'reader' },
    });
  binding('RoleBinding', { name: 'team', namespace: 'shop' });
  expect((await as('ann-1', '/api/v1/namespaces/shop/pods')).status).toBe(200);
  expect((await as('ann-1', '/api/v1/pods')).status).toBe(403);
  binding('ClusterRoleBinding', { name: 'team' });
  expect((await as('ann-1', '/api/v1/pods')).status).toBe(200);
});

test('a token that is rotated away is nobody’s', async () => {
  api.access.setToken('ann-2', { name: 'ann' });
  api.access.revokeToken('ann-1');
  const old = await as('ann-1', '/version');
  expect([old.status, old.body.reason, old.body.message]).toEqual([401, 'Unauthorized', 'Unauthorized']);
  expect((await as('ann-2', '/version')).body['gitVersion']).toMatch(/^v1\./);
});

describe('reviews', () => {
  const review = async (group: string, kind: string, spec: object): Promise<unknown> => {
    const path = `/apis/${group}/v1/${kind.toLowerCase()}s`;
    const answer = await as('root', path, 'POST', { apiVersion: `${group}/v1`, kind, spec });
    expect(answer.status).toBe(201);
    return answer.body['status'];
  };

  test('of tokens', async () => {
    expect(await review('authentication.k8s.io', 'TokenReview', { token: 'ann-1' })).toMatchObject({
      authenticated: true,
      user: { username: 'ann', groups: ['team', 'system:authenticated'] },
    });
    const unknown = await review('authentication.k8s.io', 'TokenReview', { token: 'x' });
    expect(unknown).toEqual({ user: {}, error: '[invalid bearer token, token lookup failed]' });
  });

  test('of access', async () => {
    api.access.allow('ann', { verbs: ['patch'], apiGroups: [''], resources: ['pods/status'] });
    const asks = (subresource: string): Promise<unknown> =>
      review('authorization.k8s.io', 'SubjectAccessReview', {
        user: 'ann',
        groups: [],
        resourceAttributes: { verb: 'patch', resource: 'pods', subresource, namespace: 'shop' },
      });
    expect(await asks('status')).toMatchObject({ allowed: true });
    expect(await asks('')).toEqual({ allowed: false });
    const own = await as('ann-1', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', 'POST', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectRulesReview',
      spec: { namespace: 'shop' },
    });
    expect(own.body['status']).toEqual({
      resourceRules: [{ verbs: ['patch'], apiGroups: [''], resources: ['pods/status'] }],
      nonResourceRules: [],
      incomplete: false,
    });
  });
});

test('discovery tells what is served', async () => {
  const groups = await as('ann-1', '/apis');
  expect((groups.body['groups'] as readonly object[])[0]).toEqual({
    name: 'apps',
    versions: [{ groupVersion: 'apps/v1', version: 'v1' }],
    preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
  });
  const core = await as('ann-1', '/api/v1');
  expect(core.body['resources']).toContainEqual({
    name: 'pods',
    singularName: 'pod',
    namespaced: true,
    kind: 'Pod',
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    shortNames: ['po'],
  });
  expect((await as('ann-1', '/apis/none.example.org')).status).toBe(404);
});
