import type { BorderRule, Ruleset } from '../../border/ruleset.ts';
import type { FlatList } from '../../plan/flat/flat-list.ts';
import { classLayout, groupLayout } from '../../plan/flat/flatten.ts';
import { refuseRules } from '../refuse.ts';
import { type SayableList, flattenSayable } from './flatten-sayable.ts';
import { type ServiceAbilities, serviceLimit } from './service-parts.ts';

/** How a list is to be written for a device: values alone, which can be sent to a thread. */
export interface Writing {
  /** For people: model and version. */
  readonly device: string;
  readonly layout: FlatList['layout'];
  readonly form: FlatList['form'];
  readonly domains: 'None' | 'Exact' | 'Wildcards';
  readonly logRules: boolean;
  readonly services: ServiceAbilities;
}

/**
 * The list that a device can hold of a ruleset, and what it cannot say. A Deny or Pass that names a domain is refused everywhere: a name
 * that does not resolve for a moment would let through (design 9).
 */
export function writeList(ruleset: Ruleset, writing: Writing): SayableList {
  const { device, layout, form, domains, logRules, services } = writing;
  const named = refuseRules(ruleset, device, (rule) => domainLimit(rule, domains));
  const list = flattenSayable(
    named.ruleset,
    device,
    layout === 'Class' ? classLayout : groupLayout,
    { form, capabilities: { leave: false, domains: domains !== 'None', log: logRules } },
    (rule) => serviceLimit(rule.services, rule.family, services),
  );
  return { ...list, refusals: [...named.refusals, ...list.refusals] };
}

function domainLimit({ action, outside }: BorderRule, domains: Writing['domains']): string | undefined {
  if (outside.domains.length === 0) return undefined;
  if (domains === 'None') return 'domain names';
  if (action === 'Deny' || action === 'Next') return 'safely what denies or passes on by domain names';
  if (domains === 'Exact' && outside.domains.some((domain) => domain.includes('*')))
    return 'domain names with a wildcard';
  return undefined;
}
