import { describe, expect, test } from 'vitest';
import { PanOs } from '../../../../simulators/panos/index.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import type { Clock } from '../../../base/clock.ts';
import { shortHash } from '../../../base/encode.ts';
import { SallyportError } from '../../../base/error.ts';
import type { Step } from '../../../plan/step.ts';
import { type AnyDriver, bring, clear, stepsOf, translationOf } from '../../contract/harness.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { ACCOUNT, FULL, connectTo, oursOn, registeredOn } from '../lab.fixture.ts';
import { type Border, commitOn, connectToBorder, editGroup, pushFrom, startBorder } from './lab.fixture.ts';
import { type XmlElement, xmlText } from '../api/xml.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';

const { keep } = closedAfterEach();
const signal = new AbortController().signal;
const TITLES = ['edge-1 (007951000000001)', 'edge-2 (007951000000002)'] as const;

/** What the firewall itself is to hold, and what its device group is: no address and no right is in both. */
const banks = world(crowd(3, 'bank'));
const moreBanks = world(crowd(5, 'bank'));
const shops = world({ '10.0.7.7': 'shop' }, [allowing('shop', '198.51.100.0/24', 80)]);

async function border(): Promise<{ readonly at: Border; readonly first: PanOs; readonly second: PanOs }> {
  const at = keep(await startBorder());
  const [first, second] = at.firewalls;
  if (first === undefined || second === undefined) throw new Error('two firewalls were started');
  return { at, first, second };
}

/** The BorderFirewall of a firewall itself. */
function itself(firewall: PanOs, options: object = {}, clock?: Clock): AnyDriver {
  const all = { ...FULL, position: 'First', ...options };
  return keep(connectTo(firewall, all, 'lab', { write: writeAtOnce, ...(clock === undefined ? {} : { clock }) }));
}

/** The one of its device group. */
function ofGroup(at: Border, told: Parameters<typeof connectToBorder>[2] = {}, options: object = {}): AnyDriver {
  return keep(connectToBorder(at, { ...FULL, ...options }, { write: writeAtOnce, ...told }));
}

function pushedOn(firewall: PanOs): string {
  return firewall
    .pushedParts()
    .map((part) => xmlText(part as unknown as XmlElement))
    .join('');
}

/** Everything that anybody could have written, whoever did, and how often; short, as it is long. */
function everything({ panorama, firewalls }: Border): readonly string[] {
  return [
    panorama.dump(),
    panorama.dumpCandidate(),
    ...firewalls.flatMap((one) => [one.dump(), one.dumpCandidate(), pushedOn(one), one.dumpRegistered()]),
  ].map((text) => `${text.length} ${shortHash(text)}`);
}

async function unreachedBy(driver: AnyDriver): Promise<readonly string[]> {
  return (await driver.observe(signal)).unreached ?? [];
}

const OWNED_BY_GROUP = {
  code: 'DEVICE_OWNED',
  message: expect.stringMatching(
    /^a Panorama has pushed rules or objects of the cluster lab to vsys1 of this firewall: .* delete one of the two /,
  ) as unknown,
};
const OWNED_BY_ITSELF = {
  code: 'DEVICE_OWNED',
  message: expect.stringMatching(
    /its own vsys1 holds rules or objects of the cluster lab, .* nothing is written to the device group: delete one of the two /,
  ) as unknown,
};

