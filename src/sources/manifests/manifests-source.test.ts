import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Delivery } from '../source.ts';
import { lookAtFolder } from './folder.ts';
import { ManifestsSource } from './manifests-source.ts';

let folder: string;
let deliveries: Delivery[];
let stop: AbortController;
let running: Promise<void> | undefined;

const object = (kind: string, name: string): string => `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n`;
const put = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text);
const start = (path = folder, clock: Clock = systemClock): void => {
  running = new ManifestsSource('static', path, clock).run((delivery) => void deliveries.push(delivery), stop.signal);
};
/** Waits for the n-th delivery and tells it in short. */
const delivery = async (n: number): Promise<unknown> => {
  await vi.waitUntil(() => deliveries.length >= n, { timeout: 10_000, interval: 5 });
  const found = deliveries[n - 1];
  const changes = found?.changes.map((c) => (c.kind === 'put' ? `+${c.resource.name}` : `-${c.key}`));
  return [found?.state.kind, changes, found?.diagnostics.map((d) => d.code)];
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-manifests-'));
  deliveries = [];
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await running;
  await rm(folder, { recursive: true, force: true });
});

test('the first delivery is the whole folder; then only what changed', async () => {
  await mkdir(join(folder, 'deep'));
  await put('a.yaml', object('Namespace', 'a'));
  await put('deep/b.json', JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'b' } }));
  await put('.hidden.yaml', object('Namespace', 'hidden'));
  await put('notes.txt', 'not: a manifest');
  start();
  expect(await delivery(1)).toEqual(['complete', ['+a', '+b'], []]);
  await put('c.yaml', object('Namespace', 'c'));
  expect(await delivery(2)).toEqual(['complete', ['+c'], []]);
  await rm(join(folder, 'a.yaml'));
  expect(await delivery(3)).toEqual(['complete', ['-Namespace/a'], []]);
});

test('a file that another takes the place of is seen every time, without looking for it', async () => {
  // The clock knows no long pause: what is delivered was told by the system.
  const told: Clock = {
    ...systemClock,
    after: (ms, action) => (ms > 1_000 ? () => undefined : systemClock.after(ms, action)),
  };
  await mkdir(join(folder, 'deep'));
  await put('deep/a.yaml', object('Namespace', 'first'));
  start(folder, told);
  expect(await delivery(1)).toEqual(['complete', ['+first'], []]);
  let before = 'first';
  for (const [index, name] of ['second', 'third', 'fourth'].entries()) {
    await put('.fresh', object('Namespace', name));
    await rename(join(folder, '.fresh'), join(folder, 'deep/a.yaml'));
    expect(await delivery(index + 2)).toEqual(['complete', [`-Namespace/${before}`, `+${name}`], []]);
    before = name;
  }
});

test('a file that cannot be read freezes the folder, and the mended one thaws it', async () => {
  await put('a.yaml', object('Namespace', 'a'));
  start();
  expect(await delivery(1)).toEqual(['complete', ['+a'], []]);
  await put('b.yaml', `${object('Namespace', 'b')}---\nx: [`);
  expect(await delivery(2)).toEqual(['frozen', [], ['MANIFEST_SYNTAX']]);
  await put('b.yaml', object('Namespace', 'b'));
  expect(await delivery(3)).toEqual(['complete', ['+b'], []]);
});

test('at start such a folder has not delivered', async () => {
  await put('a.yaml', object('Namespace', 'a'));
  await put('b.yaml', 'x: [');
  start();
  expect(await delivery(1)).toEqual(['loading', [], ['MANIFEST_SYNTAX']]);
  await rm(join(folder, 'b.yaml'));
  expect(await delivery(2)).toEqual(['complete', ['+a'], []]);
});

test('a folder that empties, vanishes or comes back', async () => {
  // Nobody tells that a folder was renamed; it is looked at.
  const often: Clock = { ...systemClock, after: (ms, action) => systemClock.after(Math.min(ms, 20), action) };
  await put('a.yaml', object('Namespace', 'a'));
  start(folder, often);
  await delivery(1);
  await rm(join(folder, 'a.yaml'));
  expect(await delivery(2)).toEqual(['frozen', [], ['MANIFEST_EMPTY']]);
  await rename(folder, `${folder}.away`);
  expect(await delivery(3)).toEqual(['frozen', [], ['MANIFEST_UNREADABLE']]);
  await rename(`${folder}.away`, folder);
  await put('a.yaml', `${object('Namespace', 'a')}---\n${object('Namespace', 'b')}`);
  await vi.waitUntil(() => deliveries.at(-1)?.state.kind === 'complete', { timeout: 10_000 });
  expect(deliveries.at(-1)?.changes.map((c) => c.kind)).toEqual(['put', 'put']);
});

test('an object that breaks stays as it was read last; only one that goes is gone', async () => {
  const tier = (order: string): string =>
    `apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata:\n  name: pods\nspec:\n  cidr: ${order}\n`;
  await put('a.yaml', object('Namespace', 'a'));
  await put('pool.yaml', tier('10.0.0.0/16'));
  start();
  expect(await delivery(1)).toEqual(['complete', ['+a', '+pods'], []]);
  await put('pool.yaml', tier('10.0.0.0/99'));
  expect(await delivery(2)).toEqual(['complete', [], ['PREFIX_INVALID']]);
  expect(deliveries.at(-1)?.broken).toEqual(new Set(['IPPool/pods']));
  await rm(join(folder, 'pool.yaml'));
  expect(await delivery(3)).toEqual(['complete', ['-IPPool/pods'], []]);
});

