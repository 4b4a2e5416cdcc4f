/** What only a server knows: what stands there already, of this release or of another. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { helm } from '../../scripts/helm.ts';
import { type ApiServer, startApiServer } from '../kit/apiserver.ts';

const chart = join(import.meta.dirname, '../../deploy/chart');
let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.stop());

/** `install` or `upgrade`, with more words of that command. */
function change(what: 'install' | 'upgrade', release: string, namespace: string, ...words: readonly string[]): string {
  const about = what === 'install' ? ['--create-namespace', '--set', 'cluster=prod'] : ['--reset-then-reuse-values'];
  const where = ['--namespace', namespace, '--kubeconfig', server.kubeconfig];
  return helm([what, release, chart, ...where, ...about, ...words]);
}

test('of two releases in one cluster the second is told of the first, and stands beside it once that is wanted', async () => {
  change('install', 'first', 'shore');
  change('upgrade', 'first', 'shore', '--set', 'replicas=1');
  for (const [release, namespace] of [
    ['second', 'shore'],
    ['first', 'cove'],
  ] as const)
    expect(() => change('install', release, namespace)).toThrow(
      /wrong values[^]*\n- the roles for people are there, of release first in namespace shore: .*set peopleRoles: false.*\n+$/,
    );
  for (const namespace of ['shore', 'cove']) change('install', 'second', namespace, '--set', 'peopleRoles=false');
  helm(['uninstall', 'second', '--namespace', 'cove', '--kubeconfig', server.kubeconfig]);
  const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
  const statusOf = async (name: string): Promise<number> =>
    (await server.admin.send({ path: `${roles}/${name}` })).status;
  expect(await statusOf('cove-second-sallyport')).toBe(404);
  for (const name of ['shore-first-sallyport', 'shore-second-sallyport', 'sallyport-border-owner'])
    expect(await statusOf(name), name).toBe(200);
});

test('volumes that a StatefulSet cannot change are told before anything is changed, with the way there', async () => {
  const words = ['--set', 'peopleRoles=false,state.persistent=true,state.mebibytes=2048,state.storageClass=fast'];
  change('install', 'kept', 'dunes', ...words);
  // The server calls this 2Gi.
  change('upgrade', 'kept', 'dunes', '--set', 'replicas=3');
  for (const [value, would] of [
    ['state.mebibytes=4096', '4096Mi of "fast"'],
    ['state.storageClass=slow', '2048Mi of "slow"'],
  ] as const)
    expect(() => change('upgrade', 'kept', 'dunes', '--set', value)).toThrow(
      `state would be volumes of ${would}, and is 2048Mi of "fast"`,
    );
  const set = '/apis/apps/v1/namespaces/dunes/statefulsets/kept-sallyport';
  expect(await server.admin.json('GET', set)).toMatchObject({ spec: { replicas: 3 } });
  await server.admin.json('DELETE', set);
  change('upgrade', 'kept', 'dunes', '--set', 'state.mebibytes=4096');
  expect(JSON.stringify(await server.admin.json('GET', set))).toContain('"storage":"4Gi"');
});

test('names that YAML takes for something else, and sizes with many digits, arrive as they are', async () => {
  change(
    'install',
    'true',
    '123',
    '--set',
    'peopleRoles=false',
    '--set-json',
    'state.mebibytes=1048576',
    '--set-string',
    'sshSecret=12',
  );
  const path = '/apis/apps/v1/namespaces/123/deployments/true-sallyport';
  expect(JSON.stringify(await server.admin.json('GET', path))).toContain('"sizeLimit":"1Ti"');
});
