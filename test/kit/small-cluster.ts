import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { customResourceDefinitions } from '../../src/api/crd.ts';
import { Authority } from './certificates.ts';
import { FakeApiServer, type Given } from './fake-apiserver/server.ts';

const POOLS: Given = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'ippools.projectcalico.org' },
  spec: {
    group: 'projectcalico.org',
    scope: 'Cluster',
    names: { kind: 'IPPool', listKind: 'IPPoolList', plural: 'ippools' },
    versions: [
      {
        name: 'v3',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

const pod = (name: string, podIP: string, spec: object = {}): Given => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels: { app: name } },
  spec: { nodeName: 'node-a', containers: [{ name: 'main', image: 'web' }], ...spec },
  status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }] },
});

const pool = (name: string, cidr: string, natOutgoing: boolean): Given => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'IPPool',
  metadata: { name },
  spec: { cidr, natOutgoing },
});

/** The cluster's UID of kube-system begins with it: the name that the cluster gives itself. */
export const CLUSTER_NAME = '3f9c1a20';

const objects: readonly Given[] = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'kube-system', uid: `${CLUSTER_NAME}-0000-4000-8000-000000000000` },
  },
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
  {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-a' },
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.10' }] },
  },
  pool('plain', '10.1.0.0/16', false),
  pool('hidden', '10.2.0.0/16', true),
  pod('till', '10.1.0.1'),
  pod('web', '10.2.0.1'),
  pod('agent', '192.0.2.10', { hostNetwork: true }),
  {
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'BorderFirewall',
    metadata: { name: 'edge-1' },
    spec: { driver: 'nftables', address: 'netns:sallyport-nowhere', workloads: {} },
  },
];

/** A small cluster behind a fake API server with TLS, and the kubeconfigs of people in it. */
export class SmallCluster {
  readonly api: FakeApiServer;
  readonly #folder: string;
  readonly #authority: Authority;

  static async start(): Promise<SmallCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-cluster-'));
    const authority = new Authority(folder);
    const api = await FakeApiServer.start({ tls: authority.issue('/CN=api', { names: 'IP:127.0.0.1' }) });
    api.access.setToken('secret-of-root', { name: 'root', groups: ['system:masters'] });
    for (const definition of customResourceDefinitions()) api.put({ ...definition });
    api.put(POOLS);
    for (const object of objects) api.put(object);
    return new SmallCluster(api, folder, authority);
  }

  private constructor(api: FakeApiServer, folder: string, authority: Authority) {
    this.api = api;
    this.#folder = folder;
    this.#authority = authority;
  }

  /** The path of a kubeconfig with the context `shop-NAME`, in the namespace `default`; the token of that user is `secret-of-NAME`. */
  kubeconfig(name = 'root'): string {
    if (name !== 'root') this.api.access.setToken(`secret-of-${name}`, { name });
    const path = join(this.#folder, `${name}.kubeconfig`);
    const ca = Buffer.from(this.#authority.certificate).toString('base64');
    const context = `shop-${name}`;
    const content = {
      'current-context': context,
      clusters: [{ name: 'shop', cluster: { server: this.api.url, 'certificate-authority-data': ca } }],
      users: [{ name, user: { token: `secret-of-${name}` } }],
      contexts: [{ name: context, context: { cluster: 'shop', user: name, namespace: 'default' } }],
    };
    writeFileSync(path, JSON.stringify(content));
    return path;
  }

  /** A file beside the kubeconfigs. */
  file(name: string, content: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, content);
    return path;
  }

  async stop(): Promise<void> {
    await this.api.stop();
    rmSync(this.#folder, { recursive: true });
  }
}
