import type { BucketDifference } from '../../base/bucket-map.ts';
import { type Pieces, each } from '../../base/pieces.ts';
import type { Nat, NatTarget, Ruleset } from '../../border/ruleset.ts';
import { canonicalText, classText } from '../../plan/canonical.ts';

/**
 * The addresses about which two versions of a ruleset differ, when they differ in members alone; else `undefined`. Versions share what
 * did not change, so that this costs what the change costs; where all was made anew, equal classes and targets are found equal.
 */
export function* sendersApart(before: Ruleset, after: Ruleset): Pieces<ReadonlySet<string> | undefined> {
  if (!before.destinations.equals(after.destinations) || !before.networks.equals(after.networks)) return undefined;
  if (!before.inside.equals(after.inside) || before.nats.length !== after.nats.length) return undefined;
  for (const [id, one] of after.classes) {
    const old = before.classes.get(id);
    if (old === one) continue;
    if (old === undefined || classText(old) !== classText(one)) return undefined;
    yield;
  }
  for (const [id, group] of after.groups) {
    const old = before.groups.get(id);
    if (group.kind === 'Outside' && (old?.kind !== 'Outside' || !old.nets.equals(group.nets))) return undefined;
  }
  const found = new Set<string>();
  function* collect<V>({ added, removed, changed }: BucketDifference<V>): Pieces {
    for (const list of [added, removed, changed])
      yield* each<readonly [string, ...unknown[]]>(list, ([address]) => found.add(address));
  }
  yield* collect(yield* before.members.differing(after.members));
  for (const [at, nat] of after.nats.entries()) {
    const old = before.nats[at];
    if (old === undefined || !sameMatch(old, nat)) return undefined;
    yield* collect(yield* old.sources.differing(nat.sources, sameTarget));
  }
  return found;
}

function sameTarget(a: NatTarget, b: NatTarget): boolean {
  return a === b || (a.kind === b.kind && canonicalText(a) === canonicalText(b));
}

function sameMatch(a: Nat, b: Nat): boolean {
  if (a.id !== b.id || a.protocol !== b.protocol || !a.destination.equals(b.destination)) return false;
  return a.ports === undefined || b.ports === undefined ? a.ports === b.ports : a.ports.equals(b.ports);
}
