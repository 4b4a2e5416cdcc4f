import type { Clock } from '../../../base/clock.ts';
import { InUse } from '../../rulebase/in-use.ts';
import type { ObservedRuleBase, TakenName } from '../../rulebase/model.ts';
import type { Edit } from '../api/api.ts';
import { type Entries, OUR_FOLDERS, type OurFolder, isPart } from '../entries/entries.ts';
import { isOurs, ownedIn } from '../entries/owned.ts';
import type { Folders } from '../entries/read-entries.ts';
import { type Scope, objectPath } from '../api/scope.ts';
import { type XmlElement, membersAt, nameOf } from '../api/xml.ts';

/** An entry, by the folder and the name that it stands under. */
function entryOf(folder: OurFolder, name: string): string {
  return `${folder} ${name}`;
}

/** What PAN-OS does not let go: references may be in what is not read, and Panorama keeps some to what is long gone (reference 1.3). */
export function inUseOn(clock: Clock): InUse {
  return new InUse(clock, {
    object: ({ name }) => entryOf('address', name),
    service: (name) => [entryOf('service', name), entryOf('service-group', name)],
    group: ({ name }) => entryOf('address-group', name),
  });
}

/** What stands in a candidate and was not let go, though nobody is read who names it: an entry that was never committed, which somebody else's edit names. */
export interface Left {
  /** It is not to be deleted again yet. */
  has(folder: OurFolder, name: string): boolean;
  /** A commit of ours publishes it with what it is for. */
  published(after: Entries): Entries;
}

export function leftIn(candidate: Folders, inUse: InUse, cluster: string): Left {
  const has = (folder: OurFolder, name: string): boolean => inUse.has(entryOf(folder, name));
  return {
    has,
    published(after) {
      if (inUse.version === '') return after;
      const { objects } = ownedIn(candidate, cluster);
      const together = (folder: OurFolder): ReadonlyMap<string, XmlElement> =>
        new Map([...[...objects[folder]].filter(([name]) => has(folder, name)), ...after.objects[folder]]);
      return {
        ...after,
        objects: {
          address: together('address'),
          service: together('service'),
          'service-group': together('service-group'),
          'address-group': together('address-group'),
          'external-list': together('external-list'),
        },
      };
    },
  };
}

/** Notes which of these edits was refused for its references, to an entry that bears one of these names. */
export function noteRefused(names: ReadonlySet<string>, edits: readonly Edit[], scope: Scope, inUse: InUse): void {
  for (const { action, xpath } of edits)
    if (action === 'delete')
      for (const name of names)
        for (const folder of OUR_FOLDERS)
          if (xpath === objectPath(scope, folder, name)) inUse.refused(entryOf(folder, name));
}

/** What was read, with what is left alone as named by others; of a part of a group, what is in it too. */
export function withInUse(
  observed: ObservedRuleBase,
  inUse: InUse,
  { objects }: Folders,
  cluster: string,
): ObservedRuleBase {
  const base = inUse.over(observed);
  const parts = objects['address-group'].filter(
    (one) => isPart(one) && isOurs(one, cluster) && inUse.has(entryOf('address-group', nameOf(one))),
  );
  if (parts.length === 0) return base;
  const named = new Set<TakenName>(base.namedByOthers);
  for (const part of parts) {
    named.add(`group ${nameOf(part)}`);
    for (const name of membersAt(part, 'static')) named.add(`object ${name}`);
  }
  return { ...base, namedByOthers: named };
}
