import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command, type Ended } from '../../../test/kit/commands.ts';
import { CLUSTER_NAME, SmallCluster } from '../../../test/kit/small-cluster.ts';
import { leasePlace } from '../../kubernetes/leases/lease.ts';
import { documentSchema } from '../output-schemas.ts';

/** Those of all kinds that a world is read from. */
const GROUPS_BUT_LEASES = [
  '',
  'apiextensions.k8s.io',
  'discovery.k8s.io',
  'networking.k8s.io',
  'projectcalico.org',
  'sallyport.dev',
];
const WATCHER = { verbs: ['get', 'list', 'watch'], apiGroups: ['*'], resources: ['*'] };

let cluster: SmallCluster;

const run = (...words: readonly string[]): Promise<Ended> => command('doctor', ...words);

/** What differs from run to run, and from machine to machine: the port, and why a device is not there. */
const steady = (text: string): string =>
  `${text
    .replaceAll(cluster.api.url, 'https://api')
    .replace(/(Error +firewall +edge-1 +)[A-Z]\w*: .*/, '$1CODE: no such device')
    .replace(/(and) \d+ more/, '$1 N more')}\n`;

interface Found {
  readonly check: string;
  readonly subject?: string;
  readonly result: string;
  readonly message: string;
  readonly fix?: string;
}

/** The checks of one kind, in the published form. */
async function checks(kind: string, ...words: readonly string[]): Promise<readonly Found[]> {
  const { out } = await run(...words, '-o', 'json');
  const document: unknown = JSON.parse(out);
  expect(documentSchema('Examination').safeParse(document).error?.issues).toBeUndefined();
  return (document as { readonly checks: readonly Found[] }).checks.filter(({ check }) => check === kind);
}

