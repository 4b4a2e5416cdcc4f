import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import type { RawMap } from '../../src/api/shape.ts';
import { readResource } from '../../src/api/read.ts';
import { silentLog } from '../../src/base/log.ts';
import { ClusterApprovals } from '../../src/controller/approvals/cluster-approvals.ts';
import type { ApiClient } from '../../src/kubernetes/api-client.ts';
import { EventRecorder } from '../../src/kubernetes/events.ts';
import type { Portion, StatusObject } from '../../src/kubernetes/status-part.ts';
import { StatusWriter } from '../../src/kubernetes/status-writer.ts';
import { statusObject } from '../../src/controller/status/picture.ts';
import { FakeClock } from './fake-clock.ts';
import type { ApiObject, RawApi } from './raw-api.ts';

/** A server to write to, as us and as somebody who arranges. */
export interface Arranged {
  readonly client: ApiClient;
  readonly admin: RawApi;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, '../..');
const OURS = '/apis/sallyport.dev/v1alpha1';
const everything = { selector: 'all()', namespaceSelector: 'all()' };
const SPECS: Readonly<Record<string, readonly [string, object]>> = {
  borderfirewalls: ['BorderFirewall', { driver: 'nftables', address: 'local', workloads: {} }],
  clusterborderpolicies: ['ClusterBorderPolicy', everything],
  borderpolicies: ['BorderPolicy', { selector: 'all()' }],
  addressgroups: ['AddressGroup', everything],
  sourcenats: ['SourceNAT', { ...everything, destination: {}, translate: { none: true } }],
  borderapprovals: ['BorderApproval', { firewall: 'edge-1', digest: '0123456789abcdef'.repeat(4) }],
};

/**
 * What writing statuses rests on, asked of a server: the fake and the real one have to say the same. `evaluatesRules`: the fake does not
 * evaluate the CEL rules of a schema, so it is not asked what they refuse.
 */
