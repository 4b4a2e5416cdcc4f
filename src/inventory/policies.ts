import type {
  AdminPolicy,
  GlobalNetworkPolicy,
  KubernetesNetworkPolicy,
  NetworkPolicy,
  StagedCalicoPolicy,
  StagedKubernetesNetworkPolicy,
} from '../api/resource.ts';
import type { Diagnostic, Place } from '../base/diagnostic.ts';
import { assertNever } from '../base/error.ts';
import { adminPolicy } from './admin-policy.ts';
import { calicoPolicy } from './calico-policy.ts';
import { convertedName, isConversionOf, originalOf } from './converted-policy.ts';
import { kubernetesPolicy } from './kubernetes-policy.ts';
import type { Policy, PolicyId, Staged, TierInfo } from './model.ts';
import { missingServices, namesService } from './service-slice.ts';
import { TrackedMap } from './tracked-map.ts';

/** A resource that is a policy of the cluster. */
export type PolicyResource =
  | KubernetesNetworkPolicy
  | AdminPolicy
  | NetworkPolicy
  | GlobalNetworkPolicy
  | StagedCalicoPolicy
  | StagedKubernetesNetworkPolicy;

/** Any of them in Calico's terms. */
export function policyOf(resource: PolicyResource): Policy {
  switch (resource.type) {
    case 'KubernetesNetworkPolicy':
      return kubernetesPolicy(resource);
    case 'KubernetesClusterNetworkPolicy':
    case 'AdminNetworkPolicy':
    case 'BaselineAdminNetworkPolicy':
      return adminPolicy(resource);
    case 'NetworkPolicy':
    case 'GlobalNetworkPolicy':
      return calicoPolicy(resource);
    case 'StagedNetworkPolicy':
    case 'StagedGlobalNetworkPolicy':
      return staged(calicoPolicy(resource), resource);
    case 'StagedKubernetesNetworkPolicy':
      return staged(kubernetesPolicy(resource), resource);
    default:
      return assertNever(resource);
  }
}

/** The enforced policy has the staged one's name, and its kind without the word (calico.md 7.7). */
function staged(policy: Policy, { stagedAction: action }: { readonly stagedAction: Staged['action'] }): Policy {
  return { ...policy, staged: { action, target: policy.id.replace(/^Staged/, '') } };
}

/**
 * The policies of the cluster: those that are enforced and, apart from them, those that are only shown, so that nobody enforces one by
 * forgetting to look. The form that Calico gives a Kubernetes policy does not count beside the policy itself.
 */
export class Policies {
  readonly #written = new Map<PolicyId, { readonly policy: Policy; readonly place: Place }>();
  /** Those of `#written` that have the name of a printed form; mostly none, and then nobody looks for them. */
  readonly #printed = new Set<PolicyId>();
  /** Those with more that may be wrong than their tier: mostly few, so that nobody walks through all at each change. */
  readonly #suspects = new Set<PolicyId>();
  /** How many name each tier. */
  readonly #tiers = new Map<string, number>();
  readonly enforced = new TrackedMap<Policy>();
  readonly staged = new TrackedMap<Policy>();

  put(resource: PolicyResource): void {
    const policy = policyOf(resource);
    this.#forget(policy.id);
    this.#written.set(policy.id, { policy, place: resource.place });
    this.#tiers.set(policy.tier, (this.#tiers.get(policy.tier) ?? 0) + 1);
    if (originalOf(policy) !== undefined) this.#printed.add(policy.id);
    if (this.#printed.has(policy.id) || namesService(policy)) this.#suspects.add(policy.id);
    this.#settle(policy.id);
  }

  delete(id: PolicyId): void {
    this.#forget(id);
    this.#settle(id);
  }

  #forget(id: PolicyId): void {
    const known = this.#written.get(id);
    if (known === undefined) return;
    const { tier } = known.policy;
    const left = (this.#tiers.get(tier) ?? 1) - 1;
    if (left === 0) this.#tiers.delete(tier);
    else this.#tiers.set(tier, left);
    this.#written.delete(id);
    this.#printed.delete(id);
    this.#suspects.delete(id);
  }

  /** Where a policy was read; `undefined` for one that does not exist. */
  placeOf(id: PolicyId): Place | undefined {
    return this.#written.get(id)?.place;
  }

  /** What is wrong with policies beside others, the tiers, and the services of which something is known, which are many to ask for. */
  mistakes(tiers: ReadonlyMap<string, TierInfo>, servicesOf: () => ReadonlySet<string>): readonly Diagnostic[] {
    const found: Diagnostic[] = [];
    const services = this.#suspects.size === 0 ? NO_SERVICES : servicesOf();
    const tierMissing = [...this.#tiers.keys()].some((tier) => !tiers.has(tier));
    for (const id of tierMissing ? this.#written.keys() : this.#suspects) {
      const written = this.#written.get(id);
      if (written === undefined) continue;
      const { policy, place } = written;
      const warning = (code: Diagnostic['code'], path: string, message: string): void => {
        found.push({ severity: 'warning', code, object: policy.id, path, message, at: place });
      };
      const original = this.#original(policy);
      if (original !== undefined) warning('POLICY_CONVERTED', 'metadata.name', besideOriginal(policy, original));
      if (this.#isHidden(policy)) continue;
      if (policy.staged === undefined)
        for (const missing of missingServices(policy, services)) found.push({ ...missing, at: place });
      if (tiers.has(policy.tier)) continue;
      const missing = `there is no Tier ${JSON.stringify(policy.tier)}`;
      const now = policy.staged === undefined ? 'the policy comes' : 'if it were enforced, the policy would come';
      warning('TIER_MISSING', 'spec.tier', `${missing}; ${now} after all others and its tier ends in Deny`);
    }
    return found;
  }

  #settle(id: PolicyId): void {
    const policy = this.#written.get(id)?.policy;
    this.enforced.put(id, policy?.staged === undefined && !this.#isHidden(policy) ? policy : undefined);
    this.staged.put(id, policy?.staged === undefined ? undefined : policy);
    if (this.#printed.size === 0) return;
    const converted = convertedName(id);
    if (converted !== undefined && this.#printed.has(converted)) this.#settle(converted);
  }

  #original(policy: Policy): Policy | undefined {
    const id = originalOf(policy);
    return id === undefined ? undefined : this.#written.get(id)?.policy;
  }

  #isHidden(policy: Policy | undefined): boolean {
    const original = policy === undefined ? undefined : this.#original(policy);
    return policy !== undefined && original !== undefined && isConversionOf(policy, original);
  }
}

const NO_SERVICES: ReadonlySet<string> = new Set();

function besideOriginal(policy: Policy, original: Policy): string {
  return isConversionOf(policy, original)
    ? `this is the form that Calico gives ${original.id}, which is read itself; it counts once`
    : `this has the name that Calico gives ${original.id}, which is read itself and says something else; both count`;
}
