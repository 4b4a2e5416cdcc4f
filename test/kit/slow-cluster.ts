import type { PlainFlow, PlainHop, PlainObject } from './plain-objects.ts';
import { type Item, itemsOf, of } from './slow-items.ts';
import { sameAddress } from './slow-address.ts';
import { type Surroundings } from './slow-match.ts';
import {
  type Direction,
  type SlowPolicy,
  type SlowTier,
  byBytes,
  comparePolicies,
  policiesOf,
  tiersOf,
} from './slow-policies.ts';

// An evaluator of cluster policy written from the reference alone (policy semantics 2 to 12), on plain API objects, one flow at a time and
// without any index: slow and obvious, to check the engine against. Kubernetes policies are judged by their own API's words.

export interface SlowTierList {
  name: string;
  defaultAction: 'Deny' | 'Pass';
  ingress: string[];
  egress: string[];
}

export class SlowCluster {
  readonly #known: Surroundings;
  readonly #policies: readonly SlowPolicy[];
  readonly #tiers: readonly SlowTier[];

  constructor(objects: readonly PlainObject[]) {
    this.#known = { objects, items: itemsOf(objects) };
    this.#policies = policiesOf(this.#known).sort(comparePolicies);
    this.#tiers = tiersOf(objects, this.#policies);
  }

  verdict(flow: PlainFlow): { allowed: boolean; egress?: PlainHop; ingress?: PlainHop } {
    const egress = this.#strictest('egress', flow, flow.src);
    const ingress = this.#strictest('ingress', flow, flow.dst);
    return {
      allowed: (egress?.allowed ?? true) && (ingress?.allowed ?? true),
      ...(egress === undefined ? {} : { egress }),
      ...(ingress === undefined ? {} : { ingress }),
    };
  }

  /** Sorted by id. */
  endpoints(): { id: string; ips: string[]; profiles: string[]; tiers: SlowTierList[] }[] {
    return this.#endpoints().map((item) => ({
      id: item.id,
      ips: [...item.addresses],
      profiles: [...item.profiles],
      tiers: this.#lists(item),
    }));
  }

  /** 3.1 */
  policySelectors(): ReadonlyMap<string, string> {
    return new Map(this.#policies.map(({ id, scope }) => [id, scope]));
  }

  #endpoints(): Item[] {
    return this.#known.items.filter(({ is }) => is !== 'set').sort((a, b) => byBytes(a.id, b.id));
  }

  /** Of the endpoints that share an address the strictest decides; of equals the first. */
  #strictest(direction: Direction, flow: PlainFlow, address: string): PlainHop | undefined {
    const hops = this.#endpoints()
      .filter(({ addresses }) => addresses.some((own) => sameAddress(own, address)))
      .map((item) => this.#hop(direction, item, flow));
    return hops.find(({ allowed }) => !allowed) ?? hops[0];
  }

  /** 6.3 */
  #hop(direction: Direction, item: Item, flow: PlainFlow): PlainHop {
    const passes: string[] = [];
    const done = (allowed: boolean, reason: string, more: object): PlainHop => ({
      endpoint: item.id,
      allowed,
      reason,
      ...more,
      ...(passes.length > 0 ? { passes } : {}),
    });
    tiers: for (const { name, action } of this.#tiers) {
      const policies = this.#inTier(name, item).filter(({ directions }) => directions.includes(direction));
      if (policies.length === 0) continue;
      for (const { id, rules } of policies)
        for (const rule of rules[direction]) {
          if (rule.action === 'Log' || !rule.matches(flow)) continue;
          if (rule.action === 'Pass') {
            passes.push(`${name}:${id}#${rule.index}`);
            continue tiers;
          }
          return done(rule.action === 'Allow', 'rule', { tier: name, policy: id, rule: rule.index });
        }
      if (action !== 'Pass') return done(false, 'tier-default', { tier: name });
      passes.push(`${name}:default`);
    }
    for (const profile of item.profiles) {
      const allows =
        profile === 'projectcalico-default-allow' ||
        of(this.#known.objects, 'Namespace').some(({ metadata }) => profile === `kns.${metadata.name}`);
      if (allows) return done(true, 'profile', { policy: `Profile/${profile}`, rule: 0 });
    }
    return done(false, 'no-profile-match', {});
  }

  #inTier(tier: string, item: Item): SlowPolicy[] {
    return this.#policies.filter(
      (policy) =>
        policy.tier === tier && !policy.staged && !policy.doNotTrack && !policy.preDNAT && policy.appliesTo(item),
    );
  }

  #lists(item: Item): SlowTierList[] {
    return this.#tiers
      .map(({ name, action }) => {
        const ids = (direction: Direction): string[] =>
          this.#inTier(name, item).flatMap(({ id, directions }) => (directions.includes(direction) ? [id] : []));
        return { name, defaultAction: action, ingress: ids('ingress'), egress: ids('egress') };
      })
      .filter(({ ingress, egress }) => ingress.length + egress.length > 0);
  }
}
