import {
  type AdminPolicy,
  type GlobalNetworkPolicy,
  type KubernetesNetworkPolicy,
  type NetworkPolicy,
  type StagedCalicoPolicy,
  type StagedKubernetesNetworkPolicy,
  resourceKey,
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
      return { ...calicoPolicy(resource), staged: stagedOf(resource) };
    case 'StagedKubernetesNetworkPolicy':
      return kubernetesPolicy(resource, stagedOf(resource));
    default:
      return assertNever(resource);
  }
}

/** The enforced policy has the staged one's name, and its kind without the word (calico.md 7.7). */
function stagedOf(policy: StagedCalicoPolicy | StagedKubernetesNetworkPolicy): Staged {
  return { action: policy.stagedAction, target: resourceKey(policy).replace(/^Staged/, '') };
}

/**
 * The policies of the cluster: those that are enforced and, apart from them, those that are only shown, so that nobody enforces one by
 * forgetting to look. The form that Calico gives a Kubernetes policy does not count beside the policy itself.
 */
export class Policies {
  /** Forms that Calico gave to policies that are there themselves: they do not count. */
  readonly #hidden = new Map<PolicyId, Policy>();
  /** Those that have the name of a printed form; mostly none, and then nobody looks for them. */
  readonly #printed = new Set<PolicyId>();
  /** Those with more that may be wrong than their tier: mostly few, so that nobody walks through all at each change. */
  readonly #suspects = new Set<PolicyId>();
  /** How many name each tier. */
  readonly #tiers = new Map<string, number>();
  readonly enforced = new TrackedMap<Policy>();
  readonly staged = new TrackedMap<Policy>();

  put(resource: PolicyResource): void {
    const policy = policyOf(resource);
    const { id } = policy;
    this.#forget(id);
    this.#tiers.set(policy.tier, (this.#tiers.get(policy.tier) ?? 0) + 1);
    if (originalOf(policy) !== undefined) this.#printed.add(id);
    if (this.#printed.has(id) || namesService(policy)) this.#suspects.add(id);
    this.#settle(id, policy);
  }

  delete(id: PolicyId): void {
    this.#forget(id);
    this.#settle(id, undefined);
  }

  #forget(id: PolicyId): void {
    const known = this.#find(id);
    if (known === undefined) return;
    const { tier } = known;
    const left = (this.#tiers.get(tier) ?? 1) - 1;
    if (left === 0) this.#tiers.delete(tier);
    else this.#tiers.set(tier, left);
    this.#printed.delete(id);
    this.#suspects.delete(id);
  }

  #find(id: PolicyId): Policy | undefined {
    return this.enforced.view.get(id) ?? this.staged.view.get(id) ?? this.#hidden.get(id);
  }

  /** Where a policy was read; `undefined` for one that does not exist. */
  placeOf(id: PolicyId): Place | undefined {
    return this.#find(id)?.place;
  }

  /** What is wrong with policies beside others, the tiers, and the services of which something is known, which are many to ask for. */
  mistakes(tiers: ReadonlyMap<string, TierInfo>, servicesOf: () => ReadonlySet<string>): readonly Diagnostic[] {
    const found: Diagnostic[] = [];
    const services = this.#suspects.size === 0 ? NO_SERVICES : servicesOf();
    const tierMissing = [...this.#tiers.keys()].some((tier) => !tiers.has(tier));
    for (const policy of tierMissing ? this.#all() : this.#suspected()) {
      const { place } = policy;
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

  *#all(): Generator<Policy> {
    yield* this.enforced.view.values();
    yield* this.staged.view.values();
    yield* this.#hidden.values();
  }

  *#suspected(): Generator<Policy> {
    for (const id of this.#suspects) {
      const policy = this.#find(id);
      if (policy !== undefined) yield policy;
    }
  }

  /** Puts a policy where it belongs beside the others, or takes it away; and then its printed form, which depends on it. */
  #settle(id: PolicyId, policy: Policy | undefined): void {
    const hidden = this.#isHidden(policy);
    const isEnforced = policy !== undefined && policy.staged === undefined;
    this.enforced.put(id, isEnforced && !hidden ? policy : undefined);
    this.staged.put(id, isEnforced ? undefined : policy);
    if (isEnforced && hidden) this.#hidden.set(id, policy);
    else this.#hidden.delete(id);
    if (this.#printed.size === 0) return;
    const converted = convertedName(id);
    if (converted !== undefined && this.#printed.has(converted)) this.#settle(converted, this.#find(converted));
  }

  #original(policy: Policy): Policy | undefined {
    const id = originalOf(policy);
    return id === undefined ? undefined : this.#find(id);
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
