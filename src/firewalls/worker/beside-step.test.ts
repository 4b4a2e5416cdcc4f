import { expect, test } from 'vitest';
import { FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group } from '../../border/ruleset.ts';
import { type Moved, besideStep } from './beside-step.ts';
import type { Wished } from './wishes.ts';

const pods = crowd(3, 'shop');
const [first = '', second = '', third = ''] = Object.keys(pods);

function wished(members: Readonly<Record<string, string>>, owned: readonly string[] | undefined): Wished {
  const owners = owned && BucketMap.from(owned.map((address) => [address, 'somebody'] as const));
  return { ruleset: world(members), owners, version: 1 };
}

/** A step that is under way, the wishes that come meanwhile, who of `pods` was let go by each release, and who joined. */
function underWay() {
  const clock = new FakeClock();
  const released: string[][] = [];
  /** Who may join, with the owner; taken by the next wish. */
  const newcomers = new Map<string, string>();
  const joined: (readonly [string, string])[][] = [];
  /** How many messages fail from now on. */
  const failing = { times: 0 };
  const moved = (isAny: boolean): Moved => {
    if (!isAny) return 'nothing';
    if (failing.times === 0) return 'sent';
    failing.times--;
    return 'failed';
  };
  let newest: Wished | undefined;
  let tell: () => void = () => undefined;
  const fails: (reason: Error) => void = () => undefined;
  const step = { resolve: (): void => undefined, reject: fails };
  const promise = new Promise<void>((resolve, reject) => Object.assign(step, { resolve, reject }));
  const work = besideStep(promise, {
    clock,
    newer: () => newest,
    next: (signal) =>
      new Promise((resolve) => {
        tell = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    release: (isGivenUp) => {
      released.push(Object.keys(pods).filter(isGivenUp));
      return Promise.resolve(moved((released.at(-1)?.length ?? 0) > 0));
    },
    join: () => {
      const owners = new Map(newcomers);
      if (owners.size > 0) joined.push([...owners]);
      const how = moved(owners.size > 0);
      if (how === 'sent') newcomers.clear();
      return Promise.resolve({ moved: how, owners });
    },
  });
  const wish = async (one: Wished): Promise<void> => {
    newest = one;
    tell();
    await turns();
  };
  return { clock, failing, released, newcomers, joined, step, work, wish };
}

test('addresses that nobody owns and nothing wants leave beside a step', async () => {
  const { released, step, work, wish } = underWay();
  await wish(wished({ [second]: 'shop' }, [third]));
  step.resolve();
  expect(await work).toBe(true);
  expect(released).toEqual([[first]]);
});

const group: Group = {
  id: 'group',
  kind: 'AddressGroup',
  family: 4,
  deviceName: 'group',
  resource: 'AddressGroup/group',
  use: 'Allow',
  members: BucketMap.from([[first, true as const]]),
};

test.each([
  ['a group still wants it', group, [[second, third]]],
  ['a group stays as it is, whoever is in it', { ...group, held: true }, []],
] as const)('an address without an owner stays where %s', async (_, one, expected) => {
  const { released, step, work, wish } = underWay();
  const empty = wished({}, []);
  await wish({ ...empty, ruleset: { ...empty.ruleset, groups: new Map([[one.id, one]]) } });
  step.resolve();
  await work;
  expect(released).toEqual(expected);
});

test('nobody leaves where owners are not known, or without a newer wish', async () => {
  const { released, step, work, wish } = underWay();
  await wish(wished({}, undefined));
  step.resolve();
  expect(await work).toBe(false);
  expect(released).toEqual([]);
});

test('a stream of wishes is released from once in a while, and the last one counts', async () => {
  const { clock, released, step, work, wish } = underWay();
  await wish(wished(pods, [second, third]));
  await wish(wished({ [second]: 'shop', [third]: 'shop' }, [second, third]));
  await wish(wished({ [third]: 'shop' }, [third]));
  expect(released).toEqual([[]]);
  await clock.pass(1_000);
  expect(released).toEqual([[], [first, second]]);
  step.resolve();
  expect(await work).toBe(true);
});

test('newcomers join, and what was planned to follow is old then', async () => {
  const { newcomers, joined, step, work, wish } = underWay();
  newcomers.set(first, 'somebody');
  await wish(wished(pods, Object.keys(pods)));
  step.resolve();
  expect(await work).toBe(true);
  expect(joined).toEqual([[[first, 'somebody']]]);
});

test('nothing follows it where nobody joined', async () => {
  const { step, work, wish } = underWay();
  await wish(wished(pods, Object.keys(pods)));
  step.resolve();
  expect(await work).toBe(false);
});

test('who joined beside it leaves when the address is somebody else’s, before that one joins', async () => {
  const { clock, released, newcomers, joined, step, work, wish } = underWay();
  newcomers.set(first, 'somebody');
  await wish(wished(pods, Object.keys(pods)));
  const owners = BucketMap.from(Object.keys(pods).map((one) => [one, one === first ? 'heir' : 'somebody'] as const));
  newcomers.set(first, 'heir');
  await wish({ ruleset: world(pods), owners, version: 2 });
  await clock.pass(1_000);
  expect(released).toEqual([[], [first]]);
  expect(joined).toEqual([[[first, 'somebody']], [[first, 'heir']]]);
  await wish({ ruleset: world(pods), owners, version: 3 });
  await clock.pass(1_000);
  expect(released.at(-1)).toEqual([]);
  step.resolve();
  await work;
});

test('a step that fails fails as it does alone', async () => {
  const { step, work, wish } = underWay();
  await wish(wished({}, []));
  step.reject(new Error('commit failed'));
  await expect(work).rejects.toThrow('commit failed');
});

test('what fails is tried again, more and more seldom, until a newer wish comes', async () => {
  const { clock, failing, released, step, work, wish } = underWay();
  failing.times = 5;
  await wish(wished({}, [second, third]));
  // Half a second, one, two, four, each after the pause of a fifth.
  for (const [ms, times] of [
    [600, 1],
    [200, 2],
    [1_000, 2],
    [200, 3],
    [2_000, 3],
    [400, 4],
  ] as const) {
    await clock.pass(ms);
    expect(released.length).toBe(times);
  }
  await wish(wished({}, [third]));
  await clock.pass(1);
  expect(released.slice(-2)).toEqual([[first], [first, second]]);
  step.resolve();
  expect(await work).toBe(true);
});

test('what succeeds is not tried again', async () => {
  const { clock, failing, released, newcomers, joined, step, work, wish } = underWay();
  failing.times = 1;
  newcomers.set(first, 'somebody');
  await wish(wished(pods, Object.keys(pods)));
  await clock.pass(60_000);
  expect([released.length, joined.length]).toEqual([2, 2]);
  step.resolve();
  expect(await work).toBe(true);
});

test('who may have joined by a message that failed leaves as one who did', async () => {
  const { clock, failing, released, newcomers, step, work, wish } = underWay();
  failing.times = 1;
  newcomers.set(first, 'somebody');
  await wish(wished(pods, Object.keys(pods)));
  newcomers.clear();
  const owners = BucketMap.from(Object.keys(pods).map((one) => [one, one === first ? 'heir' : 'somebody'] as const));
  await wish({ ruleset: world(pods), owners, version: 2 });
  await clock.pass(1_000);
  expect(released.at(-1)).toEqual([first]);
  step.resolve();
  await work;
});
