/** What of the table can be changed by itself, read from the text that we write. */
export interface TableParts {
  /** By name, the declaration and the elements, as written. */
  readonly sets: ReadonlyMap<string, { readonly declaration: string; readonly elements: string }>;
  readonly counters: ReadonlySet<string>;
  /** By name, the hook and the rules in their order. */
  readonly chains: ReadonlyMap<string, { readonly hook: string; readonly rules: readonly string[] }>;
  /** Tables beside ours, as written. */
  readonly others: string;
}

export interface Count {
  readonly packets: number;
  readonly bytes: number;
}

/** One rule in the kernel. */
export interface LiveRule {
  readonly handle: number;
  readonly comment: string | undefined;
  /** Of its own; rules that count by name have none. */
  readonly count: Count | undefined;
  /** Equal for rules that differ in nothing but what was counted. */
  readonly print: string;
}

/** The table as the kernel has it. */
export interface LiveTable {
  readonly chains: ReadonlyMap<string, readonly LiveRule[]>;
  readonly counters: ReadonlyMap<string, Count>;
  /** Of sets without flags, by name: they are learnt, and change between loads. */
  readonly elements: ReadonlyMap<string, ReadonlySet<string>>;
  /** All that is no rule, without what was counted and learnt; `undefined`: not read since it was changed. */
  readonly rest: string | undefined;
}

const TABLE = 'inet firewall';

/** Where new rules of a large table go (`late-rules.ts`): the end of a short chain, which takes nft no look at all others. */
export const LATE_CHAIN = 'late';

