import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { CLUSTER_NAME, SmallCluster } from '../../test/kit/small-cluster.ts';
import { leaseObject, leasePlace } from '../kubernetes/leases/lease.ts';
import { documentSchema } from './output-schemas.ts';
import { buildProgram } from './program.ts';

/** Those of all kinds that a world is read from. */
const GROUPS_BUT_LEASES = [
  '',
  'apiextensions.k8s.io',
  'discovery.k8s.io',
  'networking.k8s.io',
  'projectcalico.org',
  'sallyport.dev',
];
const EDGE = { apiVersion: 'sallyport.dev/v1alpha1', kind: 'BorderFirewall', metadata: { name: 'edge-1' } };

let cluster: SmallCluster;
beforeAll(async () => {
  cluster = await SmallCluster.start();
});
afterAll(() => cluster.stop());
afterEach(() => vi.unstubAllEnvs());

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(...words: readonly string[]): Promise<Ended> {
  const out: string[] = [];
  const err: string[] = [];
  // On a slow machine there are lines that say how far it is.
  const isProgress = (text: string): boolean => text.startsWith('reading');
  const program = buildProgram({
    out: (text) => void out.push(text),
    err: (text) => void (isProgress(text) || err.push(text)),
  });
  return { code: await program.run(words), out: out.join('\n'), err: err.join('\n') };
}

/** Asks as the user of a kubeconfig. */
const ask = (name: string, ...words: readonly string[]): Promise<Ended> =>
  run(...words, '--kubeconfig', cluster.kubeconfig(name));

test('the current context is read where nothing else is named', async () => {
  vi.stubEnv('KUBECONFIG', cluster.kubeconfig());
  const { code, out, err } = await run('eval', "app == 'web'");
  expect({ code, err }).toEqual({ code: 0, err: `world: context shop-root (${cluster.api.url})` });
  expect(out).toContain('pod:shop/web');
  // Nothing but reading.
  expect(cluster.api.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  await expect.poll(() => cluster.api.streams().length).toBe(0);
});

test('a source of a configuration can be a cluster', async () => {
  const kubeconfig = cluster.kubeconfig();
  const file = cluster.file(
    'sallyport.yaml',
    `sources: { here: { kubeconfig: ${kubeconfig} } }\ncontrollers: { border: { source: here } }\n`,
  );
  const { code, out, err } = await run('whois', '10.1.0.1', '-c', file);
  expect({ code, err }).toEqual({
    code: 0,
    err: `world: context shop-root (${cluster.api.url}), source here of ${file}`,
  });
  expect(out).toContain('shop/till');
});

test('who asks of a flow or an address is told of firewalls that nobody follows, though their status says how they stand', async () => {
  const asked = (): Promise<Ended> =>
    ask('root', 'flow', '--from', 'shop/till', '--to', '198.51.100.1', '--port', '443');
  const nobody = 'nobody follows it; what is told of it is what it is to hold, and its status is from before';
  // Where nothing was ever said nothing is contradicted.
  expect((await asked()).err).not.toContain('note');
  const before = cluster.api.get(EDGE);
  if (before === undefined) throw new Error('it is there');
  const told = { ...before, status: { conditions: [{ type: 'Ready', status: 'True', reason: 'Confirmed' }] } };
  cluster.api.put(told);
  expect((await asked()).err).toContain(`note: edge-1: it has no Lease: ${nobody}`);
  const place = leasePlace('firewall', CLUSTER_NAME, 'edge-1');
  const lease = (holder: string, renewed: number) => {
    const written = { holder, epoch: 1, acquired: renewed, renewed };
    const object = leaseObject(place, written, 'sallyport', { uid: '', resourceVersion: '' });
    return { ...object, spec: { ...object.spec, leaseDurationSeconds: 600 } };
  };
  cluster.api.put(lease('copy', Date.now() - 1_000));
  expect((await asked()).err).not.toContain('note');
  cluster.api.put(lease('copy', Date.UTC(2026, 0, 5)));
  const { err, code } = await ask('root', 'whois', '10.1.0.1');
  expect(code).toBe(0);
  expect(err).toContain(
    `note: edge-1: nobody holds its Lease sallyport/${place.name}, which copy renewed last 2026-01-05T00:00:00.000000Z: ${nobody}`,
  );
  // Whoever may not list Leases does not know.
  const rule = { verbs: ['get', 'list', 'watch'], apiGroups: GROUPS_BUT_LEASES, resources: ['*'] };
  cluster.api.access.allow('fay', rule);
  expect(await ask('fay', 'whois', '10.1.0.1')).toMatchObject({
    code: 0,
    err: expect.not.stringContaining('note') as string,
  });
  cluster.api.put(before);
  cluster.api.delete(lease('copy', 0));
});

test('the rules on a device are marked with the name that the cluster gives itself', async () => {
  expect((await ask('root', 'render')).out).toContain('cluster=3f9c1a20 ');
  expect((await ask('root', 'render', '--cluster', 'prod')).out).toContain('cluster=prod ');
});

test('two clusters, or a cluster and manifests, can be compared', async () => {
  const kubeconfig = cluster.kubeconfig();
  const same = await run('diff', 'context:shop-root', 'context:', '--kubeconfig', kubeconfig);
  expect({ code: same.code, out: same.out }).toMatchObject({ code: 0 });
  const other = await run('diff', 'context:shop-root', 'examples/shop', '--kubeconfig', kubeconfig);
  expect(other.code).toBe(2);
  expect(other.err).toMatch(/^world: context shop-root .*\nworld: examples\/shop$/);
});

test('all rights that are missing are named, and nothing is answered', async () => {
  cluster.api.access.allow('ann', { verbs: ['get', 'list', 'watch'], apiGroups: ['*'], resources: ['*'] });
  expect((await ask('ann', 'eval', 'all()')).code).toBe(0);
  cluster.api.access.allow('bob', { verbs: ['list', 'watch'], apiGroups: ['*'], resources: ['namespaces', 'nodes'] });
  const { code, out, err } = await ask('bob', 'eval', 'all()');
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toContain('the right to get the namespace kube-system is missing');
  expect(err).toContain('CLUSTER_KIND_FORBIDDEN');
  for (const kind of ['pods', 'networkpolicies.networking.k8s.io', 'borderfirewalls.sallyport.dev'])
    expect(err).toContain(`the right to list and watch ${kind} is missing`);
  expect(err).not.toContain('list and watch nodes');
  expect(err).toContain('error WORLD_INCOMPLETE:');
  expect(err).not.toContain('secret-of');
});

test('a server that is not there, and a token that it does not know, are told at once', async () => {
  const kubeconfig = cluster.kubeconfig('eve');
  cluster.api.access.revokeToken('secret-of-eve');
  const unknown = await run('lint', '--kubeconfig', kubeconfig);
  expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('error API_UNAUTHORIZED') as string });
  expect(unknown.err).not.toContain('secret-of');
  await cluster.api.refuseConnections();
  expect(await run('lint', '--kubeconfig', kubeconfig)).toMatchObject({
    code: 1,
    err: expect.stringContaining('error API_UNREACHABLE') as string,
  });
  await cluster.api.acceptConnections();
});

