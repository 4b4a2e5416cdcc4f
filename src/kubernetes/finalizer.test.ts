import { describe, expect, test } from 'vitest';
import { SmallApi, statusBody } from '../../test/kit/small-api.ts';
import { setFinalizer } from './finalizer.ts';

const FIREWALLS = { group: 'sallyport.dev', version: 'v1alpha1', plural: 'borderfirewalls' };
const OURS = 'sallyport.dev/border';
const never = new AbortController().signal;

/** An object with these finalizers, and what is written to it. `interrupted`: so often somebody else is faster. */
async function storing(metadata: object, interrupted = 0): Promise<{ api: SmallApi; written: unknown[] }> {
  const written: unknown[] = [];
  let version = 7;
  const api = await SmallApi.start(({ line, contentType, body }) => {
    if (line.startsWith('GET'))
      return [200, { metadata: { uid: 'u1', resourceVersion: String(version), ...metadata } }];
    expect(contentType).toBe('application/merge-patch+json');
    written.push(body);
    if (written.length > interrupted) return [200, {}];
    version += 1;
    return [409, statusBody(409, 'Conflict')];
  });
  return { api, written };
}
const set = (api: SmallApi, wanted: boolean, uid = 'u1'): Promise<void> =>
  setFinalizer(api.client, FIREWALLS, { name: 'edge-1', uid }, OURS, wanted, never);

describe('a finalizer', () => {
  test.each([
    ['is added to those of others', ['a/b'], true, ['a/b', OURS]],
    ['is added where there is none', undefined, true, [OURS]],
    ['goes alone', ['a/b', OURS, 'c/d'], false, ['a/b', 'c/d']],
  ])('%s', async (_, finalizers, wanted, after) => {
    const { api, written } = await storing({ finalizers });
    await using _end = api;
    await set(api, wanted);
    expect(written).toEqual([{ metadata: { uid: 'u1', resourceVersion: '7', finalizers: after } }]);
  });

  test.each([
    ['it is as wanted: there', { finalizers: [OURS] }, true, 'u1'],
    ['it is as wanted: not there', { finalizers: ['a/b'] }, false, 'u1'],
    ['the object is another one of its name', { finalizers: [OURS] }, false, 'u2'],
    ['the object is being deleted', { deletionTimestamp: '2026-01-05T12:00:00Z' }, true, 'u1'],
  ])('is not written where %s', async (_, metadata, wanted, uid) => {
    const { api, written } = await storing(metadata);
    await using _end = api;
    await set(api, wanted, uid);
    expect(written).toEqual([]);
  });

  test('is made from what is there then, where somebody else was faster', async () => {
    const { api, written } = await storing({ finalizers: ['a/b'] }, 3);
    await using _end = api;
    await set(api, true);
    const versions = written.map(
      (body) => (body as { metadata: { resourceVersion: string } }).metadata.resourceVersion,
    );
    expect(versions).toEqual(['7', '8', '9', '10']);
  });

  test('is given up where the object never stands still', async () => {
    const { api } = await storing({}, Number.POSITIVE_INFINITY);
    await using _end = api;
    await expect(set(api, true)).rejects.toMatchObject({ code: 'API_CONFLICT' });
  });

  test('of an object that is gone is nobody’s', async () => {
    await using api = await SmallApi.start(() => [404, statusBody(404, 'NotFound')]);
    await set(api, false);
    expect(api.asked).toHaveLength(1);
  });
});