/** The parts of a text of ours (`tableText`). */
export function tableParts(text: string): TableParts {
  const sets = new Map<string, { declaration: string; elements: string }>();
  const counters = new Set<string>();
  const chains = new Map<string, { hook: string; rules: string[] }>();
  const lines = text.split('\n');
  const end = lines.indexOf('}');
  let block: { readonly kind: string; readonly name: string; readonly body: string[] } | undefined;
  for (const line of lines.slice(1, end)) {
    const opening = /^\t(set|counter|chain) (\S+) \{$/.exec(line);
    const inside = line.trim();
    if (opening?.[1] !== undefined && opening[2] !== undefined)
      block = { kind: opening[1], name: opening[2], body: [] };
    else if (line === '\t}' && block !== undefined) {
      const { kind, name, body } = block;
      const elements = body.find((each) => each.startsWith('elements = ')) ?? '';
      if (kind === 'counter') counters.add(name);
      else if (kind === 'set')
        sets.set(name, { declaration: body.filter((each) => each !== elements).join('; '), elements });
      else chains.set(name, { hook: body[0] ?? '', rules: body.slice(1) });
      block = undefined;
    } else if (inside !== '' && !inside.startsWith('#')) block?.body.push(inside);
  }
  return { sets, counters, chains, others: lines.slice(end + 1).join('\n') };
}

/**
 * One transaction that puts the text in the table's place, whatever is there. What was counted goes on: of named counters by name, of rules
 * by their comment, the first of a comment with the first.
 */
export function replaceTable(text: string, live: LiveTable | undefined): string {
  const counts = new Map<string, (Count | undefined)[]>();
  for (const [chain, rules] of live?.chains ?? [])
    for (const { comment, count } of rules) {
      const key = `${chain === LATE_CHAIN ? 'forward' : chain} ${comment ?? ''}`;
      const found = counts.get(key);
      if (found === undefined) counts.set(key, [count]);
      else found.push(count);
    }
  let chain = '';
  const lines = text.split('\n').map((line) => {
    const named = /^\tcounter (\S+) \{$/.exec(line)?.[1];
    const count = live?.counters.get(named ?? '');
    if (count !== undefined) return `${line}\n\t\tpackets ${count.packets} bytes ${count.bytes}`;
    chain = /^\tchain (\S+) \{$/.exec(line)?.[1] ?? chain;
    const comment = /comment "([^"]*)"$/.exec(line)?.[1];
    const own = comment === undefined ? undefined : counts.get(`${chain} ${comment}`)?.shift();
    return own === undefined ? line : withCount(line, own);
  });
  return `table ${TABLE}\ndelete table ${TABLE}\n${lines.join('\n')}`;
}

function withCount(line: string, { packets, bytes }: Count): string {
  const comment = line.indexOf('comment "');
  const rule = line.slice(0, comment);
  return `${rule.replace(/(^|\s)counter (?!name )/, `$1counter packets ${packets} bytes ${bytes} `)}${line.slice(comment)}`;
}

/**
 * One transaction from `before`, which the kernel has exactly so, to `after`. What is in both is not touched, so that it goes on counting and limiting.
 * `undefined`: the whole table has to be replaced. Empty: there is nothing to do.
 */
export function changeTable(before: TableParts, after: TableParts, live: LiveTable): string | undefined {
  if (before.others !== after.others) return undefined;
  const first: string[] = [];
  const last: string[] = [];
  for (const name of after.counters) if (!before.counters.has(name)) first.push(`add counter ${TABLE} ${name}`);
  for (const name of before.counters) if (!after.counters.has(name)) last.push(`delete counter ${TABLE} ${name}`);
  for (const [name, set] of after.sets) {
    const old = before.sets.get(name);
    if (old !== undefined && old.declaration !== set.declaration) return undefined;
    if (old === undefined) first.push(`add set ${TABLE} ${name} { ${set.declaration}; }`);
    else if (old.elements === set.elements) continue;
    else first.push(`flush set ${TABLE} ${name}`);
    if (set.elements !== '') first.push(`add element ${TABLE} ${name} ${set.elements.slice('elements = '.length)}`);
  }
  for (const name of before.sets.keys()) if (!after.sets.has(name)) last.push(`delete set ${TABLE} ${name}`);
  const rules: string[] = [];
  for (const [name, chain] of after.chains) {
    const old = before.chains.get(name);
    if (old !== undefined && old.hook !== chain.hook) return undefined;
    if (old === undefined) {
      rules.push(`add chain ${TABLE} ${name}${chain.hook === '' ? '' : ` { ${chain.hook} }`}`);
      for (const rule of chain.rules) rules.push(`add rule ${TABLE} ${name} ${rule}`);
      continue;
    }
    const handles = live.chains.get(name);
    // Somebody else was here: what stands where is not known.
    if (handles?.length !== old.rules.length) return undefined;
    rules.push(...changeRules(name, old.rules, chain.rules, handles));
  }
  for (const name of before.chains.keys())
    if (!after.chains.has(name)) rules.push(`flush chain ${TABLE} ${name}`, `delete chain ${TABLE} ${name}`);
  const all = [...first, ...rules, ...last];
  return all.length === 0 ? '' : `${all.join('\n')}\n`;
}

function changeRules(
  chain: string,
  before: readonly string[],
  after: readonly string[],
  live: readonly LiveRule[],
): readonly string[] {
  const { head, tail, kept } = staying(before, after);
  const commands: string[] = [];
  for (let old = head; old < before.length - tail; old++)
    if (!kept.has(old)) commands.push(`delete rule ${TABLE} ${chain} handle ${live[old]?.handle ?? 0}`);
  const stays = new Map([...kept].map(([old, now]) => [now, old]));
  // Each run of new rules goes behind the rule that stays before it, last first, since each is put right behind that one.
  let run: string[] = [];
  for (let now = after.length - tail - 1; now >= head - 1; now--) {
    const old = now < head ? head - 1 : stays.get(now);
    if (old === undefined) {
      run.push(after[now] ?? '');
      continue;
    }
    const isLast = tail === 0 && now + run.length === after.length - 1;
    // At the end of a chain a new rule needs no neighbour, whom nft would look for among all rules there are.
    if (isLast) commands.push(...run.toReversed().map((rule) => `add rule ${TABLE} ${chain} ${rule}`));
    else if (old < 0) commands.push(...run.map((rule) => `insert rule ${TABLE} ${chain} ${rule}`));
    else commands.push(...run.map((rule) => `add rule ${TABLE} ${chain} handle ${live[old]?.handle ?? 0} ${rule}`));
    run = [];
  }
  return commands;
}

/** Which of the rules of a chain stay in a change to `after`, in their order; `undefined`: some are new. */
export function leftOf(
  before: readonly string[],
  after: readonly string[],
  live: readonly LiveRule[],
): readonly LiveRule[] | undefined {
  const { head, tail, kept } = staying(before, after);
  if (head + tail + kept.size < after.length || before.length !== live.length) return undefined;
  return live.filter((_, old) => old < head || old >= before.length - tail || kept.has(old));
}

/** Nearly all of a large chain stays: what is alike at both ends needs no comparing. `kept`: places in between, old to new. */
function staying(
  before: readonly string[],
  after: readonly string[],
): { readonly head: number; readonly tail: number; readonly kept: ReadonlyMap<number, number> } {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  const between = keptRules(before.slice(head, before.length - tail), after.slice(head, after.length - tail));
  return { head, tail, kept: new Map([...between].map(([old, now]) => [old + head, now + head])) };
}

/** Places of rules that stay, old to new: as many as can, in their order. Equal rules are told apart by which of them they are. */
function keptRules(before: readonly string[], after: readonly string[]): ReadonlyMap<number, number> {
  const keyed = (rules: readonly string[]): readonly string[] => {
    const seen = new Map<string, number>();
    return rules.map((rule) => {
      const number = seen.get(rule) ?? 0;
      seen.set(rule, number + 1);
      return `${number} ${rule}`;
    });
  };
  const places = new Map(keyed(after).map((key, index) => [key, index]));
  const pairs = keyed(before).flatMap((key, old) => {
    const now = places.get(key);
    return now === undefined ? [] : [{ old, now }];
  });
  // The longest run of pairs that ascends in `now`: patience sorting, with the way back.
  const tops: number[] = [];
  const previous = new Int32Array(pairs.length).fill(-1);
  for (const [index, { now }] of pairs.entries()) {
    let low = 0;
    let high = tops.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[tops[middle] ?? 0]?.now ?? 0) < now) low = middle + 1;
      else high = middle;
    }
    previous[index] = low === 0 ? -1 : (tops[low - 1] ?? -1);
    tops[low] = index;
  }
  const kept = new Map<number, number>();
  for (let index = tops.at(-1) ?? -1; index >= 0; index = previous[index] ?? -1) {
    const pair = pairs[index];
    if (pair !== undefined) kept.set(pair.old, pair.now);
  }
  return kept;
}
