import { expect, test } from 'vitest';
import { PATIENCE_MS } from '../../../../test/kit/runs.ts';
import { world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { type AnyDriver, bring, stepsOf, translationOf } from '../../contract/harness.ts';
import { registeredOn } from '../lab.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';

const { border, connect } = closedAfterEach();
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

test(
  'an address in more groups than it may have tags is in none of the last of them, told by name, and keeps nobody waiting',
  async () => {
    const device = await border();
    const driver = connect(device) as unknown as AnyDriver;
    const tags = (address: string): number =>
      registeredOn(device, true).filter((line) => line.startsWith(`${address} `)).length;
    await bring(driver, withGreedy(29, 'bank'));
    expect((await translationOf(driver, withGreedy(29, 'bank'))).refusals).toEqual([]);
    expect(tags(GREEDY)).toBe(30);
    const many = withGreedy(40, 'bank', { '10.0.0.2': 'bank' });
    await bring(driver, many);
    expect(tags('10.0.0.2')).toBe(1);
    expect(tags(GREEDY)).toBe(30);
    expect(
      registeredOn(device, true)
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
    expect(
      await stepsOf(connect(device) as unknown as AnyDriver, withGreedy(40, 'shop', { '10.0.0.2': 'bank' })),
    ).toEqual([]);
  },
  PATIENCE_MS,
);

test(
  'an address that changes all of its groups at once gets there, whether they are new or not',
  async () => {
    const device = await border();
    const driver = connect(device) as unknown as AnyDriver;
    const tags = (letter: string): number =>
      registeredOn(device, true).filter((line) => line.startsWith(`${GREEDY} `) && line.includes(`.${letter}`)).length;
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
