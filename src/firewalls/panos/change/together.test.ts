import { describe, expect, test } from 'vitest';
import type { TagChange } from '../members/registered.ts';
import type { PanosStep } from './steps.ts';
import { together } from './together.ts';

type Registration = Extract<PanosStep, { does: 'register' }>;

const leaver: TagChange = { address: '10.0.0.1', tag: 'web' };
const newcomer: TagChange = { address: '10.0.0.2', tag: 'web' };

function registration(change: Partial<Registration>): Registration {
  return {
    kind: 'Members',
    title: 'addresses',
    urgent: false,
    quick: true,
    objects: [],
    longestMs: 1,
    text: '',
    does: 'register',
    standby: false,
    active: 'fw',
    joins: [],
    leaves: [],
    from: 'a',
    to: 'b',
    ...change,
  };
}

const leaving = registration({ urgent: true, leaves: [leaver] });
const joining = registration({ joins: [newcomer], from: 'b', to: 'c' });

describe('together', () => {
  test('who leaves and who joins are one message from the state before both to the state after both', () => {
    const both = together(leaving, joining);
    expect(both).toMatchObject({ leaves: [leaver], joins: [newcomer], from: 'a', to: 'c', quick: true });
    expect(both?.text).toMatchInlineSnapshot(`
      "<uid-message><version>2.0</version><type>update</type><payload><unregister><entry ip="10.0.0.1"><tag><member>web</member></tag></entry></unregister><register><entry ip="10.0.0.2"><tag><member>web</member></tag></entry></register></payload></uid-message>
      "
    `);
  });

  const many = Array.from({ length: 500 }, (_, at) => ({ address: `10.1.${at >> 8}.${at & 255}`, tag: 'web' }));
  const apart: readonly (readonly [string, PanosStep, PanosStep])[] = [
    ['nobody leaves first', { ...leaving, urgent: false }, joining],
    ['leaving shows something that has to be told', { ...leaving, exposes: exposure() }, joining],
    ['a commit comes between', leaving, { ...joining, from: 'x' }],
    ['nothing of ours stays', { ...leaving, to: undefined }, { ...joining, from: 'b' }],
    ['leftovers go, which nobody waits for', leaving, { ...joining, kind: 'Clean' }],
    ['the one that stands by catches up', leaving, { ...joining, standby: true }],
    ['another one is active', leaving, { ...joining, active: 'other' }],
    ['what leaves comes back, and the message would take it away first', leaving, { ...joining, joins: [leaver] }],
    ['it would be two messages', leaving, { ...joining, joins: many }],
  ];
  test.each(apart)('each goes by itself where %s', (_, first, second) => {
    expect(together(first, second)).toBeUndefined();
  });
});

function exposure(): NonNullable<PanosStep['exposes']> {
  return { direction: 'closed', flows: 'some', longestMs: 1 };
}
