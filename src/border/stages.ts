import type { Family } from '../ip/address.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Entry } from './entry.ts';
import type { OutsideGroups } from './groups.ts';
import { type Ids, signature } from './ids.ts';
import { type RuleContext, rulesOf } from './rule-match.ts';
import type { BorderRule, Origin, Part, Stage } from './ruleset.ts';

/** A policy that selects a workload, and which of its rules are for it. */
export interface Pick {
  /** Index in the firewall's list of entries. */
  readonly rank: number;
  /** One `1` or `0` for each rule; empty where every rule is for every workload. */
  readonly bits: string;
}

const UNSELECTED: Origin = { policy: 'layer/unselected' };
const PROFILES: Origin = { policy: 'layer/profiles' };

/**
 * Makes the parts of one firewall from the policies that select a workload (design 8.1). What it makes depends on the policies alone, so
 * workloads with one list share one part, and one stage where only a layer is equal.
 */
export class Parts {
  readonly #entries: readonly Entry[];
  readonly #unselected: 'Ignore' | 'Deny';
  readonly #ids: Ids;
  readonly #ownContext: RuleContext;
  readonly #tierContext: RuleContext;
  readonly #rules = new Map<string, readonly (readonly BorderRule[])[]>();
  readonly #stages = new Map<string, Stage>();
  readonly #parts = new Map<string, Part>();

  /** `governed`: the destinations that this firewall judges. Entries are in the order in which they count. */
  constructor(
    entries: readonly Entry[],
    unselected: 'Ignore' | 'Deny',
    governed: PrefixSet,
    groups: OutsideGroups,
    ids: Ids,
  ) {
    this.#entries = entries;
    this.#unselected = unselected;
    this.#ids = ids;
    const group: RuleContext['group'] = (selector, family) => groups.of(selector, family);
    this.#ownContext = { group };
    this.#tierContext = { group, outside: governed };
  }

