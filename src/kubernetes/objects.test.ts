import { expect, test } from 'vitest';
import { SmallApi, statusBody } from '../../test/kit/small-api.ts';
import { apply, createObject, deleteObject, getObject, replaceObject } from './objects.ts';

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
const firewalls = { group: 'sallyport.dev', version: 'v1alpha1', plural: 'borderfirewalls' };
const never = new AbortController().signal;
const done = (): readonly [number, unknown] => [200, { done: true }];

test('what is sent names its field manager, and which version or object it means', async () => {
  await using api = await SmallApi.start(done);
  const which = { namespace: 'sallyport', name: 'edge-1' };
  const lease = { metadata: { name: 'edge-1', resourceVersion: '7' } };
  await createObject(api.client, leases, { namespace: 'sallyport' }, lease, never);
  await replaceObject(api.client, leases, which, lease, never);
  await deleteObject(api.client, leases, which, { uid: 'u-1', resourceVersion: '7' }, never);
  await apply(api.client, firewalls, { name: 'edge-1', part: 'status' }, { status: {} }, { force: true }, never);
  expect(await getObject(api.client, leases, which, never)).toEqual({ done: true });
  const place = '/apis/coordination.k8s.io/v1/namespaces/sallyport/leases';
  expect(api.asked).toMatchObject([
    { line: `POST ${place}?fieldManager=sallyport`, contentType: 'application/json', body: lease },
    { line: `PUT ${place}/edge-1?fieldManager=sallyport`, contentType: 'application/json', body: lease },
    {
      line: `DELETE ${place}/edge-1`,
      contentType: 'application/json',
      body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u-1', resourceVersion: '7' } },
    },
    {
      line: 'PATCH /apis/sallyport.dev/v1alpha1/borderfirewalls/edge-1/status?fieldManager=sallyport&force=true',
      contentType: 'application/apply-patch+yaml',
      body: { status: {} },
    },
    { line: `GET ${place}/edge-1`, contentType: undefined, body: undefined },
  ]);
});

test('an object that is not there is no error; a kind that is not served is one', async () => {
  let answer: readonly [number, unknown] = [404, statusBody(404, 'NotFound')];
  await using api = await SmallApi.start(() => answer);
  expect(await getObject(api.client, leases, { name: 'x' }, never)).toBeUndefined();
  await deleteObject(api.client, leases, { name: 'x' }, { uid: 'u-1' }, never);
  answer = [404, '404 page not found\n'];
  await expect(getObject(api.client, leases, { name: 'x' }, never)).rejects.toMatchObject({ code: 'API_NOT_FOUND' });
  await expect(deleteObject(api.client, leases, { name: 'x' }, { uid: 'u-1' }, never)).rejects.toMatchObject({
    code: 'API_NOT_FOUND',
  });
});

test('nothing is replaced without the version that was seen', async () => {
  await using api = await SmallApi.start(done);
  const replacing = replaceObject(api.client, leases, { name: 'x' }, { metadata: { resourceVersion: '' } }, never);
  await expect(replacing).rejects.toMatchObject({ code: 'INTERNAL' });
  expect(api.asked).toMatchObject([]);
});
