import { expect, test } from 'vitest';
import { readResource } from '../../api/read.ts';
import { type Resource, resourceKey } from '../../api/resource.ts';
import type { ResourceChange } from '../source.ts';
import { PendingChanges } from './pending-changes.ts';

const KEY = 'Pod/shop/a';

function pod(uid: string): Resource {
  const metadata = { namespace: 'shop', name: 'a', uid };
  const { resource } = readResource({ apiVersion: 'v1', kind: 'Pod', metadata, spec: {}, status: {} }, {});
  if (resource === undefined) throw new Error('cannot be read');
  return resource;
}

const brief = (changes: readonly ResourceChange[]): readonly string[] =>
  changes.map((change) => (change.kind === 'put' ? `+${resourceKey(change.resource)}` : `-${change.key}`));
const pending = (): PendingChanges => new PendingChanges(() => undefined);

test('what came and went is gone, and what went and came is there', () => {
  const changes = pending();
  changes.put(KEY, pod('one'));
  changes.delete(KEY, true);
  expect([changes.size, brief(changes.take()), changes.size]).toEqual([1, [`-${KEY}`], 0]);
  changes.delete(KEY, true);
  changes.put(KEY, pod('two'));
  expect([brief(changes.take()), changes.size]).toEqual([[`-${KEY}`, `+${KEY}`], 0]);
});

test('a deletion of a pod is told ahead once, without the one that was made anew', () => {
  const changes = pending();
  changes.delete(KEY, true);
  changes.put(KEY, pod('two'));
  expect(brief(changes.takeDeletedPods())).toEqual([`-${KEY}`]);
  expect(brief(changes.takeDeletedPods())).toEqual([]);
  expect(brief(changes.take())).toEqual([`+${KEY}`]);
});

test('a deletion that was told is not told again of the one that was made anew', () => {
  const changes = pending();
  changes.delete(KEY, true);
  changes.take();
  changes.put(KEY, pod('two'));
  changes.take();
  expect(brief(changes.takeDeletedPods())).toEqual([]);
});

test('only events prove that a pod is gone, and only pods go ahead', () => {
  const changes = pending();
  changes.delete(KEY);
  changes.delete('Namespace/shop', true);
  expect(brief(changes.takeDeletedPods())).toEqual([]);
  expect(brief(changes.take())).toEqual([`-${KEY}`, '-Namespace/shop']);
});
