/** Addresses that pods claim by annotations (design section 2): a tenant with the role `edit` on a real API server, a pool, and nftables. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CALICO } from '../../src/api/kinds.ts';
import { defineForeign } from '../deploy/foreign-kinds.ts';
import { LiveBorder, until } from '../kit/live-border.ts';
import { LiveController } from '../kit/live-controller.ts';
import { RawApi } from '../kit/raw-api.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const POOLS = `/apis/${CALICO}/v3/ippools`;
const PODS = '/api/v1/namespaces/tenant/pods';
const MERGE = 'application/merge-patch+json';

let live: LiveBorder;
let controller: LiveController;
let tenant: RawApi;

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: ['edge'] });
  const { admin, server } = live;
  await defineForeign(admin, CALICO);
  await live.post(POOLS, `${CALICO}/v3`, 'IPPool', { name: 'pods' }, { cidr: '10.1.0.0/16' });
  await live.post(POOLS, `${CALICO}/v3`, 'IPPool', { name: 'off' }, { cidr: '10.5.0.0/16', disabled: true });
  await live.post('/api/v1/namespaces', 'v1', 'Namespace', { name: 'tenant' });
  for (const name of ['default', 'mallory'])
    await live.post('/api/v1/namespaces/tenant/serviceaccounts', 'v1', 'ServiceAccount', { name });
  await admin.json('POST', `${RBAC}/namespaces/tenant/rolebindings`, {
    metadata: { name: 'edit' },
    subjects: [{ kind: 'ServiceAccount', name: 'mallory', namespace: 'tenant' }],
    // What the role `edit` is made of: nobody aggregates roles here.
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:aggregate-to-edit' },
  });
  tenant = new RawApi(server.target({ token: await server.tokenFor('tenant', 'mallory') }));
  controller = await LiveController.start(server);
});
afterAll(async () => {
  tenant?.close();
  await controller?.stop();
  await live?.close();
});

const claim = (ip: string): object => ({
  'cni.projectcalico.org/podIP': `${ip}/32`,
  'cni.projectcalico.org/podIPs': `${ip}/32`,
});

/** A pod that the tenant makes, with labels that a group selects, and that claims an address. */
async function claims(name: string, ip: string, nodeName = 'n1'): Promise<void> {
  const spec = { nodeName, containers: [{ name: 'c', image: 'x' }] };
  const metadata = { name, labels: { app: 'pay' }, annotations: claim(ip) };
  await tenant.json('POST', PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
}

const ownerOf = (ip: string): string | undefined => controller.controller.world.owners.get(ip);

test('count where they can be true, and take nothing from others', async () => {
  await live.pod('pay-1', '10.1.0.1');
  await until(
    () => live.holds('edge'),
    (held) => held.join() === '10.1.0.1',
  );
  await claims('free', '10.1.7.1');
  await claims('of-another', '10.1.0.1');
  await claims('of-the-first', '10.1.7.1');
  await claims('outside', '192.0.2.66');
  await claims('switched-off', '10.5.0.1');
  await claims('nowhere', '10.1.7.2', 'no-such-node');
  const { status } = await tenant.send({
    method: 'PATCH',
    path: `${PODS}/of-another/status`,
    body: { status: { phase: 'Running', podIP: '10.1.0.1', podIPs: [{ ip: '10.1.0.1' }] } },
    headers: { 'content-type': MERGE },
  });
  expect(status).toBe(403);
  const refused = await until(
    () =>
      controller.controller.world
        .diagnostics()
        .filter(({ code }) => code === 'ADDRESS_NOT_CREDIBLE')
        .map(({ object }) => object),
    (objects) => objects.length >= 6,
  );
  expect(new Set(refused)).toEqual(
    new Set(['free', 'nowhere', 'of-another', 'of-the-first', 'outside', 'switched-off'].map((n) => `Pod/tenant/${n}`)),
  );

  // Of two that claim one address nobody has it; once one alone claims it, that one does.
  await tenant.json('DELETE', `${PODS}/of-the-first?gracePeriodSeconds=0`);
  await until(
    () => live.holds('edge'),
    (held) => held.join() === '10.1.0.1,10.1.7.1',
  );
  expect([ownerOf('10.1.0.1'), ownerOf('10.1.7.1')]).toEqual(['pod:shop/pay-1', 'pod:tenant/free']);

  // It moves where somebody else lives, and has lost its own.
  await tenant.json('PATCH', `${PODS}/free`, { metadata: { annotations: claim('10.1.0.1') } }, MERGE);
  await until(
    () => live.holds('edge'),
    (held) => held.join() === '10.1.0.1',
  );
  expect(ownerOf('10.1.0.1')).toBe('pod:shop/pay-1');

  // The kubelet's word is another matter.
  const said = { status: { phase: 'Running', podIP: '10.1.7.9', podIPs: [{ ip: '10.1.7.9' }] } };
  await live.admin.json('PATCH', `${PODS}/of-another/status`, said, MERGE);
  await until(
    () => live.holds('edge'),
    (held) => held.join() === '10.1.0.1,10.1.7.9',
  );
  expect(ownerOf('10.1.7.9')).toBe('pod:tenant/of-another');
  for (const never of ['192.0.2.66', '10.5.0.1']) expect(await live.table('edge')).not.toContain(never);
});
