import type { Step } from '../../plan/step.ts';
import type { AddressObject, GroupKey, MemberGroup, SecurityRule, Service, TranslationRule } from './model.ts';

/**
 * One change of one thing on a device. Each is a statement of what shall be: done again it changes nothing. The order of operations is
 * safe one by one, whatever part of them takes effect together.
 */
export type Operation =
  | { readonly kind: 'MakeObject'; readonly object: AddressObject }
  | { readonly kind: 'RemoveObject'; readonly object: AddressObject }
  | { readonly kind: 'MakeService'; readonly service: Service }
  | { readonly kind: 'RemoveService'; readonly service: Service }
  /** With all its members where it is configured; without where it is volatile: they come by `ChangeMembers`. */
  | { readonly kind: 'MakeGroup'; readonly group: MemberGroup }
  /** `group.members` is what it holds afterwards. Joining comes before leaving. A volatile group may be told in portions. */
  | {
      readonly kind: 'ChangeMembers';
      readonly group: MemberGroup;
      readonly joins: readonly string[];
      readonly leaves: readonly string[];
    }
  /** Mark and comment become ours; members and name stay. For adoption and for marks that somebody removed. */
  | { readonly kind: 'MarkGroup'; readonly group: MemberGroup }
  | { readonly kind: 'RemoveGroup'; readonly group: MemberGroup }
  /** `after`: name of the rule of ours right above; absent: the first of our block, at its position among the rules of others. */
  | { readonly kind: 'InsertRule'; readonly rule: SecurityRule; readonly after?: string }
  | { readonly kind: 'MoveRule'; readonly rule: SecurityRule; readonly after?: string }
  /** The rule of this name is replaced whole, in its place: somebody changed it, or what does not match differs. */
  | { readonly kind: 'EditRule'; readonly rule: SecurityRule }
  | { readonly kind: 'RemoveRule'; readonly rule: SecurityRule }
  | { readonly kind: 'InsertTranslation'; readonly rule: TranslationRule; readonly after?: string }
  | { readonly kind: 'MoveTranslation'; readonly rule: TranslationRule; readonly after?: string }
  | { readonly kind: 'EditTranslation'; readonly rule: TranslationRule }
  | { readonly kind: 'RemoveTranslation'; readonly rule: TranslationRule };

/** `Volatile`: calls that take effect at once. `Configured`: one transaction, which ends in a commit where the device has one. */
export interface RuleBaseStep extends Step {
  readonly way: 'Configured' | 'Volatile';
  readonly operations: readonly Operation[];
  /** Groups that the step touches; for drivers that write whole groups. */
  readonly groups: ReadonlySet<GroupKey>;
}
