import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Group } from '../../border/ruleset.ts';
import type { Dialect } from './dialect.ts';
import { type GroupKey, type MemberGroup, type Store, groupKey } from './model.ts';
import type { Names } from './names.ts';
import type { SharedMembers } from './shared-members.ts';

type AddressGroup = Extract<Group, { kind: 'AddressGroup' }>;

const NOBODY: ReadonlySet<string> = new Set();

export interface WantedGroups {
  readonly groups: ReadonlyMap<GroupKey, MemberGroup>;
  readonly held: ReadonlySet<GroupKey>;
  readonly refusals: readonly Diagnostic[];
}

/**
 * The AddressGroups of a ruleset as groups of a device, under the names that their owner wrote. `as: Auto` takes the fast way where there is
 * one and `use` is Allow: what a Deny of others rests on must not be lost (design 9), so it is configured, and so asked for or refused.
 */
export function wantedAddressGroups(
  all: Iterable<Group>,
  dialect: Dialect,
  names: Names,
  shared: SharedMembers,
): WantedGroups {
  const groups = new Map<GroupKey, MemberGroup>();
  const held = new Set<GroupKey>();
  const refusals = new Map<string, Diagnostic>();
  const addressGroups = [...all].filter((group) => group.kind === 'AddressGroup');
  const sets = shared.of(addressGroups);
  for (const group of addressGroups) {
    const { deviceName: name, family, resource, use } = group;
    const chosen = storeOf(group, dialect);
    const store = typeof chosen === 'string' ? chosen : 'Configured';
    const isMixed = store === 'Volatile' ? dialect.volatile?.mixed === true : dialect.mixedGroups;
    const of = { name, family: isMixed ? ('Both' as const) : family, store };
    const key = groupKey(of);
    if (typeof chosen !== 'string') refusals.set(resource, chosen);
    if (typeof chosen !== 'string' || group.held === true) {
      held.add(key);
      // Whichever way it was written before.
      held.add(groupKey({ ...of, store: 'Volatile' }));
      continue;
    }
    const [before, own] = [groups.get(key)?.members ?? NOBODY, sets.get(group.id) ?? NOBODY];
    const members = shared.union(before, own);
    groups.set(key, { ...of, members, shared: true, use, mark: names.mark(resource) });
  }
  for (const key of held) groups.delete(key);
  return { groups, held, refusals: [...refusals.values()] };
}

function storeOf({ form, use, deviceName, resource }: AddressGroup, dialect: Dialect): Store | Diagnostic {
  const way = dialect.volatile;
  const isVolatile = form === undefined ? way !== undefined && use === 'Allow' : form !== 'Group';
  const limit = isVolatile ? dialect.text.volatileGroup : dialect.text.group;
  const store = isVolatile ? 'Volatile' : 'Configured';
  if (form === undefined && deviceName.length > limit && deviceName.length <= dialect.text.group) return 'Configured';
  const wrong = (path: string, message: string): Diagnostic => ({
    severity: 'error',
    code: 'GROUP_FORM',
    object: resource,
    path,
    message: `${message}. Until then the group stays as it is there`,
  });
  if (deviceName.length > limit)
    return wrong(
      'spec.name',
      `"${deviceName}" is longer than the ${limit} characters of such a name on ${dialect.device}`,
    );
  if (!isVolatile) return store;
  const word = form === undefined ? '' : `${form.toLowerCase()}s`;
  if (way === undefined || (form !== undefined && form !== way.form))
    return wrong('spec.as', `${dialect.device} has no ${word}; write \`as: Auto\``);
  if (use === 'Deny')
    return wrong(
      'spec.as',
      `${dialect.device} may lose the members of ${word}, and a Deny rests on them; write \`as: Auto\``,
    );
  return store;
}
