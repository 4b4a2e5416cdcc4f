import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { systemClock } from '../../base/clock.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { FeedDriver } from './feed-driver.ts';
import { listText } from './feed-list.ts';
import { FeedStore } from './feed-store.ts';
import { Publication } from './publication.ts';

const OWNER = { cluster: 'lab', firewall: 'edge-1' };
const signal = new AbortController().signal;
let root: string;
let folders = 0;

beforeAll(() => (root = mkdtempSync(join(tmpdir(), 'sallyport-feed-'))));
afterAll(() => rmSync(root, { recursive: true }));

const emptyFolder = (): string => join(root, `${folders++}`);
const open = (folder: string): Publication => new Publication(new FeedStore(folder, OWNER), systemClock);
const driverOn = (publication: Publication): FeedDriver => new FeedDriver(publication, OWNER);

interface Drawn {
  readonly name: string;
  readonly use: 'Allow' | 'Deny';
  readonly members: readonly string[];
  readonly held: boolean;
}

/** Few names and addresses, so that lists come back and addresses move between them. */
const NAMES = ['web', 'pay', '../x/.. \u0000"'] as const;
const ADDRESSES = ['10.0.0.2', '10.0.0.10', '9.255.0.1', '10.0.1.0', 'fd00::2', 'fd00::10', '2001:db8::'] as const;
const drawn: fc.Arbitrary<readonly Drawn[]> = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom(...NAMES),
    use: fc.constantFrom('Allow' as const, 'Deny' as const),
    members: fc.subarray([...ADDRESSES]),
    held: fc.boolean(),
  }),
  { selector: ({ name }) => name },
);

function rulesetOf(groups: readonly Drawn[]): Ruleset {
  const made = groups.flatMap(({ name, use, members, held }) =>
    ([4, 6] as const).map((family): Group => {
      const own = members.filter((text) => text.includes(':') === (family === 6));
      const shared = { id: `g${family}-${name}`, kind: 'AddressGroup', family, deviceName: name, use } as const;
      const inside = {
        resource: `AddressGroup/${name}`,
        members: BucketMap.from(own.map((text) => [text, true as const])),
      };
      return { ...shared, ...inside, ...(held ? { held: true, members: BucketMap.empty() } : {}) };
    }),
  );
  return {
    firewall: OWNER.firewall,
    cluster: OWNER.cluster,
    destinations: PrefixSet.all,
    inside: PrefixSet.empty,
    networks: PrefixSet.empty,
    classes: new Map(),
    members: BucketMap.empty(),
    groups: new Map(made.map((group) => [group.id, group])),
    nats: [],
    established: 'Cut',
  };
}

/** Numbers decide, not letters. */
const inOrder = (members: readonly string[]): readonly string[] =>
  ['9.255.0.1', '10.0.0.2', '10.0.0.10', '10.0.1.0', '2001:db8::', 'fd00::2', 'fd00::10'].filter((text) =>
    members.includes(text),
  );

/** What the lists have to say after each wish, in the plainest words. */
function expected(wishes: readonly (readonly Drawn[])[]): Readonly<Record<string, string>> {
  const said = new Map<string, readonly string[]>();
  for (const wish of wishes) {
    const names = new Set(wish.map(({ name }) => name));
    for (const name of said.keys()) if (!names.has(name)) said.set(name, []);
    for (const { name, members, held } of wish) if (!held) said.set(name, inOrder(members));
  }
  return Object.fromEntries(
    [...said].map(([name, members]) => [name, members.map((address) => `${address}\n`).join('')]),
  );
}

const given = ({ lists }: Publication): Readonly<Record<string, string>> =>
  Object.fromEntries([...lists].map(([name, { list }]) => [name, listText(list)]));

/** Brings a wish about, as far as `steps` steps; how many there were. */
async function bring(driver: FeedDriver, wish: readonly Drawn[], most = Infinity): Promise<number> {
  const steps = driver.steps(await driver.observe(signal), driver.translate(rulesetOf(wish)));
  for (const step of steps.slice(0, most)) await driver.apply(step, signal);
  return steps.length;
}

