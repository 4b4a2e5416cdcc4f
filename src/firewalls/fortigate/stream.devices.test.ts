import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { systemClock } from '../../base/clock.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { bring } from '../contract/harness.ts';
import { parseHttpsAddress } from '../https/device-address.ts';
import { RoomReader } from './capacity.ts';
import type { FortigateDriver } from './driver.ts';
import type { FortigateCapabilities } from './facts.ts';
import { pushFeeds } from './feeds.ts';
import { FortiosApi } from './fortios-api.ts';

const signal = new AbortController().signal;
const EVERY_MS = 500;

/** Four lists that are pushed, of which the first one has so many members. */
function lists(members: number): Ruleset {
  const groups = ['busy', 'calm', 'quiet', 'still'].map((deviceName, list) => {
    const addresses = Array.from({ length: list === 0 ? members : 1 }, (_, at) => `10.0.${list}.${at + 1}`);
    const own = { members: BucketMap.from(addresses.map((address) => [address, true as const])) };
    const named = { deviceName, resource: `AddressGroup/${deviceName}`, use: 'Allow', ...own } as const;
    return [deviceName, { id: deviceName, kind: 'AddressGroup', family: 4, ...named }] as const;
  });
  return world({}, [], { groups: new Map(groups) });
}

/** Workers ask before they write where no change of theirs is on its way; in a fast stream there always is one. */
type Pace = 'slow' | 'fast';

/** One joins the first list, as a worker goes about it in a stream. Gives what was read, and whether what was read before was enough. */
async function join(driver: FortigateDriver, capabilities: FortigateCapabilities, members: number, pace: Pace) {
  const held = await driver.observe(signal);
  const wanted = driver.translate(lists(members), capabilities);
  const isEnough = pace === 'fast' || (await driver.isAsRead(held, driver.steps(held, wanted), signal));
  const actual = isEnough ? held : await driver.observe(signal);
  for (const step of driver.steps(actual, wanted)) await driver.apply(step, signal);
  return { actual, isEnough };
}

function apiOf({ device: { url, certificate, token } }: SimulatedDevice): FortiosApi {
  return new FortiosApi({
    url: parseHttpsAddress(url),
    tls: { ca: certificate ?? '' },
    credentials: { title: 'a hand', read: () => Promise.resolve(new Map([['token', token]])) },
    vdom: 'root',
    clock: systemClock,
  });
}

/** A device whose first list somebody joins twice a second. */
async function stream(pace: Pace) {
  const simulated = await SimulatedDevice.start({ version: '7.4.8' });
  simulated.device.hand.create('firewall/policy', theirs);
  const clock = new FakeClock();
  const driver = simulated.connect({}, { clock });
  await bring(driver, lists(1));
  const capabilities = await driver.capabilities(signal);
  let members = 1;
  const next = async () => {
    clock.advance(EVERY_MS);
    return await join(driver, capabilities, ++members, pace);
  };
  return { simulated, driver, next, [Symbol.asyncDispose]: () => simulated[Symbol.asyncDispose]() };
}

test.each(['slow', 'fast'] as const)(
  'in a %s stream everything is read within ten seconds, and never all of it at once',
  async (pace) => {
    await using one = await stream(pace);
    await one.next();
    const { served } = one.simulated.device;
    served.splice(0);
    /** When it was read last, by what is read. */
    const readAt = new Map<string, number>();
    for (let ms = EVERY_MS; ms < 60_000; ms += EVERY_MS) {
      expect((await one.next()).isEnough).toBe(true);
      const asked = served.splice(0).map(({ url }) => url.replaceAll(/vdom=root&?|[?&](start|count)=\d+/g, ''));
      expect(asked.length).toBeLessThan(14);
      for (const url of asked) readAt.set(url, ms);
      if (ms > 10_000) for (const [url, at] of readAt) expect([url, ms - at < 10_000]).toEqual([url, true]);
    }
    const read = [...readAt.keys()].join(' ');
    const rooms = pace === 'slow' ? ['vdom-resource'] : [];
    for (const what of ['firewall/policy', 'central-snat-map', 'ippool6', 'mkey=still', 'system/settings', ...rooms])
      expect(read).toContain(what);
  },
);

const named = (...names: readonly string[]) => names.map((name) => ({ name }));
const theirs = {
  name: 'theirs',
  srcintf: named('port2'),
  dstintf: named('port1'),
  srcaddr: named('all'),
  dstaddr: named('all'),
  service: named('ALL'),
  schedule: 'always',
  action: 'deny',
};

const edits: readonly (readonly [string, (simulated: SimulatedDevice) => unknown])[] = [
  ['a policy of others', ({ device }) => device.hand.set('firewall/policy', '1', { action: 'accept' })],
  [
    'a list that nobody joins',
    async (simulated) =>
      await pushFeeds(apiOf(simulated), [{ name: 'quiet', adds: [], removes: ['10.0.2.1'] }], () => undefined, signal),
  ],
];

const hands = edits.flatMap(([what, edit]) => [[what, 'slow', edit] as const, [what, 'fast', edit] as const]);

test.each(hands)('%s that a hand changes is read within ten seconds of a %s stream', async (_what, pace, edit) => {
  await using one = await stream(pace);
  const told = async () => {
    const { actual, isEnough } = await one.next();
    const others = [...actual.base.groups.values()].filter(({ name }) => name !== 'busy');
    return { text: JSON.stringify([actual.foreign, others.map(({ members }) => [...members])]), isEnough };
  };
  for (let at = 0; at < 20; at++) await one.next();
  const before = await told();
  await edit(one.simulated);
  const after = [];
  for (let at = 0; at < 20; at++) after.push(await told());
  const found = after.find(({ text }) => text !== before.text);
  // Before our own change has begun, where that can be.
  expect(found?.isEnough).toBe(pace === 'fast');
});

test('how full the tables are is told as what was pushed, and limits that somebody changes within ten seconds', async () => {
  await using one = await stream('slow');
  for (let at = 0; at < 5; at++) await one.next();
  const told = async (table: string): Promise<string> => {
    const { tables = [] } = (await one.next()).actual;
    const found = tables.find((each) => each.table === table);
    return `${found?.used} of ${found?.most}`;
  };
  expect(await told('pushed members')).toBe('9 of 300000');
  one.simulated.device.hand.limit('root', { 'firewall-policy': 77 });
  for (let at = 0; at < 20; at++) await one.next();
  expect(await told('rules')).toBe('1 of 77');
});

test('how full the tables are is not as it was told, until it is told anew', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const clock = new FakeClock();
  const rooms = new RoomReader(apiOf(simulated), clock);
  expect(await rooms.areSame(signal)).toBe(false);
  await rooms.ask(signal);
  clock.advance(8_000);
  expect(await rooms.areSame(signal)).toBe(true);
  simulated.device.hand.limit('root', { 'firewall-policy': 77 });
  expect(await rooms.areSame(signal)).toBe(true);
  clock.advance(8_000);
  expect([await rooms.areSame(signal), await rooms.areSame(signal)]).toEqual([false, false]);
  await rooms.ask(signal);
  expect(await rooms.areSame(signal)).toBe(true);
});
