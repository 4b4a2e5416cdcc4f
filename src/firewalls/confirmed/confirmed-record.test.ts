import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sealed } from '../../../test/kit/record-on-disk.ts';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { tries } from '../../../test/kit/runs.ts';
import { allowing, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { atOnce } from '../../base/pieces.ts';
import { behaviourOf } from '../../plan/ruleset-behaviour.ts';
import { settingsText } from '../../plan/canonical.ts';
import {
  type ConfirmedRecord,
  type KnownState,
  changedLines,
  headLine,
  readRecord,
  rulesLine,
} from './confirmed-record.ts';
import { ownerDigest } from './owner-versions.ts';
import { recalling } from '../worker/recalling.ts';

const OF = { cluster: 'lab', firewall: 'edge-1', device: 'd' };
const head = headLine(OF, undefined);
/** As it is written whole. */
const wholeOf = (state: KnownState): string => head + rulesLine(state.ruleset) + linesOf(undefined, state);

function linesOf(before: KnownState | undefined, after: KnownState): string {
  return atOnce(changedLines(before, after)).join('');
}

function read(text: string, of = OF): ConfirmedRecord | string {
  return atOnce(readRecord(text, of));
}

const anyState: fc.Arbitrary<KnownState> = rulesets().chain((ruleset) =>
  fc
    .dictionary(
      fc.constantFrom(...ruleset.members.keys(), '10.9.9.9', 'fd00::9'),
      fc.constantFrom('a', 'node b', 'c d'),
    )
    .map((owners) => ({ ruleset, owners: BucketMap.from(Object.entries(owners)) })),
);

/** All that a record says, to be compared. */
function said(record: ConfirmedRecord | string): unknown {
  if (typeof record === 'string') return record;
  const { rules, addresses } = record;
  return [rules, new Map([...addresses].toSorted(([a], [b]) => (a < b ? -1 : 1)))];
}

describe('what is written', () => {
  test('is read back: all rules, and all that is said of each address', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const record = read(sealed(wholeOf(state)));
        if (typeof record === 'string') throw new Error(record);
        expect(rulesLine({ ...state.ruleset, ...record.rules })).toBe(rulesLine(state.ruleset));
        expect(settingsText({ ...state.ruleset, ...record.rules })).toBe(settingsText(state.ruleset));
        for (const [address, one] of record.addresses) {
          expect(one.class).toBe(state.ruleset.members.get(address));
          const holders = state.owners.get(address)?.match(/(?:node )?\S+/g) ?? [];
          expect(one.owners).toEqual(holders.map(ownerDigest));
          const lists = [...state.ruleset.groups.values()].filter(
            (group) => group.kind === 'AddressGroup' && group.members.has(address),
          );
          expect(one.groups).toEqual(lists.map(({ id }) => id));
          const targets = state.ruleset.nats.flatMap(({ id, sources }) => {
            const target = sources.get(address);
            return target === undefined ? [] : [[id, target]];
          });
          expect([...one.targets]).toEqual(targets);
        }
        for (const address of [...state.ruleset.members.keys(), ...state.owners.keys()])
          expect(record.addresses.has(address)).toBe(true);
      }),
      tries(60, 20),
    );
  });

  test('line after line says what the last state says, whatever was before', () => {
    fc.assert(
      fc.property(fc.array(anyState, { minLength: 2, maxLength: 4 }), (states) => {
        const [first, ...rest] = states as [KnownState, ...KnownState[]];
        const parts = [wholeOf(first)];
        let before = first;
        for (const state of rest) {
          parts.push(rulesLine(state.ruleset) + linesOf(before, state));
          before = state;
        }
        expect(said(read(sealed(...parts)))).toEqual(said(read(sealed(wholeOf(before)))));
      }),
      tries(40, 20),
    );
  });

  test('and broke off anywhere says what was last written to its end', () => {
    const ruleset = world({ '10.0.0.1': 'bank' }, [allowing('bank', '203.0.113.0/24', 443)]);
    const states: readonly KnownState[] = [
      { ruleset, owners: BucketMap.from([['10.0.0.1', 'a']]) },
      { ruleset, owners: BucketMap.from(Object.entries({ '10.0.0.1': 'b', '10.0.0.2': 'c' })) },
      { ruleset: { ...ruleset, members: BucketMap.empty() }, owners: BucketMap.from([['10.0.0.2', 'c']]) },
    ];
    const parts = states.map((state, at) => (at === 0 ? wholeOf(state) : linesOf(states[at - 1], state)));
    const text = sealed(...parts);
    const ends = parts.map((_, at) => sealed(...parts.slice(0, at + 1)).length);
    for (let length = 0; length <= text.length; length++) {
      const last = states[ends.filter((end) => end <= length).length - 1];
      const expected = last === undefined ? 'it breaks off' : said(read(sealed(wholeOf(last))));
      expect([length, said(read(text.slice(0, length)))]).toEqual([length, expected]);
    }
    expect(new Set(states.map((state) => JSON.stringify(linesOf(undefined, state)))).size).toBe(3);
  });

  test('of a device that shows just that is what was confirmed, for whoever reads it', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const record = read(sealed(wholeOf(state)));
        if (typeof record === 'string') throw new Error(record);
        const known = atOnce(recalling(record, { behaviour: behaviourOf(state.ruleset) }, state));
        if (typeof known === 'string') return;
        const { classes, ...rest } = known.ruleset;
        expect(settingsText(rest as typeof known.ruleset)).toBe(settingsText(state.ruleset));
        expect(new Map(known.ruleset.members.entries())).toEqual(new Map(state.ruleset.members.entries()));
        expect(new Map(known.owners.entries())).toEqual(new Map(state.owners.entries()));
        expect(new Set(classes.keys())).toEqual(new Set([...state.ruleset.members.entries()].map(([, id]) => id)));
      }),
      tries(60, 20),
    );
  });

  test('nothing is said of what is the same', () => {
    const state = { ruleset: world({ '10.0.0.1': 'bank' }), owners: BucketMap.from([['10.0.0.1', 'a']]) };
    expect(linesOf(state, state)).toBe('');
    const free = state.owners.with([['10.0.0.1', undefined]]);
    expect(linesOf(state, { ...state, owners: free })).toBe('["10.0.0.1",[]]\n');
    expect(linesOf(state, { ruleset: world({}), owners: free })).toBe('["10.0.0.1",[],"",[],[]]\n');
  });
});

