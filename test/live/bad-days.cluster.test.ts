/** Bad days of a real API server, with `sallyport run` as a process and nftables as the border. docs/design/cluster-tests.md has them all. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ApiServer } from '../kit/apiserver.ts';
import { EdgeBorder } from '../kit/edge-border.ts';
import { type Copy, type LiveBorder, until } from '../kit/live-border.ts';
import { RawApi } from '../kit/raw-api.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/addressgroups.sallyport.dev';
let border: EdgeBorder;
let live: LiveBorder;
let server: ApiServer;

beforeAll(async () => {
  border = await EdgeBorder.open();
  ({ live } = border);
  ({ server } = live);
});
afterAll(() => live.close());
afterEach(() => live.endCopies());

const says = (copy: Copy, words: string): Promise<unknown> =>
  until(
    () => JSON.stringify(copy.lines),
    (text) => text.includes(words),
  );

/** A kubeconfig whose user is described so. */
function kubeconfig(name: string, user: object): string {
  const path = join(live.command.root, name);
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'x',
    clusters: [
      {
        name: 'x',
        cluster: { server: server.url, 'certificate-authority-data': Buffer.from(server.ca).toString('base64') },
      },
    ],
    users: [{ name: 'x', user }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
  };
  writeFileSync(path, JSON.stringify(content));
  return path;
}

test('a tenant labels, annotates and names things to get in: the border does not change', async () => {
  await live.copy('tenant-watch');
  await border.arrives(await border.newPod());
  const ours = 'sallyport.dev/v1alpha1';
  const vault = { selector: "app == 'vault'", namespaceSelector: "kubernetes.io/metadata.name == 'vault'" };
  await live.post(`/apis/${ours}/addressgroups`, ours, 'AddressGroup', { name: 'vault' }, vault);
  await live.post('/api/v1/namespaces', 'v1', 'Namespace', { name: 'tenant' });
  await live.post('/api/v1/namespaces/tenant/serviceaccounts', 'v1', 'ServiceAccount', { name: 'default' });
  await live.post('/api/v1/namespaces/tenant/serviceaccounts', 'v1', 'ServiceAccount', { name: 'mallory' });
  // What the role `admin` is made of: nobody aggregates roles here.
  for (const part of ['view', 'edit', 'admin'])
    await live.admin.json('POST', `${RBAC}/namespaces/tenant/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: part },
      subjects: [{ kind: 'ServiceAccount', name: 'mallory', namespace: 'tenant' }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `system:aggregate-to-${part}` },
    });
  const before = await live.holds('edge');
  const mallory = new RawApi(server.target({ token: await server.tokenFor('tenant', 'mallory') }));
  const tried: string[] = [];
  const tries = async (method: string, path: string, body: object, type?: string): Promise<void> => {
    const headers = type === undefined ? {} : { 'content-type': type };
    const { status } = await mallory.send({ method, path, body, headers });
    tried.push(`${method} ${path.replace(/^\/apis?\//, '')} ${status}`);
  };
  const labels = {
    app: 'vault',
    team: 'vault',
    'projectcalico.org/namespace': 'vault',
    // What a pod of the namespace vault has from it, and what the group asks for.
    'pcns.kubernetes.io/metadata.name': 'vault',
  };
  const annotations = { 'cni.projectcalico.org/podIP': '10.1.9.1/32', 'cni.projectcalico.org/podIPs': '10.1.9.1/32' };
  const pod = (name: string, spec: object = {}): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels, annotations },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'x' }], ...spec },
    status: { phase: 'Running', podIP: '10.1.9.1', podIPs: [{ ip: '10.1.9.1' }] },
  });
  const merge = 'application/merge-patch+json';
  const there = '/api/v1/namespaces/tenant';
  await tries('POST', `${there}/serviceaccounts`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'vault', labels },
  });
  await tries('POST', `${there}/pods`, pod('vault', { serviceAccountName: 'vault' }));
  await tries('POST', `${there}/pods`, pod('host', { hostNetwork: true }));
  await tries(
    'PATCH',
    `${there}/pods/vault`,
    { metadata: { annotations: { 'cni.projectcalico.org/podIP': '10.1.9.2/32' } } },
    merge,
  );
  await tries(
    'PATCH',
    `${there}/pods/vault/status`,
    { status: { podIP: '10.1.9.1', podIPs: [{ ip: '10.1.9.1' }] } },
    merge,
  );
  await tries('PATCH', there, { metadata: { labels } }, merge);
  await tries('PATCH', '/api/v1/namespaces/vault', { metadata: { labels } }, merge);
  await tries('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'vault', labels },
  });
  await tries('POST', '/api/v1/namespaces/shop/pods', pod('guest'));
  for (const [plural, kind] of [
    ['addressgroups', 'AddressGroup'],
    ['clusterborderpolicies', 'ClusterBorderPolicy'],
  ] as const)
    await tries('POST', `/apis/${ours}/${plural}`, { apiVersion: ours, kind, metadata: { name: 'mine' }, spec: vault });
  await tries('PATCH', `/apis/${ours}/addressgroups/vault`, { spec: { namespaceSelector: 'all()' } }, merge);
  await tries('POST', `/apis/${ours}/namespaces/tenant/borderpolicies`, {
    apiVersion: ours,
    kind: 'BorderPolicy',
    metadata: { name: 'mine' },
    spec: { selector: 'all()', egress: [{ action: 'Allow', nets: ['203.0.113.0/24'] }] },
  });
  mallory.close();
  expect(tried).toMatchInlineSnapshot(`
    [
      "POST v1/namespaces/tenant/serviceaccounts 201",
      "POST v1/namespaces/tenant/pods 201",
      "POST v1/namespaces/tenant/pods 201",
      "PATCH v1/namespaces/tenant/pods/vault 200",
      "PATCH v1/namespaces/tenant/pods/vault/status 403",
      "PATCH v1/namespaces/tenant 403",
      "PATCH v1/namespaces/vault 403",
      "POST v1/namespaces 403",
      "POST v1/namespaces/shop/pods 403",
      "POST sallyport.dev/v1alpha1/addressgroups 403",
      "POST sallyport.dev/v1alpha1/clusterborderpolicies 403",
      "PATCH sallyport.dev/v1alpha1/addressgroups/vault 403",
      "POST sallyport.dev/v1alpha1/namespaces/tenant/borderpolicies 403",
    ]
  `);
  // The kubelet gives the pod an address, as it would.
  const status = { phase: 'Running', podIP: '10.1.9.9', podIPs: [{ ip: '10.1.9.9' }] };
  await live.admin.json('PATCH', `${there}/pods/vault/status`, { status }, merge);
  const last = await border.newPod();
  await border.arrives(last);
  // It is a pod like any other that no policy selects; the groups are as they were.
  const table = await live.table('edge');
  const group = (name: string): string =>
    new RegExp(`set g4_${name} \\{[^}]*comment "name=${name}"([^}]*)\\}?`).exec(table)?.[1] ?? '';
  const members = (name: string): readonly string[] => group(name).match(/\d+\.\d+\.\d+\.\d+/g) ?? [];
  expect(members('payers').toSorted()).toEqual([...before, last].toSorted());
  expect(table).toContain('comment "name=vault"');
  expect(members('vault')).toEqual([]);
  expect(table).toContain('10.1.9.9 : accept');
  await live.admin.json('DELETE', `/apis/${ours}/addressgroups/vault`);
});

