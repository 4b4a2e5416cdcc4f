import type { Capacity } from './models.ts';
import { descend, type Element } from './xml.ts';

/** Lines for which a configuration is too much for a device. `homes`: the parts in which objects stand, pushed ones included. */
export function beyond(homes: readonly (Element | undefined)[], capacity: Capacity): readonly string[] {
  const found: string[] = [];
  const check = (what: string, count: number, limit: number): void => {
    if (count > limit) found.push(` Number of ${what} (${count}) exceeds platform limit (${limit})`);
  };
  const total = (...ways: readonly (readonly string[])[]): number =>
    homes.reduce(
      (sum, home) => sum + ways.reduce((part, way) => part + (descend(home, ...way)?.children.length ?? 0), 0),
      0,
    );
  const rules = (type: string): number =>
    total(...['pre-rulebase', 'rulebase', 'post-rulebase'].map((base) => [base, type, 'rules']));
  check('address objects', total(['address']), capacity['max-address']);
  check('address groups', total(['address-group']), capacity['max-address-group']);
  check('services', total(['service']), capacity['max-service']);
  check('security rules', rules('security'), capacity['max-policy-rule']);
  check('nat rules', rules('nat'), capacity['max-nat-policy-rule']);
  check('external lists', total(['external-list']), capacity['max-edl-objs']);
  check('zones', total(['zone']), capacity['max-zone']);
  for (const home of homes)
    for (const group of descend(home, 'address-group')?.children ?? [])
      check(
        `members of address group ${group.attributes.get('name') ?? ''}`,
        descend(group, 'static')?.children.length ?? 0,
        capacity['max-address-per-group'],
      );
  return found;
}