  /**
   * `picks` ascend by rank; `profiled`: a profile allows what no tier decides. `undefined`: no policy selects the workload and
   * `unselected` is Ignore.
   */
  of(picks: readonly Pick[], family: Family, profiled: boolean): Part | undefined {
    if (picks.length === 0 && this.#unselected === 'Ignore') return undefined;
    const key = signature(family, profiled, ...picks.flatMap((pick) => [pick.rank, pick.bits]));
    let part = this.#parts.get(key);
    if (part === undefined) {
      part = this.#part(picks, family, profiled);
      this.#parts.set(key, part);
    }
    return part;
  }

  /**
   * Ranks of the policies that may count for a whole shared address, out of those that select one workload: they say Widen, and no policy
   * that does not, no Pass and no end of a layer comes before them. So what is widened is what the workload itself may do or not do.
   */
  widening(picks: readonly Pick[]): readonly number[] {
    const ranks: number[] = [];
    let layer: Stage['layer'] | undefined;
    for (const { rank } of picks) {
      const entry = this.#entry({ rank });
      if (!entry.widen || (layer !== undefined && entry.layer !== layer)) break;
      ({ layer } = entry);
      const pass = entry.rules.findIndex((rule) => rule.action === 'Pass');
      const before = pass < 0 ? entry.rules : entry.rules.slice(0, pass);
      if (before.some((rule) => rule.action !== 'Log')) ranks.push(rank);
      if (pass >= 0) break;
    }
    return ranks;
  }

  /** The one part of what counts for a whole address, in the order of all policies; none for no ranks. */
  widened(ranks: readonly number[], family: Family): readonly Part[] {
    const rules = ranks.flatMap((rank) => {
      const pass = this.#entry({ rank }).rules.findIndex((rule) => rule.action === 'Pass');
      return this.#rulesOf(rank, family, false)
        .slice(0, pass < 0 ? undefined : pass)
        .flat();
    });
    if (rules.length === 0) return [];
    const names = ranks.map((rank) => this.#entry({ rank }).id);
    const layer = 'ClusterBorderPolicy';
    const stage: Stage = {
      id: this.#ids.of('s', signature('widened', family, ...names)),
      layer,
      name: layer,
      rules,
      end: 'Next',
      endOrigin: UNSELECTED,
    };
    const id = this.#ids.of('p', signature('widened part', stage.id));
    return [{ id, stages: [stage], otherwise: 'Allow', otherwiseOrigin: UNSELECTED }];
  }

  #part(picks: readonly Pick[], family: Family, profiled: boolean): Part {
    const hasOwn = picks.some((pick) => this.#entry(pick).layer === 'BorderPolicy');
    const stages = stretches(picks, (pick) => stageKey(this.#entry(pick))).map((stretch) =>
      this.#stage(stretch, family, hasOwn),
    );
    const lastTier = stages.findLastIndex((stage) => stage.layer === 'Tier');
    if (lastTier >= 0 && !profiled) stages.splice(lastTier + 1, 0, this.#withoutProfile(family));
    // An Allow of a tier or profile stands where no BorderPolicy asks further; all else that nobody decided is for the last layer.
    const stands = stages.at(-1)?.layer === 'Tier';
    const otherwise = stands || this.#unselected === 'Ignore' ? 'Allow' : 'Deny';
    return {
      id: this.#ids.of('p', signature('part', family, otherwise, stands, ...stages.map((stage) => stage.id))),
      stages,
      otherwise,
      otherwiseOrigin: stands ? PROFILES : UNSELECTED,
    };
  }

  /** What no tier decided is denied: the Namespace that would allow it is not there. */
  #withoutProfile(family: Family): Stage {
    const id = this.#ids.of('s', signature('no profile', family));
    return { id, layer: 'Tier', name: 'profiles', rules: [], end: 'Deny', endOrigin: PROFILES };
  }

  #stage(picks: readonly Pick[], family: Family, hasOwn: boolean): Stage {
    const [first] = picks;
    const { layer, tier } = first === undefined ? { layer: 'BorderPolicy' as const } : this.#entry(first);
    const skips = layer === 'Tier' && hasOwn;
    const name = tier?.name ?? layer;
    const policies = picks.flatMap((pick) => [this.#entry(pick).id, pick.bits]);
    const id = this.#ids.of('s', signature('stage', layer, name, family, skips, ...policies));
    let stage = this.#stages.get(id);
    if (stage === undefined) {
      const rules = picks.flatMap((pick) =>
        this.#rulesOf(pick.rank, family, skips).flatMap((each, index) => (pick.bits[index] === '0' ? [] : each)),
      );
      stage = {
        id,
        layer,
        name,
        rules,
        end: tier?.defaultAction === 'Pass' ? 'Next' : 'Deny',
        endOrigin: { policy: tier === undefined ? `layer/${layer}` : `tier/${name}` },
      };
      this.#stages.set(id, stage);
    }
    return stage;
  }

  /** By index of the entry's rule: the rules it became in this family. */
  #rulesOf(rank: number, family: Family, skips: boolean): readonly (readonly BorderRule[])[] {
    const key = `${rank}/${family}/${skips}`;
    let rules = this.#rules.get(key);
    if (rules === undefined) {
      const entry = this.#entry({ rank });
      const context = entry.layer === 'Tier' ? this.#tierContext : this.#ownContext;
      rules = entry.rules.map((rule) =>
        rulesOf(
          {
            origin: { policy: entry.id, rule: rule.index },
            action: borderAction(rule.action, skips),
            widen: entry.widen,
          },
          rule.match,
          family,
          context,
        ),
      );
      this.#rules.set(key, rules);
    }
    return rules;
  }

  #entry({ rank }: { readonly rank: number }): Entry {
    const entry = this.#entries[rank];
    if (entry === undefined) throw new RangeError(`no entry ${rank}`);
    return entry;
  }
}

function borderAction(action: Entry['rules'][number]['action'], skips: boolean): BorderRule['action'] {
  if (action === 'Pass') return 'Next';
  return action === 'Allow' && skips ? 'SkipToOwn' : action;
}

function stageKey(entry: Entry): string {
  return `${entry.layer}/${entry.tier?.name ?? ''}`;
}

/** Neighbours with the same key, together. */
function stretches<T>(items: readonly T[], key: (item: T) => string): readonly (readonly T[])[] {
  const found: T[][] = [];
  let last: string | undefined;
  for (const item of items) {
    const now = key(item);
    if (now === last) found.at(-1)?.push(item);
    else found.push([item]);
    last = now;
  }
  return found;
}
