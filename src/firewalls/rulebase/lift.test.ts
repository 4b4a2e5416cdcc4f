import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fateOf } from '../../../test/kit/ruleset-oracle.ts';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { tries } from '../../../test/kit/runs.ts';
import { everyPacket } from '../../../test/kit/universe.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { parseAddress } from '../../ip/address.ts';
import { fateUnder } from '../../plan/fate.ts';
import { sameFate } from '../contract/harness.ts';
import { behaviourOf } from './lift.ts';
import { type RuleBase, emptyRuleBase } from './model.ts';
import { plainDialect, plainOptions, writeAtOnce } from './plain-dialect.fixture.ts';
import { RuleBaseTranslator } from './translator.ts';

const signal = new AbortController().signal;
const packets = everyPacket();

async function wantedFor(ruleset: Ruleset): Promise<RuleBase> {
  const translator = new RuleBaseTranslator(plainOptions, writeAtOnce);
  await translator.prepare(ruleset, plainDialect, signal);
  return translator.translate(ruleset, plainDialect).wanted;
}

describe('a rule base as flows', () => {
  test('does to every packet what the ruleset says that it was made for', () =>
    fc.assert(
      fc.asyncProperty(rulesets(), async (drawn) => {
        const ruleset = { ...drawn, nats: [] };
        const behaviour = behaviourOf(await wantedFor(ruleset));
        const differing = packets.flatMap((packet) => {
          const [is, said] = [fateUnder(behaviour, packet), fateOf(ruleset, packet)];
          return sameFate(is, said) ? [] : [{ packet, is, said }];
        });
        expect(differing).toEqual([]);
      }),
      tries(100, 34),
    ));

  test('knows each sender once, whichever way it is asked for him', () =>
    fc.assert(
      fc.asyncProperty(rulesets(), async (ruleset) => {
        const base = await wantedFor({ ...ruleset, nats: [] });
        const { senders, present } = behaviourOf(base);
        const deciding = base.rules.filter(({ action }) => action !== 'Log');
        const keys = new Set(deciding.flatMap(({ source }) => source.groups));
        const groups = [...keys].map((key) => [...(base.groups.get(key)?.members ?? [])]);
        const single = groups.filter((members) => members.every((member) => parseAddress(member) !== undefined));
        const expected = present ? [...new Set(single.flat())].toSorted() : [];
        expect([...senders.keys()].toSorted()).toEqual(expected);
        expect(senders.size).toBe(expected.length);
        expect([...senders.entries()].every(([sender, id]) => senders.get(sender) === id && senders.has(sender))).toBe(
          true,
        );
        expect([senders.has('198.51.100.77'), senders.get('198.51.100.77')]).toEqual([false, undefined]);
      }),
      tries(100, 34),
    ));

  test('of nothing of ours leaves all to others, and a rule that says more than we wrote is none', async () => {
    expect(behaviourOf(emptyRuleBase).present).toBe(false);
    const [ruleset] = fc.sample(rulesets(), 1);
    if (ruleset === undefined) return;
    const base = await wantedFor(ruleset);
    const strange = base.rules.map((rule) => ({ ...rule, strange: 'disabled' }));
    expect(behaviourOf({ ...base, rules: strange, translations: [] }).present).toBe(false);
  });
});
