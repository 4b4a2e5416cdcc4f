import type { BorderRule, Class, Origin, Part, Stage } from '../../border/ruleset.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';
import { type Branch, branchOff } from './branch.ts';
import type { FlatAction } from './flat-list.ts';
import { type Item, type Items, decideAll, reachable } from './item.ts';
import { type Match, areDisjoint, matchOf } from './match.ts';

/** Where a flow goes on: to its end, or to another list. */
type Onward = FlatAction | { readonly items: Items };

/** What becomes of flows that a part lets pass: by an Allow of our own kinds, or because nothing dropped them. */
interface Exits {
  readonly granted: Onward;
  readonly stands: Onward;
}

interface Step {
  readonly match: Match;
  readonly rule: BorderRule;
  readonly onward: Onward;
}

/**
 * What a class may do, as one list that decides every governed flow. `Allow` is for what an Allow of a ClusterBorderPolicy or BorderPolicy
 * grants in every part. All else that passes is only "not dropped here" (design 8.1: repeating takes away, never gives): it leaves to the
 * device's own rules. With `form: Filter` all that passes does.
 */
export function itemsOfClass(one: Class, destinations: PrefixSet, form: 'Full' | 'Filter'): Items {
  const grant: FlatAction = form === 'Full' ? 'Allow' : 'Leave';
  let exits: Exits = { granted: grant, stands: 'Leave' };
  let items: Items = [decideAll('Leave', UNSELECTED)];
  // Each part must let a flow pass: what the first one lets pass goes on to the second one.
  for (const part of one.parts.toReversed()) {
    items = new PartCompiler(part, one, destinations, exits).items();
    exits = { granted: { items }, stands: { items: items.map(ungranted) } };
  }
  const widened = one.widened
    .flatMap((part) => part.stages)
    .flatMap((stage) => stage.rules)
    .flatMap((rule): readonly Item[] => {
      if (!rule.widen || (rule.action !== 'Allow' && rule.action !== 'Deny')) return [];
      const match = matchOf(rule, one.family, destinations);
      return match === undefined ? [] : [itemOf(rule, match, rule.action === 'Allow' ? grant : 'Deny')];
    });
  return reachable([...widened, ...items]);
}

const UNSELECTED: Origin = { policy: 'layer/unselected' };

function ungranted(item: Item): Item {
  return item.action === 'Allow' ? { ...item, action: 'Leave' } : item;
}

function itemOf(rule: BorderRule, match: Match, action: FlatAction): Item {
  return { match, action, origins: [rule.origin], rules: [rule], narrowed: false };
}

class PartCompiler {
  readonly #part: Part;
  readonly #class: Class;
  readonly #destinations: PrefixSet;
  readonly #exits: Exits;
  /** By the places of the stages that are left: tails that are equal are the same objects. */
  readonly #known = new Map<string, Items>();

  constructor(part: Part, one: Class, destinations: PrefixSet, exits: Exits) {
    this.#part = part;
    this.#class = one;
    this.#destinations = destinations;
    this.#exits = exits;
  }

  items(): Items {
    return this.#through(this.#part.stages.map((_stage, place) => place));
  }

  /** What the stages at these places do, one after the other. */
  #through(places: readonly number[]): Items {
    const key = places.join(' ');
    let items = this.#known.get(key);
    if (items === undefined) {
      items = this.#made(places);
      this.#known.set(key, items);
    }
    return items;
  }

  #made(places: readonly number[]): Items {
    const [place, ...rest] = places;
    const stage = place === undefined ? undefined : this.#part.stages[place];
    if (stage === undefined) {
      const { otherwise, otherwiseOrigin } = this.#part;
      if (otherwise === 'Deny') return [decideAll('Deny', otherwiseOrigin)];
      const { stands } = this.#exits;
      return typeof stands === 'string' ? [decideAll(stands, otherwiseOrigin)] : stands.items;
    }
    const next = (): Items => this.#through(rest);
    const end = stage.end === 'Next' ? next() : [decideAll('Deny', stage.endOrigin)];
    return this.#stage(stage, next, this.#afterSkip(rest), end);
  }

  /** Where an Allow of a repeated tier leads: to the BorderPolicies, or, where the part has none, it stands. */
  #afterSkip(rest: readonly number[]): () => Onward {
    if (!this.#part.stages.some((stage) => stage.layer === 'BorderPolicy')) return () => this.#exits.stands;
    return () => ({
      items: this.#through(rest.filter((place) => this.#part.stages[place]?.layer === 'BorderPolicy')),
    });
  }

  #stage(stage: Stage, next: () => Items, afterSkip: () => Onward, end: Items): Items {
    const onward = (action: BorderRule['action']): Onward => {
      switch (action) {
        case 'Allow':
          return stage.layer === 'Tier' ? this.#exits.stands : this.#exits.granted;
        case 'SkipToOwn':
          return afterSkip();
        case 'Next':
          return { items: next() };
        case 'Deny':
        case 'Log':
          return action;
      }
    };
    const steps = stage.rules.flatMap((rule): readonly Step[] => {
      const match = matchOf(rule, this.#class.family, this.#destinations);
      return match === undefined ? [] : [{ match, rule, onward: onward(rule.action) }];
    });
    return listOf(gathered(steps), end);
  }
}

function listOf(steps: readonly Step[], end: Items): Items {
  let items = end;
  for (let after = steps.length; after > 0; ) {
    const { onward } = steps[after - 1] as Step;
    let first = after - 1;
    while (first > 0 && sameWay(steps[first - 1]?.onward, onward)) first--;
    const run = steps.slice(first, after);
    if (typeof onward === 'string')
      items = [...run.map(({ rule, match, onward: action }) => itemOf(rule, match, action as FlatAction)), ...items];
    else {
      const branches = run.map(({ match, rule }): Branch => ({ match, rules: [rule] }));
      items = branchOff(branches, onward.items, items);
    }
    after = first;
  }
  return reachable(items);
}

/** Whether two neighbours are worked off together: both decide, or both lead to the same list. */
function sameWay(a: Onward | undefined, b: Onward): boolean {
  if (a === undefined) return false;
  if (typeof a === 'string' || typeof b === 'string') return typeof a === typeof b;
  return a.items === b.items;
}

/** Steps that lead to the same list, moved next to each other where nothing between them can meet the same flow. */
function gathered(steps: readonly Step[]): readonly Step[] {
  const order = [...steps];
  for (let at = order.length - 2; at >= 0; at--) {
    const step = order[at];
    if (step === undefined || typeof step.onward === 'string') continue;
    let place = at + 1;
    while (place < order.length && !sameWay(order[place]?.onward, step.onward)) {
      if (areDisjoint(step.match, (order[place] as Step).match)) place++;
      else place = order.length;
    }
    if (place === at + 1 || place >= order.length) continue;
    order.splice(place, 0, step);
    order.splice(at, 1);
  }
  return order;
}
