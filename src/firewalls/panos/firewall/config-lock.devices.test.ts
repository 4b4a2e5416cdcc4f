import { expect, test } from 'vitest';
import type { Matches, PanOs, Panorama } from '../../../../simulators/panos/index.ts';
import { PATIENCE_MS } from '../../../../test/kit/runs.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { SallyportError } from '../../../base/error.ts';
import type { MayGoOn } from '../../driver.ts';
import { type AnyDriver, bring, stepsOf } from '../../contract/harness.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { until } from '../change/committing.fixture.ts';
import { FULL, connectTo, furnish, isWrite, startDevice } from '../lab.fixture.ts';
import { connectToBorder, startBorder } from '../panorama/lab.fixture.ts';

const signal = new AbortController().signal;
const before = world(crowd(3, 'bank'));
const after = world(crowd(3, 'bank'), [allowing('bank', '203.0.113.0/24', 8443)]);

/** A firewall, or a Panorama, with the lock of its configuration. */
interface Subject extends AsyncDisposable {
  readonly device: PanOs | Panorama;
  readonly scope: string;
  connect(): AnyDriver;
}

async function firewall(): Promise<Subject> {
  const device = await startDevice();
  await furnish(device);
  return {
    device,
    scope: 'vsys1',
    connect: () => connectTo(device, FULL, 'lab', { write: writeAtOnce }) as unknown as AnyDriver,
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  };
}

async function panorama(): Promise<Subject> {
  const border = await startBorder();
  return {
    device: border.panorama,
    scope: 'edge',
    connect: () => connectToBorder(border, FULL, { write: writeAtOnce }) as unknown as AnyDriver,
    [Symbol.asyncDispose]: () => border[Symbol.asyncDispose](),
  };
}

const subjects = [
  ['a firewall', firewall],
  ['a Panorama', panorama],
] as const;

const locksOn = ({ device }: Subject): readonly string[] => device.locks.held('config').map(({ owner }) => owner);

const writesOn = ({ device }: Subject): number =>
  device.served.filter(({ parameters }) => isWrite(new Map(Object.entries(parameters)))).length;

/** The right to write is lost when it has been asked for so often. */
function lapsingAfter(times: number): MayGoOn {
  let asked = 0;
  return () => {
    if (asked++ >= times) throw new SallyportError('NOT_THE_WRITER', 'a test says so');
  };
}

test.each(subjects)(
  '%s: who lost its right to write within a commit sends nothing more, and its successor gives the lock back',
  async (_, start) => {
    await using subject = await start();
    await bring(subject.connect(), before);
    for (let times = 0, ended = ''; ended !== 'done'; times++) {
      const driver = subject.connect();
      const steps = await stepsOf(driver, after);
      const sent = writesOn(subject);
      const mayGoOn = lapsingAfter(times);
      ended = 'done';
      for (const step of steps)
        await driver.apply(step, signal, mayGoOn).catch((thrown: unknown) => {
          ended = thrown instanceof SallyportError ? thrown.code : String(thrown);
        });
      expect(['done', 'NOT_THE_WRITER']).toContain(ended);
      if (ended !== 'done') expect({ times, sent: writesOn(subject) - sent }).toEqual({ times, sent: times });
      // Nothing is wished any more that would need a commit, as far as it was not made.
      const successor = subject.connect();
      await bring(successor, before);
      expect({ times, locks: locksOn(subject) }).toEqual({ times, locks: [] });
      const writes = writesOn(subject);
      expect(await stepsOf(successor, before)).toEqual([]);
      expect(await stepsOf(subject.connect(), before)).toEqual([]);
      expect(writesOn(subject)).toBe(writes);
    }
  },
  PATIENCE_MS,
);

test.each(subjects)('%s: who lost its right to write does not take the lock from its successor', async (_, start) => {
  await using subject = await start();
  await bring(subject.connect(), before);
  const { device, scope } = subject;
  const old = subject.connect();
  const [step] = await stepsOf(old, after);
  let isSucceeded = false;
  const mayGoOn = (): void => {
    if (!isSucceeded) return;
    throw new SallyportError('NOT_THE_WRITER', 'a test says so');
  };
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  let isEdited = false;
  const matches: Matches = (given) => (isEdited = given.get('action') === 'multi-config');
  device.faults.next({ kind: 'held', until: answered }, { matches });
  const work = old.apply(step as never, signal, mayGoOn);
  await until(() => isEdited);
  isSucceeded = true;
  // The device knows it by the account: what was taken is the successor's from here on.
  expect(device.locks.held('config')).toEqual([{ scope, owner: 'bot' }]);
  answer();
  await expect(work).rejects.toMatchObject({ code: 'NOT_THE_WRITER' });
  expect(device.locks.held('config')).toEqual([{ scope, owner: 'bot' }]);
});

test.each(subjects)(
  '%s: a lock whose answer was lost goes, though nothing is to be committed any more',
  async (_, start) => {
    await using subject = await start();
    const driver = subject.connect();
    await bring(driver, before);
    const [step] = await stepsOf(driver, after);
    const isAsked = (given: ReadonlyMap<string, string>): boolean =>
      given.get('cmd')?.startsWith('<request><config-lock><add>') === true;
    subject.device.faults.next({ kind: 'lost after' }, { matches: isAsked });
    await expect(driver.apply(step as never, signal)).rejects.toMatchObject({ code: 'DEVICE_UNREACHABLE' });
    expect(locksOn(subject)).toEqual(['bot']);
    const [only, ...others] = await stepsOf(driver, before);
    expect([only?.kind, only?.title, others]).toEqual(['Clean', 'a lock that was left is given back', []]);
    await bring(driver, before);
    expect(locksOn(subject)).toEqual([]);
  },
);

test.each(subjects)('%s: a lock that a person holds by the same account stays', async (_, start) => {
  await using subject = await start();
  await bring(subject.connect(), before);
  subject.device.locks.take('config', subject.scope, 'bot', 'change 4711');
  expect(await stepsOf(subject.connect(), before)).toEqual([]);
  expect(locksOn(subject)).toEqual(['bot']);
});
