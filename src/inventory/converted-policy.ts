import type { Policy, PolicyId } from './model.ts';

/**
 * The names under which releases of Calico before December 2025 print the policies that they convert (semantics 6.1.4): the kind of the
 * original, the kind of the printed form and the beginning of its name.
 */
const FORMS = [
  { original: 'KubernetesNetworkPolicy', printed: 'NetworkPolicy', prefix: 'knp.default.' },
  { original: 'AdminNetworkPolicy', printed: 'GlobalNetworkPolicy', prefix: 'kanp.adminnetworkpolicy.' },
  {
    original: 'BaselineAdminNetworkPolicy',
    printed: 'GlobalNetworkPolicy',
    prefix: 'kbanp.baselineadminnetworkpolicy.',
  },
] as const;

/** The policy that a policy of this kind and name is a printed form of, if it is one. */
export function originalOf({ kind, namespace, name }: Policy): PolicyId | undefined {
  const form = FORMS.find(({ printed, prefix }) => printed === kind && name.startsWith(prefix));
  if (form === undefined) return undefined;
  return [form.original, ...(namespace === '' ? [] : [namespace]), name.slice(form.prefix.length)].join('/');
}

/** The id that the printed form of a policy has; `undefined`: this kind is not converted. */
export function convertedName(id: PolicyId): PolicyId | undefined {
  const [kind = '', ...place] = id.split('/');
  const form = FORMS.find(({ original }) => original === kind);
  const name = place.pop();
  return form === undefined ? undefined : [form.printed, ...place, `${form.prefix}${name}`].join('/');
}

/**
 * Whether a policy with such a name decides as the original does, as far as that shows from where it stands, whom it selects and what its
 * rules do. Anybody can use the name; what denies more under it must not be lost.
 */
export function isConversionOf(policy: Policy, original: Policy): boolean {
  return (
    policy.tier === original.tier &&
    policy.order === original.order &&
    policy.appliesTo.id === original.appliesTo.id &&
    (['ingress', 'egress'] as const).every(
      (direction) => actionsOf(policy[direction]) === actionsOf(original[direction]),
    )
  );
}

function actionsOf(rules: Policy['ingress']): string {
  return rules === undefined ? 'none' : rules.map(({ action }) => action).join();
}
