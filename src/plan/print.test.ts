import { describe, expect, test } from 'vitest';
import { allowing, crowd, passing, translating, world } from '../../test/kit/worlds.ts';
import type { Ruleset } from '../border/ruleset.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { Behaviour } from './behaviour.ts';
import { type Plan, type PlanInput, planOf } from './plan.ts';
import { printPlan } from './print.ts';
import { absentBehaviour, behaviourOf } from './ruleset-behaviour.ts';
import type { Step } from './step.ts';

const steps: readonly Step[] = [
  {
    kind: 'Members',
    title: 'addresses',
    urgent: true,
    objects: [{ change: '~', kind: 'map', name: 'by_source4', detail: '1 element removed' }],
  },
  {
    kind: 'Rules',
    title: 'rules',
    urgent: false,
    objects: [
      { change: '+', kind: 'chain', name: 'c_bank', detail: '3 rules' },
      { change: '-', kind: 'chain', name: 'c_old', detail: '' },
    ],
  },
  { kind: 'Clean', title: 'tidy', urgent: false, objects: [] },
];

function plan(before: Behaviour, desired: Ruleset, rest: Partial<PlanInput<Step>> = {}): Plan {
  return planOf({
    desired,
    actual: { behaviour: before, foreign: [], drift: [] },
    wanted: { behaviour: behaviourOf(desired), refusals: [] },
    steps,
    render: (step) => JSON.stringify(step),
    ...rest,
  });
}

const names: Readonly<Record<string, string>> = {
  '10.0.0.1': 'shop/web-1',
  '10.0.0.2': 'shop/web-2',
  '10.0.0.3': 'bank/pay-0',
};
const nameOf = (address: string): string | undefined => names[address];

describe('the text of a plan', () => {
  test('a first programming', async () => {
    const text = printPlan(
      plan(absentBehaviour, world({ '10.0.0.1': 'bank', '10.0.0.2': 'bank', '10.0.0.3': 'shop' })),
      { nameOf },
    );
    await expect(text).toMatchFileSnapshot('golden/first.txt');
  });

  test('gains, losses, joins, leaves, translations, drift, foreign rules and refusals', async () => {
    const target = { kind: 'Address', address: '198.18.0.1' } as const;
    const before = world({ '10.0.0.1': 'bank', '10.0.0.2': 'shop', '10.0.0.4': 'bank' }, undefined, {
      nats: [translating('n', { '10.0.0.1': target })],
    });
    const desired = world(
      { '10.0.0.1': 'bank', '10.0.0.2': 'shop', '10.0.0.3': 'shop' },
      [allowing('bank', '203.0.113.0/25', 443), passing('shop')],
      {
        nats: [translating('n', { '10.0.0.1': { ...target, address: '198.18.0.2' } })],
        networks: PrefixSet.parse(['10.0.0.0/24']),
        destinations: PrefixSet.all.subtract(PrefixSet.parse(['192.0.2.0/24'])),
      },
    );
    const text = printPlan(
      plan(behaviourOf(before), desired, {
        actual: {
          behaviour: behaviourOf(before),
          foreign: [{ where: 'table inet theirs', text: 'accept \u001b[2J everything', effect: 'before ours' }],
          drift: [{ object: 'chain c_bank', what: 'changed', by: 'alice' }],
        },
        wanted: {
          behaviour: behaviourOf(desired),
          refusals: [
            {
              severity: 'error',
              code: 'DEVICE_CANNOT_SAY',
              object: 'BorderPolicy/shop/web',
              path: 'rule 2',
              message: 'cannot say domain names; it is left out',
            },
          ],
        },
        steps: [
          ...steps,
          {
            kind: 'Rules',
            title: 'swap',
            urgent: false,
            objects: [],
            exposes: { direction: 'open', flows: 'TCP 443 of bank/pay-0', longestMs: 1500 },
          },
        ],
      }),
      { nameOf },
    );
    await expect(text).toMatchFileSnapshot('golden/everything.txt');
  });

  test('long lists are counted', async () => {
    const before = world(crowd(30, 'bank'));
    const desired = world(crowd(30, 'bank'), [allowing('bank', '203.0.113.0/25', 443)]);
    await expect(printPlan(plan(behaviourOf(before), desired), { limit: 3 })).toMatchFileSnapshot('golden/many.txt');
  });

  test('nothing to do', async () => {
    const desired = world(crowd(2, 'bank'));
    await expect(printPlan(plan(behaviourOf(desired), desired, { steps: [] }))).toMatchFileSnapshot(
      'golden/nothing.txt',
    );
  });
});

describe('the digest of a plan', () => {
  const desired = world(crowd(2, 'bank'));
  const before = behaviourOf(world({}));

  test('is the same for the same plan, and does not count tidying up or members that are there already', () => {
    const { digest } = plan(before, desired);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(plan(before, world(crowd(2, 'bank'))).digest).toBe(digest);
    expect(plan(before, desired, { steps: steps.slice(0, 2) }).digest).toBe(digest);
    expect(plan(before, world(crowd(3, 'bank'))).digest).toBe(digest);
  });

  test('is another one for other rules or other steps', () => {
    const { digest } = plan(before, desired);
    expect(plan(before, world(crowd(2, 'bank'), [allowing('bank', '203.0.113.0/24', 80)])).digest).not.toBe(digest);
    expect(plan(before, desired, { steps: steps.slice(1) }).digest).not.toBe(digest);
    expect(plan(before, { ...desired, networks: PrefixSet.empty }).digest).not.toBe(digest);
  });
});
