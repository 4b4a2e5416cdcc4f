import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { renderChart } from '../../scripts/helm.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { connectKubeconfig } from '../../src/kubernetes/kubeconfig.ts';
import { ReviewedAccess } from '../../src/kubernetes/reviewed-access.ts';
import { type ApiServer, startApiServer } from '../kit/apiserver.ts';
import { type ApiObject, RawApi } from '../kit/raw-api.ts';
import { apply, define } from './definitions.ts';

// Roles for people, by what a real API server then lets them do.

const OURS = '/apis/sallyport.dev/v1alpha1';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = ['sallyport-border-owner', 'sallyport-approver', 'sallyport-viewer'] as const;
const people = new Map<string, RawApi>();
let server: ApiServer;
let rendered: readonly ApiObject[];

beforeAll(async () => {
  server = await startApiServer();
  const { admin } = server;
  await define(admin);
  rendered = parseAllDocuments(renderChart(join(import.meta.dirname, '../..')))
    .map((document) => document.toJS() as ApiObject | null)
    .filter((one) => one !== null);
  for (const role of ROLES) {
    const found = rendered.find((one) => one.kind === 'ClusterRole' && one.metadata.name === role);
    await apply(admin, `${RBAC}/clusterroles/${role}`, found ?? {});
    await admin.json('POST', `${RBAC}/clusterrolebindings`, {
      metadata: { name: role },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [
        { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: role },
        { kind: 'ServiceAccount', namespace: 'default', name: role },
      ],
    });
    await admin.json('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: role } });
    people.set(role, new RawApi(server.target({ certificate: await server.certificateFor(role) })));
  }
  await ours('borderfirewalls', 'BorderFirewall', 'edge-1', {
    driver: 'nftables',
    address: 'local',
    workloads: {},
    mode: 'Approve',
  });
});
afterAll(async () => {
  for (const api of people.values()) api.close();
  await server.stop();
});

const object = (kind: string, name: string, spec: object) => ({
  apiVersion: 'sallyport.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
});
const ours = (plural: string, kind: string, name: string, spec: object): Promise<ApiObject> =>
  server.admin.json('POST', `${OURS}/${plural}`, object(kind, name, spec));

/** What each of the three is answered, in the order of `ROLES`. `body`: what each of them sends. */
async function answers(method: string, path: string, body?: (role: string) => object): Promise<readonly number[]> {
  const headers = { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' };
  const given: number[] = [];
  for (const role of ROLES) {
    let status: number | undefined;
    // A kind that was defined a moment ago asks its readers to come again.
    do status = (await people.get(role)?.send({ method, path, headers, ...(body && { body: body(role) }) }))?.status;
    while (status === 429);
    given.push(status ?? 0);
  }
  return given;
}

const yes = (role: string) => object('BorderApproval', role, { firewall: 'edge-1', digest: 'a'.repeat(64) });

test('what namespaces are about comes with roles of Kubernetes, by the labels that it gathers, and nothing else does', () => {
  const label = /^rbac\.authorization\.k8s\.io\/aggregate-to-(\w+)$/;
  const parts = rendered
    .filter((one) => one.kind === 'ClusterRole')
    .flatMap(({ metadata }) =>
      Object.entries(metadata.labels ?? {}).map(([key, value]) => ({ ...metadata, key, value })),
    )
    .flatMap(({ name, key, value }) => {
      const role = label.exec(key)?.[1];
      return role === undefined ? [] : [`${name} ${role} ${value}`];
    });
  expect(parts.toSorted()).toEqual([
    'sallyport-namespace-editor admin true',
    'sallyport-namespace-editor edit true',
    'sallyport-namespace-viewer view true',
  ]);
});

test('who says yes to a plan writes nothing that it is made of, and the other way round', async () => {
  expect(await answers('POST', `${OURS}/borderapprovals`, yes)).toEqual([403, 201, 403]);
  const policy = (role: string) =>
    object('ClusterBorderPolicy', role, { selector: 'all()', namespaceSelector: 'all()', egress: [] });
  expect(await answers('POST', `${OURS}/clusterborderpolicies`, policy)).toEqual([201, 403, 403]);
  expect(await answers('PATCH', `${OURS}/borderfirewalls/edge-1`, () => ({ spec: { mode: 'Enforce' } }))).toEqual([
    200, 403, 403,
  ]);
});

test('all of them read everything of ours, and nobody writes a status', async () => {
  for (const plural of ['borderfirewalls', 'clusterborderpolicies', 'borderapprovals', 'sourcenats'])
    expect(await answers('GET', `${OURS}/${plural}`)).toEqual([200, 200, 200]);
  expect(await answers('PATCH', `${OURS}/borderapprovals/sallyport-approver/status`, () => ({ status: {} }))).toEqual([
    403, 403, 403,
  ]);
});

test('a yes is taken back by who may give one, and edited by nobody', async () => {
  const path = `${OURS}/borderapprovals/sallyport-approver`;
  const edit = () => ({ metadata: { annotations: { why: 'later' } } });
  expect(await answers('PATCH', path, edit)).toEqual([403, 403, 403]);
  expect(await answers('DELETE', path)).toEqual([403, 200, 403]);
});

test('they are told who writes to what, and strangers are not', async () => {
  await server.admin.json('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'stranger' } });
  const { client } = await connectKubeconfig({ path: server.kubeconfig, environment: {}, log: silentLog });
  const access = new ReviewedAccess(client, systemClock, silentLog);
  const ask = async (account: string): Promise<string> =>
    access.ofReader(`Bearer ${await server.tokenFor('default', account)}`, '/standing');
  for (const role of ROLES) expect(await ask(role)).toBe('allowed');
  expect(await ask('stranger')).toBe('forbidden');
  await client.close();
});