describe('a firewall that is kept by itself and by its device group, for one cluster', () => {
  test('stays with itself where that came first; the group takes over once that one is gone', async () => {
    const { at, first, second } = await border();
    const older = [first, second].map((one) => itself(one));
    for (const one of older) await bring(one, banks);
    const held = everything(at);
    const newer = ofGroup(at);
    await expect(bring(newer, shops)).rejects.toMatchObject(OWNED_BY_ITSELF);
    expect(everything(at)).toEqual(held);
    // It goes on as if nobody else were there.
    for (const one of older) {
      expect(await stepsOf(one, banks)).toEqual([]);
      await bring(one, moreBanks);
    }
    await expect(bring(newer, shops)).rejects.toMatchObject(OWNED_BY_ITSELF);
    for (const firewall of at.firewalls) expect(registeredOn(firewall, true)).toHaveLength(5);
    for (const one of older) await clear(one);
    await bring(newer, shops);
    for (const firewall of at.firewalls) {
      expect(oursOn(firewall)).toMatch(/^10\.0\.7\.7 \S+shop\S+$/);
      expect(pushedOn(firewall)).toContain('sallyport:lab:');
    }
  });

  test('stays with the group where that came first; it takes itself over once that one is gone', async () => {
    const { at, first } = await border();
    const clock = new FakeClock();
    const older = ofGroup(at);
    await bring(older, shops);
    const held = everything(at);
    const newer = itself(first, {}, clock);
    await expect(bring(newer, banks)).rejects.toMatchObject(OWNED_BY_GROUP);
    expect(everything(at)).toEqual(held);
    expect(await stepsOf(older, shops)).toEqual([]);
    await bring(older, banks);
    await expect(bring(newer, banks)).rejects.toMatchObject(OWNED_BY_GROUP);
    await clear(older);
    clock.advance(60_000);
    await bring(newer, banks);
    expect(registeredOn(first, true)).toHaveLength(3);
    await expect(bring(older, shops)).resolves.toBeGreaterThan(0);
    expect(await unreachedBy(older)).toEqual([expect.stringContaining(`${TITLES[0]} is left alone`)]);
    expect(registeredOn(first, true)).toHaveLength(3);
  });

  const any = ['from', 'to', 'source', 'destination', 'application', 'service'];
  const rule = `${any.map((name) => `<${name}><member>any</member></${name}>`).join('')}<action>allow</action>`;
  test.each([
    ['a rule above its own', "/pre-rulebase/security/rules/entry[@name='one']", rule],
    ['a rule below its own', "/post-rulebase/security/rules/entry[@name='one']", rule],
    ['an object', "/address/entry[@name='one']", '<ip-netmask>192.0.2.9</ip-netmask>'],
  ])('stays with the group that holds no more than %s', async (_, path, element) => {
    const { at, first } = await border();
    editGroup(at.panorama, 'set', path, { element: `${element}<description>sallyport:lab:one</description>` });
    await commitOn(at.panorama);
    await pushFrom(at.panorama);
    await expect(bring(itself(first), banks)).rejects.toMatchObject(OWNED_BY_GROUP);
  });

  test('whoever comes second leaves without touching what is of the first', async () => {
    const { at, first, second } = await border();
    const group = ofGroup(at);
    await bring(group, shops);
    const held = everything(at);
    await clear(itself(first));
    expect(everything(at)).toEqual(held);
    await clear(group);
    for (const one of [first, second]) await bring(itself(one), banks);
    const again = everything(at);
    await clear(ofGroup(at));
    expect(everything(at)).toEqual(again);
  });

  test('is left alone by the group, whose other firewalls go on, and leaving does not wait for it', async () => {
    const { at, first, second } = await border();
    const older = itself(first);
    await bring(older, banks);
    const held = [first.dump(), pushedOn(first), first.dumpRegistered()];
    const group = ofGroup(at);
    await bring(group, shops);
    expect(registeredOn(second, true)).toHaveLength(1);
    expect(await unreachedBy(group)).toEqual([
      `${TITLES[0]} is left alone: its own vsys1 holds rules or objects of the cluster lab, of another BorderFirewall that keeps it without this Panorama`,
    ]);
    expect([first.dump(), pushedOn(first), first.dumpRegistered()]).toEqual(held);
    expect(await stepsOf(older, banks)).toEqual([]);
    // Nor are its sessions the group's.
    await group.connections?.opened('10.0.7.8', signal);
    const asked = at.panorama.served.filter(({ parameters }) => parameters['cmd']?.includes('10.0.7.8'));
    expect(asked.map(({ parameters }) => parameters['target'])).toEqual([second.serial]);
    await clear(group);
    expect(at.panorama.dump()).not.toContain('sallyport:lab:');
    expect(pushedOn(second)).not.toContain('sallyport:lab:');
    expect([first.dump(), pushedOn(first), first.dumpRegistered()]).toEqual(held);
  });

  test.each([
    ['registration', 'Tag'],
    ['commit', 'Group'],
  ])('is seen to be right before the first %s, however long ago it was read', async (_, members) => {
    const { at, first, second } = await border();
    const group = ofGroup(at, { clock: new FakeClock() }, { members });
    const steps = await stepsOf(group, shops);
    for (const one of [first, second]) await bring(itself(one), banks);
    const held = everything(at);
    await expect(applyAll(group, steps)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
    expect(at.panorama.dump()).not.toContain('sallyport:lab:');
    await expect(bring(group, shops)).rejects.toMatchObject(OWNED_BY_ITSELF);
    expect(everything(at)).toEqual(held);
  });

  test.each(['Tag', 'Group'])("is seen to be its group's in the same way (%s)", async (members) => {
    const { at, first } = await border();
    const newer = itself(first, { members }, new FakeClock());
    const steps = await stepsOf(newer, banks);
    await bring(ofGroup(at), shops);
    const held = everything(at);
    for (const step of steps) await expect(newer.apply(step, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
    expect(everything(at)).toEqual(held);
  });
});

async function applyAll(driver: AnyDriver, steps: readonly Step[]): Promise<void> {
  for (const step of steps) await driver.apply(step, signal);
}

/** One round of a worker: what is left is done, a step at a time; `undefined`: it is refused, or somebody else wrote in between. */
async function* rounds(driver: AnyDriver, wish: typeof banks): AsyncGenerator<string> {
  const wanted = await translationOf(driver, wish);
  for (;;)
    try {
      const steps = driver.steps(await driver.observe(signal), wanted);
      if (steps.length === 0) yield 'done';
      for (const step of steps) {
        yield 'goes on';
        await driver.apply(step, signal);
      }
    } catch (thrown) {
      if (!(thrown instanceof SallyportError)) throw thrown;
      yield thrown.code;
    }
}

describe('where both begin at the same moment', () => {
  // How many turns the group is ahead; at last all are really under way at once.
  test.each([0, 1, 3, undefined])(
    'one side goes on to its end and the other one stops (%s), and they do not write in a circle',
    async (ahead) => {
      const { at, first, second } = await border();
      const clock = new FakeClock();
      const [one, other, group] = [itself(first, {}, clock), itself(second, {}, clock), ofGroup(at, { clock })];
      const runs = [rounds(one, banks), rounds(other, banks), rounds(group, shops)];
      for (let turn = 0; turn < (ahead ?? 0); turn++) await runs[2]?.next();
      const turn = async (): Promise<readonly unknown[]> => {
        clock.advance(10_000);
        if (ahead === undefined) return await Promise.all(runs.map(async (run) => (await run.next()).value));
        const said: unknown[] = [];
        for (const run of runs) said.push((await run.next()).value);
        return said;
      };
      for (let times = 0; times < 16; times++) await turn();
      const held = everything(at);
      const last = await turn();
      for (let times = 0; times < 3; times++) expect(await turn()).toEqual(last);
      expect(everything(at)).toEqual(held);
      // Each firewall is kept by one of the two.
      expect(last).toContain('DEVICE_OWNED');
      const goes = [one, other, group].filter((_, n) => last[n] === 'done');
      const stopped = [one, other, group].filter((_, n) => last[n] === 'DEVICE_OWNED');
      expect(goes.length + stopped.length).toBe(3);
      expect(goes.includes(group)).toBe(last[0] !== 'done' || last[1] !== 'done');
      for (const [n, firewall] of at.firewalls.entries())
        expect(registeredOn(firewall, true)).toHaveLength(last[n] === 'done' ? 3 : 1);
      // Whoever stopped takes over by itself, and what is left of both goes when it leaves.
      for (const driver of goes) await clear(driver);
      clock.advance(60_000);
      for (const driver of stopped) await bring(driver, moreBanks);
      for (const [n, firewall] of at.firewalls.entries())
        if (stopped.includes(group) || last[n] !== 'done') expect(registeredOn(firewall, true)).toHaveLength(5);
      for (const driver of stopped) await clear(driver);
      for (const firewall of at.firewalls) expect(registeredOn(firewall, true)).toEqual([]);
      for (const text of [at.panorama.dump(), ...at.firewalls.flatMap((it) => [it.dump(), pushedOn(it)])])
        expect(text).not.toContain('sallyport:lab:');
    },
  );
});

test('where a firewall does not show what was pushed, and so is written to all the same, its group leaves it alone', async () => {
  const { at, first, second } = await border();
  const clock = new FakeClock();
  const group = ofGroup(at, { clock });
  await bring(group, shops);
  first.faults.next(
    { kind: 'refused', code: 16, text: 'Unauthorized request' },
    { times: Number.POSITIVE_INFINITY, matches: (given) => given.get('xpath') === '/config/panorama' },
  );
  const one = itself(first);
  await bring(one, banks);
  clock.advance(60_000);
  const held = everything(at);
  expect(await stepsOf(group, shops)).toEqual([]);
  expect(await unreachedBy(group)).toEqual([expect.stringContaining(`${TITLES[0]} is left alone`)]);
  const more = world({ '10.0.7.7': 'shop', '10.0.7.8': 'shop' }, [allowing('shop', '198.51.100.0/24', 80)]);
  await bring(group, more);
  expect(registeredOn(second, true)).toHaveLength(2);
  expect(registeredOn(first, true)).toHaveLength(3);
  expect(await stepsOf(one, banks)).toEqual([]);
  expect(everything(at)).not.toEqual(held);
  // What was pushed there before stays until it can go.
  await expect(clear(group)).rejects.toMatchObject({
    code: 'DEVICE_UNREACHABLE',
    message: expect.stringContaining('not from all') as unknown,
  });
  await clear(one);
  await clear(group);
  expect(pushedOn(first)).not.toContain('sallyport:lab:');
});

describe('two keep one firewall beside each other', () => {
  test('of two clusters', async () => {
    const { at, first } = await border();
    const cluster = 'other';
    const [one, group] = [itself(first), ofGroup(at, { cluster })];
    const rules = [allowing('shop', '198.51.100.0/24', 80)];
    await bring(group, world({ '10.0.7.7': 'shop' }, rules, { cluster }));
    await bring(one, banks);
    await bring(group, world({ '10.0.7.8': 'shop' }, rules, { cluster }));
    expect(await stepsOf(one, banks)).toEqual([]);
    expect(registeredOn(first, true)).toHaveLength(3);
    expect(registeredOn(first, true, 'other')).toHaveLength(1);
    await clear(one);
    expect(registeredOn(first, true, 'other')).toHaveLength(1);
  });

  test('in two vsys of it, as long as a push reaches one of them alone', async () => {
    const { at } = await border();
    const large = keep(await startLarge());
    at.panorama.manage(large, { group: 'edge', vsys: ['vsys1'] });
    await pushed(at);
    const [one, group] = [itself(large, { vsys: 'vsys2' }), ofGroup(at)];
    await bring(one, banks);
    await bring(group, shops);
    expect(await unreachedBy(group)).toEqual([]);
    expect(registeredOn(large, true)).toHaveLength(1);
    expect(large.dumpRegistered('vsys2')).toContain('10.0.0.3');
    expect(await stepsOf(one, banks)).toEqual([]);
    await bring(one, moreBanks);
  });

  test('in two vsys of it is refused where a push reaches both: one cannot be left out', async () => {
    const { at } = await border();
    const large = keep(await startLarge());
    at.panorama.manage(large, { group: 'edge', vsys: ['vsys1', 'vsys2'] });
    await pushed(at);
    await bring(itself(large, { vsys: 'vsys2' }), banks);
    const held = [large.dump(), pushedOn(large), large.dumpRegistered('vsys2')];
    const group = ofGroup(at);
    await bring(group, shops);
    expect(await unreachedBy(group)).toEqual([
      expect.stringContaining('a push to it would reach its other vsys too'),
      expect.stringContaining('its own vsys2 holds rules or objects of the cluster lab'),
    ]);
    expect([large.dump(), pushedOn(large), large.dumpRegistered('vsys2')]).toEqual(held);
    expect(registeredOn(large, true)).toEqual([]);
  });
});

function startLarge(): Promise<PanOs> {
  const vsys = ['vsys1', 'vsys2'];
  const zones = ['k8s', 'internet'];
  return PanOs.start({ accounts: [ACCOUNT], commitMs: 0, model: 'PA-3220', serial: '007951000000003', vsys, zones });
}

async function pushed({ panorama }: Border): Promise<void> {
  editGroup(panorama, 'set', '', { element: '<description>one more</description>' });
  await commitOn(panorama);
  await pushFrom(panorama);
}
