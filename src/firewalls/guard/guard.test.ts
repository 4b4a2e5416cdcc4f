import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { allowing, crowd, passing, world } from '../../../test/kit/worlds.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { behaviourOf } from '../../plan/ruleset-behaviour.ts';
import { trafficBetween } from '../../plan/traffic.ts';
import { Guard, type GuardQuestion } from './guard.ts';

const limit = { percent: 20, atLeast: 10, percentPerHour: 50 };

function ask(before: Ruleset, after: Ruleset, rest: Partial<GuardQuestion> = {}): GuardQuestion {
  return {
    traffic: trafficBetween(behaviourOf(before), behaviourOf(after)),
    exposures: [],
    limits: { removals: limit, gains: limit },
    ownerOf: () => undefined,
    isGone: () => false,
    isNew: () => false,
    wasMember: () => false,
    existing: () => before.members.size,
    ...rest,
  };
}

function judge(question: GuardQuestion, guard = new Guard(new FakeClock())): readonly string[] {
  const judgement = guard.judge(question);
  return judgement.kind === 'go' ? [] : judgement.reasons;
}

const narrow = [allowing('bank', '203.0.113.128/25', 443), allowing('shop', '198.51.100.0/24', 80)];
const wide = [passing('bank'), allowing('shop', '198.51.100.0/24', 80)];

describe('the guard', () => {
  test.each([
    { many: 9, of: 9, stops: false },
    { many: 10, of: 10, stops: true },
    { many: 10, of: 50, stops: false },
    { many: 11, of: 50, stops: true },
    { many: 20, of: 200, stops: false },
  ])('$many of $of workloads: stops $stops, in either direction', ({ many, of, stops }) => {
    const members = { ...crowd(of, 'shop'), ...crowd(many, 'bank') };
    expect(judge(ask(world(members), world(members, narrow))).length > 0).toBe(stops);
    expect(judge(ask(world(members), world(members, wide))).length > 0).toBe(stops);
  });

  test('counts an owner of several addresses once', () => {
    const members = crowd(18, 'bank');
    const ownerOf = (address: string): string => `pod-${Math.ceil(Number(address.split('.')[3]) / 2)}`;
    expect(judge(ask(world(members), world(members, narrow)))).toHaveLength(1);
    expect(judge(ask(world(members), world(members, narrow), { ownerOf, existing: () => 9 }))).toEqual([]);
  });

  test('leaving a Deny counts as a gain unless nobody owns the address any more', () => {
    const outside = { networks: world({}).networks.subtract(world({}).networks) };
    const before = world(crowd(30, 'bank'), undefined, outside);
    const after = world({}, undefined, outside);
    expect(judge(ask(before, after)).join()).toContain('gain');
    expect(judge(ask(before, after, { isGone: () => true }))).toEqual([]);
  });

  test('whom a device shows only now counts if he was a member before, and not as a newcomer', () => {
    const open = { networks: world({}).networks.subtract(world({}).networks) };
    const question = (rest: Partial<GuardQuestion>): GuardQuestion =>
      ask(world({}, undefined, open), world(crowd(30, 'bank'), undefined, open), { existing: () => 50, ...rest });
    expect(judge(question({ wasMember: () => true })).join()).toContain('30 of 50 workloads lose traffic');
    expect(judge(question({ wasMember: (address) => address === '10.0.0.1' }))).toEqual([]);
    expect(judge(question({}))).toEqual([]);
  });

  test('being left out, and so dropped as unknown, counts as a loss for whoever still has the address', () => {
    const before = world(crowd(30, 'bank'));
    const after = world({});
    expect(judge(ask(before, after)).join()).toContain('30 of 30 workloads lose traffic');
    expect(judge(ask(before, after, { isGone: () => true }))).toEqual([]);
  });

  test('an open exposure waits for a yes, a closed one does not', () => {
    const same = world(crowd(3, 'bank'));
    const exposes = (direction: 'open' | 'closed') => [{ direction, flows: 'TCP 443', longestMs: 10 }];
    expect(judge(ask(same, same, { exposures: exposes('open') }))).toHaveLength(1);
    expect(judge(ask(same, same, { exposures: exposes('closed') }))).toEqual([]);
  });

  test('remembers an hour of what passed, each owner once', () => {
    const clock = new FakeClock();
    const guard = new Guard(clock);
    const moved = (from: number, to: number) => {
      const all = crowd(100, 'bank');
      const some = Object.fromEntries(
        Object.keys(all)
          .slice(from, to)
          .map((address) => [address, 'shop']),
      );
      return ask(world(all), world({ ...all, ...some }));
    };
    const pass = (question: GuardQuestion): boolean => {
      const { kind } = guard.judge(question);
      if (kind === 'go') guard.passed(question);
      return kind === 'go';
    };
    expect([pass(moved(0, 20)), pass(moved(0, 20)), pass(moved(20, 40)), pass(moved(40, 60))]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    clock.advance(3_599_999);
    expect(pass(moved(40, 60))).toBe(false);
    clock.advance(1);
    expect(pass(moved(40, 60))).toBe(true);
  });
});
