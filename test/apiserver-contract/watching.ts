import { expect } from 'vitest';
import { type Clause, type Stage, type WatchEvent, configMaps, linesOf, pod, pods } from './server-under-test.ts';

const STREAMING = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';

/** Watches, and lists that are streamed as watches. */
export function watching(stage: () => Stage, test: Clause): void {
  const told = ({ type, object }: WatchEvent): string => `${type} ${object.metadata.name}`;

  test('a watch tells what happened since a version, in order', async () => {
    const namespace = await stage().namespace();
    await stage().configMap(namespace, 'before');
    const { metadata } = await stage().list(configMaps(namespace));
    const one = await stage().configMap(namespace, 'one');
    const changed = await stage().api.json('PUT', `${configMaps(namespace)}/one`, { ...one, data: { a: '1' } });
    await stage().api.json('DELETE', `${configMaps(namespace)}/one`);
    const path = `${configMaps(namespace)}?watch=true&resourceVersion=${metadata.resourceVersion}`;
    const events = await stage().watch(path, ({ type }) => type === 'DELETED');
    expect(events.map(told)).toEqual(['ADDED one', 'MODIFIED one', 'DELETED one']);
    const versions = events.map(({ object }) => BigInt(object.metadata.resourceVersion));
    expect(versions[1]).toBe(BigInt(changed.metadata.resourceVersion));
    // What is deleted carries the version of its deletion.
    expect(versions[2]).toBeGreaterThan(versions[1] ?? 0n);
    expect(events[0]?.object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
  });

  test('a watch without a version begins with what is there', async () => {
    const namespace = await stage().namespace();
    await stage().configMap(namespace, 'one');
    const events = await stage().watch(`${configMaps(namespace)}?watch=true`, () => true);
    expect(events.map(told)).toEqual(['ADDED one']);
  });

  test('an object that leaves the selection is told as deleted, one that enters as added', async () => {
    const namespace = await stage().namespace();
    const { metadata } = await stage().list(pods(namespace));
    await stage().pod(namespace, 'one', { tier: 'front' });
    await label(namespace, 'back');
    await label(namespace, 'front');
    const query = `watch=true&labelSelector=tier%3Dfront&resourceVersion=${metadata.resourceVersion}`;
    let seen = 0;
    const events = await stage().watch(`${pods(namespace)}?${query}`, () => ++seen === 3);
    expect(events.map(told)).toEqual(['ADDED one', 'DELETED one', 'ADDED one']);
  });

  async function label(namespace: string, tier: string): Promise<void> {
    const patch = { metadata: { labels: { tier } } };
    await stage().api.json('PATCH', `${pods(namespace)}/one`, patch, 'application/merge-patch+json');
  }

  test('a streamed list ends with a bookmark that says so, and goes on as a watch', async () => {
    const namespace = await stage().namespace();
    for (const name of ['a', 'b']) await stage().configMap(namespace, name);
    const stream = await stage().api.open({ path: `${configMaps(namespace)}?${STREAMING}` });
    const events: WatchEvent[] = [];
    for await (const line of linesOf(stream)) {
      const event = JSON.parse(line) as WatchEvent;
      events.push(event);
      if (event.type === 'BOOKMARK') await stage().configMap(namespace, 'later');
      if (event.object.metadata.name === 'later') break;
    }
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'ADDED', 'BOOKMARK', 'ADDED']);
    const end = events[2]?.object;
    expect(end?.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    expect(end).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
    const lastItem = BigInt(events[1]?.object.metadata.resourceVersion ?? 0);
    expect(BigInt(end?.metadata.resourceVersion ?? 0)).toBeGreaterThanOrEqual(lastItem);
  });

  test('a streamed list without its companions is refused', async () => {
    const { status } = await stage().api.send({ path: '/api/v1/configmaps?watch=true&sendInitialEvents=true' });
    expect(status).toBe(422);
  });

  test('a version that is too old is told as 410, by an event or by the answer', async () => {
    const namespace = await stage().namespace();
    await stage().configMap(namespace, 'one');
    await stage().server.expireHistory();
    const path = `${configMaps(namespace)}?watch=true&resourceVersion=1`;
    const answer = await stage().api.open({ path });
    let text = '';
    for await (const line of linesOf(answer)) {
      text = line;
      break;
    }
    const value = JSON.parse(text) as WatchEvent & { readonly code?: number; readonly reason?: string };
    const status = answer.status === 200 ? value.object : value;
    if (answer.status === 200) expect(value.type).toBe('ERROR');
    else expect(answer.status).toBe(410);
    expect(status).toMatchObject({ kind: 'Status', code: 410, reason: 'Expired' });
  });

  test('timeoutSeconds ends a watch cleanly, with a bookmark for whoever takes them', async () => {
    const namespace = await stage().namespace();
    const { metadata } = await stage().configMap(namespace, 'one');
    const path = `${configMaps(namespace)}?watch=true&timeoutSeconds=10&resourceVersion=${metadata.resourceVersion}`;
    const streams = [
      await stage().api.open({ path }),
      await stage().api.open({ path: `${path}&allowWatchBookmarks=true` }),
    ];
    // A bookmark comes two seconds before the end, if something has happened to the kind since the watch began, wherever.
    const elsewhere = await stage().configMap(await stage().namespace(), 'elsewhere');
    stage().server.pass(10_000);
    const [plain = [], marked = []] = await Promise.all(
      streams.map(async (stream) => {
        const events: WatchEvent[] = [];
        for await (const line of linesOf(stream)) events.push(JSON.parse(line) as WatchEvent);
        return events;
      }),
    );
    expect(plain).toEqual([]);
    expect(marked.map(({ type }) => type)).toContain('BOOKMARK');
    const { object } = marked.at(-1) as WatchEvent;
    expect(object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
    expect(object.metadata).toEqual({
      resourceVersion: elsewhere.metadata.resourceVersion,
      // Empty, as the type's zero value is written.
      ...('creationTimestamp' in object.metadata ? { creationTimestamp: null } : {}),
    });
  });

  test('a pod is told through its life: made, bound, running, gone', async () => {
    const namespace = await stage().namespace();
    const { metadata } = await stage().list(pods(namespace));
    await stage().api.json('POST', pods(namespace), pod('one'));
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'one' },
      target: { kind: 'Node', name: 'n1' },
    };
    await stage().api.json('POST', `${pods(namespace)}/one/binding`, binding);
    const status = { status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }], podIP: '10.0.0.1' } };
    await stage().api.json('PATCH', `${pods(namespace)}/one/status`, status, 'application/merge-patch+json');
    await stage().api.json('DELETE', `${pods(namespace)}/one?gracePeriodSeconds=0`);
    const path = `${pods(namespace)}?watch=true&resourceVersion=${metadata.resourceVersion}`;
    const events = await stage().watch(path, ({ type }) => type === 'DELETED');
    expect(events.map(told)).toEqual(['ADDED one', 'MODIFIED one', 'MODIFIED one', 'MODIFIED one', 'DELETED one']);
    expect(events[1]?.object['spec']).toMatchObject({ nodeName: 'n1' });
    // A pod always gets a deletionTimestamp before it is gone.
    expect(events.map(({ object }) => object.metadata.deletionTimestamp !== undefined)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(events[4]?.object['status']).toMatchObject({ podIP: '10.0.0.1' });
  });
}
