import { expect, test } from 'vitest';
import { PATIENCE_MS } from '../../../../test/kit/runs.ts';
import { enforce } from '../../../../test/kit/worker-on-memory.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { systemClock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import { silentLog } from '../../../base/log.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { type AnyDriver, bring, clear, stepsOf } from '../../contract/harness.ts';
import type { MayGoOn } from '../../driver.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { Worker } from '../../worker/worker.ts';
import { soleWriter } from '../../writer-lock.ts';
import { until, wish } from '../change/committing.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';
import { FULL, byHand, connectTo } from '../lab.fixture.ts';
import { type Border, commitOn, connectToBorder, editGroup, pushFrom, startBorder } from './lab.fixture.ts';

const { keep } = closedAfterEach();
const signal = new AbortController().signal;
const banks = world(crowd(3, 'bank'));
const shops = world({ '10.0.7.7': 'shop' }, [allowing('shop', '198.51.100.0/24', 80)]);
const MARK = 'sallyport:lab:';
const ALICES = "/address/entry[@name='of-alice']";
const UNCOMMITTED = { element: '<ip-netmask>192.0.2.99/32</ip-netmask>' };

/** Who keeps the first firewall by itself; its device group. */
const itself = ({ firewalls: [first] }: Border): AnyDriver =>
  keep(connectTo(first ?? expect.fail(), { ...FULL, position: 'First' }, 'lab', { write: writeAtOnce }));
const allByThemselves = ({ firewalls }: Border): readonly AnyDriver[] =>
  firewalls.map((one) => keep(connectTo(one, { ...FULL, position: 'First' }, 'lab', { write: writeAtOnce })));
const ofGroup = (at: Border, options: object = {}): AnyDriver =>
  keep(connectToBorder(at, { ...FULL, ...options }, { write: writeAtOnce }));

/** The process dies when it has asked so often whether it may go on writing. */
async function diesAfter(driver: AnyDriver, ruleset: Ruleset, times: number): Promise<'died' | 'done'> {
  let asked = 0;
  const mayGoOn: MayGoOn = () => {
    if (asked++ >= times) throw new SallyportError('NOT_THE_WRITER', 'a test says so');
  };
  try {
    for (const step of await stepsOf(driver, ruleset)) await driver.apply(step, signal, mayGoOn);
    return 'done';
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'NOT_THE_WRITER' });
    return 'died';
  }
}

const OWNED = { code: 'DEVICE_OWNED' };

test(
  'what a process left on a firewall goes where its device group keeps that by now, and nothing else is written',
  async () => {
    let left = 0;
    for (let times = 0, isOver = false; !isOver; times++) {
      const at = keep(await startBorder());
      const [first] = at.firewalls;
      if (first === undefined) throw new Error('firewalls were started');
      byHand(first, 'set', ALICES, UNCOMMITTED);
      isOver = (await diesAfter(itself(at), banks, times)) === 'done' || first.dump().includes(MARK);
      if (isOver) break;
      const isLeft = (): boolean => first.dumpCandidate().includes(MARK) || first.locks.held('config').length > 0;
      if (isLeft()) left++;
      await bring(ofGroup(at), shops);
      const told = (): readonly string[] => [at.panorama.dump(), at.panorama.dumpCandidate(), first.dump()];
      const held = told();
      const registered = first.dumpRegistered();
      await expect(bring(itself(at), banks)).rejects.toMatchObject(OWNED);
      expect({ times, isLeft: isLeft(), registered: first.dumpRegistered() }).toEqual({
        times,
        isLeft: false,
        registered,
      });
      expect(told()).toEqual(held);
      expect(first.dumpCandidate()).toContain('of-alice');
      expect(await stepsOf(ofGroup(at), shops)).toEqual([]);
    }
    expect(left).toBeGreaterThan(1);
  },
  PATIENCE_MS,
);

test(
  'what a process left on a Panorama goes where all of its firewalls keep themselves by now',
  async () => {
    const seen = new Set<string>();
    for (let times = 0, isOver = false; !isOver; times++) {
      const at = keep(await startBorder());
      const { panorama, firewalls } = at;
      editGroup(panorama, 'set', ALICES, UNCOMMITTED);
      isOver = (await diesAfter(ofGroup(at), shops, times)) === 'done';
      if (isOver) break;
      const isEdited = (): boolean => [panorama.dump(), panorama.dumpCandidate()].some((text) => text.includes(MARK));
      const isLeft = (): boolean => isEdited() || panorama.locks.held('config').length > 0;
      const pushed = firewalls.map((one) => one.pushedParts().length > 0 && JSON.stringify(one.pushedParts()));
      if (pushed.some((text) => String(text).includes(MARK))) break;
      seen.add(panorama.dump().includes(MARK) ? 'committed' : isEdited() ? 'edited' : isLeft() ? 'locked' : 'nothing');
      for (const one of allByThemselves(at)) await bring(one, banks);
      const held = firewalls.map((one) => [one.dump(), one.dumpRegistered()]);
      await expect(bring(ofGroup(at), shops)).rejects.toMatchObject(OWNED);
      expect({ times, isLeft: isLeft() }).toEqual({ times, isLeft: false });
      expect(panorama.dumpCandidate()).toContain('of-alice');
      expect(panorama.dump()).not.toContain('of-alice');
      expect(firewalls.map((one) => [one.dump(), one.dumpRegistered()])).toEqual(held);
      // Nobody's push brings it.
      await commitOn(panorama);
      await pushFrom(panorama);
      for (const one of allByThemselves(at)) expect(await stepsOf(one, banks)).toEqual([]);
    }
    expect([...seen].toSorted()).toEqual(['committed', 'edited', 'locked', 'nothing']);
  },
  PATIENCE_MS,
);

test('who leaves takes a lock back too, and leaves what is kept without him', async () => {
  const at = keep(await startBorder());
  await diesAfter(ofGroup(at), shops, 3);
  expect(at.panorama.locks.held('config')).toHaveLength(1);
  for (const one of allByThemselves(at)) await bring(one, banks);
  await clear(ofGroup(at));
  expect(at.panorama.locks.held('config')).toEqual([]);
});

test('a worker confirms nothing of it, and says whose the firewall is once it has gone', async () => {
  const at = keep(await startBorder());
  const [first] = at.firewalls;
  await diesAfter(itself(at), banks, 3);
  expect(first?.dumpCandidate()).toContain(MARK);
  await bring(ofGroup(at), shops);
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver: itself(at),
    settings: enforce,
    clock: systemClock,
    log: silentLog,
    lock: soleWriter,
  });
  keep({ close: () => worker.stop() });
  worker.start();
  worker.desire(wish(banks));
  await until(() => worker.status().conditions.some(({ reason }) => reason === 'DEVICE_OWNED'));
  expect(first?.dumpCandidate()).not.toContain(MARK);
  expect(worker.confirmed()).toBeUndefined();
});

test('where another group holds the cluster nothing can be taken back, and that is told', async () => {
  const at = keep(await startBorder({ deviceGroups: [{ name: 'site' }, { name: 'edge', parent: 'site' }] }));
  await diesAfter(ofGroup(at), shops, 4);
  expect(at.panorama.dumpCandidate()).toContain(MARK);
  await bring(ofGroup(at, { deviceGroup: 'site', position: 'First' }), banks);
  await expect(bring(ofGroup(at), shops)).rejects.toMatchObject({
    code: 'DEVICE_OWNED',
    message: expect.stringMatching(/edits of ours that nobody committed stay in our own device group/) as unknown,
  });
});
