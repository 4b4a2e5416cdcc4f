import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CANONICAL, DeltaReader, SlowLabelIndex, operation, perform } from '../../../test/kit/slow-label-index.ts';
import { LabelIndex } from './label-index.ts';
import { tries } from '../../../test/kit/runs.ts';

describe.each([false, true])('suppressOverlaps %s', (suppressOverlaps) => {
  test('after every operation the index is what brute force gives, and the deltas add up to it', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 30 }), (operations) => {
        const index = new LabelIndex({ suppressOverlaps });
        const model = new SlowLabelIndex();
        const reader = new DeltaReader();
        const before = new Map<string, string>();
        for (const next of operations) {
          const delta = perform(index, model, next);
          reader.apply(delta, next.kind === 'deleteSelector' ? next.id : undefined);
          const changed: string[] = [];
          for (const id of ['e1', 'e2', 'e3', 'e4', 'e5']) {
            const matching = model.matching(id);
            expect([...index.matching(id)].sort()).toEqual(matching);
            if (matching.join() !== (before.get(id) ?? '')) changed.push(id);
            before.set(id, matching.join());
          }
          expect(delta.changed).toEqual(changed);
          for (const set of ['s1', 's2', 's3', 's4']) {
            const selected = [...model.endpoints.keys()].filter((id) => model.matching(id).includes(set)).sort();
            expect([...index.endpointsOf(set)].sort()).toEqual(selected);
            expect(index.membersOf(set)).toEqual(model.members(set));
            expect(reader.list(set)).toEqual(suppressOverlaps ? model.shown(set) : model.members(set));
          }
        }
      }),
      tries(80, 27),
    );
  });
});

test('several operations at once give what they give one by one, and the net difference', () => {
  fc.assert(
    fc.property(fc.array(fc.array(operation, { maxLength: 8 }), { maxLength: 5 }), fc.boolean(), (batches, loaded) => {
      const index = new LabelIndex();
      const model = new SlowLabelIndex();
      const reader = new DeltaReader();
      const before = new Map<string, string>();
      for (const [number, operations] of batches.entries()) {
        const run = (): void => operations.forEach((next) => void perform(index, model, next));
        const untold = number === 0 && loaded;
        if (untold) index.load(run);
        const delta = untold ? { added: [], removed: [], changed: [] } : index.batch(run);
        reader.apply(delta, undefined);
        for (const set of ['s1', 's2', 's3', 's4']) {
          expect(index.membersOf(set)).toEqual(model.members(set));
          if (untold) reader.sets.set(set, new Set(index.membersOf(set)));
          if (!model.selectors.has(set)) reader.sets.delete(set);
          expect(reader.list(set)).toEqual(model.members(set));
        }
        for (const id of ['e1', 'e2', 'e3', 'e4', 'e5']) {
          const matching = model.matching(id);
          expect([...index.matching(id)].sort()).toEqual(matching);
          if (matching.join() !== (before.get(id) ?? '') && !untold) expect(delta.changed).toContain(id);
          before.set(id, matching.join());
        }
        const all = Object.keys(CANONICAL).flatMap((net) => CANONICAL[net] ?? []);
        for (const net of all) {
          const having = [...model.endpoints].filter(([, { nets }]) =>
            nets.some((own) => CANONICAL[own]?.includes(net)),
          );
          expect([...index.endpointsWith(net)].sort()).toEqual(having.map(([id]) => id).sort());
        }
      }
    }),
    tries(60, 20),
  );
});