test.each([
  [['eval', 'all()', '--context', 'shop-rot'], 'has no context "shop-rot"; did you mean "shop-root"?'],
  [['eval', 'all()', '-f', 'examples/shop'], '--context and --kubeconfig name another world than -f and -c'],
])('%j is refused', async (words, said) => {
  expect(await ask('root', ...words)).toMatchObject({ code: 1, err: expect.stringContaining(said) as string });
});

test('without any world it says which there could be', async () => {
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('HOME', '/nonexistent');
  vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
  expect(await run('eval', 'all()')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no world is given: use -f PATH') as string,
  });
});

test('a yes to a plan is a BorderApproval, for which nobody needs to read pods', async () => {
  const digest = 'ab'.repeat(32);
  cluster.api.access.allow('owner', {
    verbs: ['get', 'list'],
    apiGroups: ['sallyport.dev'],
    resources: ['borderfirewalls'],
  });
  cluster.api.access.allow('owner', {
    verbs: ['create'],
    apiGroups: ['sallyport.dev'],
    resources: ['borderapprovals'],
  });
  const { code, out, err } = await ask('owner', 'approve', 'edge-1', '--plan', digest, '-o', 'json');
  const [made] = cluster.api.list({ apiVersion: 'sallyport.dev/v1alpha1', kind: 'BorderApproval' });
  expect(code).toBe(0);
  expect(err).toContain('no plan of it waits');
  expect(made).toMatchObject({ spec: { firewall: 'edge-1', digest } });
  const document: unknown = JSON.parse(out);
  expect(documentSchema('Approved').parse(document)).toMatchObject({ object: made?.metadata.name });

  const edge = cluster.api.get(EDGE);
  cluster.api.put({ ...EDGE, ...edge, status: { plan: { digest } } });
  expect((await ask('owner', 'approve', 'edge-1', '--plan', digest)).err).not.toContain('note:');
  expect(await ask('owner', 'approve', 'edge1', '--plan', digest)).toMatchObject({
    code: 1,
    err: expect.stringContaining('no BorderFirewall is named "edge1"; did you mean "edge-1"?') as string,
  });
  expect(await ask('bob', 'approve', 'edge-1', '--plan', digest)).toMatchObject({
    code: 1,
    err: expect.stringContaining('error API_FORBIDDEN') as string,
  });
});

