/** Stands behind the mark of a service that its rules negate. */
export const NEGATED = 'not';

/** Stands behind the mark of what is only part of a service. */
export const PART = 'part';

/** Names in one group, of addresses or of services; of addresses a device takes more, how many depends on its model (vendor reference 1.12). */
export const MOST_MEMBERS = 300;

/** Custom services as they fit in groups; rules name all of these. */
export function inHundreds<T>(members: readonly T[]): readonly (readonly T[])[] {
  const sets: (readonly T[])[] = [];
  for (let from = 0; from < members.length; from += MOST_MEMBERS) sets.push(members.slice(from, from + MOST_MEMBERS));
  return sets;
}

/** The name of the group with a service's first, second … members. */
export function serviceGroupName(service: string, index: number): string {
  return index === 0 ? service : `${service}.g${index + 1}`;
}

/** The groups that a service takes. */
export function serviceGroupsOf(service: string, isThere: (name: string) => boolean): readonly string[] {
  const groups: string[] = [];
  while (isThere(serviceGroupName(service, groups.length))) groups.push(serviceGroupName(service, groups.length));
  return groups;
}

/** The service that a name in a rule is about. */
export function serviceOfGroup(name: string): string {
  return name.replace(/\.g\d+$/, '');
}
