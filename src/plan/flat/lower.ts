import { compareUtf8 } from '../../base/compare.ts';
import { Ids, signature } from '../../border/ids.ts';
import type { BorderRule, Family, Ruleset } from '../../border/ruleset.ts';
import type { ServiceSet } from '../../engine/flows/service-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type {
  FlatCapabilities,
  FlatDestination,
  FlatGroup,
  FlatGroupId,
  FlatRule,
  FlatService,
  FlatSource,
} from './flat-list.ts';
import { flatServices } from './flat-services.ts';
import type { Item } from './item.ts';
import { type Term, ANYWHERE, isPlain } from './term.ts';

/** A rule that a device cannot say, and what of it. */
export type Unsayable = (rule: BorderRule, limit: string) => void;

/** Writes items as rules: destinations in the forms that devices have, groups where that takes one. */
export class Lowering {
  readonly groups = new Map<FlatGroupId, FlatGroup>();
  readonly #ruleset: Pick<Ruleset, 'destinations' | 'inside'>;
  readonly #capabilities: FlatCapabilities;
  readonly #ids = new Ids();
  readonly #services = new Map<string, readonly FlatService[]>();
  #outside = PrefixSet.empty;
  readonly #domains = new Set<string>();

  constructor(ruleset: Pick<Ruleset, 'destinations' | 'inside'>, capabilities: FlatCapabilities) {
    this.#ruleset = ruleset;
    this.#capabilities = capabilities;
  }

  get assumes(): { readonly outside: PrefixSet; readonly domains: readonly string[] } {
    return { outside: this.#outside, domains: [...this.#domains].toSorted(compareUtf8) };
  }

  /** `undefined`: it matches nothing that is governed, or cannot be said. */
  rule(item: Item, family: Family, source: FlatSource, unsayable: Unsayable): FlatRule | undefined {
    const destination = this.#destination(item, family, unsayable);
    if (destination === undefined) return undefined;
    const services = this.#servicesOf(item.match.services, family);
    return { family, source, destination, services, action: item.action, origins: item.origins };
  }

  /** Every governed destination of a family. */
  governed(family: Family): FlatDestination {
    return { prefixes: PrefixSet.empty, groups: [this.#group(ANYWHERE, family)], domains: [] };
  }

  #servicesOf(services: ServiceSet, family: Family): readonly FlatService[] {
    const key = `${family} ${services.key}`;
    const known = this.#services.get(key) ?? flatServices(services, family);
    this.#services.set(key, known);
    return known;
  }

  #destination(item: Item, family: Family, unsayable: Unsayable): FlatDestination | undefined {
    let prefixes = PrefixSet.empty;
    const groups = new Set<FlatGroupId>();
    const domains = new Set<string>();
    const { destinations, inside } = this.#ruleset;
    for (const term of item.match.terms) {
      if (term.domains.length > 0) {
        const limit = this.#domainLimit(term);
        if (limit !== undefined) {
          unsayable(toBlame(item), limit);
          return undefined;
        }
        for (const domain of term.domains[0] ?? []) domains.add(domain);
        continue;
      }
      const nets = term.nets?.intersect(destinations.family(family));
      if (nets?.isEmpty === true) continue;
      if (nets !== undefined && isPlain(term) && !nets.overlaps(inside)) prefixes = prefixes.union(nets);
      else groups.add(this.#group(nets === undefined ? term : { ...term, nets }, family));
    }
    if (prefixes.isEmpty && groups.size === 0 && domains.size === 0) return undefined;
    this.#outside = this.#outside.union(prefixes);
    for (const domain of domains) this.#domains.add(domain);
    return { prefixes, groups: [...groups].toSorted(), domains: [...domains].toSorted(compareUtf8) };
  }

  #domainLimit(term: Term): string | undefined {
    if (!this.#capabilities.domains) return 'domain names';
    if (term.nets !== undefined || term.all.length > 0 || term.none.length > 0)
      return 'domain names cut to networks or network sets';
    return term.domains.length > 1 ? 'domain names that are in two lists at once' : undefined;
  }

  #group({ nets, all, none }: Term, family: Family): FlatGroupId {
    const id = this.#ids.of('d', signature(family, nets?.toString() ?? 'any', all.join(' '), none.join(' ')));
    if (!this.groups.has(id)) this.groups.set(id, { id, family, ...(nets === undefined ? {} : { nets }), all, none });
    return id;
  }
}

/**
 * Of all rules that an item says, the one to leave out because the item cannot be said: rather an Allow, which will be absent, than one
 * that denies everything in its place.
 */
function toBlame(item: Item): BorderRule {
  const named = item.rules.filter((rule) => rule.outside.domains.length > 0);
  const alone = named.find(
    ({ outside }) => outside.nets !== undefined || outside.groups.length > 0 || outside.notGroups.length > 0,
  );
  const gentle = item.rules.find((rule) => rule.action !== 'Deny' && rule.action !== 'Next');
  const rule = alone ?? gentle ?? named[0] ?? item.rules[0];
  if (rule === undefined) throw new RangeError('domains without a rule that names them');
  return rule;
}
