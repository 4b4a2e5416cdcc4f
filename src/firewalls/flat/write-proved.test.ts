import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { tries } from '../../../test/kit/runs.ts';
import { smallRuleset } from '../../../test/kit/small-ruleset.ts';
import { canonicalText } from '../../plan/canonical.ts';
import { QuestionReader, packQuestion } from '../../plan/flat/proof-data.ts';
import { NO_LIST, writeProved } from './write-proved.ts';
import { type Writing, writeList } from './writing.ts';
import { isWritingEnd, writtenPortions } from './writing-order.ts';

const writing: Writing = {
  device: 'a plain device',
  layout: 'Class',
  form: 'Full',
  domains: 'Exact',
  logRules: false,
  services: { protocols: [6, 17, 132, 47, 1, 58], sourcePorts: false, icmp: 'Types', parts: 8, ranges: 100 },
};
const limits = { timeoutMs: 60_000, signal: new AbortController().signal };

const ruleset = smallRuleset({
  policies: {
    web: [
      { action: 'Deny', to: '203.0.113.7/32' },
      { protocol: 6, port: 443 },
    ],
    all: [{}],
  },
  members: { '10.0.0.1': 'web' },
});

test('a list is written and proved in a thread as it is here', async () => {
  const { list, refusals } = await writeProved(ruleset, writing, limits);
  const here = writeList(ruleset, writing);
  expect(canonicalText({ ...list, sources: [...list.sources], groups: [...list.groups] })).toBe(
    canonicalText({ ...here.list, sources: [...here.list.sources], groups: [...here.list.groups] }),
  );
  expect(refusals).toEqual(here.refusals);
  await expect(writeProved(ruleset, writing, { ...limits, timeoutMs: 0 })).rejects.toMatchObject({
    code: 'FLAT_NOT_PROVED',
    message: 'no answer within 0 ms',
  });
});

test('whatever a device cannot say, what is left is proved, and the answer survives the way', () => {
  const abilities = fc.record({
    protocols: fc.constantFrom('All' as const, [6, 17, 1, 58]),
    sourcePorts: fc.boolean(),
    icmp: fc.constantFrom('Whole' as const, 'Types' as const, 'Codes' as const),
    parts: fc.constantFrom(2, 8, 1000),
    ranges: fc.constantFrom(1, 100),
  });
  const drawn = rulesets({ domains: true, translations: false, addressGroups: false });
  const forms = fc.record({
    layout: fc.constantFrom('Class' as const, 'Group' as const),
    form: fc.constantFrom('Full' as const, 'Filter' as const),
    domains: fc.constantFrom('None' as const, 'Exact' as const, 'Wildcards' as const),
    logRules: fc.boolean(),
  });
  fc.assert(
    fc.property(drawn, forms, abilities, (one, form, services) => {
      const order = { kind: 'Writing' as const, firewall: 'edge-1', writing: { device: 'it', ...form, services } };
      const sent = new QuestionReader();
      const question = [...packQuestion({ ruleset: one, list: { ...NO_LIST, layout: 'Class', form: 'Full' } })]
        .map((portion) => sent.take(structuredClone(portion)))
        .at(-1);
      if (question === undefined) throw new Error('no question');
      const told = [...writtenPortions(question.ruleset, order)].map((portion) => structuredClone(portion));
      const back = new QuestionReader();
      const answers = told.filter((portion) => !isWritingEnd(portion)).map((portion) => back.take(portion));
      const here = writeList(one, order.writing);
      expect(isWritingEnd(told.at(-1))).toBe(true);
      expect(answers.at(-1)?.list.rules.length).toBe(here.list.rules.length);
      expect(told.at(-1)).toEqual({ kind: 'Written', refusals: here.refusals });
    }),
    tries(15, 5),
  );
});
