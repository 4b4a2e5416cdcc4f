import type { Diagnostic } from '../../../base/diagnostic.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import type { Edit } from '../api/api.ts';
import type { ListMembers } from './list-contents.ts';
import { isMarkedByAnybody, type Names } from '../../rulebase/names.ts';
import { type XmlElement, child, element, entry, membersAt, nameOf, textAt } from '../api/xml.ts';

/** Characters of a list's name (reference 1.6: of 7.1, newer releases may take more). */
const LONGEST_NAME = 32;

/** Where our lists are given out, and by which certificate profile that is checked. */
export interface ListOptions {
  readonly url: string;
  readonly certificateProfile?: string | undefined;
}

/** External dynamic lists that shall be there: the device fetches them from wherever our lists are given out. */
export interface FetchedLists {
  readonly wanted: ReadonlyMap<string, XmlElement>;
  /** Names of lists that stay as they are: nothing can be said about their groups. */
  readonly held: ReadonlySet<string>;
  /** Who is to be in those that are wanted: whoever gives them out says so too, and the device shows what came of it. */
  readonly members: ReadonlyMap<string, ListMembers>;
}

export const NO_WANTED_LISTS: FetchedLists = { wanted: new Map(), held: new Set(), members: new Map() };

type AddressGroup = Extract<Group, { kind: 'AddressGroup' }>;

/** AddressGroups that are lists there (`as: Feed`), and the ruleset without them: who is in them is told by who gives them out. */
export function takeLists(
  desired: Ruleset,
  options: ListOptions | undefined,
  names: Names,
): { readonly lists: FetchedLists; readonly ruleset: Ruleset; readonly refusals: readonly Diagnostic[] } {
  const wanted = new Map<string, XmlElement>();
  const held = new Set<string>();
  const members = new Map<string, ListMembers>();
  const refusals = new Map<string, Diagnostic>();
  // Nothing that a Deny rests on is fetched: that is refused with all other forms that a device does not have.
  const isList = (group: Group): group is AddressGroup =>
    options !== undefined && group.kind === 'AddressGroup' && group.form === 'Feed' && group.use === 'Allow';
  const taken = [...desired.groups.values()].filter(isList);
  if (options === undefined || taken.length === 0) return { lists: NO_WANTED_LISTS, ruleset: desired, refusals: [] };
  for (const { deviceName: name, resource, held: isHeld, members: part } of taken) {
    if (name.length > LONGEST_NAME)
      refusals.set(resource, {
        severity: 'error',
        code: 'GROUP_FORM',
        object: resource,
        path: 'spec.name',
        message: `"${name}" is longer than the ${LONGEST_NAME} characters of a list's name on PAN-OS. Until then the list stays as it is there`,
      });
    if (isHeld === true || name.length > LONGEST_NAME) held.add(name);
    else {
      wanted.set(name, listEntry(name, names.mark(resource), options));
      members.set(name, [...(members.get(name) ?? []), part]);
    }
  }
  const groups = new Map([...desired.groups].filter(([, group]) => !isList(group)));
  return { lists: { wanted, held, members }, ruleset: { ...desired, groups }, refusals: [...refusals.values()] };
}

/** Reference 1.9. Who fetches shows its name and password: an administrator writes them into the list, and they stay there. */
function listEntry(name: string, mark: string, { url, certificateProfile }: ListOptions): XmlElement {
  const inside = [
    element('url', `${url.replace(/\/$/, '')}/${encodeURIComponent(name)}.txt`),
    element('description', mark),
    ...(certificateProfile === undefined ? [] : [element('certificate-profile', certificateProfile)]),
    element('recurring', [element('five-minute', [])]),
  ];
  return entry(name, [element('type', [element('ip', inside)])]);
}

/** What of a list is ours to say; its schedule, its password and its exceptions are whoever's. */
const OUR_PARTS = ['url', 'description', 'certificate-profile'] as const;

/** One text for lists that are the same to us. */
export function listText(list: XmlElement): string {
  return [nameOf(list), ...OUR_PARTS.map((part) => textAt(list, 'type', 'ip', part) ?? '')].join(' ');
}

/** A list that is there is never replaced whole: what others wrote into it stays. */
export function listEdits(xpath: string, present: XmlElement | undefined, wanted: XmlElement): readonly Edit[] {
  if (present === undefined) return [{ action: 'set', xpath, element: wanted.children }];
  return OUR_PARTS.flatMap((part): readonly Edit[] => {
    const path = `${xpath}/type/ip/${part}`;
    const [is, shall] = [child(present, 'type', 'ip', part), child(wanted, 'type', 'ip', part)];
    if (is?.text.trim() === shall?.text.trim()) return [];
    return shall === undefined
      ? [{ action: 'delete', xpath: path }]
      : [{ action: 'edit', xpath: path, element: [shall] }];
  });
}

/** Names of lists that rules of others use, of security or translation: they are not taken away under them. */
export function usedLists(rules: readonly XmlElement[]): ReadonlySet<string> {
  const others = rules.filter((rule) => !isMarkedByAnybody(textAt(rule, 'description') ?? ''));
  return new Set(others.flatMap((rule) => [...membersAt(rule, 'source'), ...membersAt(rule, 'destination')]));
}
