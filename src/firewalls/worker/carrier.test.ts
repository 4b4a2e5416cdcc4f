import { describe, expect, test } from 'vitest';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
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

describe('while a step goes on that takes long', () => {
  const LONG: Step = { ...step('commit', false), lets: true };

  /** Who was given up could leave and a newcomer join beside the step, which goes on until `end` is called. */
  async function beside(standing: 'newest' | 'overtaken' | 'forbidden', commit = LONG) {
    let isUnderWay = false;
    const clock = new FakeClock();
    const given: string[] = [];
    let end: () => void = () => undefined;
    const device = {
      capabilities: () => Promise.resolve({ device: '', families: [4], notes: [] }),
      observe: () => Promise.resolve({}),
      translate: () => ({ refusals: [] }),
      releasing: (isGivenUp: (address: string) => boolean) =>
        isGivenUp('10.0.0.9') ? step('release', true) : undefined,
      joining: () => step('join', false),
      apply: ({ title }: Step) => {
        given.push(title);
        isUnderWay = true;
        return title === 'commit' ? new Promise<void>((resolve) => (end = resolve)) : Promise.resolve();
      },
    } as unknown as Driver;
    const { signal } = new AbortController();
    const session = new Session(device, soleWriter, clock, signal);
    await session.observe();
    const rest = { firewall: 'edge-1', clock, log: silentLog, judged: () => undefined, driver: {}, mayCut: () => true };
    const wishes = new Wishes(clock);
    const carrier = new Carrier(session, new Report('edge-1', () => undefined), rest, wishes, signal);
    const ruleset = world({ '10.0.0.1': 'bank' });
    wishes.wish({ kind: 'ruleset', ruleset, owners: BucketMap.from([['10.0.0.1', 'pod:a']]) });
    const carried = carrier.carryOut([commit, { ...step('after', false), quick: true }], {
      standing: () => (isUnderWay ? standing : 'newest'),
      stream: wishes,
      releases: () => false,
      joining: () => ({ owners: new Map([['10.0.0.1', 'pod:a']]), before: ruleset, after: ruleset }),
    });
    await turns();
    end();
    return { given, ...(await carried) };
  }

  test('addresses leave and join by a newer wish, and what was to follow is planned anew', async () => {
    expect(await beside('overtaken')).toEqual({ given: ['commit', 'release', 'join'], ended: 'left' });
  });

  test('nobody does by the wish that it is for', async () => {
    expect(await beside('newest')).toEqual({ given: ['commit', 'after'], ended: 'done' });
  });

  test('nobody does, and nothing follows, once nothing may be written any more', async () => {
    expect(await beside('forbidden')).toEqual({ given: ['commit'], ended: 'left' });
  });

  test('nobody joins where it opens or closes something on its way', async () => {
    const exposes = { direction: 'open', flows: 'all', longestMs: 1 } as const;
    expect((await beside('overtaken', { ...LONG, exposes })).given).toEqual(['commit', 'release']);
  });
});
