import { expect, test } from 'vitest';
import { readResource } from '../../api/read.ts';
import type { ResourceKey } from '../../api/resource.ts';
import type { Sent } from './encoding.ts';
import { Told } from './told.ts';

const TYPE = 'GlobalNetworkSet';

/** What whoever listens has. */
function listening() {
  const has = new Set<ResourceKey>();
  const told = new Told(TYPE, {
    put: (key) => void has.add(key),
    delete: (key) => void has.delete(key),
  });
  return { has, told };
}

const sent = (name: string, key = name, uid = `uid-of-${name}`): Sent => ({
  namespace: '',
  name,
  uid,
  version: '1',
  read: () => ({
    ...readResource({ apiVersion: 'projectcalico.org/v3', kind: TYPE, metadata: { name: key }, spec: {} }, {}),
    key: `${TYPE}/${key}`,
  }),
});

test.each<[string, readonly string[], readonly string[]]>([
  ['the same', ['a', 'b'], ['a', 'b']],
  ['them in another order', ['b', 'a'], ['a', 'b']],
  ['one of them', ['a'], ['a']],
  ['one of them twice', ['a', 'a'], ['a']],
  ['another one instead', ['a', 'c'], ['a', 'c']],
  ['none', [], []],
])('what a list told before it broke off is gone unless the next one names it: %s', (_, named, left) => {
  const { has, told } = listening();
  for (const names of [['a', 'b'], named]) {
    told.listBegins();
    for (const name of names) told.name(sent(name));
  }
  told.become(new Map());
  expect([...has].sort()).toEqual(left.map((name) => `${TYPE}/${name}`));
  expect([...told.keys()].sort()).toEqual(left.map((name) => `${TYPE}/${name}`));
});

test('a key that went over to another stored object while nobody listened is of that one', () => {
  const { has, told } = listening();
  const first = told.fresh(sent('first', 'a'), true);
  told.put(first);
  const second = told.fresh(sent('second', 'a'), true);
  told.become(new Map([[second.raw, second]]));
  expect([...has]).toEqual([`${TYPE}/a`]);
  expect([...told.present()].map(({ raw, uid }) => [raw, uid])).toEqual([[`${TYPE}/second`, 'uid-of-second']]);
  // The one that is gone comes to nothing, and the one that is there goes with its own end.
  told.remove(first.raw, first.uid);
  expect(has.size).toBe(1);
  told.remove(second.raw, second.uid);
  expect(has.size).toBe(0);
});

test('another object of the same name comes after the end of the one before', () => {
  const said: string[] = [];
  const told = new Told(TYPE, { put: (key) => void said.push(`+${key}`), delete: (key) => void said.push(`-${key}`) });
  for (const uid of ['one', 'one', 'two']) told.put(told.fresh(sent('a', 'a', uid), false));
  expect(said).toEqual([`+${TYPE}/a`, `-${TYPE}/a`, `+${TYPE}/a`]);
});
