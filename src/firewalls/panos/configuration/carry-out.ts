import { type GroupKey, type MemberGroup, type RuleBase, groupKey } from '../../rulebase/model.ts';
import type { Operation } from '../../rulebase/operation.ts';

/** A rule base after operations that take effect together. What does not change stays the same object. */
export function carriedOut(base: RuleBase, operations: readonly Operation[]): RuleBase {
  const objects = new Map(base.objects);
  const services = new Map(base.services);
  const groups = new Map(base.groups);
  const rules = [...base.rules];
  const translations = [...base.translations];
  for (const operation of operations) {
    switch (operation.kind) {
      case 'MakeObject':
        objects.set(operation.object.name, operation.object);
        break;
      case 'RemoveObject':
        objects.delete(operation.object.name);
        break;
      case 'MakeService':
        services.set(operation.service.name, operation.service);
        break;
      case 'RemoveService':
        services.delete(operation.service.name);
        break;
      case 'MakeGroup':
        makeGroup(groups, operation.group);
        break;
      case 'MarkGroup':
      case 'ChangeMembers':
        changeGroup(groups, operation);
        break;
      case 'RemoveGroup':
        groups.delete(groupKey(operation.group));
        break;
      case 'InsertRule':
      case 'MoveRule':
      case 'EditRule':
      case 'RemoveRule':
        changeList(rules, operation);
        break;
      default:
        changeList(translations, operation);
    }
  }
  return { objects, services, groups, rules, translations };
}

/** Members of a volatile group are beside the configuration: it may have some already. */
function makeGroup(groups: Map<GroupKey, MemberGroup>, group: MemberGroup): void {
  const known = groups.get(groupKey(group));
  const members = group.store === 'Volatile' ? (known?.members ?? new Set<string>()) : group.members;
  groups.set(groupKey(group), { ...group, members });
}

function changeGroup(
  groups: Map<GroupKey, MemberGroup>,
  operation: Extract<Operation, { kind: 'MarkGroup' | 'ChangeMembers' }>,
): void {
  const { group } = operation;
  const known = groups.get(groupKey(group));
  const members = new Set(known?.members);
  if (operation.kind === 'ChangeMembers') {
    for (const member of operation.joins) members.add(member);
    for (const member of operation.leaves) members.delete(member);
  }
  groups.set(groupKey(group), { ...group, members });
}

/** Rules in order; one that is inserted or moved stands right below `after`, or first. */
function changeList<R extends { readonly name: string }>(
  list: R[],
  { kind, rule, ...rest }: { readonly kind: string; readonly rule: R; readonly after?: string },
): void {
  const at = list.findIndex(({ name }) => name === rule.name);
  if (kind.startsWith('Edit')) {
    if (at !== -1) list[at] = rule;
    return;
  }
  if (at !== -1) list.splice(at, 1);
  if (kind.startsWith('Remove')) return;
  const { after } = rest;
  list.splice(after === undefined ? 0 : list.findIndex(({ name }) => name === after) + 1, 0, rule);
}
