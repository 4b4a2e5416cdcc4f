import { BucketMap } from '../../src/base/bucket-map.ts';
import type { FirewallView } from '../../src/border/firewall-view.ts';
import type { Ruleset } from '../../src/border/ruleset.ts';
import { PortSet, PrefixSet } from '../../src/ip/index.ts';

/** Everything in a view, in one order, as text that compares. */
export function shown({ ruleset, findings }: FirewallView): unknown {
  return { findings, ruleset: ruleset === undefined ? undefined : plain(ruleset) };
}

/** A ruleset alone, likewise. */
export function plain(ruleset: Ruleset): unknown {
  return JSON.parse(
    JSON.stringify(ruleset, (key, value: unknown) => {
      if (typeof value !== 'object' || value === null) return value;
      if (value instanceof Map) return [...value];
      if (value instanceof BucketMap) return entries(value);
      if (value instanceof PrefixSet || value instanceof PortSet) return value.toString();
      return key === '' ? { ...value } : value;
    }),
  );
}

function entries(map: BucketMap<unknown>): unknown {
  return [...map.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
}
