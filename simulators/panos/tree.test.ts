import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { keyOf } from './path.ts';
import { change, childAt, empty, find, merge, placedAfter, putChild } from './tree.ts';
import { element, type Element, entry } from './xml.ts';

const keys = Array.from({ length: 40 }, (_, index) => `entry e${index}`);
const key = fc.constantFrom(...keys);
const act = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key, text: fc.string({ maxLength: 2 }) }),
  fc.record({ kind: fc.constant('remove' as const), key }),
  fc.record({ kind: fc.constant('merge' as const), keys: fc.array(key, { maxLength: 5 }) }),
  fc.record({ kind: fc.constant('move' as const), key, after: fc.option(key, { nil: undefined }) }),
);

test('large elements are searched as small ones are, and copies leave their originals as they were', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60, size: 'max' }), (acts) => {
      let folder: Element = element('address', keys.slice(0, 25).map(empty));
      const states: { readonly folder: Element; readonly told: string }[] = [];
      const told = (of: Element): string => of.children.map((one) => `${keyOf(one)}=${one.text}`).join();
      for (const one of acts) {
        states.push({ folder, told: told(folder) });
        if (one.kind === 'put') folder = putChild(folder, one.key, { ...empty(one.key), text: one.text });
        else if (one.kind === 'remove') folder = putChild(folder, one.key, undefined);
        else if (one.kind === 'move') folder = placedAfter(folder, one.key, one.after);
        else
          folder = merge(
            folder,
            one.keys.map((name) => ({ ...empty(name), text: 'merged' })),
            ['address'],
            () => undefined,
          );
        // Asked now and then, so that an index is there to be handed over.
        if (states.length % 3 === 0) childAt(folder, 'entry e0');
      }
      for (const state of [...states, { folder, told: told(folder) }].toReversed()) {
        expect(told(state.folder)).toBe(state.told);
        const slowly = keys.map((name) => state.folder.children.find((one) => keyOf(one) === name));
        expect(keys.every((name, index) => childAt(state.folder, name) === slowly[index])).toBe(true);
      }
    }),
    tries(60),
  );
});

test('a change makes what is missing on the way, and nothing where nothing comes of it', () => {
  const root = element('config', [element('shared')]);
  const place = ['config', 'shared', 'address', 'entry a'];
  expect(change(root, place, () => undefined)).toBe(root);
  const next = change(root, place, (old) => old ?? entry('a'));
  expect(find(next, place)).toEqual(entry('a'));
  expect(find(root, place)).toBe(undefined);
  expect(
    find(
      change(next, place, () => undefined),
      place,
    ),
  ).toBe(undefined);
});
