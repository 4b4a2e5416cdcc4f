import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { type Pieces, atOnce, each } from '../../base/pieces.ts';
import type { Class, Nat, NatTarget, Part, Ruleset } from '../../border/ruleset.ts';
import { canonicalText } from '../../plan/canonical.ts';
import { behaviourOf } from '../../plan/ruleset-behaviour.ts';
import { type Traffic, trafficBetween } from '../../plan/traffic.ts';
import { type Course, type CourseQuestion, choosing } from './course.ts';
import { Guard, type GuardQuestion, type Judgement } from '../guard/guard.ts';

/** The same ruleset in objects of its own, as it comes when everything is worked out anew. */
function anew(ruleset: Ruleset): Ruleset {
  const parts = (list: readonly Part[]): readonly Part[] =>
    list.map((part) => ({ ...part, stages: part.stages.map((stage) => ({ ...stage, rules: [...stage.rules] })) }));
  const copy = (one: Class): Class => ({ ...one, parts: parts(one.parts), widened: parts(one.widened) });
  return {
    ...ruleset,
    classes: new Map([...ruleset.classes].map(([id, one]) => [id, copy(one)])),
    members: ruleset.members.mapped((_, id) => id),
    nats: ruleset.nats.map((nat) => ({ ...nat, sources: nat.sources.mapped((_, to): NatTarget => ({ ...to })) })),
  };
}

class ListeningGuard extends Guard {
  asked: GuardQuestion | undefined;

  override *judging(question: GuardQuestion): Pieces<Judgement> {
    this.asked = question;
    return yield* super.judging(question);
  }
}

function questionOf(confirmed: Ruleset, desired: Ruleset): CourseQuestion {
  const behaviour = behaviourOf(confirmed);
  return {
    settings: enforce,
    desired,
    owners: undefined,
    confirmed: { ruleset: confirmed, behaviour, owners: undefined },
    remembered: new Map(),
    actual: { empty: false, behaviour },
    foresee: () => each([], () => {}),
    behaviourOf,
    changesMembersOnly: () => true,
    exposures: () => [],
    approved: false,
    rests: [],
  };
}

/** What the guard is asked about the way from one ruleset to another. */
function asked(confirmed: Ruleset, desired: Ruleset): Traffic | undefined {
  const guard = new ListeningGuard(new FakeClock());
  atOnce(choosing(guard, questionOf(confirmed, desired)));
  return guard.asked?.traffic;
}

/** What differs for whom; of flows, whether there are any. */
function told(traffic: Traffic | undefined): unknown {
  return [
    traffic?.changes.map(({ presence, family, senders, flows }) => [
      presence,
      family,
      senders,
      flows?.gained.isEmpty,
      flows?.lost.isEmpty,
    ]),
    traffic?.translations.map(({ family, senders, from, to }) => [family, senders, from, to]),
  ];
}

describe('what the guard is asked', () => {
  test('is the same whether versions share anything or not', { timeout: PATIENCE_MS }, () => {
    fc.assert(
      fc.property(rulesets(), rulesets(), fc.nat(6), (ruleset, other, seed) => {
        const members = ruleset.members.sorted();
        const changes = members.map(([address, id], at) => {
          const family = ruleset.classes.get(id)?.family;
          const [, other] = members.find(([, one]) => one !== id && ruleset.classes.get(one)?.family === family) ?? [];
          return [address, (at + seed) % 3 === 0 ? undefined : (at + seed) % 3 === 1 ? other : id] as const;
        });
        const moved = { ...ruleset, members: ruleset.members.with(changes) };
        // Nobody moves, and a class, or a translation, is not what it was.
        const first = ruleset.classes.get(members[0]?.[1] ?? '');
        const denied = { id: 'x', stages: [], otherwise: 'Deny', otherwiseOrigin: { policy: 'x' } } as const;
        const parts = (first?.parts.length ?? 0) === 0 ? [denied] : [];
        const edited =
          first === undefined
            ? ruleset
            : { ...ruleset, classes: new Map([...ruleset.classes, [first.id, { ...first, parts, widened: [] }]]) };
        const exempt = (nat: Nat): Nat => ({
          ...nat,
          sources: nat.sources.mapped(() => ({ kind: 'Exempt' }) as const),
        });
        const retargeted = { ...ruleset, nats: ruleset.nats.map(exempt) };
        for (const after of [ruleset, moved, edited, retargeted, other]) {
          const all = trafficBetween(behaviourOf(ruleset), behaviourOf(after));
          expect(told(asked(ruleset, anew(after)))).toEqual(told(all));
          expect(told(asked(anew(ruleset), anew(after)))).toEqual(told(all));
        }
      }),
      tries(4),
    );
  });

  test('in turns gives the same course, whatever is asked and compared of the same versions in between', {
    timeout: PATIENCE_MS,
  }, () => {
    const strict = { percent: 1, atLeast: 1, percentPerHour: 1 };
    const limits = fc.constantFrom(enforce.guard, { ...enforce.guard, removals: strict, gains: strict });
    fc.assert(
      fc.property(rulesets(), rulesets(), rulesets(), limits, (from, to, newer, guard) => {
        const question = { ...questionOf(from, anew(to)), settings: { ...enforce, guard } };
        const outcome = (course: Course): unknown => [
          course.target && [canonicalText(course.target), course.target.members.sorted()],
          course.waits,
          told(course.passes?.traffic),
        ];
        const whole = outcome(atOnce(choosing(new Guard(new FakeClock()), question)));
        const keeper = new Guard(new FakeClock());
        const work = choosing(keeper, question);
        // What a newer wish brings while the question is asked.
        const meanwhile = [
          () => to.members.difference(question.desired.members),
          () => atOnce(choosing(keeper, questionOf(from, newer))),
          () => from.members.difference(newer.members),
          () => question.desired.members.difference(to.members),
          () => atOnce(choosing(keeper, questionOf(newer, question.desired))),
        ];
        let result = work.next();
        for (let at = 0; result.done !== true; at++) {
          meanwhile[at % meanwhile.length]?.();
          result = work.next();
        }
        expect(outcome(result.value)).toEqual(whole);
      }),
      tries(4),
    );
  });
});
