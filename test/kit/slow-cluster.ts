import type { PlainFlow, PlainHop, PlainObject } from './plain-objects.ts';
import { type Item, itemsOf } from './slow-items.ts';
import { sameAddress } from './slow-address.ts';
import { type Surroundings } from './slow-match.ts';
import {
  type Direction,
  type SlowPolicy,
  type SlowTier,
  byBytes,
  comparePolicies,
  policiesOf,
  profileRules,
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

interface SlowHostLists {
  untrackedTiers?: SlowTierList[];
  preDNATTiers?: SlowTierList[];
  forwardTiers?: SlowTierList[];
}

export interface SlowEndpoint extends SlowHostLists {
  id: string;
  ips: string[];
  profiles: string[];
  tiers: SlowTierList[];
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
  endpoints(): SlowEndpoint[] {
    return this.#endpoints().map((item) => ({
      id: item.id,
      ips: [...item.addresses],
      profiles: [...item.profiles],
      tiers: this.#lists(item, 'normal'),
      ...this.#ofHost(item),
    }));
  }

  #ofHost(item: Item): SlowHostLists {
    const written: [keyof SlowHostLists, SlowTierList[]][] = [
      ['untrackedTiers', this.#lists(item, 'untracked')],
      ['preDNATTiers', this.#lists(item, 'preDNAT')],
      ['forwardTiers', this.#lists(item, 'forward')],
    ];
    return item.is === 'host' ? Object.fromEntries(written.filter(([, lists]) => lists.length > 0)) : {};
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

  /** 6.3; a host's own traffic meets its lists one after another (7.4, 7.5, 7.10). */
  #hop(direction: Direction, item: Item, flow: PlainFlow): PlainHop {
    const passes: string[] = [];
    const done = (allowed: boolean, reason: string, more: object): PlainHop => ({
      endpoint: item.id,
      allowed,
      reason,
      ...more,
      ...(passes.length > 0 ? { passes } : {}),
    });
    for (const list of item.is === 'host' ? (['untracked', 'preDNAT', 'normal'] as const) : (['normal'] as const))
      tiers: for (const { name, action, policies } of this.#tiersOf(item, list)) {
        // 12: staged ones are shown in their place, and decide nothing.
        const involved = policies.filter(({ directions, staged }) => !staged && directions.includes(direction));
        if (involved.length === 0) continue;
        for (const { id, rules } of involved)
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
    for (const profile of item.profiles)
      for (const rule of profileRules(this.#known, profile, direction)) {
        if (rule.action === 'Log' || !rule.matches(flow)) continue;
        return done(rule.action === 'Allow', 'profile', { policy: `Profile/${profile}`, rule: rule.index });
      }
    return done(false, 'no-profile-match', {});
  }

  /** 7.2, with 7.4 for what the ends of the first two lists do; a pod has the normal list alone (7.7). */
  #tiersOf(item: Item, list: List): (SlowTier & { readonly policies: readonly SlowPolicy[] })[] {
    return this.#tiers.flatMap((tier) => {
      const policies = this.#policies.filter(
        (policy) => policy.tier === tier.name && isIn(policy, list) && policy.appliesTo(item),
      );
      const action = list === 'untracked' || list === 'preDNAT' ? 'Pass' : tier.action;
      return policies.length === 0 ? [] : [{ ...tier, action, policies }];
    });
  }

  #lists(item: Item, list: List): SlowTierList[] {
    return this.#tiersOf(item, list)
      .map(({ name, action, policies }) => {
        const ids = (direction: Direction): string[] =>
          policies.flatMap(({ id, directions }) => (directions.includes(direction) ? [id] : []));
        return { name, defaultAction: action, ingress: ids('ingress'), egress: ids('egress') };
      })
      .filter(({ ingress, egress }) => ingress.length + egress.length > 0);
  }
}

type List = 'untracked' | 'preDNAT' | 'normal' | 'forward';

function isIn({ doNotTrack, preDNAT, applyOnForward }: SlowPolicy, list: List): boolean {
  if (list === 'untracked') return doNotTrack;
  if (list === 'preDNAT') return preDNAT;
  return !doNotTrack && !preDNAT && (list === 'normal' || applyOnForward);
}
