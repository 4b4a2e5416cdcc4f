import { expect, test } from 'vitest';
import { PATIENCE_MS } from '../../../../test/kit/runs.ts';
import { world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { type AnyDriver, bring, stepsOf, translationOf } from '../../contract/harness.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';
import { FULL, registeredOn } from '../lab.fixture.ts';
import { connectToBorder, startBorder } from '../panorama/lab.fixture.ts';

const { border, connect, keep } = closedAfterEach();
const GREEDY = '10.0.0.1';

/** AddressGroups `g10`, `g11` …, and who is in all of them. */
function inGroups(count: number, own: readonly string[], letter = 'g'): ReadonlyMap<string, Group> {
  const names = Array.from({ length: count }, (_, at) => `${letter}${at + 10}`);
  return new Map(
    names.map((name) => [
      name,
      {
        id: name,
        kind: 'AddressGroup',
        family: 4,
        deviceName: name,
        resource: `AddressGroup/${name}`,
        use: 'Allow',
        members: BucketMap.from(own.map((address) => [address, true as const])),
      },
    ]),
  );
}

function withGreedy(groups: number, classOf: string, rest: Readonly<Record<string, string>> = {}): Ruleset {
  return world({ [GREEDY]: classOf, ...rest }, undefined, { groups: inGroups(groups, [GREEDY, '10.0.0.9']) });
}

/** A firewall, or two behind a Panorama, of which both have to have the same. */
async function alone(): Promise<Subject> {
  const device = await border();
  return { open: () => connect(device) as unknown as AnyDriver, lines: () => registeredOn(device, true) };
}

async function managed(): Promise<Subject> {
  const at = keep(await startBorder());
  return {
    open: () => keep(connectToBorder(at, FULL, { write: writeAtOnce })) as unknown as AnyDriver,
    lines: () => {
      const [first = [], ...others] = at.firewalls.map((one) => registeredOn(one, true));
      for (const other of others) expect(other).toEqual(first);
      return first;
    },
  };
}

interface Subject {
  readonly open: () => AnyDriver;
  readonly lines: () => readonly string[];
}

const subjects = [
  ['a firewall', alone],
  ['firewalls behind a Panorama', managed],
] as const;

test.each(subjects)(
  '%s: an address in more groups than it may have tags is in none of the last of them, told by name, and keeps nobody waiting',
  async (_, start) => {
    const { open, lines } = await start();
    const driver = open();
    const tags = (address: string): number => lines().filter((line) => line.startsWith(`${address} `)).length;
    await bring(driver, withGreedy(29, 'bank'));
    expect((await translationOf(driver, withGreedy(29, 'bank'))).refusals).toEqual([]);
    expect(tags(GREEDY)).toBe(30);
    const many = withGreedy(40, 'bank', { '10.0.0.2': 'bank' });
    await bring(driver, many);
    expect(tags('10.0.0.2')).toBe(1);
    expect(tags(GREEDY)).toBe(30);
    expect(
      lines()
        .filter((line) => line.startsWith(`${GREEDY} `))
        .join(),
    ).not.toContain('g39');
    const { refusals, leftOut = [] } = await translationOf(driver, many);
    expect(refusals.map(({ object, code }) => `${code} ${object}`)).toEqual(
      Array.from({ length: 11 }, (_, at) => `ADDRESS_TAGS AddressGroup/g${at + 39}`),
    );
    expect(refusals[0]?.message).toContain(`${GREEDY} and 1 other`);
    expect(leftOut.map(({ group, members }) => [group, [...members]])).toEqual(
      Array.from({ length: 11 }, (_, at) => [`g${at + 39}`, [GREEDY, '10.0.0.9']]),
    );
    // A move joins before it leaves.
    await bring(driver, withGreedy(40, 'shop', { '10.0.0.2': 'bank' }));
    expect(tags(GREEDY)).toBe(30);
    expect(await stepsOf(open(), withGreedy(40, 'shop', { '10.0.0.2': 'bank' }))).toEqual([]);
  },
  PATIENCE_MS,
);

test.each(subjects)(
  '%s: an address that changes all of its groups at once gets there, whether they are new or not',
  async (_, start) => {
    const { open, lines } = await start();
    const driver = open();
    const tags = (letter: string): number =>
      lines().filter((line) => line.startsWith(`${GREEDY} `) && line.includes(`.${letter}`)).length;
    const inside = (letter: string): Ruleset =>
      world({ [GREEDY]: 'bank' }, undefined, { groups: inGroups(29, [GREEDY], letter) });
    await bring(driver, inside('g'));
    expect(tags('g')).toBe(29);
    await bring(driver, inside('h'));
    expect([tags('g'), tags('h')]).toEqual([0, 29]);
    // All stand there before and after.
    const both = (mine: string, other: string): Ruleset =>
      world({ [GREEDY]: 'bank' }, undefined, {
        groups: new Map([...inGroups(25, [GREEDY], mine), ...inGroups(25, [], other)]),
      });
    await bring(driver, both('h', 'g'));
    await bring(driver, both('g', 'h'));
    expect([tags('g'), tags('h')]).toEqual([25, 0]);
  },
  PATIENCE_MS,
);
