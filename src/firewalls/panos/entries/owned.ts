import { createHash } from 'node:crypto';
import { isMarked, isMarkedByAnybody } from '../../rulebase/names.ts';
import { type Entries, OUR_FOLDERS } from './entries.ts';
import { listText } from '../lists/lists.ts';
import { normalText } from './normal.ts';
import type { Folders } from './read-entries.ts';
import { isOurServiceGroup } from './services.ts';
import { type XmlElement, nameOf, textAt } from '../api/xml.ts';

/** Whether an entry bears the mark of our cluster. */
export function isOurs(entry: XmlElement, cluster: string): boolean {
  return isMarked(textAt(entry, 'description') ?? textAt(entry, 'type', 'ip', 'description') ?? '', cluster);
}

/** Rules among which ours have their place: those of other clusters stand where their own owners want them, beside ours, and are passed over. */
export function isCounted(entry: XmlElement, cluster: string): boolean {
  return isOurs(entry, cluster) || !isMarkedByAnybody(textAt(entry, 'description') ?? '');
}

/** What of a scope bears our mark, as it is printed. */
export function ownedIn(folders: Folders, cluster: string): Entries {
  const services = new Set(folders.objects.service.filter((entry) => isOurs(entry, cluster)).map(nameOf));
  const isOurGroup = (group: XmlElement): boolean => isOurServiceGroup(group, (name) => services.has(name));
  const byName = (list: readonly XmlElement[], isIt = (entry: XmlElement): boolean => isOurs(entry, cluster)) =>
    new Map(list.filter(isIt).map((entry) => [nameOf(entry), entry]));
  const { objects, security, nat } = folders;
  return {
    objects: {
      address: byName(objects.address),
      service: byName(objects.service),
      'service-group': byName(objects['service-group'], isOurGroup),
      'address-group': byName(objects['address-group']),
      'external-list': byName(objects['external-list']),
    },
    security: security.filter((entry) => isOurs(entry, cluster)),
    nat: nat.filter((entry) => isOurs(entry, cluster)),
  };
}

/** Nothing of ours. */
export function isEmpty({ objects, security, nat }: Entries): boolean {
  return security.length === 0 && nat.length === 0 && OUR_FOLDERS.every((folder) => objects[folder].size === 0);
}

/** Whether anything of a scope bears our mark. */
export function holdsOurs(folders: Folders, cluster: string): boolean {
  return !isEmpty(ownedIn(folders, cluster));
}

/** One text for equal configurations of ours, whatever order the device prints objects in. */
export function ownedText({ objects, security, nat }: Entries): string {
  const textOf = (folder: (typeof OUR_FOLDERS)[number]) => (folder === 'external-list' ? listText : normalText);
  const folders = OUR_FOLDERS.map((folder) => [...objects[folder].values()].map(textOf(folder)).toSorted().join('\n'));
  return [...folders, ...[security, nat].map((rules) => rules.map(normalText).join('\n'))].join('\n\n');
}

export function digestOf(entries: Entries): string {
  return createHash('sha256').update(ownedText(entries)).digest('hex');
}

/** A scope after a commit: entries of ours replaced, in their place among the others as far as anybody asks. */
export function withEntries(folders: Folders, after: Entries, cluster: string): Folders {
  const owned = ownedIn(folders, cluster);
  const { objects } = folders;
  const replaced = <F extends keyof Folders['objects']>(folder: F): Folders['objects'][F] => [
    ...objects[folder].filter((entry) => !owned.objects[folder].has(entry.attributes.get('name') ?? '')),
    ...after.objects[folder].values(),
  ];
  const others = (list: Folders['security'], own: Entries['security']): Folders['security'] => {
    const names = new Set(own);
    return list.filter((entry) => !names.has(entry));
  };
  return {
    objects: {
      address: replaced('address'),
      service: replaced('service'),
      'service-group': replaced('service-group'),
      'address-group': replaced('address-group'),
      'external-list': replaced('external-list'),
    },
    security: [...others(folders.security, owned.security), ...after.security],
    nat: [...others(folders.nat, owned.nat), ...after.nat],
    elsewhere: folders.elsewhere,
  };
}