test('nothing is written to a firewall that a controller keeps in step', async () => {
  const place = leasePlace('firewall', CLUSTER_NAME, 'edge-1');
  const held = (holder: string, namespace: string): unknown =>
    cluster.api.put(
      leaseObject(place, { holder, epoch: 1, acquired: 0, renewed: Date.now() }, namespace, undefined) as never,
    );
  const writes = [['apply'], ['uninstall', 'edge-1', '--yes']] as const;
  held('sallyport-0', 'sallyport');
  const renewing = setInterval(() => held('sallyport-0', 'sallyport'), 300);
  try {
    for (const words of writes)
      expect(await ask('root', ...words)).toMatchObject({
        code: 1,
        err: expect.stringContaining('error DEVICE_LOCKED: edge-1 is kept in step by sallyport-0') as string,
      });
  } finally {
    clearInterval(renewing);
  }
  // Whoever lets go says so; who takes it then gives it back, whatever came of it.
  held('', 'sallyport');
  for (const words of writes) expect((await ask('root', ...words)).err).toContain('error DEVICE_ELSEWHERE');
  const [lease] = cluster.api.list({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' });
  expect(lease).toMatchObject({ metadata: { namespace: 'sallyport' }, spec: { holderIdentity: '' } });
  expect(lease).toMatchObject({ spec: { leaseTransitions: 3 } });

  const groups = ['', 'discovery.k8s.io', 'networking.k8s.io', 'projectcalico.org', 'sallyport.dev'];
  cluster.api.access.allow('dora', { verbs: ['get', 'list', 'watch'], apiGroups: groups, resources: ['*'] });
  expect((await ask('dora', 'apply')).err).toMatch(
    /note: edge-1: whether a controller writes to it is not known: .*403[^]*error DEVICE_ELSEWHERE/,
  );
  const leases = { verbs: ['list'], apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
  cluster.api.access.allow('dora', leases, 'default');
  const alone = (await ask('dora', 'apply')).err;
  expect(alone).toContain('Leases of namespace default alone may be listed');
  expect(alone).toMatch(/note: edge-1: its Lease may not be taken .*403/);
  held('sallyport-1', 'default');
  expect((await ask('dora', 'apply')).err).toContain('error DEVICE_LOCKED: edge-1 is kept in step by sallyport-1');
});

test('a firewall that is the machine itself is not looked for on a laptop, but with the configuration of a machine', async () => {
  const said = 'error DEVICE_ELSEWHERE: edge-1 has the address netns:sallyport-nowhere';
  for (const words of [['plan'], ['uninstall', 'edge-1']]) expect((await ask('root', ...words)).err).toContain(said);
  const render = await ask('root', 'render');
  expect(render.code, render.err).toBe(0);
  const file = cluster.file(
    'edge.yaml',
    `sources: { here: { kubeconfig: ${cluster.kubeconfig()} } }\ncontrollers: { border: { source: here } }\n`,
  );
  expect((await run('plan', '-c', file)).err).toContain('error DEVICE_UNREACHABLE');
});

test('a firewall is asked about as the cluster that it is kept as, and as another one nothing is planned', async () => {
  const edge = cluster.api.get(EDGE);
  cluster.api.put({ ...EDGE, ...edge, status: { cluster: 'prod' } });
  try {
    expect((await ask('root', 'render')).out).toContain('cluster=prod ');
    const left = '`--cluster prod`, or `cluster: prod` in the configuration';
    const file = cluster.file(
      'renamed.yaml',
      `cluster: prod-eu\nsources: { here: { kubeconfig: ${cluster.kubeconfig()} } }\ncontrollers: { border: { source: here } }\n`,
    );
    for (const words of [['plan'], ['apply'], ['uninstall', 'edge-1', '--yes']]) {
      const { code, err } = await run(...words, '-c', file);
      expect(code).toBe(1);
      expect(err).toMatch(/error CLUSTER_DIFFERS .*made as cluster "prod", and this is "prod-eu"/);
      expect(err).toContain(left);
      expect(err).toContain('edge-1: its mistakes leave nothing to plan');
    }
    expect((await ask('root', 'doctor', '--cluster', 'prod-eu')).out).toMatch(/Error +firewall +edge-1 .*"prod-eu"/);
    // What bears another name leaves by it.
    const { err } = await ask('root', 'uninstall', 'edge-1', '--cluster', 'prod-eu');
    expect(err).toContain('error DEVICE_ELSEWHERE');
  } finally {
    cluster.api.put({ ...EDGE, ...edge });
  }
});

test('who names no cluster takes nothing off a device, since nobody knows what is ours there', async () => {
  const world = cluster.file('world.yaml', JSON.stringify(cluster.api.get(EDGE)));
  const { code, err } = await run('uninstall', 'edge-1', '-f', world);
  expect(code).toBe(1);
  expect(err).toContain('error CLUSTER_UNNAMED');
});
