import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { renderChart } from '../../scripts/helm.ts';
import { type ApiServer, startApiServer } from '../kit/apiserver.ts';
import { type ApiObject, RawApi } from '../kit/raw-api.ts';
import { apply, define } from './definitions.ts';

const root = join(import.meta.dirname, '../..');
let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
  await define(server.admin);
  await server.admin.json('POST', '/api/v1/namespaces', { metadata: { name: 'sallyport' } });
});
afterAll(async () => {
  await server.stop();
});

function objects(text: string): readonly ApiObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as ApiObject | null)
    .filter((one) => one !== null);
}

/** Where an object lives, as the server says. */
async function pathOf({ apiVersion, kind, metadata }: ApiObject): Promise<string> {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = await server.admin.json<{ resources: { kind: string; name: string; namespaced: boolean }[] }>(
    'GET',
    base,
  );
  const found = resources.find((one) => one.kind === kind && !one.name.includes('/'));
  if (found === undefined) throw new Error(`${kind} is not served`);
  const within = found.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
  return `${base}${within}/${found.name}/${metadata.name}`;
}

/** Those that the Prometheus operator defines; no API server has them by itself. */
const isOperators = ({ apiVersion }: ApiObject): boolean => apiVersion.startsWith('monitoring.coreos.com/');

async function applyAll(text: string, query = ''): Promise<number> {
  const all = objects(text).filter((one) => !isOperators(one));
  for (const one of all) await apply(server.admin, await pathOf(one), one, query);
  return all.length;
}

describe('a real API server takes, strictly,', () => {
  test('the chart as it is', async () => {
    expect(await applyAll(renderChart(root), '&dryRun=All')).toBeGreaterThan(10);
  });

  test('the chart with everything on', async () => {
    const values = parse(readFileSync(join(import.meta.dirname, 'everything.yaml'), 'utf8')) as Record<string, unknown>;
    expect(await applyAll(renderChart(root, values), '&dryRun=All')).toBeGreaterThan(15);
  });

  test('plain manifests', async () => {
    expect(await applyAll(readFileSync(join(root, 'deploy/manifests/sallyport.yaml'), 'utf8'))).toBeGreaterThan(10);
  });
});

describe('the identity for readiness', () => {
  const GATE = 'sallyport.dev/border';
  const pod = '/api/v1/namespaces/shop/pods/web';
  let readiness: RawApi;

  beforeAll(async () => {
    await applyAll(renderChart(root, { readiness: { enabled: true } }));
    await server.admin.json('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
    await server.admin.json('POST', '/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'default' } });
    await server.admin.json('POST', '/api/v1/namespaces/shop/pods', {
      metadata: { name: 'web', labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web' }], readinessGates: [{ conditionType: GATE }] },
    });
    readiness = new RawApi(server.target({ token: await server.tokenFor('sallyport', 'sallyport-readiness') }));
    // A new policy is in force a moment after it was made.
    for (;;) {
      const { status } = await patch({ metadata: { labels: { probe: String(performance.now()) } } });
      if (status === 403 || status === 422) break;
    }
  });
  afterAll(() => readiness.close());

  function patch(body: object, path = `${pod}/status`) {
    const headers = { 'content-type': 'application/strategic-merge-patch+json' };
    return readiness.send({ method: 'PATCH', path, body, headers });
  }
  const condition = (type: string, status = 'True') => ({ status: { conditions: [{ type, status }] } });

  test('sets its condition, true and false', async () => {
    for (const status of ['True', 'False', 'True']) {
      const { status: code, bytes } = await patch(condition(GATE, status));
      expect(code, bytes.toString()).toBe(200);
    }
  });

  test.each<readonly [string, object]>([
    ['another condition', condition('Ready')],
    ['the phase', { status: { phase: 'Succeeded' } }],
    ['an address', { status: { podIP: '10.9.9.9', podIPs: [{ ip: '10.9.9.9' }] } }],
    ['labels', { metadata: { labels: { app: 'bank' } } }],
    ['annotations', { metadata: { annotations: { 'cni.projectcalico.org/podIP': '10.9.9.9/32' } } }],
    ['finalizers', { metadata: { finalizers: ['example.com/x'] } }],
    ['its condition and a label', { ...condition(GATE, 'Unknown'), metadata: { labels: { app: 'bank' } } }],
  ])('cannot change %s', async (_, body) => {
    const { status, bytes } = await patch(body);
    expect([403, 422]).toContain(status);
    expect(bytes.toString()).toContain('this identity changes');
  });

  test('cannot do anything else, even where somebody lets it', async () => {
    await server.admin.json('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'too-much' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'sallyport-readiness', namespace: 'sallyport' }],
    });
    const tries = [
      () => patch({ metadata: { labels: { app: 'bank' } } }, pod),
      () => readiness.send({ method: 'DELETE', path: pod }),
      () =>
        readiness.send({
          method: 'POST',
          path: '/api/v1/namespaces/shop/configmaps',
          body: { metadata: { name: 'x' } },
        }),
    ];
    for (const attempt of tries)
      await expect.poll(async () => (await attempt()).bytes.toString()).toContain('this identity changes');
  });

  test('every field of a pod’s status that this server knows is held', async () => {
    const { bytes } = await server.admin.send({ path: '/openapi/v3/api/v1' });
    const { components } = JSON.parse(bytes.toString()) as {
      components: { schemas: Record<string, { properties: Record<string, unknown> }> };
    };
    const known = Object.keys(components.schemas['io.k8s.api.core.v1.PodStatus']?.properties ?? {});
    const policy = renderChart(root, { readiness: { enabled: true } });
    expect(known.length).toBeGreaterThan(10);
    expect(known.filter((field) => field !== 'conditions' && !policy.includes(`object.status.${field} ==`))).toEqual(
      [],
    );
  });
});
