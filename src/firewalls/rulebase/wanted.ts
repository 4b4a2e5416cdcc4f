import type { Diagnostic } from '../../base/diagnostic.ts';
import { compareUtf8 } from '../../base/compare.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Dialect } from './dialect.ts';
import { type AddressObject, type MemberGroup, type WantedRuleBase, emptyRuleBase } from './model.ts';
import { Names } from './names.ts';
import { objectFor } from './objects.ts';
import { wantedAddressGroups } from './wanted-groups.ts';

/** What a device shall hold for a ruleset, and what of it the device cannot say. */
export interface WantedAnswer {
  readonly wanted: WantedRuleBase;
  readonly refusals: readonly Diagnostic[];
}

/** Groups alone: nothing of rules yet. */
export function wantedGroups(ruleset: Ruleset, dialect: Dialect, adopt: Iterable<string> = []): WantedAnswer {
  const names = new Names(dialect.text, ruleset.cluster);
  const { groups, held, refusals } = wantedAddressGroups(ruleset.groups.values(), dialect, names);
  const wanted = { ...emptyRuleBase, objects: objectsOf(groups.values(), names), groups, held, adopt: new Set(adopt) };
  return { wanted, refusals: refusals.toSorted((a, b) => compareUtf8(a.object ?? '', b.object ?? '')) };
}

/** One object for each member of a configured group, whichever groups share it. */
function objectsOf(groups: Iterable<MemberGroup>, names: Names): ReadonlyMap<string, AddressObject> {
  const objects = new Map<string, AddressObject>();
  for (const { store, members } of groups) {
    if (store === 'Volatile') continue;
    for (const member of members) {
      const object = objectFor(member, names);
      objects.set(object.name, object);
    }
  }
  return objects;
}
