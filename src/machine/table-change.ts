import { type TableLines, textParts } from './table-text.ts';

/** What of the table can be changed by itself. */
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

const OPENING = /^\t(set|counter|chain) (\S+) \{$/;
const TABLE = 'inet firewall';

/** Where new rules of a large table go (`late-rules.ts`): the end of a short chain, which takes nft no look at all others. */
export const LATE_CHAIN = 'late';

/** The parts of a table of ours, as it stands in the file. */
export function tableParts(table: readonly TableLines[]): TableParts {
  const sets = new Map<string, { declaration: string; elements: string }>();
  const counters = new Set<string>();
  const chains = new Map<string, { hook: string; rules: string[] }>();
  const others: string[] = [];
  let hasEnded = false;
  let block: { readonly kind: string; readonly name: string; readonly body: string[] } | undefined;
  const plain = (line: string): void => {
    if (hasEnded) {
      others.push(line);
      return;
    }
    const opening = OPENING.exec(line);
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
    } else if (line === '}') hasEnded = true;
    else if (inside !== '' && !inside.startsWith('#')) block?.body.push(inside);
  };
  for (const { lines, owner } of table)
    for (const line of lines)
      if (owner === undefined) plain(line);
      else block?.body.push(line);
  return { sets, counters, chains, others: others.map((line) => `${line}\n`).join('') };
}

/** What rules and named counters have counted. */
export interface Counts {
  /** By name. */
  readonly counters: ReadonlyMap<string, Count>;
  /** By chain, the comment and the count of each rule; those that count by name have none. */
  readonly rules: ReadonlyMap<
    string,
    readonly { readonly comment: string | undefined; readonly count: Count | undefined }[]
  >;
}

/**
 * One transaction that puts the table in the place of whatever is there, part by part. What was counted goes on: of named counters by name, of rules
 * by their comment, the first of a comment with the first.
 */
export function* replaceTable(
  table: readonly TableLines[],
  counted: Counts | undefined,
): Generator<string, void, undefined> {
  yield `table ${TABLE}\ndelete table ${TABLE}\n`;
  yield* textParts(counted === undefined ? table : withCounts(table, counted));
}

function* withCounts(
  table: readonly TableLines[],
  { counters, rules }: Counts,
): Generator<TableLines, void, undefined> {
  const counts = new Map<string, (Count | undefined)[]>();
  for (const [chain, each] of rules)
    for (const { comment, count } of each) {
      const key = `${chain === LATE_CHAIN ? 'forward' : chain} ${comment ?? ''}`;
      const found = counts.get(key);
      if (found === undefined) counts.set(key, [count]);
      else found.push(count);
    }
  let chain = '';
  const counting = (line: string): string => {
    const comment = /comment "([^"]*)"$/.exec(line)?.[1];
    const own = comment === undefined ? undefined : counts.get(`${chain} ${comment}`)?.shift();
    return own === undefined ? line : withCount(line, own);
  };
  for (const { lines, owner } of table) {
    const [, kind, name = ''] = (owner === undefined ? OPENING.exec(lines[0] ?? '') : null) ?? [];
    if (kind === 'chain') chain = name;
    yield owner === undefined ? { lines: lines.map(counting) } : { lines: lines.map(counting), owner };
    const count = kind === 'counter' ? counters.get(name) : undefined;
    if (count !== undefined) yield { lines: [`\t\tpackets ${count.packets} bytes ${count.bytes}`] };
  }
}

/** A rule that goes on counting from there; it has a comment. */
export function withCount(line: string, { packets, bytes }: Count): string {
  const comment = line.indexOf('comment "');
  const rule = line.slice(0, comment);
  return `${rule.replace(/(^|\s)counter (?!name )/, `$1counter packets ${packets} bytes ${bytes} `)}${line.slice(comment)}`;
}

/**
 * One transaction from `before`, which the kernel has exactly so, to `after`. What is in both is not touched, so that it goes on counting and limiting.
 * `handlesOf`: of the rules of a chain in the kernel, in their order. `undefined`: the whole table has to be replaced. Empty: there is nothing to do.
 */
export function changeTable(
  before: TableParts,
  after: TableParts,
  handlesOf: (chain: string) => ArrayLike<number> | undefined,
): string | undefined {
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
    const handles = handlesOf(name);
    // Somebody else was here: what stands where is not known.
    if (handles?.length !== old.rules.length) return undefined;
    for (const command of changeRules(name, old.rules, chain.rules, handles)) rules.push(command);
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
  handles: ArrayLike<number>,
): readonly string[] {
  const { head, tail, kept } = staying(before, after);
  const commands: string[] = [];
  for (let old = head; old < before.length - tail; old++)
    if (!kept.has(old)) commands.push(`delete rule ${TABLE} ${chain} handle ${handles[old] ?? 0}`);
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
    else commands.push(...run.map((rule) => `add rule ${TABLE} ${chain} handle ${handles[old] ?? 0} ${rule}`));
    run = [];
  }
  return commands;
}

/** The places of the rules of a chain that stay in a change to `after`, in their order; `undefined`: some are new. */
export function leftOf(before: readonly string[], after: readonly string[]): readonly number[] | undefined {
  const { head, tail, kept } = staying(before, after);
  if (head + tail + kept.size < after.length) return undefined;
  const places: number[] = [];
  for (let old = 0; old < before.length; old++)
    if (old < head || old >= before.length - tail || kept.has(old)) places.push(old);
  return places;
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
  // Of each rule the first place that is left, and behind each place the next one of the same rule.
  const places = new Map<string, number>();
  const next = new Int32Array(after.length).fill(-1);
  for (let now = after.length - 1; now >= 0; now--) {
    const rule = after[now] ?? '';
    next[now] = places.get(rule) ?? -1;
    places.set(rule, now);
  }
  const pairs: { readonly old: number; readonly now: number }[] = [];
  for (const [old, rule] of before.entries()) {
    const now = places.get(rule) ?? -1;
    if (now < 0) continue;
    pairs.push({ old, now });
    places.set(rule, next[now] ?? -1);
  }
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