test('a definition is deleted under us: what it defined stays in force, and statuses say why', async () => {
  const copy = await live.copy('definitions');
  await border.arrives(await border.newPod());
  const before = await border.settled();
  const definition = await live.admin.json('GET', CRD);
  await live.admin.json('DELETE', CRD);
  await until(
    () => copy.standing(),
    (text) => text.includes('frozen') && /addressgroup/i.test(text),
  );
  expect(await copy.ready()).toMatch(/^200 the source is frozen; firewalls keep what they hold\n?$/);
  const late = await border.newPod();
  await pause(3_000);
  expect(await live.table('edge')).toBe(before);
  const { conditions = [] } = await until(
    () => live.status('borderfirewalls', 'edge'),
    (status) => status.conditions?.some(({ type, status: holds }) => type === 'Frozen' && holds === 'True') ?? false,
  );
  expect(conditions.find(({ type }) => type === 'Frozen')?.message).toMatch(/addressgroup/i);
  const { metadata, spec } = definition as unknown as {
    readonly metadata: { readonly name: string };
    readonly spec: object;
  };
  await until(
    () => live.admin.send({ path: CRD }),
    ({ status }) => status === 404,
  );
  await live.post(
    CRD.replace(/\/[^/]*$/, ''),
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    { name: metadata.name },
    spec,
  );
  const groups = '/apis/sallyport.dev/v1alpha1/addressgroups';
  await until(
    () => live.admin.send({ path: groups }),
    ({ status }) => status === 200,
  );
  const everywhere = { selector: "app == 'pay'", namespaceSelector: 'all()' };
  await live.post(groups, 'sallyport.dev/v1alpha1', 'AddressGroup', { name: 'payers' }, everywhere);
  await border.arrives(late);
});

test('a token that is worth nothing freezes, and a new one in its file is used', async () => {
  const accounts = '/api/v1/namespaces/sallyport/serviceaccounts';
  const account = (): Promise<unknown> => live.post(accounts, 'v1', 'ServiceAccount', { name: 'runner' });
  await account();
  await live.admin.json('POST', `${RBAC}/clusterrolebindings`, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'runner' },
    subjects: [{ kind: 'ServiceAccount', name: 'runner', namespace: 'sallyport' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  });
  const tokenFile = join(live.command.root, 'token');
  const rotate = async (): Promise<void> => writeFileSync(tokenFile, await server.tokenFor('sallyport', 'runner'));
  await rotate();
  const copy = await live.copy('token', kubeconfig('with-token', { tokenFile }));
  await border.arrives(await border.newPod());
  // Rotated as kubelets do it: nobody notices.
  await rotate();
  await border.arrives(await border.newPod());
  await live.admin.json('DELETE', `${accounts}/runner`);
  await says(copy, '401');
  const before = await border.settled();
  await account();
  await pause(5_000);
  expect(await live.table('edge')).toBe(before);
  await rotate();
  await border.arrives(await border.newPod());
});

test('a client certificate that has expired is named, nothing is written, and a new one in its place is used', async () => {
  const files = {
    'client-certificate': join(live.command.root, 'c.pem'),
    'client-key': join(live.command.root, 'k.pem'),
  };
  const renew = async (seconds: number): Promise<void> => {
    const { certificate, key } = await server.certificateFor('runner', ['system:masters'], seconds);
    writeFileSync(files['client-key'], key);
    writeFileSync(files['client-certificate'], certificate);
  };
  // Long enough for a busy machine to start with it.
  await renew(40);
  const copy = await live.copy('certificate', kubeconfig('with-certificate', files));
  await border.arrives(await border.newPod());
  await says(copy, 'expired');
  const before = await border.settled();
  await pause(3_000);
  expect(await live.table('edge')).toBe(before);
  await renew(3_600);
  await border.arrives(await border.newPod());
});
