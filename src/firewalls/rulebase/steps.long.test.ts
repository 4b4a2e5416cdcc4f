import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PlainFate, carriedOut, leavingFrom, plainFate } from '../../../test/kit/plain-rule-base.ts';
import { rulesetPairs, rulesets, withOtherMembers, withOtherOptions } from '../../../test/kit/rulesets.ts';
import { tries } from '../../../test/kit/runs.ts';
import { allowing, passing, translating, world } from '../../../test/kit/worlds.ts';
import { everyPacket } from '../../../test/kit/universe.ts';
import type { BorderRule, Class, Ruleset, Stage } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { Exposure } from '../../plan/step.ts';
import type { BlockOptions, Dialect } from './dialect.ts';
import { type ObservedRuleBase, type RuleBase, type WantedRuleBase, emptyRuleBase, nothingObserved } from './model.ts';
import type { RuleBaseStep } from './operation.ts';
import { plainDialect, plainOptions, writeAtOnce } from './plain-dialect.fixture.ts';
import { stepsBetween, stepsToLeave } from './steps.ts';
import { RuleBaseTranslator } from './translator.ts';

const packets = everyPacket();
const signal = new AbortController().signal;

const blocks: fc.Arbitrary<BlockOptions> = fc.record({
  form: fc.constantFrom('Full' as const, 'Filter' as const),
  layout: fc.constantFrom('Class' as const, 'Group' as const),
  log: fc.constant(true),
  adopt: fc.constant([]),
});

const dialects: fc.Arbitrary<Dialect> = fc
  .record({
    fast: fc.boolean(),
    membersFirst: fc.boolean(),
    transaction: fc.constantFrom(1, 4, 60, Infinity),
    translatesBy: fc.constantFrom('Table' as const, 'Rules' as const),
  })
  .map(({ fast, membersFirst, transaction, translatesBy }) => ({
    ...plainDialect,
    transaction,
    translatesBy,
    ...(fast ? { volatile: { form: 'Feed' as const, portion: 2, mixed: true, membersFirst } } : {}),
  }));

async function wantedFor(ruleset: Ruleset, options: BlockOptions, dialect: Dialect): Promise<WantedRuleBase> {
  const translator = new RuleBaseTranslator(options, writeAtOnce);
  await translator.prepare(ruleset, dialect, signal);
  return translator.translate(ruleset, dialect).wanted;
}

function observed({ objects, services, groups, rules, translations }: RuleBase): ObservedRuleBase {
  return { ...nothingObserved, objects, services, groups, rules, translations };
}

/** The states on the way: after each operation where those of a step do not take effect together. */
function* states(
  start: ObservedRuleBase,
  steps: readonly RuleBaseStep[],
  transaction: number,
): Generator<{ readonly base: ObservedRuleBase; readonly exposes: Exposure | undefined }> {
  let base = start;
  let exposes: Exposure | undefined;
  for (const step of steps) {
    // What was told once holds for all that follows; open is the worse of the two.
    if (exposes === undefined || step.exposes?.direction === 'open') exposes = step.exposes ?? exposes;
    expect(step.way === 'Volatile' || step.operations.length <= transaction).toBe(true);
    for (const operation of step.operations) {
      base = observed(carriedOut(base, operation));
      if (step.way === 'Volatile') yield { base, exposes };
    }
    // Objects, services and groups that no rule names yet, or any more, have no effect.
    if (step.operations.some(({ kind }) => !/^(Make|Remove)(Object|Service|Group)$/.test(kind)))
      yield { base, exposes };
  }
}

/** What becomes of a packet, and where it would leave from if it passed. */
interface Fate extends PlainFate {
  readonly would: string | undefined;
}

/**
 * The old verdict or the new one, from the old address or the new one; what may pass only now does not leave untranslated if it must not.
 * Where the rule that lets pass translates there is no address without a verdict.
 */
function isBetween(state: Fate, before: Fate, after: Fate, { translatesBy }: Dialect): boolean {
  if (translatesBy === 'Rules')
    return [before, after].some(({ verdict, from }) => verdict === state.verdict && from === state.from);
  if (state.verdict !== before.verdict && state.verdict !== after.verdict) return false;
  if (state.verdict === 'Denied') return true;
  if (before.verdict === 'Denied' && state.from === undefined) return after.would === undefined;
  return state.from === before.would || state.from === after.would;
}

