import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { rule, rules, vsys } from './client.fixture.ts';
import { PanOs } from './index.ts';

type Parameters = Readonly<Record<string, string>>;

interface Request {
  readonly admin: string;
  readonly parameters: Parameters;
}

const addresses = ['a1', 'a2', 'a3'];
const groups = ['g1', 'g2'];
const named = fc.constantFrom(...addresses, ...groups, '10.9.9.9');
const addressAt = fc.constantFrom(...addresses).map((name) => `${vsys}/address/entry[@name='${name}']`);
const groupAt = fc.constantFrom(...groups).map((name) => `${vsys}/address-group/entry[@name='${name}']`);
const ruleAt = fc.constantFrom('r1', 'r2', 'r3').map((name) => `${rules}/entry[@name='${name}']`);
const anywhere = fc.oneof(addressAt, groupAt, ruleAt);
const nameOf = (xpath: string): string => /@name='([^']*)'\]$/.exec(xpath)?.[1] ?? '';
const list = (all: readonly string[]): string =>
  `<static>${all.map((one) => `<member>${one}</member>`).join('')}</static>`;
const ip = fc.integer({ min: 0, max: 255 }).map((last) => `<ip-netmask>10.0.0.${last}</ip-netmask>`);
const element = (xpath: string): fc.Arbitrary<string> =>
  xpath.includes('/address/')
    ? ip
    : xpath.includes('-group/')
      ? fc.array(named, { minLength: 1, maxLength: 3 }).map(list)
      : named.map((source) => rule({ source }));

const edit: fc.Arbitrary<Parameters> = fc.oneof(
  {
    weight: 4,
    arbitrary: anywhere.chain((xpath) => element(xpath).map((given) => ({ action: 'set', xpath, element: given }))),
  },
  {
    weight: 2,
    arbitrary: anywhere.chain((xpath) =>
      element(xpath).map((given) => ({
        action: 'edit',
        xpath,
        element: `<entry name="${nameOf(xpath)}">${given}</entry>`,
      })),
    ),
  },
  { weight: 3, arbitrary: anywhere.map((xpath) => ({ action: 'delete', xpath })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(groupAt, named)
      .map(([at, one]) => ({ action: 'delete', xpath: `${at}/static/member[text()='${one}']` })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(groupAt, named)
      .map(([at, one]) => ({ action: 'set', xpath: `${at}/static`, element: `<member>${one}</member>` })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(ruleAt, fc.constantFrom('top', 'bottom'))
      .map(([xpath, where]) => ({ action: 'move', xpath, where })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.oneof(addressAt, groupAt), named)
      .map(([xpath, newname]) => ({ action: 'rename', xpath, newname })),
  },
  { weight: 1, arbitrary: fc.constant({ action: 'delete', xpath: `${vsys}/address` }) },
);
const attributes = ({ xpath = '', where = '', newname = '' }: Parameters): string =>
  ` xpath="${xpath}"${where === '' ? '' : ` where="${where}"`}${newname === '' ? '' : ` newname="${newname}"`}`;
const batch: fc.Arbitrary<Parameters> = fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => ({
  action: 'multi-config',
  element: `<multi-config>${edits.map((one) => `<${one['action']}${attributes(one)}>${one['element'] ?? ''}</${one['action']}>`).join('')}</multi-config>`,
}));
const admins = ['ann', 'bob'];
const commits = [
  '<commit/>',
  ...admins.map((admin) => `<commit><partial><admin><member>${admin}</member></admin></partial></commit>`),
];
const request: fc.Arbitrary<Request> = fc.record({
  admin: fc.constantFrom(...admins),
  parameters: fc.oneof(
    { weight: 6, arbitrary: edit.map((one) => ({ type: 'config', ...one })) },
    { weight: 2, arbitrary: batch.map((one) => ({ type: 'config', ...one })) },
    { weight: 2, arbitrary: fc.constantFrom(...commits).map((cmd) => ({ type: 'commit', cmd })) },
  ),
});

async function device(referencesAt: 'edit' | 'commit') {
  const clock = new FakeClock();
  const firewall = await PanOs.start({
    plain: true,
    zones: ['k8s', 'internet'],
    clock,
    commitMs: 1,
    quirks: { referencesAt },
  });
  return Object.assign(firewall, {
    /** Whether it was done; a commit is waited for. */
    ask: ({ admin, parameters }: Request): boolean => {
      const answer = firewall.byHand(parameters, admin);
      clock.advance(1);
      return answer.attributes.get('status') === 'success';
    },
  });
}

/** Read from the text of a dump alone: names that are used, and that nothing defines. */
function lost(dump: string): readonly string[] {
  const section = (name: string): string => new RegExp(`<${name}>([^]*?)</${name}>`).exec(dump)?.[1] ?? '';
  const defined = new Set(
    ['address', 'address-group'].flatMap((name) =>
      [...section(name).matchAll(/<entry name="([^"]*)">/g)].map(([, one]) => one),
    ),
  );
  const used = [...dump.matchAll(/<(?:static|source)>([^]*?)<\/(?:static|source)>/g)].flatMap(([, inside = '']) =>
    [...inside.matchAll(/<member>([^<]*)<\/member>/g)].map(([, one = '']) => one),
  );
  return used.filter((name) => !defined.has(name) && !/^\d/.test(name) && name !== 'any');
}

describe.each(['edit', 'commit'] as const)(
  'whatever two administrators do, with names looked at by the %s',
  (referencesAt) => {
    test('what runs never names what is not there; a dump is loaded again; a refusal leaves no trace', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(request, { maxLength: 40, size: 'max' }), async (requests) => {
          await using firewall = await device(referencesAt);
          for (const one of requests) {
            const before = { candidate: firewall.dumpCandidate(), running: firewall.dump() };
            const done = firewall.ask(one);
            expect(lost(firewall.dump())).toEqual([]);
            if (referencesAt === 'edit' || !done)
              expect(done ? [] : firewall.dumpCandidate()).toEqual(done ? [] : before.candidate);
            // Edits change the candidate, commits what runs, and nothing else.
            if (one.parameters['type'] === 'config') expect(firewall.dump()).toBe(before.running);
            else expect(firewall.dumpCandidate()).toBe(before.candidate);
          }
          if (referencesAt === 'edit') expect(lost(firewall.dumpCandidate())).toEqual([]);
          const dump = firewall.dump();
          firewall.load(dump);
          expect(firewall.dump()).toBe(dump);
        }),
        tries(25, 9),
      );
    });
  },
);

