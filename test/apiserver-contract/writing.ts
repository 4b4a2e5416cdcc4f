import { expect } from 'vitest';
import { type Clause, type Stage, configMaps, pod, pods, refusal } from './server-under-test.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces';

/** Creating, replacing, deleting, and the status apart from the rest. */
export function writing(stage: () => Stage, test: Clause): void {
  test('the server fills in what it owns', async () => {
    const namespace = await stage().namespace();
    const made = await stage().configMap(namespace, 'one');
    expect(made.metadata).toMatchObject({
      name: 'one',
      namespace,
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as unknown,
      resourceVersion: expect.stringMatching(/^\d+$/) as unknown,
    });
    const generated = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'some-' } };
    const { metadata } = await stage().api.json('POST', configMaps(namespace), generated);
    expect(metadata.name).toMatch(/^some-[a-z0-9]{5}$/);
  });

  test('what is there already, or in no namespace that exists, is not created', async () => {
    const namespace = await stage().namespace();
    await stage().configMap(namespace, 'one');
    const one = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } };
    expect(await refusal(stage().api, 'POST', configMaps(namespace), one)).toMatchObject({
      http: 409,
      reason: 'AlreadyExists',
      message: 'configmaps "one" already exists',
      details: { name: 'one', kind: 'configmaps' },
    });
    expect(await refusal(stage().api, 'POST', configMaps('nowhere'), one)).toMatchObject({
      http: 404,
      reason: 'NotFound',
      message: 'namespaces "nowhere" not found',
    });
  });

  test('what is not valid is a 422 that names every field', async () => {
    const namespace = await stage().namespace();
    const wrong = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'UPPER' }, spec: { containers: [] } };
    const status = await refusal(stage().api, 'POST', pods(namespace), wrong);
    expect(status).toMatchObject({ http: 422, code: 422, reason: 'Invalid', details: { name: 'UPPER', kind: 'Pod' } });
    expect(status.details?.causes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ field: 'metadata.name', reason: 'FieldValueInvalid' }),
        expect.objectContaining({ field: 'spec.containers', reason: 'FieldValueRequired' }),
      ]),
    );
  });

  test('a body that cannot be read, or is of another kind, is a 400', async () => {
    const namespace = await stage().namespace();
    const other = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'one' } };
    expect(await refusal(stage().api, 'POST', configMaps(namespace), other)).toMatchObject({
      http: 400,
      reason: 'BadRequest',
    });
    expect(await refusal(stage().api, 'POST', configMaps(namespace), '{"kind":')).toMatchObject({
      http: 400,
      reason: 'BadRequest',
    });
    const { http } = await refusal(stage().api, 'PATCH', `${configMaps(namespace)}/one`, '{}', 'text/plain');
    expect(http).toBe(415);
  });

  test('a replacement that knows an older version is a conflict, one that changes nothing is no event', async () => {
    const namespace = await stage().namespace();
    const path = `${configMaps(namespace)}/one`;
    const first = await stage().configMap(namespace, 'one');
    const second = await stage().api.json('PUT', path, { ...first, data: { a: '1' } });
    expect(second.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    expect(await refusal(stage().api, 'PUT', path, { ...first, data: { a: '2' } })).toMatchObject({
      http: 409,
      reason: 'Conflict',
      details: { name: 'one', kind: 'configmaps' },
    });
    const same = await stage().api.json('PUT', path, second);
    expect(same.metadata.resourceVersion).toBe(second.metadata.resourceVersion);
  });

  test('a Lease goes to the first of two who saw the same version', async () => {
    const namespace = await stage().namespace();
    const path = `${LEASES}/${namespace}/leases`;
    const spec = { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' };
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'border' }, spec };
    const made = await stage().api.json('POST', path, lease);
    expect(made['spec']).toEqual(spec);
    const by = (holder: string): object => ({ ...made, spec: { ...spec, holderIdentity: holder } });
    const answers = await Promise.all(
      ['b', 'c', 'd'].map((holder) => stage().api.send({ method: 'PUT', path: `${path}/border`, body: by(holder) })),
    );
    expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 409, 409]);
    const wrong = { ...made, spec: { ...spec, leaseDurationSeconds: 0 } };
    expect((await refusal(stage().api, 'PUT', `${path}/border`, wrong)).http).not.toBe(200);
  });

  test('the status is written apart: no status with the rest, no spec with the status', async () => {
    const namespace = await stage().namespace();
    const path = `${pods(namespace)}/one`;
    const made = await stage().pod(namespace, 'one');
    const status = { phase: 'Running', podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }] };
    const spec = { ...(made['spec'] as object), activeDeadlineSeconds: 5 };
    const metadata = { ...made.metadata, labels: { x: 'y' } };
    await stage().api.json('PUT', `${path}/status`, { ...made, metadata, spec, status });
    const running = await stage().api.json('GET', path);
    expect(running['status']).toMatchObject(status);
    expect(running['spec']).toEqual(made['spec']);
    // Of built-in kinds: whoever may write a status may write labels and annotations.
    expect(running.metadata.labels).toEqual({ x: 'y' });
    const labelled = { ...running, metadata: { ...running.metadata, labels: { x: 'z' } }, status: { phase: 'Failed' } };
    const after = await stage().api.json('PUT', path, labelled);
    expect([after.metadata.labels, after['status']]).toEqual([{ x: 'z' }, running['status']]);
  });

  test('a merge patch takes out what it sets to null, and can insist on a version', async () => {
    const namespace = await stage().namespace();
    const path = `${configMaps(namespace)}/one`;
    const made = await stage().configMap(namespace, 'one', { a: '1', b: '2' });
    const merge = 'application/merge-patch+json';
    const patched = await stage().api.json('PATCH', path, { data: { a: null, c: '3' } }, merge);
    expect(patched['data']).toEqual({ b: '2', c: '3' });
    const stale = { metadata: { resourceVersion: made.metadata.resourceVersion }, data: { d: '4' } };
    expect(await refusal(stage().api, 'PATCH', path, stale, merge)).toMatchObject({ http: 409, reason: 'Conflict' });
  });

  test('a deletion can insist on uid and version, and answers with a Status', async () => {
    const namespace = await stage().namespace();
    const path = `${configMaps(namespace)}/one`;
    const made = await stage().configMap(namespace, 'one');
    const preconditions = { uid: '00000000-0000-0000-0000-000000000000' };
    const options = { apiVersion: 'v1', kind: 'DeleteOptions' };
    expect((await refusal(stage().api, 'DELETE', path, { ...options, preconditions })).http).toBe(409);
    const gone = await stage().api.json('DELETE', path, { ...options, preconditions: { uid: made.metadata.uid } });
    expect(gone).toMatchObject({ kind: 'Status', status: 'Success', details: { name: 'one', kind: 'configmaps' } });
    expect((await refusal(stage().api, 'DELETE', path)).http).toBe(404);
  });

  test('an object with a finalizer goes when the last one is taken away', async () => {
    const namespace = await stage().namespace();
    const path = `${configMaps(namespace)}/one`;
    const metadata = { name: 'one', finalizers: ['example.com/keep'] };
    await stage().api.json('POST', configMaps(namespace), { apiVersion: 'v1', kind: 'ConfigMap', metadata });
    const deleted = await stage().api.json('DELETE', path);
    expect(deleted.kind).toBe('ConfigMap');
    expect(deleted.metadata.deletionTimestamp).toBeDefined();
    await stage().api.json('PATCH', path, { metadata: { finalizers: null } }, 'application/merge-patch+json');
    expect((await refusal(stage().api, 'GET', path)).http).toBe(404);
  });

  test('a pod on a node stays, marked, until the kubelet lets go', async () => {
    const namespace = await stage().namespace();
    const path = `${pods(namespace)}/one`;
    const bound = { ...(pod('one') as { spec: object }) };
    await stage().api.json('POST', pods(namespace), { ...bound, spec: { ...bound.spec, nodeName: 'n1' } });
    expect((await stage().api.json('DELETE', path)).metadata.deletionTimestamp).toBeDefined();
    expect((await stage().api.json('GET', path)).metadata.deletionTimestamp).toBeDefined();
    await stage().api.json('DELETE', `${path}?gracePeriodSeconds=0`);
    expect((await refusal(stage().api, 'GET', path)).http).toBe(404);
  });

  test('a dry run writes nothing', async () => {
    const namespace = await stage().namespace();
    const one = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } };
    const said = await stage().api.json('POST', `${configMaps(namespace)}?dryRun=All`, one);
    expect(said.metadata.name).toBe('one');
    expect((await refusal(stage().api, 'GET', `${configMaps(namespace)}/one`)).http).toBe(404);
  });
}
