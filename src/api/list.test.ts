import { describe, expect, test } from 'vitest';
import { unfoldList } from './list.ts';

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } };
const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'b' } };

describe('lists', () => {
  test('an object is no list', () => {
    for (const raw of [pod, undefined, null, 'text', 5, { kind: 'List' }, { kind: 'AllowList', items: 5 }])
      expect(unfoldList(raw)).toBeUndefined();
  });

  test('kubectl and calicoctl', () => {
    expect(unfoldList({ apiVersion: 'v1', kind: 'List', items: [pod, node] })).toEqual([
      { item: pod, path: ['items', 0] },
      { item: node, path: ['items', 1] },
    ]);
    expect(unfoldList({ apiVersion: 'projectcalico.org/v3', kind: 'NetworkPolicyList', items: null })).toEqual([]);
  });

  test('lists in lists keep their order and places', () => {
    const raw = [
      { kind: 'PodList', items: [pod, pod] },
      { kind: 'List', items: [{ kind: 'NodeList', items: [node] }] },
      pod,
    ];
    expect(unfoldList(raw)).toEqual([
      { item: pod, path: [0, 'items', 0] },
      { item: pod, path: [0, 'items', 1] },
      { item: node, path: [1, 'items', 0, 'items', 0] },
      { item: pod, path: [2] },
    ]);
  });

  test('items of a typed list get its kind, as the API server leaves it out', () => {
    const raw = { apiVersion: 'v1', kind: 'PodList', items: [{ metadata: { name: 'a' } }] };
    expect(unfoldList(raw)).toEqual([{ item: pod, path: ['items', 0] }]);
    expect(unfoldList({ ...raw, kind: 'List' })).toEqual([{ item: { metadata: { name: 'a' } }, path: ['items', 0] }]);
  });

  test('depth is no danger', () => {
    let raw: unknown = pod;
    for (let depth = 0; depth < 3_000; depth++) raw = [raw];
    expect(unfoldList(raw)).toHaveLength(1);
  });
});
