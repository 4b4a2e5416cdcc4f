import { expect } from 'vitest';
import { type Clause, type Stage, type Status, type WatchEvent, linesOf, refusal } from './server-under-test.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MERGE = 'application/merge-patch+json';

const integer = { type: 'integer', format: 'int32' };
const schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { ...integer, minimum: 1 },
        limit: integer,
        mode: { type: 'string', enum: ['Observe', 'Enforce'], default: 'Observe' },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
      'x-kubernetes-validations': [
        { rule: '!has(self.limit) || self.size <= self.limit', message: 'size is above limit' },
      ],
    },
    status: { type: 'object', properties: { seen: integer } },
  },
};

/** A definition, in a group of its own for each test: groups stay known for a while. */
function definition(group: string, openAPIV3Schema: object = schema): object {
  const version = {
    name: 'v1',
    served: true,
    storage: true,
    schema: { openAPIV3Schema },
    subresources: { status: {} },
  };
  const names = { plural: 'widgets', singular: 'widget', kind: 'Widget' };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: { group, scope: 'Cluster', names, versions: [version] },
  };
}

interface Defined {
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Kinds that come, are checked, and go. */
export function definitions(stage: () => Stage, test: Clause): void {
  let groups = 0;

  const send = async (path: string): Promise<number> => (await stage().api.send({ path })).status;

  /** Defines widgets and waits until they are served; the path of their collection. */
  async function define(): Promise<{ readonly path: string; readonly group: string }> {
    groups += 1;
    const group = `g${groups}.contract.example`;
    const path = `/apis/${group}/v1/widgets`;
    await stage().api.json('POST', DEFINITIONS, definition(group));
    await expect
      .poll(async () => {
        const { status } = await stage().api.json<Defined>('GET', `${DEFINITIONS}/widgets.${group}`);
        const established = status.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True');
        return [established, await send(path)];
      })
      .toEqual([true, 200]);
    return { path, group };
  }

  const widget = (group: string, name: string, spec: object): object => ({
    apiVersion: `${group}/v1`,
    kind: 'Widget',
    metadata: { name },
    spec,
  });

  test('a kind is served some time after it is defined, and found by discovery', async () => {
    const { path, group } = await define();
    const list = await stage().list(path);
    expect([list.kind, list.apiVersion, list.items]).toEqual(['WidgetList', `${group}/v1`, []]);
    await expect.poll(() => send(`/apis/${group}/v1`)).toBe(200);
    const served = await stage().api.json<{ resources: object[] }>('GET', `/apis/${group}/v1`);
    expect(served.resources).toMatchObject([
      { name: 'widgets', kind: 'Widget', namespaced: false },
      { name: 'widgets/status', kind: 'Widget' },
    ]);
  });

  test('unknown fields are pruned, defaults are filled in, generations count', async () => {
    const { path, group } = await define();
    const given = { size: 3, colour: 'red', free: { any: [1] } };
    const made = await stage().api.json('POST', path, widget(group, 'one', given));
    expect(made['spec']).toEqual({ size: 3, mode: 'Observe', free: { any: [1] } });
    expect(made.metadata.generation).toBe(1);
    const grown = await stage().api.json('PATCH', `${path}/one`, { spec: { size: 4 } }, MERGE);
    expect(grown.metadata.generation).toBe(2);
    const labelled = await stage().api.json('PATCH', `${path}/one`, { metadata: { labels: { a: 'b' } } }, MERGE);
    expect(labelled.metadata.generation).toBe(2);
  });

  test('unknown fields are refused where the writer asks for it', async () => {
    const { path, group } = await define();
    const wrong = widget(group, 'one', { size: 3, colour: 'red' });
    const status = await refusal(stage().api, 'POST', `${path}?fieldValidation=Strict`, wrong);
    expect(status).toMatchObject({ http: 400, reason: 'BadRequest' });
    expect(status.message).toContain('unknown field "spec.colour"');
  });

  test('schema and rules refuse with 422 and the fields', async () => {
    const { path, group } = await define();
    const causes = async (spec: object): Promise<Status['details']> => {
      const status = await refusal(stage().api, 'POST', path, widget(group, 'one', spec));
      expect(status).toMatchObject({ http: 422, reason: 'Invalid' });
      return status.details;
    };
    expect(await causes({})).toMatchObject({
      name: 'one',
      group,
      kind: 'Widget',
      causes: expect.arrayContaining([
        expect.objectContaining({ reason: 'FieldValueRequired', field: 'spec.size' }),
      ]) as unknown,
    });
    expect((await causes({ size: 0 }))?.causes?.[0]).toMatchObject({ reason: 'FieldValueInvalid', field: 'spec.size' });
    expect((await causes({ size: 'many' }))?.causes?.[0]).toMatchObject({ reason: 'FieldValueTypeInvalid' });
    expect((await causes({ size: 1, mode: 'Both' }))?.causes?.[0]).toMatchObject({ reason: 'FieldValueNotSupported' });
    const rule = await causes({ size: 3, limit: 2 });
    expect(rule?.causes).toMatchObject([{ reason: 'FieldValueInvalid', field: 'spec' }]);
    expect(rule?.causes?.[0]?.message).toContain('size is above limit');
  });

  test('the status of a custom kind is written apart, without anything else', async () => {
    const { path, group } = await define();
    const made = await stage().api.json('POST', path, { ...widget(group, 'one', { size: 3 }), status: { seen: 9 } });
    expect(made['status']).toBeUndefined();
    const patch = { metadata: { labels: { a: 'b' } }, spec: { size: 9 }, status: { seen: 1 } };
    const after = await stage().api.json('PATCH', `${path}/one/status`, patch, MERGE);
    expect([after['spec'], after['status']]).toEqual([made['spec'], { seen: 1 }]);
    // Not so with built-in kinds.
    expect(after.metadata.labels).toBeUndefined();
    expect(after.metadata.generation).toBe(1);
  });

  test('a schema that is not structural is refused', async () => {
    const loose = { type: 'object', properties: { spec: { properties: { a: { type: 'string' } } } } };
    const status = await refusal(stage().api, 'POST', DEFINITIONS, definition('loose.contract.example', loose));
    expect(status).toMatchObject({ http: 422, reason: 'Invalid', details: { kind: 'CustomResourceDefinition' } });
  });

  test('custom kinds are never protobuf', async () => {
    const { path } = await define();
    const protobuf = 'application/vnd.kubernetes.protobuf';
    const both = await stage().api.send({ path, headers: { accept: `${protobuf}, application/json` } });
    expect([both.status, both.headers['content-type']]).toEqual([200, 'application/json']);
    expect((await stage().api.send({ path, headers: { accept: protobuf } })).status).toBe(406);
  });

  test('deleting a definition deletes its objects, tells watches, and ends them', async () => {
    const { path, group } = await define();
    const made = await stage().api.json('POST', path, widget(group, 'one', { size: 3 }));
    const stream = await stage().api.open({
      path: `${path}?watch=true&resourceVersion=${made.metadata.resourceVersion}`,
    });
    await stage().api.json('DELETE', `${DEFINITIONS}/widgets.${group}`);
    const told: string[] = [];
    for await (const line of linesOf(stream)) told.push((JSON.parse(line) as WatchEvent).type);
    expect(told).toEqual(['DELETED']);
    await expect.poll(() => send(path)).toBe(404);
    await expect.poll(() => send(`${DEFINITIONS}/widgets.${group}`)).toBe(404);
  });
}