export function statusContract(
  arrange: () => Promise<Arranged>,
  { evaluatesRules }: { readonly evaluatesRules: boolean },
): void {
  let arranged: Arranged;
  let number = 0;
  const clock = new FakeClock(Date.now());
  const writers: { settled(): Promise<void>; stop(): Promise<void> }[] = [];

  beforeAll(async () => {
    arranged = await arrange();
    for (const file of readdirSync(join(root, 'deploy/crds'))) {
      const definition = parse(readFileSync(join(root, 'deploy/crds', file), 'utf8')) as { metadata: { name: string } };
      await arranged.admin.json('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
      const plural = definition.metadata.name.split('.')[0] ?? '';
      await vi.waitFor(
        async () => expect((await arranged.admin.send({ path: `${OURS}/${plural}` })).status).toBe(200),
        60_000,
      );
    }
  });
  afterAll(async () => {
    for (const writer of writers) await writer.stop();
    await arranged.stop();
  });

  /** A new object of a kind, by its plural. */
  async function create(plural: string): Promise<StatusObject & { readonly path: string }> {
    const [kind, spec] = SPECS[plural] ?? ['', {}];
    number += 1;
    const name = `object-${number}`;
    const namespace = plural === 'borderpolicies' ? 'default' : '';
    const collection = namespace === '' ? `${OURS}/${plural}` : `${OURS}/namespaces/${namespace}/${plural}`;
    const body = { apiVersion: 'sallyport.dev/v1alpha1', kind, metadata: { name }, spec };
    const { metadata } = await arranged.admin.json('POST', collection, body);
    return { ...statusObject({ type: kind, namespace, name, uid: metadata.uid }), path: `${collection}/${name}` };
  }

  function writer(): { readonly made: StatusWriter; readonly results: string[] } {
    const results: string[] = [];
    const measure = (result: string): void => void results.push(result);
    const made = new StatusWriter({ client: arranged.client, clock, log: silentLog, measure });
    writers.push(made);
    return { made, results };
  }

  const say = (to: StatusWriter, object: StatusObject, portion: Portion, value: RawMap | undefined): void =>
    to.wish({ object, portion, compose: () => value, mayWrite: () => true });
  /** Lets ten seconds go by for all writers, with their requests done. */
  async function pass(): Promise<void> {
    for (let second = 0; second < 10; second++) {
      clock.advance(1_000);
      for (const each of writers) await each.settled();
    }
  }
  const read = (path: string): Promise<ApiObject> => arranged.admin.json('GET', path);
  const entry = (value: string): Portion => ({ kind: 'entry', list: 'firewalls', key: 'name', value });
  const entryText = (name: string): RawMap => ({
    name,
    holds: 'True',
    since: '2026-01-05T12:00:00Z',
    reason: 'Confirmed',
    message: 'it is there',
  });

  const golden = join(root, 'src/controller/status/golden');
  const statuses = readdirSync(golden).flatMap((file) =>
    Object.entries(parse(readFileSync(join(golden, file), 'utf8')) as Record<string, RawMap>).map(
      ([path, status]) => [`${file} ${path}`, path.split('/').at(-2) ?? '', status] as const,
    ),
  );
  test.each(statuses)('%s is taken as it is, and changes no generation', async (_, plural, status) => {
    const object = await create(plural);
    const { made, results } = writer();
    say(made, object, { kind: 'whole' }, status);
    await pass();
    expect(results).toEqual(['read', 'written']);
    const found = await read(object.path);
    expect(found['status']).toEqual(status);
    expect(found.metadata.generation).toBe(1);
    expect(
      found.metadata.managedFields?.map((each) => [each.manager, each.operation, each.subresource]),
    ).toContainEqual(['sallyport', 'Apply', 'status']);
  });

  test('two writers say their entries side by side; a third that knows nothing finds nothing to write', async () => {
    const object = await create('addressgroups');
    const first = writer();
    const second = writer();
    say(first.made, object, entry('edge-1'), entryText('edge-1'));
    say(second.made, object, entry('edge-2'), entryText('edge-2'));
    say(first.made, object, { kind: 'around', list: 'firewalls' }, { workloads: 2 });
    await pass();
    const found = await read(object.path);
    expect(found['status']).toEqual({
      workloads: 2,
      firewalls: expect.arrayContaining([entryText('edge-1'), entryText('edge-2')]) as unknown,
    });
    const third = writer();
    for (const name of ['edge-1', 'edge-2']) say(third.made, object, entry(name), entryText(name));
    say(third.made, object, { kind: 'around', list: 'firewalls' }, { workloads: 2 });
    await pass();
    expect(third.results).toEqual(['read', 'read', 'read']);
    expect((await read(object.path)).metadata.resourceVersion).toBe(found.metadata.resourceVersion);
    say(first.made, object, entry('edge-1'), undefined);
    await pass();
    expect((await read(object.path))['status']).toMatchObject({ firewalls: [entryText('edge-2')] });
  });

  test('what is gone is not made again, and what met its successor is not taken for said', async () => {
    const object = await create('addressgroups');
    await arranged.admin.json('DELETE', object.path);
    const gone = writer();
    gone.made.seen(object, undefined);
    say(gone.made, object, { kind: 'whole' }, { workloads: 1 });
    await pass();
    expect(gone.results).toEqual(['API_NOT_FOUND']);
    expect((await arranged.admin.send({ path: object.path })).status).toBe(404);
    const body = {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'AddressGroup',
      metadata: { name: object.name },
      spec: everything,
    };
    await arranged.admin.json('POST', `${OURS}/addressgroups`, body);
    const late = writer();
    late.made.seen(object, undefined);
    say(late.made, object, { kind: 'whole' }, { workloads: 1 });
    await pass();
    expect(late.results).toEqual(['written']);
    expect(late.made.statusOf(object)).toBeUndefined();
  });

  test('a status that the schema refuses is said, and harms nothing', async () => {
    const object = await create('addressgroups');
    const { made, results } = writer();
    made.seen(object, undefined);
    say(made, object, { kind: 'whole' }, { workloads: -1 });
    await pass();
    expect(results).toEqual(['API_REFUSED']);
    expect(made.counts.refused).toBe(1);
  });

  test('events are taken, of objects with a namespace and without', async () => {
    const results: string[] = [];
    const measure = (result: string): void => void results.push(result);
    const events = new EventRecorder({
      client: arranged.client,
      clock,
      log: silentLog,
      instance: 'a',
      measure,
    });
    writers.push(events);
    for (const plural of ['borderfirewalls', 'borderpolicies']) {
      const object = await create(plural);
      events.record({ object, type: 'Warning', reason: 'Drifted', action: 'Observe', note: 'somebody changed it' });
    }
    await events.settled();
    expect(results).toEqual(['written', 'written']);
    const list = await arranged.admin.json<{ items: ApiObject[] }>(
      'GET',
      '/apis/events.k8s.io/v1/namespaces/default/events',
    );
    // A real server tells events of its own there, of its `kubernetes` Service.
    const ours = list.items.filter((event) => event['reportingController'] === 'sallyport.dev/controller');
    const kinds = ours.map(({ regarding }) => (regarding as { kind: string } | undefined)?.kind);
    expect(new Set(kinds)).toEqual(new Set(['BorderFirewall', 'BorderPolicy']));
  });

  test('a yes is used once, and cannot be rewritten', async () => {
    const { path } = await create('borderapprovals');
    const { resource } = readResource(await read(path), {});
    if (resource?.type !== 'BorderApproval') throw new Error('not read');
    const approvals = new ClusterApprovals({ client: arranged.client, clock, log: silentLog });
    approvals.taken([{ kind: 'put', resource }]);
    const waiting = { digest: resource.digest };
    expect(await approvals.take('edge-1', waiting)).toMatchObject({ digest: resource.digest });
    expect(await approvals.take('edge-1', waiting)).toBeUndefined();
    const found = await read(path);
    expect(found['status']).toMatchObject({ state: 'Used' });
    const { path: contested } = await create('borderapprovals');
    const { resource: another } = readResource(await read(contested), {});
    if (another === undefined) throw new Error('not read');
    const copies = [0, 1].map(() => {
      const copy = new ClusterApprovals({ client: arranged.client, clock, log: silentLog });
      copy.taken([{ kind: 'put', resource: another }]);
      return copy.take('edge-1', waiting);
    });
    expect((await Promise.all(copies)).filter((given) => given !== undefined)).toHaveLength(1);
    const edited = { spec: { digest: 'f'.repeat(64) } };
    const answer = await arranged.admin.send({
      method: 'PATCH',
      path,
      body: edited,
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    if (evaluatesRules) expect(answer.status).toBe(422);
    approvals.stop();
  });
}
