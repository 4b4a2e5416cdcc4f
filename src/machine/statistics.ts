/** Packets and bytes that rules counted. */
export interface Counted {
  readonly packets: number;
  readonly bytes: number;
}

/** What FirewallMonitors show of rules: by what they do, and by comment. */
export type RuleStatistics = Readonly<
  Record<'accept' | 'drop' | 'other', Readonly<Record<string, { readonly counter: Counted }>>>
>;

/** Bytes into and out of the cluster, by whether the other end is inside. */
export type DeviceStatistics = Readonly<
  Partial<Record<'internal' | 'external', { readonly in: number; readonly out: number }>>
>;

export interface TableStatistics {
  readonly rules: RuleStatistics;
  readonly devices: DeviceStatistics;
}

const COUNTED = /\bcounter packets (\d+) bytes (\d+)/;
const COMMENT = / comment "([^"]*)"(?: # handle \d+)?$/;
const VERDICT = /\s(accept|drop)(?= comment "|$)/;

/**
 * What `nft list ruleset` shows, as FirewallMonitors have it: every rule of every table that has a comment and a counter of its own, and the
 * four counters of the cluster's traffic (reference, section 6). Rules of one comment are added up; today the last of them counts alone.
 */
export function tableStatistics(listing: string): TableStatistics {
  const rules = {
    accept: new Map<string, Counted>(),
    drop: new Map<string, Counted>(),
    other: new Map<string, Counted>(),
  };
  const bytes = new Map<string, number>();
  let table = '';
  let counter: string | undefined;
  for (const line of listing.split('\n')) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    counter = line === '\t}' ? undefined : (/^\tcounter (\S+) \{/.exec(line)?.[1] ?? counter);
    if (counter !== undefined && table === 'inet firewall') {
      const total = /^\t\tpackets \d+ bytes (\d+)/.exec(line);
      if (total !== null) bytes.set(counter, Number(total[1]));
      continue;
    }
    const counted = COUNTED.exec(line);
    const comment = counted === null ? undefined : COMMENT.exec(line)?.[1];
    if (counted === null || comment === undefined) continue;
    const verdict = VERDICT.exec(line.slice(counted.index))?.[1];
    const action = verdict === 'accept' || verdict === 'drop' ? verdict : 'other';
    const before = rules[action].get(comment) ?? { packets: 0, bytes: 0 };
    rules[action].set(comment, {
      packets: before.packets + Number(counted[1]),
      bytes: before.bytes + Number(counted[2]),
    });
  }
  const shown = (of: ReadonlyMap<string, Counted>): Record<string, { readonly counter: Counted }> =>
    Object.fromEntries([...of].map(([comment, sum]) => [comment, { counter: sum }]));
  return {
    rules: { accept: shown(rules.accept), drop: shown(rules.drop), other: shown(rules.other) },
    devices: Object.fromEntries(
      (['internal', 'external'] as const).flatMap((side) => {
        const into = bytes.get(`${side}_in`);
        const out = bytes.get(`${side}_out`);
        return into === undefined && out === undefined ? [] : [[side, { in: into ?? 0, out: out ?? 0 }]];
      }),
    ),
  };
}

/** Rules that a FirewallMonitor shows at most: an object of a cluster, with the server's own notes about its fields, has to stay below 1.5 MB. */
export const MOST_RULES_SHOWN = 2_000;

/** As many rules as there is room for: those that counted most, so that a machine of very many rules still reports. */
export function withinRoom(rules: RuleStatistics): RuleStatistics {
  const all = (['accept', 'drop', 'other'] as const).flatMap((action) =>
    Object.entries(rules[action]).map(([comment, shown]) => ({ action, comment, shown })),
  );
  if (all.length <= MOST_RULES_SHOWN) return rules;
  const room = all
    .toSorted((a, b) => b.shown.counter.packets - a.shown.counter.packets || (a.comment < b.comment ? -1 : 1))
    .slice(0, MOST_RULES_SHOWN);
  const of = (action: keyof RuleStatistics): RuleStatistics['accept'] =>
    Object.fromEntries(room.filter((each) => each.action === action).map(({ comment, shown }) => [comment, shown]));
  return { accept: of('accept'), drop: of('drop'), other: of('other') };
}
