import { expect, test } from 'vitest';
import { panosDialect } from '../entries/dialect.ts';
import { groupEntry, tagOf } from '../entries/entries.ts';
import { groundOf, observedIn } from './ground.ts';
import { panosOptions } from './options.ts';
import type { Folders } from '../entries/read-entries.ts';

const options = panosOptions.parse({ position: 'Last' });
const ground = groundOf({ kind: 'vsys', vsys: 'vsys1' }, 'lab', options, panosDialect('PAN-OS', options.members));
const { style } = ground;

function groupIn(name: string) {
  const mark = `sallyport:lab:AddressGroup/${name}`;
  return { name, family: 'Both', store: 'Volatile', shared: true, mark, members: new Set<string>() } as const;
}

test('the same configuration is read once, and always with who has which tag by then', () => {
  // The filter of one is another one's: it does not stand for its members any more.
  const spoiled = groupEntry(groupIn('renamed'), { ...style, tags: 'theirs.' });
  const folders: Folders = {
    objects: {
      address: [],
      'address-group': [groupEntry(groupIn('payments'), style), groupEntry(groupIn('shop'), style), spoiled],
      service: [],
      'service-group': [],
      'external-list': [],
    },
    security: [],
    nat: [],
    elsewhere: [],
  };
  const [payments, shop, renamed] = ['payments', 'shop', 'renamed'].map((name) => tagOf({ name }, style));
  const stays = new Set(['10.0.1.1']);
  let before: ReturnType<typeof observedIn> | undefined;
  for (const members of [['10.0.0.1'], ['10.0.0.1', '10.0.0.2'], []]) {
    const tagged = new Map([
      [`${payments}`, new Set(members)],
      [`${shop}`, stays],
      [`${renamed}`, new Set(members)],
    ]);
    const observed = observedIn(folders, tagged, ground);
    expect(observed).toEqual(observedIn({ ...folders }, tagged, ground));
    expect([...observed.groups.values()].map((one) => [one.name, [...one.members]])).toEqual([
      ['payments', members],
      ['shop', ['10.0.1.1']],
    ]);
    expect([...(observed.spoiled?.values() ?? [])].map((one) => [...one.members])).toEqual([members]);
    const key = 'Both/Volatile/shop';
    if (before !== undefined) expect(observed.groups.get(key)).toBe(before.groups.get(key));
    before = observed;
  }
});