describe('a cluster', () => {
  beforeAll(async () => {
    cluster = await SmallCluster.start();
  });
  afterAll(() => cluster.stop());

  test('that is as it should be, but for a device that is not there', async () => {
    const { code, out } = await run('--kubeconfig', cluster.kubeconfig());
    expect(code).toBe(1);
    await expect(steady(out)).toMatchFileSnapshot('golden/sound.txt');
    // Questions about ourselves, and reading.
    const written = cluster.api.requests.filter(
      ({ method, path }) => method !== 'GET' && !path.includes('/selfsubject'),
    );
    expect(written).toEqual([]);
  });

  test('in which somebody may do little', async () => {
    cluster.api.access.allow('bob', { verbs: ['list', 'watch'], apiGroups: ['*'], resources: ['namespaces', 'nodes'] });
    const { code, out, err } = await run('--kubeconfig', cluster.kubeconfig('bob'));
    expect(code).toBe(1);
    await expect(steady(out)).toMatchFileSnapshot('golden/few-rights.txt');
    expect(out + err).not.toContain('secret-of');
  });

  test('whoever reads it needs no right to write, which is told', async () => {
    cluster.api.access.allow('ann', WATCHER);
    const found = await checks('rights', '--kubeconfig', cluster.kubeconfig('ann'));
    expect(found.map(({ subject, result }) => `${subject ?? ''} ${result}`)).toEqual([
      'watch OK',
      'status Warning',
      'leaving Warning',
      'events Warning',
      'leases Warning',
      'credentials OK',
      'queries Skipped',
      'readiness Skipped',
    ]);
  });

  test('a configuration that runs there needs the rights to write', async () => {
    cluster.api.access.allow('carl', WATCHER);
    const file = cluster.file(
      'sallyport.yaml',
      `sources: { here: { kubeconfig: ${cluster.kubeconfig('carl')} } }\ncontrollers: { border: { source: here } }\n`,
    );
    const found = await checks('rights', '-c', file);
    expect(found.filter(({ result }) => result === 'Error').map(({ subject }) => subject)).toEqual([
      'status',
      'leaving',
      'events',
      'leases',
    ]);
  });

  test('a server that is not there is one error, and the rest is not looked at', async () => {
    const kubeconfig = cluster.kubeconfig();
    await cluster.api.refuseConnections();
    const { code, out } = await run('--kubeconfig', kubeconfig);
    await cluster.api.acceptConnections();
    expect(code).toBe(1);
    expect(out).toMatch(/Error +server +- +API_UNREACHABLE: .*nothing listens there/);
    expect(out.split('\n').filter((line) => line.startsWith('Skipped'))).toHaveLength(8);
  });

  test('who writes to a firewall is told', async () => {
    const { name: leaseName } = leasePlace('firewall', CLUSTER_NAME, 'edge-1');
    // It does not run out while a slow machine asks.
    const now = new Date(Date.now() - 1_000).toISOString();
    const lease = (namespace: string, spec: object = {}): Parameters<SmallCluster['api']['put']>[0] => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: leaseName, namespace },
      spec: { holderIdentity: `copy-of-${namespace}`, leaseDurationSeconds: 600, renewTime: now, ...spec },
    });
    cluster.api.put(lease('one'));
    const kubeconfig = ['--kubeconfig', cluster.kubeconfig()];
    const writer = async (): Promise<Found | undefined> => (await checks('firewall', ...kubeconfig))[0];
    expect(await writer()).toMatchObject({
      result: 'OK',
      message: `kept in step by copy-of-one (Lease one/${leaseName}, renewed ${now})`,
    });
    cluster.api.put(lease('two'));
    expect(await writer()).toMatchObject({
      result: 'Error',
      message: expect.stringContaining('two installations write to it') as string,
    });
    // One that died stands in its Lease for ever.
    const long = '2026-01-05T10:00:00.000000Z';
    cluster.api.put(lease('two', { leaseDurationSeconds: 15, renewTime: long }));
    expect(await writer()).toMatchObject({ result: 'OK', message: expect.stringContaining('copy-of-one') as string });
    cluster.api.put(lease('one', { leaseDurationSeconds: 15, renewTime: '2026-01-04T10:00:00.000000Z' }));
    expect(await writer()).toMatchObject({
      result: 'Warning',
      message: `nobody holds its Lease two/${leaseName}, which copy-of-two renewed last ${long}: nobody follows it; it keeps what it holds, and its status is from before`,
    });
    for (const namespace of ['one', 'two']) cluster.api.delete(lease(namespace));
  });

  test('a Lease that is not there is told where a status says that somebody was', async () => {
    const writer = async (): Promise<Found | undefined> =>
      (await checks('firewall', '--kubeconfig', cluster.kubeconfig()))[0];
    expect(await writer()).toMatchObject({ result: 'OK', message: expect.stringContaining('is free') as string });
    const edge = cluster.api.get({
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'BorderFirewall',
      metadata: { name: 'edge-1' },
    });
    if (edge === undefined) throw new Error('it is there');
    cluster.api.put({ ...edge, status: { conditions: [{ type: 'Ready', status: 'True', reason: 'Confirmed' }] } });
    expect(await writer()).toMatchObject({
      result: 'Warning',
      message: expect.stringContaining('it has no Lease: nobody follows it') as string,
    });
    cluster.api.put(edge);
    // Whoever may look into one namespace alone does not know.
    cluster.api.access.allow('dora', { ...WATCHER, apiGroups: GROUPS_BUT_LEASES });
    cluster.api.access.allow('dora', { ...WATCHER, apiGroups: ['coordination.k8s.io'] }, 'default');
    expect((await checks('firewall', '--kubeconfig', cluster.kubeconfig('dora')))[0]).toMatchObject({
      result: 'Skipped',
      message: expect.stringContaining('Leases of namespace default alone') as string,
    });
  });

  test('a firewall that cannot be read is named, with all that is wrong with it', async () => {
    const broken = {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'BorderFirewall',
      metadata: { name: 'edge-0' },
      spec: { driver: 'nftables', address: 'local', workloads: {}, behind: ['edge-0'], tls: { pin: 'abc' } },
    };
    cluster.api.put(broken);
    const found = await checks('firewall', '--kubeconfig', cluster.kubeconfig());
    cluster.api.delete(broken);
    expect(found.filter(({ subject }) => subject === 'edge-0').map(({ result, message }) => [result, message])).toEqual(
      [
        ['Error', expect.stringContaining('spec.behind[0]')],
        ['Error', expect.stringContaining('spec.tls')],
        ['Skipped', expect.stringContaining('it cannot be read')],
      ],
    );
  });

  const definition = (name: string): Parameters<SmallCluster['api']['put']>[0] => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
  });
  const found = async (subject: string): Promise<Found | undefined> =>
    (await checks('kinds', '--kubeconfig', cluster.kubeconfig())).find((check) => check.subject === subject);

  test('a definition of another version is told, and one that is not there', async () => {
    const there = cluster.api.get(definition('sourcenats.sallyport.dev'));
    const text = JSON.stringify(there).replace('"otherFamily"', '"otherKin"');
    cluster.api.put(JSON.parse(text) as typeof there & Parameters<SmallCluster['api']['put']>[0]);
    expect(await found('sallyport.dev')).toMatchObject({
      result: 'Warning',
      message: expect.stringContaining("another version's definitions: sourcenats;") as string,
    });
    cluster.api.delete(definition('sourcenats.sallyport.dev'));
    expect(await found('sallyport.dev')).toMatchObject({ result: 'Error', message: 'not installed: sourcenats' });
  });

  test('a cluster without Calico has to be told what its firewalls see', async () => {
    cluster.api.delete(definition('ippools.projectcalico.org'));
    expect(await found('Calico')).toMatchObject({ message: expect.stringContaining('none is served') as string });
    expect((await checks('pools', '--kubeconfig', cluster.kubeconfig()))[0]).toMatchObject({
      result: 'Warning',
      message: expect.stringContaining('edge-1 does not say it either') as string,
    });
    const seen = await checks('visibility', '--kubeconfig', cluster.kubeconfig());
    expect(seen.map(({ subject, result }) => `${subject ?? ''} ${result}`)).toEqual(['shop/till Warning']);
  });
});

test('manifests are looked at as far as they can be', async () => {
  const words = ['-f', join(import.meta.dirname, 'golden/world.yaml')];
  const { code, out } = await run(...words);
  expect(code).toBe(1);
  await expect(`${out.replaceAll(words[1] ?? '', 'world.yaml')}\n`).toMatchFileSnapshot('golden/manifests.txt');
});

test('a configuration that cannot be used is told, and nothing is looked at', async () => {
  const { code, out } = await run('-c', 'src/cli/doctor/golden/broken.txt');
  expect(code).toBe(1);
  await expect(`${out}\n`).toMatchFileSnapshot('golden/broken-configuration.txt');
});