function fates(base: ObservedRuleBase): readonly Fate[] {
  return packets.map((packet) => ({ ...plainFate(base, packet), would: leavingFrom(base, packet).from }));
}

async function checkWay(
  old: Ruleset | ObservedRuleBase,
  next: Ruleset,
  options: BlockOptions,
  dialect: Dialect,
): Promise<Exposure | undefined> {
  const start = 'firewall' in old ? observed(await wantedFor(old, options, dialect)) : old;
  const wanted = await wantedFor(next, options, dialect);
  const [before, after] = [fates(start), fates(observed(wanted))];
  let base = start;
  let exposed: Exposure | undefined;
  const steps = stepsBetween(start, wanted, dialect);
  const what = JSON.stringify([
    options,
    dialect.volatile,
    String(dialect.transaction),
    steps.map(({ title }) => title),
  ]);
  for (const state of states(start, steps, dialect.transaction)) {
    ({ base } = state);
    exposed = state.exposes;
    if (exposed?.direction === 'open') continue;
    for (const [at, fate] of fates(base).entries()) {
      const [from, to] = [before[at], after[at]];
      if (from === undefined || to === undefined) throw new Error('no fate');
      if (exposed?.direction === 'closed' && fate.verdict === 'Denied') continue;
      if (!isBetween(fate, from, to, dialect))
        throw new Error(
          `${what} ${JSON.stringify(packets[at])}: ${JSON.stringify(from)}, then ${JSON.stringify(fate)}, at last ${JSON.stringify(to)}`,
        );
    }
  }
  base = observed(steps.flatMap(({ operations }) => operations).reduce<RuleBase>(carriedOut, start));
  expect(fates(base).map(({ verdict, from }) => [verdict, from])).toEqual(
    after.map(({ verdict, from }) => [verdict, from]),
  );
  expect(stepsBetween(base, wanted, dialect)).toEqual([]);
  return exposed;
}

