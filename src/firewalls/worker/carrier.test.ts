import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import type { Step } from '../../plan/step.ts';
import { Carrier } from './carrier.ts';
import type { Driver } from '../driver.ts';
import { Report } from './report.ts';
import { Session } from './session.ts';
import { Wishes } from './wishes.ts';
import { soleWriter } from '../writer-lock.ts';

const step = (title: string, urgent: boolean): Step => ({ kind: 'Members', title, objects: [], urgent });
const PLAN: readonly Step[] = [step('silence', true), step('members', false), step('more', false)];

/** A device that takes the silence together with what follows it, and notes what it was given. */
function setUp() {
  const clock = new FakeClock();
  const given: string[] = [];
  const broken = new Set<string>();
  const device: Pick<Driver, 'apply' | 'together'> = {
    together: (first, second) =>
      first.urgent ? { ...second, title: `${first.title} and ${second.title}` } : undefined,
    apply: ({ title }) => {
      given.push(title);
      return broken.has(title) ? Promise.reject(new SallyportError('DEVICE_REJECTED', title)) : Promise.resolve();
    },
  };
  const { signal } = new AbortController();
  const session = new Session(device as Driver, soleWriter, clock, signal);
  const report = new Report('edge-1', () => undefined);
  const rest = { firewall: 'edge-1', clock, log: silentLog, judged: () => undefined, driver: {}, mayCut: () => true };
  const carrier = new Carrier(session, report, rest, new Wishes(clock), signal);
  const carry = (standing: 'newest' | 'overtaken' | 'forbidden' = 'newest', plan = PLAN) =>
    carrier.carryOut(plan, {
      standing: () => standing,
      stream: new Wishes(clock),
      releases: () => false,
      joining: () => undefined,
    });
  return { given, broken, carry };
}

test('what is urgent goes with what follows it where the driver says so', async () => {
  const { given, carry } = setUp();
  expect(await carry()).toEqual({ ended: 'done' });
  expect(given).toEqual(['silence and members', 'more']);
});

test('after a write that failed each goes alone, until one succeeded', async () => {
  const { given, broken, carry } = setUp();
  broken.add('silence and members');
  await expect(carry()).rejects.toMatchObject({ code: 'DEVICE_REJECTED' });
  broken.add('members');
  await expect(carry()).rejects.toMatchObject({ code: 'DEVICE_REJECTED' });
  broken.clear();
  await carry();
  await carry();
  expect(given).toEqual([
    'silence and members',
    'silence',
    'members',
    'silence',
    'members',
    'more',
    'silence and members',
    'more',
  ]);
});

test('for an older wish than the newest, what is urgent goes alone, and nothing where nothing may be written', async () => {
  const overtaken = setUp();
  expect(await overtaken.carry('overtaken')).toEqual({ ended: 'left' });
  expect(overtaken.given).toEqual(['silence']);
  const forbidden = setUp();
  expect(await forbidden.carry('forbidden')).toEqual({ ended: 'left' });
  expect(forbidden.given).toEqual([]);
});

test('for an older wish too what is urgent goes with what is sent for it all the same', async () => {
  const { given, carry } = setUp();
  const plan = PLAN.map((one): Step => (one.title === 'members' ? { ...one, quick: true } : one));
  expect(await carry('overtaken', plan)).toEqual({ ended: 'left' });
  expect(given).toEqual(['silence and members']);
});
