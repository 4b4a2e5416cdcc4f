import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rulesets } from '../../../../test/kit/rulesets.ts';
import { PATIENCE_MS, tries } from '../../../../test/kit/runs.ts';
import { type AnyDriver, bring, translationOf } from '../../contract/harness.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { compare } from '../firewall/compared.fixture.ts';
import { FULL, byHand, commitByHand } from '../lab.fixture.ts';
import { OBJECTS, type Theirs, placeRule, registerTagged, theirs } from '../flows/others-world.fixture.ts';
import { type Border, commitOn, connectToBorder, editGroup, groupOn, pushFrom, startBorder } from './lab.fixture.ts';
import { nameOf } from '../api/xml.ts';

const signal = new AbortController().signal;
type Edit = (action: string, path: string, rest?: Readonly<Record<string, string>>) => void;

/** Two firewalls behind a Panorama, with the names of others. */
async function start(): Promise<Border> {
  const border = await startBorder();
  const { panorama, firewalls } = border;
  for (const [folder, name, element, isShared] of OBJECTS)
    (isShared ? editShared(border) : editOf(border))('set', `/${folder}/entry[@name='${name}']`, { element });
  // The rule next to which ours stand is for nobody, so that rules below are asked too.
  editGroup(panorama, 'edit', "/pre-rulebase/security/rules/entry[@name='rest']/source", {
    element: '<source><member>192.0.2.66</member></source>',
  });
  for (const firewall of firewalls) registerTagged(firewall);
  return border;
}

const editOf =
  ({ panorama }: Border): Edit =>
  (action, path, rest) =>
    editGroup(panorama, action, path, rest);

const editShared =
  ({ panorama }: Border): Edit =>
  (action, path, rest) =>
    panorama.byHand({ type: 'config', action, xpath: `/config/shared${path}`, ...rest }, 'alice');

/** Where rules of others stand: of the group and of all, above and below, and on each firewall itself. */
function homes(border: Border): readonly (readonly [edit: Edit, rules: string, isOurs: boolean])[] {
  const own: Edit = (action, path, rest) => {
    for (const firewall of border.firewalls) byHand(firewall, action, path, rest);
  };
  return [
    [editOf(border), '/pre-rulebase/security/rules', true],
    [own, '/rulebase/security/rules', false],
    [editOf(border), '/post-rulebase/security/rules', false],
    [editShared(border), '/post-rulebase/security/rules', false],
    [editShared(border), '/pre-rulebase/security/rules', false],
  ];
}

async function inForce({ panorama, firewalls }: Border): Promise<void> {
  await commitOn(panorama);
  await pushFrom(panorama);
  for (const firewall of firewalls) await commitByHand(firewall);
}

/** The template has these zones alone. */
const known = (one: Theirs): Theirs => {
  const zones = (list: readonly string[]): readonly string[] =>
    list.map((name) => (name === 'lab' ? 'internet' : name));
  return { ...one, from: zones(one.from), to: zones(one.to) };
};

test.each([
  ['plain rules', true],
  ['rules with parts that nobody can know', false],
] as const)(
  'of %s of a Panorama and its firewalls nothing is told as sure that is not so',
  async (_title, isPlain) => {
    await using border = await start();
    const seen = { passes: 0, drops: 0, unknown: 0 };
    const places = homes(border);
    const home = (one: Theirs) => places[one.home % places.length] ?? places[0];
    await fc.assert(
      fc.asyncProperty(
        rulesets({ addressGroups: false, translations: false, portsAlone: true }),
        fc.array(theirs(isPlain).map(known), { minLength: 3, maxLength: 9 }),
        async (ruleset, rules) => {
          const connected = connectToBorder(border, FULL, { write: writeAtOnce });
          const driver = connected as unknown as AnyDriver;
          fc.pre((await translationOf(driver, ruleset)).refusals.length === 0);
          await bring(driver, ruleset);
          const ours = groupOn(border.panorama.dump())
            .security.map(nameOf)
            .filter((name) => name.startsWith('sp-'));
          for (const [at, one] of rules.entries()) {
            const [edit, path, isOurs] = home(one) ?? [];
            if (edit !== undefined && path !== undefined)
              placeRule(edit, path, `theirs-${at}`, one, isOurs === true ? ours : []);
          }
          await inForce(border);
          try {
            const passages = await driver.passages?.(signal);
            if (passages === undefined) throw new Error('the driver answers no questions about flows');
            compare(border.firewalls, passages, ruleset, seen);
          } finally {
            for (const [at, one] of rules.entries())
              home(one)?.[0]('delete', `${home(one)?.[1]}/entry[@name='theirs-${at}']`);
            await inForce(border);
            await connected.close();
          }
        },
      ),
      { ...tries(4, 2), endOnFailure: true },
    );
    // In which order rules of several groups are asked nobody says; of the rest all that is plain is sure.
    const sure = seen.passes + seen.drops;
    expect(sure).toBeGreaterThan(isPlain ? seen.unknown : 0);
  },
  PATIENCE_MS,
);
