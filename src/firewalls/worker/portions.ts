import { compareUtf8 } from '../../base/compare.ts';
import type { Step } from '../../plan/step.ts';
import type { Drift } from '../driver.ts';

/** Everything but tidying up, without which the device holds what is wanted just as well. */
export function isWork(step: Step): boolean {
  return step.kind !== 'Clean';
}

/** The steps that go ahead of everything else: a prefix, so that the rest finds what it was made for. */
export function leadingUrgent<S extends Step>(steps: readonly S[]): readonly S[] {
  const end = steps.findIndex(({ urgent }) => !urgent);
  return end < 0 ? steps : steps.slice(0, end);
}

/** So many steps of a plan are followed one by one. */
const MOST_RESTS = 20;

/** What is left of a plan after each of its steps; of one with many steps, after the first ones. */
export function restsOf<S extends Step>(steps: readonly S[]): readonly (readonly S[])[] {
  return steps.slice(1, MOST_RESTS).map((_, at) => steps.slice(at + 1));
}

/** The steps before the first that changes one of these objects. */
export function beforeTouching<S extends Step>(steps: readonly S[], names: ReadonlySet<string>): readonly S[] {
  const end = steps.findIndex(({ objects }) => objects.some(({ name }) => names.has(name)));
  return end < 0 ? steps : steps.slice(0, end);
}

/**
 * What the device says about changed objects, and then the objects about which it says nothing: a repair may touch many that nobody
 * changed, and what is known must not be lost among them.
 */
export function driftOf(told: readonly Drift[], objects: ReadonlySet<string>): readonly Drift[] {
  const named = new Set(told.map(({ object }) => object));
  const rest = [...objects].filter((object) => !named.has(object)).map((object) => ({ object, what: 'changed' }));
  const byObject = (a: Drift, b: Drift): number => compareUtf8(a.object, b.object);
  return [...told.toSorted(byObject), ...rest.toSorted(byObject)];
}

/** Objects of ours that somebody changed: those that the work of putting them right touches, and those that the device tells of. */
export function changedObjects(told: readonly Drift[], repairs: readonly Step[]): ReadonlySet<string> {
  const named = new Set(told.map(({ object }) => object));
  const touched = repairs.flatMap((step) => step.objects.filter(({ name }) => isWork(step) || named.has(name)));
  return new Set(touched.map(({ name }) => name));
}

/** Equal members. */
export function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one));
}
