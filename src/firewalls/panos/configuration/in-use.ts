import type { Clock } from '../../../base/clock.ts';
import { InUse } from '../../rulebase/in-use.ts';
import type { ObservedRuleBase, TakenName } from '../../rulebase/model.ts';
import type { Edit } from '../api/api.ts';
import { OUR_FOLDERS, type OurFolder, isPart } from '../entries/entries.ts';
import { isOurs } from '../entries/owned.ts';
import type { Folders } from '../entries/read-entries.ts';
import { type Scope, objectPath } from '../api/scope.ts';
import { membersAt, nameOf } from '../api/xml.ts';

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
