import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../../test/kit/apiserver.ts';
import { customResourceDefinitions } from '../../api/crd.ts';
import { policyRules, rights } from '../../kubernetes/rights.ts';
import { documentSchema } from '../output-schemas.ts';
import { buildProgram } from '../program.ts';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
  for (const definition of customResourceDefinitions())
    await server.admin.json('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
});
afterAll(() => server.stop());

interface Found {
  readonly check: string;
  readonly subject?: string;
  readonly result: string;
  readonly message: string;
}

async function examine(kubeconfig: string): Promise<readonly Found[]> {
  const out: string[] = [];
  const program = buildProgram({ out: (text) => void out.push(text), err: () => undefined });
  await program.run(['doctor', '--kubeconfig', kubeconfig, '-o', 'json']);
  const document: unknown = JSON.parse(out.join('\n'));
  expect(documentSchema('Examination').safeParse(document).error?.issues).toBeUndefined();
  return (document as { readonly checks: readonly Found[] }).checks;
}

test('a real API server is as it should be, its own form of our definitions included', async () => {
  const isServed = async (): Promise<boolean> =>
    (await examine(server.kubeconfig)).some(({ subject, result }) => subject === 'sallyport.dev' && result === 'OK');
  await expect.poll(isServed, { timeout: 30_000 }).toBe(true);
  const checks = await examine(server.kubeconfig);
  expect(checks.filter(({ result }) => result === 'Error')).toEqual([]);
  expect(checks.find(({ check }) => check === 'server')?.message).toMatch(/^Kubernetes v\d+/);
  expect(checks.find(({ check }) => check === 'identity')?.message).toMatch(/system:masters/);
  expect(checks.find(({ check }) => check === 'clock')).toMatchObject({ result: 'OK' });
  expect(checks.find(({ check }) => check === 'objects')).toMatchObject({ result: 'OK' });
});

test('a service account without rights is told what it lacks', async () => {
  const metadata = { name: 'poor', namespace: 'default' };
  await server.admin.json('POST', '/api/v1/namespaces/default/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata,
  });
  const token = await server.tokenFor('default', 'poor');
  const checks = await examine(server.kubeconfigFor({ token }));
  expect(checks.find(({ check }) => check === 'identity')?.message).toContain('system:serviceaccount:default:poor');
  expect(checks.find(({ subject }) => subject === 'watch')).toMatchObject({
    result: 'Error',
    message: expect.stringMatching(
      /^missing: list, watch on pods, namespaces, .*get on namespaces kube-system/,
    ) as string,
  });
  expect(JSON.stringify(checks)).not.toContain(token);
});

test('with the rules that are made from the table of rights nothing is missing; without one it is named', async () => {
  const group = 'rbac.authorization.k8s.io';
  const name = 'rich';
  await server.admin.json('POST', '/api/v1/namespaces/default/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace: 'default' },
  });
  const token = await server.tokenFor('default', name);
  for (const [scope, kind, path] of [
    ['Cluster', 'ClusterRole', ''],
    ['OwnNamespace', 'Role', '/namespaces/default'],
  ] as const) {
    const rules = policyRules(rights.filter((right) => right.scope === scope));
    const root = `/apis/${group}/v1${path}/${kind.toLowerCase()}`;
    await server.admin.json('POST', `${root}s`, { apiVersion: `${group}/v1`, kind, metadata: { name }, rules });
    await server.admin.json('POST', `${root}bindings`, {
      apiVersion: `${group}/v1`,
      kind: `${kind}Binding`,
      metadata: { name },
      roleRef: { apiGroup: group, kind, name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
    });
  }
  const ofRights = async (): Promise<readonly Found[]> =>
    (await examine(server.kubeconfigFor({ token }))).filter(({ check }) => check === 'rights');
  const isWhole = async (): Promise<boolean> => (await ofRights()).every(({ result }) => result === 'OK');
  await expect.poll(isWhole, { timeout: 30_000 }).toBe(true);

  const rules = policyRules(rights.filter(({ scope, resource }) => scope === 'Cluster' && resource !== 'nodes'));
  await server.admin.json('PATCH', `/apis/${group}/v1/clusterroles/${name}`, { rules }, 'application/merge-patch+json');
  const missing = async (): Promise<readonly string[]> =>
    (await ofRights()).flatMap(({ result, message }) => (result === 'OK' ? [] : [message]));
  await expect
    .poll(missing, { timeout: 30_000 })
    .toEqual([expect.stringMatching(/^missing: list, watch on nodes; without them nothing is known/)]);
});