describe('what is read', () => {
  const state: KnownState = {
    ruleset: world({ '10.0.0.1': 'bank' }, [allowing('bank', '203.0.113.0/24', 443)]),
    owners: BucketMap.from([['10.0.0.1', 'a']]),
  };
  const rules = rulesLine(state.ruleset);
  const digest = ownerDigest('a');
  const whole = wholeOf(state);

  test('is a record', () => {
    expect(read(sealed(whole))).toBeTypeOf('object');
    expect(read(sealed(head + rules))).toMatchObject({ addresses: new Map() });
  });

  const FIRST = 'its first line is none that this version writes';
  test.each([
    ['nothing', '', 'it breaks off'],
    ['a first line without an end', head.slice(0, -1), 'it breaks off'],
    ['nothing sealed', whole, 'it breaks off'],
    ['all but the end of its seal', sealed(whole).slice(0, -1), 'it breaks off'],
    ['an empty line', '\n', FIRST],
    ['rules before anything else', rules + head, FIRST],
    ['another version', whole.replace('"version":2', '"version":1'), FIRST],
    ['more in its first line', whole.replace('"writer":null', '"writer":null,"more":1'), FIRST],
    ['a writer that cannot be', whole.replace('"writer":null', '"writer":{"lease":"u","number":-1}'), FIRST],
    ['no rules', sealed(head + linesOf(undefined, state)), 'it is damaged'],
  ])('as a text with %s is none', (_, text, why) => {
    expect(read(text)).toBe(why);
  });

  test.each([
    [{ ...OF, cluster: 'other' }, 'it is of another firewall'],
    [{ ...OF, firewall: 'edge-2' }, 'it is of another firewall'],
    [{ ...OF, device: 'e' }, 'the BorderFirewall named another device then'],
  ])('for %o is none: %s', (of, why) => {
    expect(read(sealed(whole), of)).toBe(why);
  });

  test.each([
    '',
    'null',
    '{}',
    '[]',
    '["10.0.0.1"]',
    '["10.0.0.01",[]]',
    '["nobody",[]]',
    '["10.0.0.0/24",[]]',
    '["FD00::1",[]]',
    '["10.0.0.1",["a"]]',
    '["10.0.0.1",7]',
    '["10.0.0.1",[],"bank",[]]',
    '["10.0.0.1",[],"bank",[],[],[]]',
    '["10.0.0.1/32",[],"bank",[],[]]',
    '["10.0.0.1",["a"],"bank",[],[]]',
    `["10.0.0.1",["${digest.slice(1)}"],"bank",[],[]]`,
    `["10.0.0.1",["${digest.toUpperCase()}"],"bank",[],[]]`,
    '["10.0.0.1",[],7,[],[]]',
    '["10.0.0.1",[],"bank",[7],[]]',
    '["10.0.0.1",[],"bank",[],[["nat"]]]',
    '["10.0.0.1",[],"bank",[],[["nat","nowhere"]]]',
    '["10.0.0.1",[],"bank",[],[["nat","203.0.113.007"]]]',
    '["10.0.0.1",[],"bank",[],[["nat","hold"]]]',
    '["10.0.0.1",[],"ba',
    'R',
    'R{}',
    'Rnull',
  ])('the line %j is damage, wherever it stands', (line) => {
    for (const text of [sealed(head + rules + `${line}\n` + linesOf(undefined, state)), sealed(whole, `${line}\n`)])
      expect([line, read(text)]).toEqual([line, 'it is damaged']);
  });

  test.each([
    ['"family":4', '"family":5'],
    ['"established":"Cut"', '"established":"Maybe"'],
    ['"action":"Allow"', '"action":"Perhaps"'],
    ['203.0.113.0/24', '203.0.113.0/33'],
    ['203.0.113.0/24', 'everywhere'],
    ['[[443,443]]', '[[443,442]]'],
    ['[[443,443]]', '[[443,65536]]'],
    ['[[443,443]]', '[[443.5,444]]'],
    ['"widen":false', '"widen":false,"more":1'],
    [',"widen":false', ''],
    ['"widened":[]', '"widened":{}'],
    ['"nats":[]', '"nats":[{}]'],
    ['"groups":[]', '"groups":[{"id":"g","kind":"Other","family":4}]'],
    ['"classes":[', '"more":[],"classes":['],
    ['"settings":{', '"settings":{"more":1,'],
  ])('rules that say %s as %s are damage', (was, becomes) => {
    const broken = rules.replaceAll(was, becomes);
    expect(broken).not.toBe(rules);
    expect(read(sealed(head + broken))).toBe('it is damaged');
  });

  test('a hand that sets what nobody wrote finds no owner in it', () => {
    expect(digest).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(['a', 'b', 'node a', 'a b'].map(ownerDigest)).size).toBe(4);
  });
});
