import type { Ruleset } from '../../border/ruleset.ts';
import type { Dialect } from './dialect.ts';
import { emptyRuleBase } from './model.ts';
import { Names } from './names.ts';
import { ObjectTable } from './objects.ts';
import type { WantedAnswer } from './translator.ts';
import { wantedAddressGroups } from './wanted-groups.ts';

/** AddressGroups alone, for drivers that write no rules yet. */
export function wantedGroups(ruleset: Ruleset, dialect: Dialect, adopt: Iterable<string> = []): WantedAnswer {
  const names = new Names(dialect.text, ruleset.cluster);
  const { groups, held, refusals } = wantedAddressGroups(ruleset.groups.values(), dialect, names);
  const table = new ObjectTable(names);
  for (const { store, members } of groups.values())
    if (store === 'Configured') for (const member of members) table.range(member);
  const { objects } = table;
  const { networks } = ruleset;
  return {
    wanted: { ...emptyRuleBase, layout: 'Class', objects, groups, held, adopt: new Set(adopt), networks },
    refusals,
  };
}
