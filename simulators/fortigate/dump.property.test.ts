import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { GLOBAL } from './configuration.ts';
import { CmdbFault } from './fault.ts';
import { FortiGate } from './fortigate.ts';
import type { Hand } from './hand.ts';
import { namesOf, rowsOf, textOf } from './row.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'all', 'none', 'x y', 'q"\\', 'g-feed');
const among = (...all: string[]) =>
  fc.subarray(all, { maxLength: 3 }).map((some) => some.map((one) => ({ name: one })));
/** Names that are often there: the world below begins with most of them. */
const members = fc.oneof(
  { weight: 5, arbitrary: among('a', 'b', 'g', 'h', 'k') },
  { weight: 1, arbitrary: among('c', 'd', 'x y') },
);
const members6 = among('six', 'g6', 'h6');
const group = fc.constantFrom('g', 'h', 'k');
const group6 = fc.constantFrom('g6', 'h6');

/** Where every run begins. */
function begin(hand: Hand): void {
  for (const one of ['a', 'b']) hand.create('firewall/address', { name: one, subnet: '10.0.0.3/32' });
  hand.create('firewall/address6', { name: 'six', ip6: 'fd00::1/128' });
  for (const one of ['k', 'h', 'g']) hand.create('firewall/addrgrp', { name: one, member: [{ name: 'a' }] });
  for (const one of ['h6', 'g6']) hand.create('firewall/addrgrp6', { name: one, member: [{ name: 'six' }] });
  hand.create('firewall/ippool', { name: 'p', startip: '203.0.113.1', endip: '203.0.113.2' });
  const all = { srcaddr: [{ name: 'a' }], dstaddr: [{ name: 'g' }], service: [{ name: 'HTTPS' }], schedule: 'always' };
  for (let n = 0; n < 3; n++)
    hand.create('firewall/policy', {
      ...all,
      srcintf: [{ name: 'any' }],
      dstintf: [{ name: 'any' }],
      action: 'accept',
    });
}
const side = fc.constantFrom('before', 'after');
const id = fc.nat(4).map((n) => String(n + 1));

type Operation = readonly [what: string, does: (hand: Hand) => void];

const address = fc
  .tuple(
    name,
    fc.constantFrom('10.0.0.1/32', '10.0.0.3/32', '10.0.0.4/32', '0.0.0.0/0'),
    fc.constantFrom('', 'kfw:a', 'two\nlines', 'say "hi" \\'),
  )
  .map(
    ([one, subnet, comment]): Operation => [
      `address ${one}`,
      (hand) => hand.create('firewall/address', { name: one, subnet, comment }),
    ],
  );
const policyBody = fc.record({
  srcaddr: members,
  dstaddr: members,
  srcaddr6: members6,
  dstaddr6: members6,
  service: fc.constantFrom([{ name: 'HTTPS' }], [{ name: 'Web Access' }, { name: 'DNS' }], []),
  schedule: fc.constantFrom('always', 'always', 'none', ''),
  nat: fc.constantFrom('enable', 'disable'),
  ippool: fc.constantFrom('enable', 'disable'),
  poolname: fc.constantFrom([], [{ name: 'p' }]),
  comments: fc.constantFrom('', 'of\npeople'),
  srcintf: fc.constantFrom([{ name: 'port1' }], [{ name: 'any' }]),
  dstintf: fc.constant([{ name: 'port2' }]),
});

const operation: fc.Arbitrary<Operation> = fc.oneof(
  address,
  fc
    .tuple(name, members)
    .map(
      ([one, member]): Operation => [`group ${one}`, (hand) => hand.create('firewall/addrgrp', { name: one, member })],
    ),
  fc
    .tuple(name, fc.nat(9))
    .map(
      ([one, n]): Operation => [
        `address6 ${one}`,
        (hand) => hand.create('firewall/address6', { name: one, ip6: `fd00::${n}/128` }),
      ],
    ),
  fc
    .tuple(name, members)
    .map(
      ([one, member]): Operation => [
        `group6 ${one}`,
        (hand) => hand.create('firewall/addrgrp6', { name: one, member }),
      ],
    ),
  fc.constant<Operation>([
    'pool',
    (hand) => hand.create('firewall/ippool', { name: 'p', startip: '203.0.113.1', endip: '203.0.113.2' }),
  ]),
  fc.constant<Operation>([
    'feed',
    (hand) => hand.create('system/external-resource', { name: 'd', type: 'address', password: 'word' }),
  ]),
  policyBody.map((body): Operation => ['policy', (hand) => hand.create('firewall/policy', body)]),
  fc
    .tuple(id, policyBody)
    .map(([key, body]): Operation => [`policy ${key} set`, (hand) => hand.set('firewall/policy', key, body)]),
  fc
    .tuple(id, side, id)
    .map(
      ([key, where, target]): Operation => [
        `policy ${key} moved`,
        (hand) => hand.move('firewall/policy', key, where, target),
      ],
    ),
  fc
    .constantFrom<readonly [string, string]>(
      ...['a', 'b', 'c', 'all'].map((one) => ['firewall/address', one] as const),
      ...['g', 'h', 'k', 'd'].map((one) => ['firewall/addrgrp', one] as const),
      ...['six', 'a', 'none'].map((one) => ['firewall/address6', one] as const),
      ...['g6', 'h6'].map((one) => ['firewall/addrgrp6', one] as const),
      ...['HTTPS', 'SSH', 'DNS'].map((one) => ['firewall.service/custom', one] as const),
      ['firewall/ippool', 'p'],
      ['system/external-resource', 'd'],
    )
    .map(([table, one]): Operation => [`${table} ${one} deleted`, (hand) => hand.delete(table, one)]),
  id.map((key): Operation => [`policy ${key} deleted`, (hand) => hand.delete('firewall/policy', key)]),
  fc
    .tuple(fc.constantFrom('firewall/address', 'firewall/addrgrp'), fc.constantFrom('a', 'b', 'g', 'h'), name)
    .map(([table, one, to]): Operation => [`${table} ${one} is ${to}`, (hand) => hand.rename(table, one, to)]),
  fc
    .tuple(group6, among('six', 'a', 'g6', 'h6'))
    .map(([one, member]): Operation => [`members of ${one}`, (hand) => hand.set('firewall/addrgrp6', one, { member })]),
  fc
    .tuple(group, members)
    .map(([one, member]): Operation => [`members of ${one}`, (hand) => hand.set('firewall/addrgrp', one, { member })]),
  fc
    .constantFrom('enable', 'disable')
    .map((on): Operation => [`central-nat ${on}`, (hand) => hand.settings('system/settings', { 'central-nat': on })]),
);

