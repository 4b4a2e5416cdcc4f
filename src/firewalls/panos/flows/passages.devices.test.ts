import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { rulesets } from '../../../../test/kit/rulesets.ts';
import { PATIENCE_MS, tries } from '../../../../test/kit/runs.ts';
import { crowd, passing, world } from '../../../../test/kit/worlds.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { type AnyDriver, bring, translationOf } from '../../contract/harness.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { compare } from '../firewall/compared.fixture.ts';
import { byHand, commitByHand, connectTo, startDevice } from '../lab.fixture.ts';
import { STAFF, type Theirs, furnishVsys, placeRule, ruleXml, theirs } from './others-world.fixture.ts';
import { child, entriesAt, nameOf, parseXml } from '../api/xml.ts';

const signal = new AbortController().signal;
const RULES = '/rulebase/security/rules';

/** A firewall with the names of others, and one rule of theirs next to which ours stand. */
async function start(): Promise<PanOs> {
  const device = await startDevice({ zones: ['k8s', 'internet', 'lab'] });
  device.accounts.put({ name: 'alice', password: 'x', role: 'superuser' });
  furnishVsys(device);
  byHand(device, 'set', `${RULES}/entry[@name='rest']`, {
    element: ruleXml({ ...STAFF, more: '', source: ['192.0.2.66'], destination: ['192.0.2.66'] }),
  });
  await commitByHand(device);
  return device;
}

function rulesOn(device: PanOs): readonly string[] {
  return entriesAt(
    child(parseXml(device.dump()), 'devices', 'entry', 'vsys', 'entry'),
    'rulebase',
    'security',
    'rules',
  ).map(nameOf);
}

/** What of others lets a stranger pass, above ours. */
const LETTING: Theirs = { ...STAFF, more: '', source: ['10.0.0.200'] };

test.each([
  ['plain rules', true, 'Full'],
  ['plain rules', true, 'Filter'],
  ['rules with parts that nobody can know', false, 'Full'],
] as const)(
  'of %s around ours nothing is told as sure that is not so, and plain ones are sure (%s, form %s)',
  async (_title, isPlain, form) => {
    await using device = await start();
    const options = {
      zones: { from: ['k8s'], to: ['internet'] },
      position: { before: 'rest' },
      form,
      ...(form === 'Full' ? { securityProfile: 'none', log: 'All' } : {}),
    };
    const seen = { passes: 0, drops: 0, unknown: 0, byOthers: 0, byEnd: 0 };
    const edit = (action: string, path: string, rest?: Readonly<Record<string, string>>): void =>
      byHand(device, action, path, rest);
    const tried = async (ruleset: Ruleset, rules: readonly Theirs[]): Promise<void> => {
      const connected = connectTo(device, options, 'lab', { write: writeAtOnce });
      const driver = connected as unknown as AnyDriver;
      fc.pre((await translationOf(driver, ruleset)).refusals.length === 0);
      await bring(driver, ruleset);
      const ours = rulesOn(device).filter((name) => name.startsWith('sp-'));
      const all: readonly Theirs[] = isPlain ? rules : [...rules, STAFF];
      for (const [at, one] of all.entries()) placeRule(edit, RULES, `theirs-${at}`, one, ours);
      await commitByHand(device);
      try {
        const passages = await driver.passages?.(signal);
        if (passages === undefined) throw new Error('the driver answers no questions about flows');
        compare([device], passages, ruleset, seen, ({ deciders }, rule, what) => {
          if (!isPlain) return;
          // A plain world has one decider, and it is the rule that the device names.
          expect(deciders.length, what).toBe(1);
          const by = rule.startsWith('sp-') ? 'ours' : rule.endsWith('-default') ? 'end' : 'rule';
          expect(deciders[0]?.by, what).toBe(by);
          if (by === 'rule') expect(deciders[0]?.rule?.where, what).toBe(`vsys1 "${rule}"`);
          if (by === 'rule') seen.byOthers++;
          if (by === 'end') seen.byEnd++;
        });
      } finally {
        for (const at of all.keys()) edit('delete', `${RULES}/entry[@name='theirs-${at}']`);
        await commitByHand(device);
        await connected.close();
      }
    };
    // Whatever random worlds bring: of one world it is known what each kind of rule does in it.
    await tried(world(crowd(2, 'bank'), [passing('bank')]), [LETTING]);
    if (isPlain)
      for (const way of ['passes', 'drops', 'byOthers', 'byEnd'] as const) expect(seen[way], way).toBeGreaterThan(0);
    else for (const way of ['unknown', 'drops'] as const) expect(seen[way], way).toBeGreaterThan(0);
    await fc.assert(
      fc.asyncProperty(
        rulesets({ addressGroups: false, translations: false, portsAlone: true }),
        fc.array(theirs(isPlain), { minLength: 2, maxLength: 9 }),
        tried,
      ),
      { ...tries(6, 4), endOnFailure: true },
    );
    if (isPlain) expect(seen.unknown).toBe(0);
  },
  PATIENCE_MS,
);
