import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from './apiserver.ts';
import { apiServerProgram, apiServerSource, buildApiServer } from './apiserver-program.ts';
import { type ApiTarget, RawApi } from './raw-api.ts';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer({ audit: true });
});
afterAll(async () => {
  await server.stop();
});

async function namespaces(api: RawApi = server.admin): Promise<readonly string[]> {
  const list = await api.json<{ items: { metadata: { name: string } }[] }>('GET', '/api/v1/namespaces');
  return list.items.map((item) => item.metadata.name);
}

const create = (name: string): Promise<unknown> =>
  server.admin.json('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** Who the server takes somebody for, or how it refuses them. */
async function whoIs(identity: Pick<ApiTarget, 'token' | 'certificate'>): Promise<unknown> {
  const api = new RawApi(server.target(identity));
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const { status, bytes } = await api.send({ method: 'POST', path, body: review });
  api.close();
  if (status >= 300) return status;
  return (JSON.parse(bytes.toString()) as { status: { userInfo: { username: string } } }).status.userInfo.username;
}

const everyCluster = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

test('the namespaces of every cluster are there', async () => {
  expect(await namespaces()).toEqual(expect.arrayContaining(everyCluster));
});

test('people come by certificates, accounts by tokens, and expired ones do not come', async () => {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } };
  await server.admin.json('POST', '/api/v1/namespaces/default/serviceaccounts', account);
  expect(await whoIs({ token: await server.tokenFor('default', 'robot') })).toBe('system:serviceaccount:default:robot');
  expect(await whoIs({ certificate: await server.certificateFor('jane', ['border-owners']) })).toBe('jane');
  expect(await whoIs({ certificate: await server.certificateFor('jane', [], -60) })).toBe(401);
  expect(readFileSync(server.auditLog ?? '', 'utf8')).toContain('"username":"jane","groups":["border-owners"');
});

test('a restart keeps everything, a backup brings back what was, a wipe leaves nothing', async () => {
  await create('before');
  await server.save();
  await create('after');
  await server.restart();
  expect(await namespaces()).toEqual(expect.arrayContaining(['before', 'after']));
  await server.restore();
  expect(await namespaces()).toContain('before');
  expect(await namespaces()).not.toContain('after');
  await server.wipe();
  expect(await namespaces()).toEqual(everyCluster);
});

test('flags that are wrong are told in the words of the server, and the next start may be right', async () => {
  await server.down();
  await expect(server.admin.send({ path: '/readyz' })).rejects.toThrow('ECONNREFUSED');
  await expect(server.up(['--no-such-flag'])).rejects.toThrow('unknown flag: --no-such-flag');
  // Streaming lists can be off: older servers have none.
  await server.up(['--feature-gates=WatchList=false']);
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  expect((await server.admin.send({ path: `/api/v1/namespaces?${query}` })).status).toBe(422);
});

test('it says the version of Kubernetes that it was built from', async () => {
  const { gitVersion } = await server.admin.json<{ gitVersion: string }>('GET', '/version');
  const [, built] = /k8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(apiServerSource, 'go.mod'), 'utf8')) ?? [];
  expect(gitVersion).toBe(built);
});

test('the servers of the folder that KUBEBUILDER_ASSETS names run', async ({ onTestFinished }) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-assets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  // Servers under their own names, as in the folders that Kubernetes' test tools fetch; each tells that it was run.
  for (const name of ['etcd', 'kube-apiserver'])
    writeFileSync(
      join(folder, name),
      `#!/bin/sh\ntouch '${join(folder, `${name}-ran`)}'\nunset KUBEBUILDER_ASSETS\nexec '${apiServerProgram()}' ${name} "$@"\n`,
      { mode: 0o755 },
    );
  const environment = { ...process.env, KUBEBUILDER_ASSETS: folder };
  expect(await buildApiServer(() => undefined, environment)).not.toBe(apiServerProgram());
  const other = await startApiServer({ environment });
  onTestFinished(() => other.stop());
  expect(await namespaces(other.admin)).toEqual(everyCluster);
  expect(readdirSync(folder)).toEqual(['etcd', 'etcd-ran', 'kube-apiserver', 'kube-apiserver-ran']);
});

test('nothing is left when it stops', async () => {
  const other = await startApiServer();
  const folder = dirname(other.kubeconfig);
  expect(existsSync(folder)).toBe(true);
  await other.stop();
  expect(existsSync(folder)).toBe(false);
  await expect(new RawApi(other.target()).send({ path: '/readyz' })).rejects.toThrow('ECONNREFUSED');
});