describe('lists that a firewall fetches', () => {
  test('are those of the groups, whatever was before, and then nothing is written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(drawn, { minLength: 1, maxLength: 4 }), async (wishes) => {
        const publication = open(emptyFolder());
        const driver = driverOn(publication);
        for (const wish of wishes) {
          await bring(driver, wish);
          expect(await bring(driver, wish)).toBe(0);
        }
        expect(given(publication)).toEqual(expected(wishes));
      }),
      tries(60, 20),
    );
  });

  test('outlive the process, wherever it died, and the next one ends in the same place', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, drawn, fc.nat(3), async (before, after, lives) => {
        const folder = emptyFolder();
        const first = open(folder);
        await bring(driverOn(first), before);
        await bring(driverOn(first), after, lives);
        const second = open(folder);
        expect(given(second)).toEqual(given(first));
        await bring(driverOn(second), after);
        expect(given(second)).toEqual(expected([before, after]));
        expect(await bring(driverOn(open(folder)), after)).toBe(0);
      }),
      tries(40, 14),
    );
  });

  test('lose addresses before they gain any, where they allow', () => {
    fc.assert(
      fc.property(drawn, drawn, (before, after) => {
        const driver = driverOn(open(emptyFolder()));
        const { lists } = driver.translate(rulesetOf(before));
        const actual = { lists } as Parameters<FeedDriver['steps']>[0];
        const steps = driver.steps(actual, driver.translate(rulesetOf(after)));
        const lastUrgent = steps.findLastIndex(({ urgent }) => urgent);
        for (const [at, { urgent, joins, becomes }] of steps.entries()) {
          expect(urgent).toBe(at <= lastUrgent);
          if (urgent) expect([joins, becomes?.use]).toEqual([[], 'Allow']);
        }
      }),
      tries(60, 20),
    );
  });

  test('go when everything of ours goes, and nothing else in their folder does', async () => {
    const folder = emptyFolder();
    const publication = open(folder);
    const driver = driverOn(publication);
    await bring(driver, [{ name: 'web', use: 'Allow', members: ['10.0.0.2'], held: false }]);
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    for (const step of driver.leave(await driver.observe(signal), OWNER)) await driver.apply(step, signal);
    expect(given(publication)).toEqual({});
    expect(readdirSync(folder)).toEqual(['notes.txt']);
    expect(() => driver.leave({ lists: new Map() } as never, { ...OWNER, cluster: 'other' })).toThrow(/belong to/);
  });

  test('are kept by who gives them out, from the first reading on: what is on disk does not change under it', async () => {
    const folder = emptyFolder();
    const lockDirectory = join(folder, 'locks');
    const members = (...list: readonly string[]): readonly Drawn[] => [
      { name: 'web', use: 'Allow', members: list, held: false },
    ];
    const command = new FeedDriver(open(folder), OWNER, { lockDirectory });
    await bring(command, members('10.0.0.2'));
    const published = open(folder);
    // The command writes once more, after the lists were read and before they are kept.
    const given1 = given(published);
    await bring(command, members('10.0.0.10'));
    const running = new FeedDriver(published, OWNER, { lockDirectory, givesOut: true });
    await expect(running.observe(signal)).rejects.toMatchObject({ code: 'DEVICE_LOCKED' });
    expect(running.holds).toBe(false);
    await command.close();
    await running.observe(signal);
    expect([running.holds, given1, given(published)]).toEqual([true, { web: '10.0.0.2\n' }, { web: '10.0.0.10\n' }]);
    await expect(bring(command, members('10.0.0.2'))).rejects.toMatchObject({ code: 'DEVICE_LOCKED' });
    await running.close();
    expect(running.holds).toBe(false);
    await bring(command, members('10.0.0.2'));
    await command.close();
  });

  test('leave nothing behind of a writer that died, once they go', async () => {
    const folder = emptyFolder();
    const publication = open(folder);
    await bring(driverOn(publication), [{ name: 'web', use: 'Allow', members: ['10.0.0.2'], held: false }]);
    const [file = ''] = readdirSync(folder);
    writeFileSync(join(folder, `${file}.new`), 'half');
    await publication.remove('web');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of another owner, and files that are no lists, are told and not given out', async () => {
    const folder = emptyFolder();
    await bring(driverOn(open(folder)), [{ name: 'web', use: 'Allow', members: ['10.0.0.2'], held: false }]);
    const [file = ''] = readdirSync(folder);
    const text = readFileSync(join(folder, file), 'utf8');
    writeFileSync(join(folder, file), text.replace('"lab"', '"prod"'));
    writeFileSync(join(folder, 'half.list'), text.slice(0, 40));
    writeFileSync(join(folder, 'short.list'), text.replace('10.0.0.2\n', ''));
    writeFileSync(join(folder, 'wrong.list'), text.replace('10.0.0.2', '10.0.0.256'));
    writeFileSync(join(folder, 'copy.list'), text);
    const publication = open(folder);
    expect(given(publication)).toEqual({});
    const { notes } = await driverOn(publication).capabilities(signal);
    expect(notes.map((note) => note.replace(file, 'OTHERS').slice(0, 60))).toEqual(
      expect.arrayContaining([
        expect.stringContaining('half.list among the lists cannot be read') as string,
        expect.stringContaining('short.list among the lists is no whole list') as string,
        expect.stringContaining('wrong.list among the lists is no whole list') as string,
        expect.stringContaining('copy.list among the lists is named otherwise') as string,
        expect.stringContaining('OTHERS among the lists belongs to the cluster prod') as string,
      ]),
    );
  });

  test('hold no rules: policies, translations and tags are refused, each once', () => {
    const driver = driverOn(open(emptyFolder()));
    const ruleset = rulesetOf([{ name: 'web', use: 'Allow', members: ['10.0.0.2'], held: false }]);
    const origin = { policy: 'ClusterBorderPolicy/bank', rule: 0 };
    const nat = { id: 'n', family: 4, origin: { policy: 'SourceNAT/out' }, destination: PrefixSet.all } as const;
    const rule = {
      origin,
      family: 4,
      action: 'Allow',
      outside: { groups: [], notGroups: [], domains: [] },
      widen: false,
    } as const;
    const stage = {
      id: 's',
      layer: 'ClusterBorderPolicy',
      name: 'ClusterBorderPolicy',
      rules: [rule, rule],
      end: 'Deny',
      endOrigin: origin,
    } as const;
    const part = { id: 'p', stages: [stage], otherwise: 'Allow', otherwiseOrigin: origin } as const;
    const groups = new Map([...ruleset.groups].map(([id, group]) => [id, { ...group, form: 'Tag' } as Group]));
    const classes = new Map([['c', { id: 'c', family: 4 as const, parts: [part], widened: [] }]]);
    const wanted = driver.translate({ ...ruleset, groups, classes, nats: [{ ...nat, sources: BucketMap.empty() }] });
    expect(wanted.refusals.map(({ code, object }) => `${code} ${object ?? ''}`)).toEqual([
      'DEVICE_CANNOT_SAY ClusterBorderPolicy/bank',
      'DEVICE_CANNOT_SAY SourceNAT/out',
      'GROUP_FORM AddressGroup/web',
    ]);
    expect([wanted.lists.size, [...wanted.held]]).toEqual([0, ['web']]);
    expect(driver.translate(ruleset).refusals).toEqual([]);
  });
});