describe('the way from one rule base to another', () => {
  test('gives every packet its old verdict or its new one, each operation by itself, and ends where it should', async () => {
    const pairs = rulesetPairs();
    let ways = 0;
    let exposed = 0;
    await fc.assert(
      fc.asyncProperty(pairs, blocks, dialects, async ([old, next], options, dialect) => {
        const found = await checkWay(old, next, options, dialect);
        ways++;
        if (found === undefined) return;
        exposed++;
        if (dialect.volatile === undefined && dialect.transaction === Infinity)
          expect(found.flows).toMatch(/become nodes or pods/);
      }),
      tries(25, 12),
    );
    expect(exposed).toBeLessThan(ways);
  });

  test('starts wherever the one before it ended', async () => {
    const trips = rulesetPairs().chain(([old, meant]) =>
      fc.tuple(
        fc.constant([old, meant] as const),
        fc.oneof(withOtherMembers(meant), withOtherOptions(meant), rulesets()),
      ),
    );
    await fc.assert(
      fc.asyncProperty(trips, blocks, dialects, fc.nat(99), async ([[old, meant], next], options, dialect, percent) => {
        const start = observed(await wantedFor(old, options, dialect));
        const steps = stepsBetween(start, await wantedFor(meant, options, dialect), dialect);
        const all = [{ base: start }, ...states(start, steps, dialect.transaction)];
        const reached = all[Math.floor((all.length * percent) / 100)] ?? { base: start };
        await checkWay(reached.base, next, options, dialect);
      }),
      tries(20, 5),
    );
  });

  test('leads from one form and layout to another', async () => {
    await fc.assert(
      fc.asyncProperty(rulesetPairs(), blocks, blocks, dialects, async ([old, next], before, options, dialect) => {
        await checkWay(observed(await wantedFor(old, before, dialect)), next, options, dialect);
      }),
      tries(15, 4),
    );
  });

  test('of members alone changes no rule, and exposes nothing with a block for each class', async () => {
    const pairs = rulesetPairs({ translations: false }).chain(([old]) =>
      withOtherMembers(old).map((next) => [old, next] as const),
    );
    await fc.assert(
      fc.asyncProperty(pairs, blocks, dialects, async ([old, next], options, dialect) => {
        const exposed = await checkWay(old, next, options, dialect);
        if (options.layout === 'Class' && dialect.volatile === undefined) expect(exposed).toBeUndefined();
      }),
      tries(20, 7),
    );
  });

  test('keeps a block for each translation where rules translate, whoever moves between them', async () => {
    const pairs = rulesetPairs({ decided: true, addressGroups: false });
    const full = { form: 'Full', layout: 'Class', log: true, adopt: [] } as const;
    const byRules = { ...plainDialect, translatesBy: 'Rules' as const };
    const worlds = fc.sample(pairs, { numRuns: 40, seed: 1 });
    const wanted = await Promise.all(worlds.map(([, next]) => wantedFor(next, full, byRules)));
    const translated = wanted.filter(({ rules }) => rules.some(({ translatedTo }) => translatedTo !== undefined));
    expect(translated.length).toBeGreaterThan(3);
    await fc.assert(
      fc.asyncProperty(pairs, dialects, ([old, next], dialect) =>
        checkWay(old, next, full, { ...dialect, translatesBy: 'Rules' }).then(() => undefined),
      ),
      tries(20, 7),
    );
  });

  const both = ['Class', 'Group'] as const;
  const expectUnseen = async (
    old: Ruleset,
    next: Ruleset,
    form: BlockOptions['form'],
    layouts: readonly BlockOptions['layout'][] = both,
  ): Promise<void> => {
    for (const layout of layouts)
      for (const transaction of [1, Infinity])
        expect(
          await checkWay(old, next, { ...plainOptions, layout, form }, { ...plainDialect, transaction }),
        ).toBeUndefined();
  };

  test('of a class that leaves nothing to rules of others any more excepts nobody less before its new rules stand', async () => {
    const bankOf = (layer: Stage['layer']): Class => {
      const { parts, ...bank } = allowing('bank', '203.0.113.0/24', 80);
      return {
        ...bank,
        parts: parts.map((part) => ({ ...part, stages: part.stages.map((one) => ({ ...one, layer })) })),
      };
    };
    const worldOf = (layer: Stage['layer']): Ruleset =>
      world({ '10.0.0.1': 'bank', '10.0.0.2': 'guests' }, [bankOf(layer), passing('guests')]);
    // What a tier allows is left to rules of others; what a ClusterBorderPolicy allows passes.
    await expectUnseen(worldOf('Tier'), worldOf('ClusterBorderPolicy'), 'Full');
  });

  test('of who is held no more drops his flows until the rules that he meets then stand', async () => {
    const closed: BorderRule = {
      origin: { policy: 'ClusterBorderPolicy/closed', rule: 0 },
      family: 4,
      action: 'Deny',
      outside: { groups: ['bank'], notGroups: [], domains: [] },
      widen: false,
    };
    const { parts, ...rest } = passing('staff');
    const stage: Stage = {
      id: 'closed',
      layer: 'ClusterBorderPolicy',
      name: 'ClusterBorderPolicy',
      rules: [closed],
      end: 'Next',
      endOrigin: closed.origin,
    };
    const staff: Class = {
      ...rest,
      parts: [...parts, { id: 'closed', stages: [stage], otherwise: 'Allow', otherwiseOrigin: closed.origin }],
    };
    const worldOf = (nets: readonly string[], held: readonly string[]): Ruleset => {
      const bank = { id: 'bank', kind: 'Outside', family: 4, selector: 'bank', nets: PrefixSet.parse(nets) } as const;
      const targets = Object.fromEntries(held.map((one) => [one, { kind: 'Hold', reason: 'no address' } as const]));
      return world({ '10.0.0.1': 'staff', '10.0.0.2': 'staff' }, [staff], {
        groups: new Map([['bank', bank]]),
        nats: [translating('out', targets)],
      });
    };
    const old = worldOf(['198.51.100.0/24'], ['10.0.0.1', '10.0.0.2']);
    await expectUnseen(old, worldOf(['198.51.100.0/24', '203.0.113.0/24'], ['10.0.0.2']), 'Filter');
  });

  test('of who has no rules any more keeps them until his translation is for what he may reach then', async () => {
    const worldOf = (id: string, net: string): Ruleset =>
      world({ '10.0.0.1': id, '10.0.0.2': 'bank' }, [allowing('bank', '192.0.2.0/24', 80), passing('guests')], {
        networks: PrefixSet.empty,
        nats: [
          {
            ...translating('out', { '10.0.0.1': { kind: 'Address', address: '198.18.0.1' } }),
            destination: PrefixSet.parse([net]),
          },
        ],
      });
    await expectUnseen(worldOf('bank', '198.51.100.0/24'), worldOf('guests', '203.0.113.0/24'), 'Full', ['Class']);
  });

  test('of who is translated no more translates him until his new rules stand', async () => {
    const worldOf = (net: string, translated: readonly string[]): Ruleset => {
      const to = Object.fromEntries(
        translated.map((one) => [one, { kind: 'Address', address: '198.18.0.1' } as const]),
      );
      return world({ '10.0.0.1': 'bank', '10.0.0.2': 'bank' }, [allowing('bank', net, 80)], {
        nats: [translating('out', to)],
      });
    };
    await expectUnseen(
      worldOf('203.0.113.0/24', ['10.0.0.1', '10.0.0.2']),
      worldOf('198.51.100.0/24', ['10.0.0.2']),
      'Full',
    );
  });

  test('of who decides all and is translated no more translates him by nothing that was below', async () => {
    const { parts, ...rest } = allowing('bank', '203.0.113.0/24', 80);
    const bankOf = (layer: Stage['layer']): Class => ({
      ...rest,
      parts: parts.map((part) => ({ ...part, stages: part.stages.map((one) => ({ ...one, layer })) })),
    });
    const address = (text: string) => ({ kind: 'Address', address: text }) as const;
    const worldOf = (layer: Stage['layer'], nats: Ruleset['nats']): Ruleset =>
      world({ '10.0.0.1': 'bank', '172.16.0.9': 'bank', '10.0.0.2': 'guests' }, [bankOf(layer), passing('guests')], {
        nats,
      });
    const old = worldOf('Tier', [
      translating('first', { '10.0.0.1': address('198.18.0.1') }),
      translating('second', { '10.0.0.1': address('198.18.0.2'), '10.0.0.2': address('198.18.0.2') }),
    ]);
    const next = worldOf('ClusterBorderPolicy', [translating('second', { '10.0.0.2': address('198.18.0.2') })]);
    const volatile = { form: 'Feed', portion: 9, mixed: true, membersFirst: true } as const;
    for (const layout of both)
      await checkWay(old, next, { ...plainOptions, layout }, { ...plainDialect, transaction: Infinity, volatile });
  });

  test('of who is translated from now on lets him pass untranslated nowhere', async () => {
    const to = { kind: 'Address', address: '198.18.0.1' } as const;
    const worldOf = (net: string, translated: readonly string[]): Ruleset =>
      world({ '10.0.0.1': 'bank', '10.0.0.2': 'bank' }, [allowing('bank', net, 80)], {
        nats: [translating('out', Object.fromEntries(translated.map((one) => [one, to])))],
      });
    await expectUnseen(
      worldOf('203.0.113.0/24', ['10.0.0.2']),
      worldOf('198.51.100.0/24', ['10.0.0.1', '10.0.0.2']),
      'Full',
    );
  });

  test('of who is held from now on lets him pass nowhere', async () => {
    const worldOf = (net: string, held: readonly string[]): Ruleset =>
      world({ '10.0.0.1': 'bank', '10.0.0.2': 'bank' }, [allowing('bank', net, 80)], {
        nats: [
          translating('out', Object.fromEntries(held.map((one) => [one, { kind: 'Hold', reason: 'no address' }]))),
        ],
      });
    await expectUnseen(
      worldOf('203.0.113.0/24', ['10.0.0.2']),
      worldOf('198.51.100.0/24', ['10.0.0.1', '10.0.0.2']),
      'Full',
    );
  });

  test('of who passed and is known no more denies him nowhere while networks narrow that he is in no more', async () => {
    const worldOf = (network: string, ...known: readonly string[]): Ruleset =>
      world(Object.fromEntries(known.map((one) => [one, 'guests'])), [passing('guests')], {
        networks: PrefixSet.parse([network]),
      });
    await expectUnseen(worldOf('10.0.0.0/24', '10.0.0.1', '10.0.0.2'), worldOf('10.0.0.2/31', '10.0.0.2'), 'Full');
  });

  test('of who comes when nodes become a destination tells that he is denied there until his class has him', async () => {
    const worldOf = (inside: PrefixSet, known: Readonly<Record<string, string>>): Ruleset =>
      world(known, [allowing('bank', '0.0.0.0/0', 22)], { inside });
    const exposes = await checkWay(
      worldOf(PrefixSet.parse(['10.0.0.0/8']), { '10.0.0.1': 'bank' }),
      worldOf(PrefixSet.empty, { '10.0.0.1': 'bank', '10.0.0.5': 'bank' }),
      plainOptions,
      plainDialect,
    );
    expect(exposes).toMatchObject({
      direction: 'closed',
      flows: 'from 10.0.0.5, which come while the rule for strangers changes',
    });
  });

  describe('in one family', () => {
    const guests = [passing('guests'), { ...passing('six'), family: 6 as const }];
    const worldOf = (networks: readonly string[], inside: string, ...known: readonly string[]): Ruleset =>
      world(Object.fromEntries(known.map((one) => [one, one.includes(':') ? 'six' : 'guests'])), guests, {
        networks: PrefixSet.parse(networks),
        inside: PrefixSet.parse([inside]),
      });
    const known = ['10.0.0.2', 'fd00::1', 'fd00::2'];
    const old = worldOf(['10.0.0.0/24', 'fd00::/64'], 'fd00::/112', ...known);
    const stepsTo = async (next: Ruleset): Promise<readonly RuleBaseStep[]> => {
      const start = observed(await wantedFor(old, plainOptions, plainDialect));
      return stepsBetween(start, await wantedFor(next, plainOptions, plainDialect), plainDialect);
    };

    test('lets nobody of the other one wait', async () => {
      const next = worldOf(['10.0.0.0/16', 'fd00::/64'], 'fd00::/112', '10.0.0.2', 'fd00::2');
      const [first] = await stepsTo(next);
      expect(first).toMatchObject({ urgent: true, operations: [{ kind: 'ChangeMembers', leaves: ['fd00::1'] }] });
    });

    test('tells what is closed in the other one', async () => {
      const next = worldOf(['10.0.0.0/16', 'fd00::/64'], 'fd00::/64', '10.0.0.2', 'fd00::2');
      const [first] = await stepsTo(next);
      expect(first?.exposes).toEqual({
        direction: 'closed',
        flows: 'from fd00::1 to destinations that become nodes or pods',
        longestMs: plainDialect.slowMs,
      });
      await checkWay(old, next, plainOptions, plainDialect);
    });

    test('mixes nothing with what changes in the other one', async () => {
      await expectUnseen(old, worldOf(['10.0.0.0/16', 'fd00::/48'], 'fd00::/112', ...known), 'Full');
      const { classes, ...next } = worldOf(['10.0.0.0/16', 'fd00::/64'], 'fd00::/112', ...known);
      const part = { id: 'closed', stages: [], otherwise: 'Deny', otherwiseOrigin: { policy: 'closed' } } as const;
      const closed: Class = { id: 'closed', family: 6, parts: [part], widened: [] };
      await expectUnseen(old, { ...next, classes: new Map([...classes, ['closed', closed]]) }, 'Full');
    });
  });

  test('out leaves nothing, from the bottom up', async () => {
    const pairs = rulesetPairs();
    await fc.assert(
      fc.asyncProperty(pairs, blocks, dialects, async ([old], options, dialect) => {
        const start = observed(await wantedFor(old, options, dialect));
        const before = fates(start);
        let base = start;
        const steps = stepsToLeave(start, dialect);
        for (const state of states(start, steps, dialect.transaction)) {
          ({ base } = state);
          // Not by `expect`, which takes longer than the fates.
          for (const [at, fate] of fates(base).entries())
            if (fate.verdict !== 'Left' && fate.verdict !== before[at]?.verdict)
              throw new Error(`${JSON.stringify(packets[at])}: ${JSON.stringify(fate)}`);
        }
        expect(steps.flatMap(({ operations }) => operations).reduce<RuleBase>(carriedOut, start)).toMatchObject(
          emptyRuleBase,
        );
      }),
      tries(5, 2),
    );
  });
});