describe('commits', () => {
  const ofTheirOwn = (admin: string): fc.Arbitrary<Request> =>
    fc.tuple(fc.constantFrom('1', '2', '3'), ip, fc.boolean()).map(([number, given, removes]) => ({
      admin,
      parameters: {
        type: 'config',
        action: removes ? 'delete' : 'set',
        xpath: `${vsys}/address/entry[@name='${admin}${number}']`,
        ...(removes ? {} : { element: given }),
      },
    }));

  test("one after the other, of each administrator's own work, in either order, are one of everything", async () => {
    const work = fc.array(fc.oneof(...admins.map(ofTheirOwn)), { maxLength: 15, size: 'max' });
    await fc.assert(
      fc.asyncProperty(work, work, fc.shuffledSubarray(admins, { minLength: 2 }), async (early, late, order) => {
        await using firewall = await device('edit');
        for (const one of early) firewall.ask(one);
        firewall.ask({ admin: 'ann', parameters: { type: 'commit', cmd: '<commit/>' } });
        for (const one of late) firewall.ask(one);
        for (const [index, admin] of order.entries()) {
          const others = new RegExp(`<entry name="${order[1 - index]}\\d">[^]*?</entry>`, 'g');
          const before = firewall.dump().match(others);
          firewall.ask({ admin, parameters: { type: 'commit', cmd: commits[1 + admins.indexOf(admin)] ?? '' } });
          expect(firewall.dump().match(others)).toEqual(before);
        }
        expect(firewall.dump()).toBe(firewall.dumpCandidate());
        expect(firewall.configuration.pending).toEqual([]);
      }),
      tries(25, 9),
    );
  });

  test('that fail change nothing that runs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { maxLength: 15, size: 'max' }),
        fc.constantFrom(...commits),
        async (requests, cmd) => {
          await using firewall = await device('edit');
          for (const one of requests) firewall.ask(one);
          const before = [firewall.dump(), firewall.dumpCandidate(), firewall.configuration.pending.length];
          firewall.failNextCommit();
          firewall.ask({
            admin: 'ann',
            parameters: {
              type: 'commit',
              cmd: cmd.replace('<commit>', '<commit><force/>').replace('<commit/>', '<commit><force/></commit>'),
            },
          });
          expect([firewall.dump(), firewall.dumpCandidate(), firewall.configuration.pending.length]).toEqual(before);
        },
      ),
      tries(18, 6),
    );
  });
});
