import type { Resource, ResourceKey } from '../../src/api/resource.ts';
import type { ResourceChange } from '../../src/inventory/change.ts';

/** A state of the world: everything that exists. */
export type State = ReadonlyMap<ResourceKey, Resource>;

/** How a sequence of states is walked. Every road ends in the last state of `states` or, reversed, of the first. */
export interface Road {
  readonly reversed: boolean;
  /** Every change comes twice. */
  readonly doubled: boolean;
  /** Everything goes away between two states. */
  readonly emptied: boolean;
  /** Each put is preceded by a deletion of the same object. */
  readonly deletedFirst: boolean;
  /** Only the last state is delivered. */
  readonly squashed: boolean;
  /** Changes of one state come in the opposite order. */
  readonly backwards: boolean;
  readonly flush: 'each change' | 'each state' | 'end';
}

/** A step of a road: a change, or a flush. */
export type RoadStep = { readonly kind: 'change'; readonly change: ResourceChange } | { readonly kind: 'flush' };

/** The steps of a road and the state in which it ends. */
export function walk(
  states: readonly State[],
  road: Road,
): { readonly steps: readonly RoadStep[]; readonly end: State } {
  const ordered = road.reversed ? states.toReversed() : states;
  const end = ordered.at(-1) ?? new Map<ResourceKey, Resource>();
  const visited = road.squashed ? [end] : ordered.flatMap((state) => (road.emptied ? [new Map(), state] : [state]));
  const steps: RoadStep[] = [];
  let present: State = new Map();
  for (const next of visited) {
    const changes = differences(present, next);
    for (const change of road.backwards ? changes.toReversed() : changes) {
      if (road.deletedFirst && change.kind === 'put') push(steps, { kind: 'delete', key: keyOf(change, next) }, road);
      push(steps, change, road);
    }
    if (road.flush === 'each state') steps.push({ kind: 'flush' });
    present = next;
  }
  return { steps: [...steps, { kind: 'flush' }], end };
}

function push(steps: RoadStep[], change: ResourceChange, road: Road): void {
  for (let times = 0; times < (road.doubled ? 2 : 1); times++) {
    steps.push({ kind: 'change', change });
    if (road.flush === 'each change') steps.push({ kind: 'flush' });
  }
}

function differences(from: State, to: State): readonly ResourceChange[] {
  const gone = [...from.keys()].filter((key) => !to.has(key));
  return [
    ...gone.map((key) => ({ kind: 'delete', key }) as const),
    ...[...to]
      .filter(([key, resource]) => from.get(key) !== resource)
      .map(([, resource]) => ({ kind: 'put', resource }) as const),
  ];
}

function keyOf(change: { readonly resource: Resource }, state: State): ResourceKey {
  for (const [key, resource] of state) if (resource === change.resource) return key;
  throw new Error('a change puts what its state does not hold');
}
