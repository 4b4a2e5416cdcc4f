import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { renderChart } from '../../scripts/helm.ts';
import { kinds } from '../../src/api/kinds.ts';
import { BORDER_FINALIZER } from '../../src/api/own.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { ApiClient } from '../../src/kubernetes/api-client.ts';
import { clusterNameOf } from '../../src/kubernetes/discovery.ts';
import { setFinalizer } from '../../src/kubernetes/finalizer.ts';
import { connectKubeconfig } from '../../src/kubernetes/kubeconfig.ts';
import { LeaseStore } from '../../src/kubernetes/leases/lease-store.ts';
import { leasePlace } from '../../src/kubernetes/leases/lease.ts';
import { ReviewedAccess } from '../../src/kubernetes/reviewed-access.ts';
import { type Feature, rights } from '../../src/kubernetes/rights.ts';
import { readSecret } from '../../src/kubernetes/secret.ts';
import { askDefinition } from '../../src/sources/kubernetes/definitions.ts';
import { KubernetesSource } from '../../src/sources/kubernetes/kubernetes-source.ts';
import { type ApiServer, startApiServer } from '../kit/apiserver.ts';
import type { ApiObject } from '../kit/raw-api.ts';
import { apply, define } from './definitions.ts';

const root = join(import.meta.dirname, '../..');
const never = new AbortController().signal;
let server: ApiServer;
let client: ApiClient;

beforeAll(async () => {
  server = await startApiServer({ audit: true });
  await define(server.admin);
  await server.admin.json('POST', '/api/v1/namespaces', { metadata: { name: 'sallyport' } });
  const plurals: Readonly<Record<string, string>> = {
    ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
    Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/sallyport/roles',
    RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/sallyport/rolebindings',
    ServiceAccount: '/api/v1/namespaces/sallyport/serviceaccounts',
  };
  for (const document of parseAllDocuments(renderChart(root, { queries: { enabled: true, tlsSecret: 'tls' } }))) {
    const object = document.toJS() as ApiObject | null;
    const path = plurals[object?.kind ?? ''];
    if (object !== null && path !== undefined) await apply(server.admin, `${path}/${object.metadata.name}`, object);
  }
  const token = await server.tokenFor('sallyport', 'sallyport');
  client = (await connectKubeconfig({ path: server.kubeconfigFor({ token }), environment: {}, log: silentLog })).client;
});
afterAll(async () => {
  await client.close();
  await server.stop();
});

/** Follows everything until a whole state is there, then every kind is watched. */
async function follow(): Promise<void> {
  const before = requests().length;
  const stop = new AbortController();
  const source = new KubernetesSource({ name: 'cluster', api: client, clock: systemClock });
  let isComplete = false;
  const run = source.run(({ state }) => void (isComplete ||= state.kind === 'complete'), stop.signal);
  await expect.poll(() => isComplete).toBe(true);
  await expect
    .poll(
      () =>
        requests()
          .slice(before)
          .filter(({ what }) => what.endsWith(' watch')).length,
    )
    .toBeGreaterThan(12);
  stop.abort();
  await run;
}

/** What uses the rights of a feature, as the controller does; a part that lands later joins by one line. */
const users: Partial<Record<Feature, () => Promise<void>>> = {
  watch: async () => {
    await clusterNameOf(client, never);
    const [firewalls] = kinds.filter(({ type }) => type === 'BorderFirewall');
    if (firewalls !== undefined) await askDefinition(client, firewalls, never, () => undefined);
    await follow();
    // Servers that stream no first state are asked for lists.
    await server.restart(['--feature-gates=WatchList=false']);
    await follow();
  },
  leaving: async () => {
    const path = '/apis/sallyport.dev/v1alpha1/borderfirewalls';
    const spec = { driver: 'nftables', address: 'local', workloads: {}, onDelete: 'Remove' };
    const about = { apiVersion: 'sallyport.dev/v1alpha1', kind: 'BorderFirewall', metadata: { name: 'edge-1' }, spec };
    const { metadata } = await server.admin.json('POST', path, about);
    const collection = { group: 'sallyport.dev', version: 'v1alpha1', plural: 'borderfirewalls' };
    const which = { name: 'edge-1', uid: metadata.uid ?? '' };
    for (const wanted of [true, false]) await setFinalizer(client, collection, which, BORDER_FINALIZER, wanted, never);
  },
  leases: async () => {
    const store = new LeaseStore(client, 'sallyport', 'prod');
    const place = leasePlace('firewall', 'prod', 'edge-1');
    const content = { holder: 'a', epoch: 1, acquired: 0, renewed: 0 };
    const made = await store.create(place, content, never);
    await store.list(never);
    const read = await store.get(made.name, never);
    if (read === undefined) throw new Error('it is gone');
    await store.remove(await store.replace(place, content, read, never), never);
  },
  credentials: async () => {
    const [namespace, name] = ['sallyport', 'edge-1'];
    const about = { metadata: { name }, stringData: { token: 'abc' } };
    await server.admin.json('POST', `/api/v1/namespaces/${namespace}/secrets`, about);
    await readSecret(client, { namespace, name }, never);
  },
  queries: async () => {
    const reader = await server.tokenFor('sallyport', 'sallyport');
    await new ReviewedAccess(client, systemClock).ofReader(`Bearer ${reader}`, '/metrics');
  },
};

/** What the service account asked so far, from the server's own book. */
function requests(): readonly { readonly what: string; readonly decision: string | undefined }[] {
  const lines = readFileSync(server.auditLog ?? '', 'utf8').split('\n');
  return lines.flatMap((line) => {
    if (!line.endsWith('}')) return [];
    const { user, verb, objectRef, annotations } = JSON.parse(line) as {
      user: { username: string };
      verb: string;
      objectRef?: { apiGroup?: string; resource?: string; subresource?: string };
      annotations?: Record<string, string>;
    };
    if (user.username !== 'system:serviceaccount:sallyport:sallyport' || objectRef?.resource === undefined) return [];
    const part = objectRef.subresource === undefined ? '' : `/${objectRef.subresource}`;
    const what = `${objectRef.apiGroup ?? ''}/${objectRef.resource}${part} ${verb}`;
    return [{ what, decision: annotations?.['authorization.k8s.io/decision'] }];
  });
}

test.each(Object.entries(users))('%s: every right is used, and nothing else is asked', async (feature, use) => {
  const before = requests().length;
  await use();
  const { groups } = await server.admin.json<{ groups: { name: string }[] }>('GET', '/apis');
  // What is not served cannot be asked for; the unit test of the table holds those kinds.
  const served = new Set(['', ...groups.map(({ name }) => name)]);
  const granted = rights
    .filter((right) => right.feature === feature && served.has(right.group))
    .flatMap(({ group, resource, verbs }) => verbs.map((verb) => `${group}/${resource} ${verb}`));
  // Before it is changed the object is read, by the right that statuses need anyway.
  if (feature === 'leaving') granted.push('sallyport.dev/borderfirewalls get');
  await expect
    .poll(() =>
      [
        ...new Set(
          requests()
            .slice(before)
            .map(({ what }) => what),
        ),
      ].toSorted(),
    )
    .toEqual(granted.toSorted());
  expect(requests().filter(({ decision }) => decision !== 'allow')).toEqual([]);
});
