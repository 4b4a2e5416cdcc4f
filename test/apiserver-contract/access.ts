import { expect } from 'vitest';
import { RawApi } from '../kit/raw-api.ts';
import { type Clause, type Stage, configMaps, pods, refusal } from './server-under-test.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const AUTHORIZATION = '/apis/authorization.k8s.io/v1';

/** Who one is, and what one may do. */
export function access(stage: () => Stage, test: Clause): void {
  /** Lets a service account read pods of its namespace. */
  async function grant(namespace: string): Promise<void> {
    const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'reader' } };
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }];
    await stage().api.json('POST', `${RBAC}/namespaces/${namespace}/roles`, { ...rbac, kind: 'Role', rules });
    await stage().api.json('POST', `${RBAC}/namespaces/${namespace}/rolebindings`, {
      ...rbac,
      kind: 'RoleBinding',
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
    });
  }

  async function token(namespace: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default/token`;
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
    const made = await stage().api.json<{ status: { token: string; expirationTimestamp: string } }>(
      'POST',
      path,
      request,
    );
    expect(made.status.expirationTimestamp).toMatch(/^\d{4}-/);
    return made.status.token;
  }

  /** The server as the default account of a namespace. */
  async function as(namespace: string): Promise<RawApi> {
    const { url, ca } = stage().server.target;
    return new RawApi({ url, ...(ca === undefined ? {} : { ca }), token: await token(namespace) });
  }

  test('a credential that is none is a 401', async () => {
    const { url, ca } = stage().server.target;
    const nobody = new RawApi({ url, ...(ca === undefined ? {} : { ca }), token: 'nonsense' });
    expect(await refusal(nobody, 'GET', '/api/v1/namespaces')).toMatchObject({
      http: 401,
      reason: 'Unauthorized',
      code: 401,
    });
    nobody.close();
  });

  test('what one may not do is a 403 that says who, what and where', async () => {
    const namespace = await stage().namespace();
    const account = await as(namespace);
    expect(await refusal(account, 'GET', pods(namespace))).toMatchObject({
      http: 403,
      reason: 'Forbidden',
      details: { kind: 'pods' },
      message:
        `pods is forbidden: User "system:serviceaccount:${namespace}:default" cannot list resource "pods" in API group "" ` +
        `in the namespace "${namespace}"`,
    });
    account.close();
  });

  test('a role gives exactly what it says, a moment after it is bound', async () => {
    const namespace = await stage().namespace();
    const account = await as(namespace);
    await grant(namespace);
    await expect.poll(async () => (await account.send({ path: pods(namespace) })).status).toBe(200);
    expect((await refusal(account, 'GET', configMaps(namespace))).http).toBe(403);
    expect((await refusal(account, 'DELETE', `${pods(namespace)}/one`)).http).toBe(403);
    expect((await refusal(account, 'GET', '/api/v1/pods')).http).toBe(403);
    account.close();
  });

  test('a SubjectAccessReview answers for others, a SelfSubjectAccessReview for oneself', async () => {
    const namespace = await stage().namespace();
    await grant(namespace);
    const account = await as(namespace);
    const user = `system:serviceaccount:${namespace}:default`;
    const review = async (api: RawApi, kind: string, verb: string, who: object): Promise<unknown> => {
      const spec = { ...who, resourceAttributes: { namespace, verb, resource: 'pods' } };
      const path = `${AUTHORIZATION}/${kind.toLowerCase()}s`;
      const body = { apiVersion: 'authorization.k8s.io/v1', kind, spec };
      return (await api.json<{ status: { allowed: boolean } }>('POST', path, body)).status.allowed;
    };
    await expect.poll(() => review(account, 'SelfSubjectAccessReview', 'list', {})).toBe(true);
    await expect.poll(() => review(stage().api, 'SubjectAccessReview', 'list', { user })).toBe(true);
    expect(await review(stage().api, 'SubjectAccessReview', 'delete', { user })).toBe(false);
    expect(await review(stage().api, 'SubjectAccessReview', 'list', { user: 'somebody' })).toBe(false);
    account.close();
  });

  test('a TokenReview says whose token it is', async () => {
    const namespace = await stage().namespace();
    const review = async (given: string): Promise<object> => {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: given } };
      const path = '/apis/authentication.k8s.io/v1/tokenreviews';
      return (await stage().api.json<{ status: object }>('POST', path, body)).status;
    };
    expect(await review(await token(namespace))).toMatchObject({
      authenticated: true,
      user: {
        username: `system:serviceaccount:${namespace}:default`,
        groups: expect.arrayContaining(['system:serviceaccounts', `system:serviceaccounts:${namespace}`]) as unknown,
      },
    });
    expect((await review('nonsense')) as { authenticated?: boolean }).not.toMatchObject({ authenticated: true });
  });
}
