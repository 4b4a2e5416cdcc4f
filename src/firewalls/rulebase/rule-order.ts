/** How a list of named things becomes another one, by operations of which each prefix is safe. */
export interface OrderChange<R> {
  /** From the top down: what is new comes to its place, what is there moves up to it, what differs is replaced in its place. */
  readonly down: readonly OrderOperation<R>[];
  /** From the bottom up: what is not wanted goes. */
  readonly up: readonly OrderOperation<R>[];
}

export interface OrderOperation<R> {
  readonly verb: 'Insert' | 'Move' | 'Edit' | 'Remove';
  readonly rule: R;
  /** Of `Insert` and `Move`: the rule right above; absent: it becomes the first. */
  readonly after?: string;
}

/**
 * In each state on the way the first rule that matches a packet is the first one of the old list, or the first one of the new list:
 *
 * - Going down, all rules of the new list above the present place are there, in their order, and all of the old list are there too, those that
 *   are in both lists once, between the others that stood before and after them. A match that is new has every new rule before it; one that
 *   is old has every old rule before it. A rule in both lists that stands too low moves up: whom it takes it took before, or takes now.
 * - Going up, the whole new list is there, and of the old one the beginning.
 *
 * That does not hold for `Edit`, which only mends what somebody else changed under a name of ours. `strays` move in any case.
 */
export function orderChange<R extends { readonly name: string }>(
  before: readonly R[],
  after: readonly R[],
  strays: ReadonlySet<string>,
  isSame: (a: R, b: R) => boolean,
): OrderChange<R> {
  const old = new Map(before.map((rule) => [rule.name, rule]));
  const wanted = new Set(after.map(({ name }) => name));
  const placed = new Set<string>();
  const down: OrderOperation<R>[] = [];
  let next = 0;
  let above: string | undefined;
  for (const rule of after) {
    const place = above === undefined ? {} : { after: above };
    const known = old.get(rule.name);
    // The first of the old list that is wanted and not at its place yet: what stands before it may stay there until the end.
    while (next < before.length && isPassed(before[next]?.name ?? '')) next++;
    if (known === undefined) down.push({ verb: 'Insert', rule, ...place });
    else {
      if (before[next]?.name !== rule.name || strays.has(rule.name)) down.push({ verb: 'Move', rule, ...place });
      if (!isSame(known, rule)) down.push({ verb: 'Edit', rule });
    }
    placed.add(rule.name);
    above = rule.name;
  }
  function isPassed(name: string): boolean {
    return !wanted.has(name) || placed.has(name);
  }
  const up = before
    .filter(({ name }) => !wanted.has(name))
    .toReversed()
    .map((rule): OrderOperation<R> => ({ verb: 'Remove', rule }));
  return { down, up };
}
