import { expect } from 'vitest';
import type { ApiObject } from '../kit/raw-api.ts';
import { type Clause, type Stage, configMaps, pods, refusal } from './server-under-test.ts';

const APPLY = 'application/apply-patch+yaml';

/** Server-side apply: who owns which field. */
export function applying(stage: () => Stage, test: Clause): void {
  const apply = (path: string, manager: string, object: object, force = false): Promise<ApiObject> =>
    stage().api.json('PATCH', `${path}?fieldManager=${manager}${force ? '&force=true' : ''}`, object, APPLY);
  const one = (data: Readonly<Record<string, string>>): object => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'one' },
    data,
  });

  test('creates, and remembers who owns what', async () => {
    const path = `${configMaps(await stage().namespace())}/one`;
    const made = await apply(path, 'first', one({ a: '1' }));
    expect(made['data']).toEqual({ a: '1' });
    expect(made.metadata.managedFields).toMatchObject([{ manager: 'first', operation: 'Apply' }]);
    const { status } = await stage().api.send({
      method: 'PATCH',
      path: `${path}?fieldManager=second`,
      body: one({ b: '2' }),
      headers: { 'content-type': APPLY },
    });
    expect(status).toBe(200);
    const both = await stage().api.json('GET', path);
    expect(both['data']).toEqual({ a: '1', b: '2' });
    expect(both.metadata.managedFields?.map(({ manager }) => manager).toSorted()).toEqual(['first', 'second']);
  });

  test("takes away what its owner no longer says, and leaves what is another's", async () => {
    const path = `${configMaps(await stage().namespace())}/one`;
    await apply(path, 'first', one({ a: '1', b: '1' }));
    await apply(path, 'second', one({ b: '1', c: '2' }));
    // `b` has two owners who agree; it stays with the other.
    expect((await apply(path, 'first', one({ a: '1' })))['data']).toEqual({ a: '1', b: '1', c: '2' });
    expect((await apply(path, 'second', one({})))['data']).toEqual({ a: '1' });
  });

  test("another owner's field is a conflict that names owner and field, unless forced", async () => {
    const path = `${configMaps(await stage().namespace())}/one`;
    await apply(path, 'first', one({ a: '1' }));
    const status = await refusal(stage().api, 'PATCH', `${path}?fieldManager=second`, one({ a: '2' }), APPLY);
    expect(status).toMatchObject({ http: 409, reason: 'Conflict' });
    expect(status.details?.causes).toEqual([
      { reason: 'FieldManagerConflict', message: 'conflict with "first"', field: '.data.a' },
    ]);
    const forced = await apply(path, 'second', one({ a: '2' }), true);
    expect(forced['data']).toEqual({ a: '2' });
    expect(forced.metadata.managedFields).toMatchObject([{ manager: 'second' }]);
  });

  test('what says nothing new changes no version', async () => {
    const path = `${configMaps(await stage().namespace())}/one`;
    const first = await apply(path, 'first', one({ a: '1' }));
    const second = await apply(path, 'first', one({ a: '1' }));
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  test('needs a field manager', async () => {
    const path = `${configMaps(await stage().namespace())}/one`;
    expect(await refusal(stage().api, 'PATCH', path, one({}), APPLY)).toMatchObject({ http: 422, reason: 'Invalid' });
  });

  test('a status is applied apart, condition by condition', async () => {
    const namespace = await stage().namespace();
    await stage().pod(namespace, 'one', {}, '10.0.0.1');
    const condition = (type: string, status: string): object => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'one' },
      status: { conditions: [{ type, status }] },
    });
    const path = `${pods(namespace)}/one/status`;
    await apply(path, 'gate', condition('sallyport.dev/border', 'True'));
    const after = await apply(path, 'other', condition('example.com/other', 'False'));
    expect(after['status']).toMatchObject({
      podIP: '10.0.0.1',
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: 'sallyport.dev/border', status: 'True' }),
        expect.objectContaining({ type: 'example.com/other', status: 'False' }),
      ]) as unknown,
    });
    expect(after.metadata.managedFields).toEqual(
      expect.arrayContaining([expect.objectContaining({ manager: 'gate', operation: 'Apply', subresource: 'status' })]),
    );
    // Who owns a condition and leaves it out takes it away.
    const nothing = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'one' }, status: {} };
    const { status } = (await apply(path, 'gate', nothing)) as unknown as {
      status: { conditions: { type: string }[] };
    };
    expect(status.conditions.map(({ type }) => type)).not.toContain('sallyport.dev/border');
  });
}
