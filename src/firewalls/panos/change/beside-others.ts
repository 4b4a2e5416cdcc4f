import { SallyportError } from '../../../base/error.ts';
import type { Exposure } from '../../../plan/step.ts';
import type { MemberGroup, ObservedRuleBase, WantedRuleBase } from '../../rulebase/model.ts';
import type { Ground } from '../configuration/ground.ts';
import type { FetchedLists } from '../lists/lists.ts';
import { MOST_TAGS, without } from '../members/most-tags.ts';
import { type Registered, type TagChange, heldOf } from '../members/registered.ts';
import { type TagsOfOthers, besideOthers, tagsOfOthers } from '../members/tags-of-others.ts';
import { type PanosStep, type Start, stepsTo } from './steps.ts';

/**
 * `stepsTo` what there is a place for beside the tags that others registered (`registered`: all that there are). Whoever would have too many on the
 * way alone, as he joins before he leaves, leaves first and joins with the next plan.
 */
export function stepsBesideOthers(
  start: Start,
  wanted: WantedRuleBase,
  registered: Registered,
  ground: Ground,
  lists?: FetchedLists,
): readonly PanosStep[] {
  const prefix = ground.style.tags;
  const others = tagsOfOthers(registered, prefix);
  const fitting = besideOthers(wanted, start.observed, others);
  const steps = stepsTo(start, fitting, ground, lists);
  const crowded = crowdedOnTheWay(steps, registered, others, prefix);
  if (crowded.size === 0) return steps;
  const first = stepsTo(start, withoutJoining(fitting, start.observed, crowded), ground, lists);
  if (first.length === 0)
    throw new SallyportError(
      'CAPACITY',
      `${[...crowded].join(', ')}: too many tags on the way, those of others counted`,
    );
  const exposes: Exposure = {
    direction: 'closed',
    flows: `flows of ${[...crowded].join(', ')}, for which others have registered nearly all the tags that an address may have: there is no place for the old and the new ones of ours at once`,
    longestMs: ground.dialect.slowMs,
  };
  return first.map((step) => (takesFrom(step, crowded) && step.exposes === undefined ? { ...step, exposes } : step));
}

/** Who would have more tags than an address may at some moment. What joins and leaves an address stands in one message, which takes away first. */
function crowdedOnTheWay(
  steps: readonly PanosStep[],
  registered: Registered,
  others: TagsOfOthers,
  prefix: string,
): ReadonlySet<string> {
  const crowded = new Set<string>();
  if (others.size === 0) return crowded;
  const own = new Map<string, Set<string>>([...others.keys()].map((address) => [address, new Set()]));
  for (const { address, tag } of heldOf(registered, prefix, (one) => own.has(one))) own.get(address)?.add(tag);
  for (const step of steps) {
    if (step.does !== 'register' || step.standby) continue;
    for (const { address, tag } of step.leaves) own.get(address)?.delete(tag);
    for (const { address, tag } of step.joins) {
      const tags = own.get(address)?.add(tag);
      if (tags !== undefined && (others.get(address) ?? 0) + tags.size > MOST_TAGS) crowded.add(address);
    }
  }
  return crowded;
}

/** What is wanted, but that these join nothing. */
function withoutJoining(
  wanted: WantedRuleBase,
  { groups }: ObservedRuleBase,
  crowded: ReadonlySet<string>,
): WantedRuleBase {
  const left = new Map<MemberGroup, ReadonlySet<string>>();
  for (const [key, group] of wanted.groups) {
    if (group.store !== 'Volatile') continue;
    const there = groups.get(key)?.members;
    const joining = [...crowded].filter((address) => group.members.has(address) && there?.has(address) !== true);
    if (joining.length > 0) left.set(group, new Set(joining));
  }
  return without(wanted, left);
}

function takesFrom(step: PanosStep, addresses: ReadonlySet<string>): boolean {
  return step.does === 'register' && step.leaves.some(({ address }: TagChange) => addresses.has(address));
}