/** Every name that something has, where there is no such thing; written out again, apart from the schema of the tables. */
function dangling(device: FortiGate): readonly string[] {
  const { running } = device.live.device;
  const has = (tables: readonly string[], one: string): boolean =>
    tables.some((table) => [GLOBAL, 'root'].some((vdom) => running.row(vdom, table, one) !== undefined));
  const fields: readonly (readonly [string, string, readonly string[]])[] = [
    ['firewall/addrgrp', 'member', ['firewall/address', 'firewall/addrgrp']],
    ['firewall/addrgrp6', 'member', ['firewall/address6', 'firewall/addrgrp6']],
    ['firewall/policy', 'srcaddr', ['firewall/address', 'firewall/addrgrp', 'system/external-resource']],
    ['firewall/policy', 'dstaddr', ['firewall/address', 'firewall/addrgrp', 'system/external-resource']],
    ['firewall/policy', 'srcaddr6', ['firewall/address6', 'firewall/addrgrp6', 'system/external-resource']],
    ['firewall/policy', 'dstaddr6', ['firewall/address6', 'firewall/addrgrp6', 'system/external-resource']],
    ['firewall/policy', 'service', ['firewall.service/custom', 'firewall.service/group']],
    ['firewall.service/group', 'member', ['firewall.service/custom', 'firewall.service/group']],
    ['firewall/policy', 'poolname', ['firewall/ippool']],
  ];
  return fields.flatMap(([table, field, to]) =>
    [...running.table('root', table)].flatMap(([key, row]) =>
      namesOf(row, field)
        .filter((one) => !has(to, one))
        .map((one) => `${table} ${key} ${field} ${one}`),
    ),
  );
}

/** Groups that reach themselves. */
function loops(device: FortiGate): readonly string[] {
  const { running } = device.live.device;
  const groups = new Map([...running.table('root', 'firewall/addrgrp'), ...running.table('root', 'firewall/addrgrp6')]);
  const reaches = (from: string, wanted: string, depth: number): boolean =>
    depth > 10 ||
    rowsOf(groups.get(from) ?? {}, 'member').some(
      (one) => textOf(one, 'name') === wanted || reaches(textOf(one, 'name'), wanted, depth + 1),
    );
  return [...groups.keys()].filter((one) => reaches(one, one, 0));
}

describe('random operations', () => {
  test('leave nothing dangling, no loops, and a dump that loads to itself; a refusal changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (operations) => {
        await using device = await FortiGate.start({ plain: true, version: '7.4.8' });
        begin(device.hand);
        for (const [what, does] of operations) {
          const before = device.dump();
          try {
            does(device.hand);
          } catch (thrown) {
            if (!(thrown instanceof CmdbFault)) throw thrown;
            expect(device.dump(), what).toBe(before);
          }
        }
        expect(dangling(device)).toEqual([]);
        expect(loops(device)).toEqual([]);
        const dump = device.dump();
        await using other = await FortiGate.start({ plain: true, version: '7.4.8' });
        other.load(dump);
        expect(other.dump()).toBe(dump);
        // What is not told in the dump is not there: the same questions have the same answers.
        const flow = {
          source: '10.0.0.3',
          destination: '10.0.0.4',
          protocol: 'tcp',
          destinationPort: 443,
          from: 'port1',
          to: 'port2',
        };
        expect(other.wouldPass(flow)).toEqual(device.wouldPass(flow));
      }),
      tries(40, 8),
    );
  });
});

test('a text that is no dump is refused with its line', async () => {
  await using device = await FortiGate.start({ plain: true });
  const before = device.dump();
  for (const [text, why] of [
    ['config firewall adress\nend\n', 'line 1, "config firewall adress": this is no table'],
    ['config firewall address\n    set x y\n', 'line 2, "set x y": this is no entry'],
    [
      'config firewall address\n    edit "x"\n        set colour 3\n',
      'line 3, "set colour 3": there is no field colour',
    ],
    [
      'config firewall addrgrp\n    edit "x"\n        set member "y"\n    next\nend\n',
      'line 2, "edit x": entry not found',
    ],
  ] as const)
    expect(() => device.load(text)).toThrow(why);
  expect(device.dump()).toBe(before);
});