test('an endpoint that breaks is left out: nobody knows what its labels are', async () => {
  const pod = (label: string): string => `${object('Pod', 'web')}  namespace: shop\n  labels: { role: ${label} }\n`;
  await put('a.yaml', object('Namespace', 'shop'));
  await put('pod.yaml', pod('payments'));
  start();
  expect(await delivery(1)).toEqual(['complete', ['+shop', '+web'], []]);
  await put('pod.yaml', pod('[1]'));
  expect(await delivery(2)).toEqual(['complete', ['-Pod/shop/web'], ['LABELS_INVALID']]);
});

test('a file that goes away while it is looked at is gone, and no file that cannot be read', async () => {
  await mkdir(join(folder, 'deep'));
  for (let round = 0; round < 150; round++) {
    const name = round % 2 === 0 ? 'a.yaml' : 'deep/a.yaml';
    await put(name, object('Namespace', 'a'));
    const [{ problems }] = await Promise.all([lookAtFolder(folder), rm(join(folder, name))]);
    expect(problems).toEqual([]);
  }
  await symlink('nowhere.yaml', join(folder, 'b.yaml'));
  expect((await lookAtFolder(folder)).problems).toHaveLength(1);
});

test('a folder that is not there has not delivered', async () => {
  start(join(folder, 'missing'));
  expect(await delivery(1)).toEqual(['loading', [], ['MANIFEST_UNREADABLE']]);
});

test('more than half of the objects gone at once is not believed', async () => {
  for (const name of ['d', 'e']) await put(`${name}.yaml`, object('Namespace', name));
  // One file: of several that are removed one after the other a look may find some.
  await put('most.yaml', ['a', 'b', 'c'].map((name) => object('Namespace', name)).join('---\n'));
  await put('rest.yaml', `${object('Namespace', 'f')}---\n${object('Namespace', 'g')}`);
  start();
  await delivery(1);
  await put('rest.yaml', '# gone\n');
  expect(await delivery(2)).toEqual(['complete', ['-Namespace/f', '-Namespace/g'], []]);
  await rm(join(folder, 'most.yaml'));
  await vi.waitUntil(() => deliveries.at(-1)?.state.kind === 'frozen', { timeout: 10_000 });
  expect(deliveries.at(-1)?.diagnostics.map((d) => d.code)).toEqual(['MANIFEST_SHRUNK']);
});

test.each([
  ['is empty, about to be written', ''],
  ['breaks off before the kind', 'apiVersion: v1\n'],
  ['has a slip in the kind', object('Namespac', 'b')],
  ['has a slip in the name', object('Namespace', 'B!')],
])('an object is not gone because its file %s', async (_, text) => {
  for (const name of ['a', 'b', 'c']) await put(`${name}.yaml`, object('Namespace', name));
  start();
  expect(await delivery(1)).toEqual(['complete', ['+a', '+b', '+c'], []]);
  await put('b.yaml', text);
  expect(await delivery(2)).toEqual(['frozen', [], expect.arrayContaining(['MANIFEST_LOST'])]);
  await rm(join(folder, 'b.yaml'));
  expect(await delivery(3)).toEqual(['complete', ['-Namespace/b'], []]);
});

test('what was never an object keeps nothing', async () => {
  await put('a.yaml', `${object('Namespace', 'a')}---\n${object('Namespace', 'b')}`);
  await put('values.yaml', 'replicas: 3\n');
  start();
  expect(await delivery(1)).toEqual(['complete', ['+a', '+b'], ['OBJECT_INVALID']]);
  await put('a.yaml', object('Namespace', 'a'));
  expect(await delivery(2)).toEqual(['complete', ['-Namespace/b', '+a'], ['OBJECT_INVALID']]);
});

test('a folder is looked through once, however many links lead to it', async () => {
  await mkdir(join(folder, 'deep'));
  await put('a.yaml', object('Namespace', 'a'));
  await put('deep/b.yaml', object('Namespace', 'b'));
  await symlink('.', join(folder, 'self'));
  await symlink('..', join(folder, 'deep', 'up'));
  start();
  expect(await delivery(1)).toEqual(['complete', ['+a', '+b'], []]);
});

test.each([
  ['what a crash leaves', Buffer.alloc(200)],
  ['another encoding', Buffer.from(`\uFEFF${object('Namespace', 'b')}`, 'utf16le')],
])('bytes that are no text freeze the folder: %s', async (_, bytes) => {
  await put('a.yaml', object('Namespace', 'a'));
  await put('b.yaml', object('Namespace', 'b'));
  start();
  expect(await delivery(1)).toEqual(['complete', ['+a', '+b'], []]);
  await writeFile(join(folder, 'b.yaml'), bytes);
  expect(await delivery(2)).toEqual(['frozen', [], ['MANIFEST_UNREADABLE']]);
});
