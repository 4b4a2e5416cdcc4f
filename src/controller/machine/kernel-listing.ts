import type { Count, Counts, TableParts } from '../../machine/table-change.ts';

const RULE = /^\t\t(.*) # handle (\d+)$/;
const COUNTED = /\bcounter packets (\d+) bytes (\d+)/;
const NUMBERS = /^\t\tpackets (\d+) bytes (\d+)/;
const BLOCK = /^\t(set|map|chain|counter|limit|quota|flowtable|ct \w+) (\S+) \{/;

/** The rules of a chain in the kernel, in their order: of 20,000 rules these are 20,000 times two numbers, and nothing of the text. */
export interface LiveRules {
  readonly handles: readonly number[];
  /** Equal for rules that differ in nothing but what was counted: 53 bits of a hash, as nobody makes rules to deceive us who could not do worse. */
  readonly prints: readonly number[];
}

/** The table as the kernel has it. */
export interface LiveTable {
  readonly chains: ReadonlyMap<string, LiveRules>;
  /** Of sets without flags, by name: they are learnt, and change between loads. */
  readonly elements: ReadonlyMap<string, ReadonlySet<string>>;
  /** All that is no rule, without what was counted and learnt; `undefined`: not read since it was changed. */
  readonly rest: string | undefined;
  /** Of rules that the reader was to keep, by handle: the text. */
  readonly texts: ReadonlyMap<number, string>;
}

/** So many texts of rules are kept at most: for people, who read no more. */
const MOST_TEXTS = 100;

/**
 * Reads what `nft -a list table` or `list chain` prints, line by line. Text and not JSON: of 20,000 rules it is a quarter as long, and nft makes it
 * in a third of the time.
 */
export class TableReader {
  readonly #chains = new Map<string, { readonly handles: number[]; readonly prints: number[] }>();
  readonly #elements = new Map<string, ReadonlySet<string>>();
  readonly #rest: string[] = [];
  readonly #texts = new Map<number, string>();
  readonly #keeps: (handle: number) => boolean;
  #set: { readonly name: string; readonly body: string[] } | undefined;
  #chain: { readonly handles: number[]; readonly prints: number[] } | undefined;
  #isCounter = false;

  /** `keeps`: the rules of which the text is to be kept; absent: none. */
  constructor(keeps: (handle: number) => boolean = () => false) {
    this.#keeps = keeps;
  }

  line(line: string): void {
    const rule = this.#chain === undefined ? null : RULE.exec(line);
    if (rule !== null) {
      const [, text = '', handle = ''] = rule;
      const number = Number(handle);
      this.#chain?.handles.push(number);
      this.#chain?.prints.push(printOf(text));
      if (this.#texts.size < MOST_TEXTS && this.#keeps(number))
        this.#texts.set(number, text.replace(COUNTED, 'counter'));
      return;
    }
    const block = BLOCK.exec(line);
    if (block !== null) {
      const [, kind, name = ''] = block;
      this.#chain = kind === 'chain' ? { handles: [], prints: [] } : undefined;
      this.#isCounter = kind === 'counter';
      this.#set = kind === 'set' ? { name, body: [] } : undefined;
      if (this.#chain !== undefined) this.#chains.set(name, this.#chain);
      this.#rest.push(line);
      return;
    }
    if (this.#set !== undefined) {
      if (line !== '\t}') {
        this.#set.body.push(line);
        return;
      }
      this.#endSet(this.#set);
      this.#set = undefined;
    }
    if (!this.#isCounter || !NUMBERS.test(line)) this.#rest.push(line);
  }

  /** What was read, after the last line. */
  get table(): LiveTable {
    return { chains: this.#chains, elements: this.#elements, rest: this.#rest.join('\n'), texts: this.#texts };
  }

  /** Elements of sets without flags are learnt, and change between loads. */
  #endSet({ name, body }: { readonly name: string; readonly body: readonly string[] }): void {
    if (body.some((each) => each.startsWith('\t\tflags '))) {
      this.#rest.push(...body);
      return;
    }
    const from = body.findIndex((each) => each.startsWith('\t\telements = {'));
    const end = from < 0 ? body.length : from;
    this.#rest.push(...body.slice(0, end));
    this.#elements.set(name, elementsIn(body.slice(end).join(' ')));
  }
}

/** Reads, from the same lines, what was counted. */
export class CountsReader {
  readonly #counters = new Map<string, Count>();
  readonly #rules = new Map<string, { readonly comment: string | undefined; readonly count: Count | undefined }[]>();
  #kind = '';
  #name = '';

  line(line: string): void {
    const block = BLOCK.exec(line);
    if (block !== null) {
      const [, kind = '', name = ''] = block;
      this.#kind = kind;
      this.#name = name;
      if (kind === 'chain') this.#rules.set(name, []);
    } else if (this.#kind === 'counter') {
      const count = countIn(NUMBERS.exec(line));
      if (count !== undefined) this.#counters.set(this.#name, count);
    } else if (this.#kind === 'chain') {
      const text = RULE.exec(line)?.[1];
      if (text === undefined) return;
      const comment = / comment "([^"]*)"$/.exec(text)?.[1];
      this.#rules.get(this.#name)?.push({ comment, count: countIn(COUNTED.exec(text)) });
    }
  }

  /** What was read, after the last line. */
  get counts(): Counts {
    return { counters: this.#counters, rules: this.#rules };
  }
}

function printOf(rule: string): number {
  const counted = COUNTED.exec(rule);
  let [high, low] = [0x9e3779b1, 0x811c9dc5];
  const take = (from: number, end: number): void => {
    for (let index = from; index < end; index++) {
      const code = rule.charCodeAt(index);
      high = Math.imul(high ^ code, 0x85ebca6b) ^ (high >>> 15);
      low = Math.imul(low ^ code, 0x01000193);
    }
  };
  if (counted === null) take(0, rule.length);
  else {
    take(0, counted.index + 'counter'.length);
    take(counted.index + counted[0].length, rule.length);
  }
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
}

function elementsIn(text: string): ReadonlySet<string> {
  const inside = /\{(.*)\}/.exec(text)?.[1] ?? '';
  return new Set(
    inside
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  );
}

function countIn(found: RegExpExecArray | null): Count | undefined {
  return found === null ? undefined : { packets: Number(found[1]), bytes: Number(found[2]) };
}

/** The rules at some places. */
export function someOf({ handles, prints }: LiveRules, places: readonly number[]): LiveRules {
  if (places.length === handles.length) return { handles, prints };
  return { handles: places.map((place) => handles[place] ?? 0), prints: places.map((place) => prints[place] ?? 0) };
}

/** Whether there are as many rules in as many chains: of what somebody added or took away meanwhile nothing may be taken for ours. */
export function isOfAsMany({ chains }: LiveTable, parts: TableParts): boolean {
  if (chains.size !== parts.chains.size) return false;
  for (const [name, { rules }] of parts.chains) if (chains.get(name)?.handles.length !== rules.length) return false;
  return true;
}
