import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { smallRuleset } from '../../../test/kit/small-ruleset.ts';
import type { Stage } from '../../border/ruleset.ts';
import type { FlatList } from '../../plan/flat/flat-list.ts';
import { classLayout, groupLayout } from '../../plan/flat/flatten.ts';
import { QuestionReader, packQuestion, questionDigest } from '../../plan/flat/proof-data.ts';
import { type ProvableRuleset, prove } from '../../plan/flat/prove.ts';
import { answerOf, proveFlat } from './prove-flat.ts';
import { tries } from '../../../test/kit/runs.ts';

const root = resolve(import.meta.dirname, '../../..');
const limits = { timeoutMs: 60_000, signal: new AbortController().signal };
const options = { form: 'Full', capabilities: { leave: false, domains: false, log: true } } as const;

const ruleset = smallRuleset({
  policies: {
    web: [
      { action: 'Deny', to: '203.0.113.7/32' },
      { protocol: 6, port: 443 },
    ],
    all: [{}],
  },
  members: { '10.0.0.1': 'web', '10.0.0.2': 'all' },
});
const { list } = classLayout(ruleset, options);

describe('a proof in a thread', () => {
  test('says what a proof without a thread says', async () => {
    expect(await proveFlat({ ruleset, list }, limits)).toEqual({ kind: 'Equal' });
    const wrong: FlatList = { ...list, rules: list.rules.slice(1) };
    const answer = await proveFlat({ ruleset, list: wrong }, limits);
    expect(answer.kind).toBe('Different');
    expect(answer).toEqual(prove(ruleset, wrong));
  });

  test('is not proved in no time, or when stopped', async () => {
    expect(await proveFlat({ ruleset, list }, { ...limits, timeoutMs: 0 })).toEqual({
      kind: 'NotProved',
      reason: 'no answer within 0 ms',
    });
    const stop = new AbortController();
    const running = proveFlat({ ruleset, list }, { ...limits, signal: stop.signal });
    stop.abort(new Error('the controller ends'));
    expect(await running).toEqual({ kind: 'NotProved', reason: 'the controller ends' });
    expect((await proveFlat({ ruleset, list }, { ...limits, signal: stop.signal })).kind).toBe('NotProved');
  });

  test('is not proved where the question cannot be sent', async () => {
    const unclonable = { ...list, layout: (() => undefined) as unknown as 'Class' };
    expect((await proveFlat({ ruleset, list: unclonable }, limits)).kind).toBe('NotProved');
  });

  test.each([
    ['exits', /^the proof ended with exit code 0$/],
    ['throws', /^out of luck$/],
    ['silent', /^no answer within 300 ms$/],
    ['nonsense', /^no answer$/],
    ['greedy', /memory limit/],
  ])(
    'is not proved by a thread that %s',
    async (name, reason) => {
      const file = pathToFileURL(join(root, `test/kit/misbehaving/${name}.ts`));
      const timeoutMs = name === 'silent' ? 300 : limits.timeoutMs;
      const answer = await answerOf(file, [], { ...limits, timeoutMs, memoryMb: 64 });
      expect(answer.kind === 'NotProved' ? answer.reason : answer.kind).toMatch(reason);
    },
    60_000,
  );
});

/** As objects: what classes share is one. */
function stagesOf({ classes }: ProvableRuleset): ReadonlySet<Stage> {
  const parts = [...classes.values()].flatMap((one) => [...one.parts, ...one.widened]);
  return new Set(parts.flatMap((part) => part.stages));
}

test('a question survives the way into a thread', () => {
  const drawn = rulesets({ domains: true, hostile: true });
  fc.assert(
    fc.property(drawn, fc.constantFrom(classLayout, groupLayout), (one, layout) => {
      const question = { ruleset: one, list: layout(one, options).list };
      const reader = new QuestionReader();
      const there = [...packQuestion(question)].map((portion) => reader.take(structuredClone(portion))).at(-1);
      if (there === undefined) throw new Error('no question');
      expect(questionDigest(there)).toBe(questionDigest(question));
      expect(there.ruleset.inside.equals(one.inside)).toBe(true);
      expect(stagesOf(there.ruleset).size).toBe(stagesOf(one).size);
      expect(prove(there.ruleset, there.list)).toEqual(prove(one, question.list));
    }),
    tries(10, 4),
  );
});
