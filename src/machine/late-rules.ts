import { ACCEPTED_PREFIX } from './rules/text.ts';
import { LATE_CHAIN, type TableParts } from './table-change.ts';
import type { TableLines } from './table-text.ts';

/** From how many rules on a table is large, and how many may be late before all are put in their places. */
const LARGE = 2_000;
const MOST_LATE = 1_000;

const FORWARD = 'forward';
const JUMP = `jump ${LATE_CHAIN}`;
/** The rules between which everything opens, or logs what is opened (`table-text.ts`). */
const BEFORE = / comment "accept icmp"$/;
const BEHIND = 'counter comment "count and log dropped packets"';
const LOGS = `log prefix "${ACCEPTED_PREFIX}"`;

/**
 * The table as the kernel is to hold it. As it stands, unless it is large. nft 1.0.6 reads all rules of a table to put one behind another,
 * which takes half a second at 20,000; so in a large table what opens something and is new goes to the end of the chain `late`, to which
 * `forward` jumps from behind all that opens. Their order has no influence: each of them accepts, or logs for the one it stands before.
 * `held`: what the kernel holds, if that is known.
 */
export function placedInKernel(wanted: TableParts, held: TableParts | undefined): TableParts {
  const forward = wanted.chains.get(FORWARD);
  const parts = forward === undefined || forward.rules.length < LARGE ? undefined : split(forward.rules);
  if (forward === undefined || parts === undefined) return wanted;
  const { head, units, tail } = parts;
  const put = (inPlace: readonly string[], late: readonly string[]): TableParts => ({
    ...wanted,
    chains: new Map([
      // The chain has to be there before the jump.
      [LATE_CHAIN, { hook: '', rules: rulesOf(late) }],
      ...wanted.chains,
      [FORWARD, { hook: forward.hook, rules: [...head, ...rulesOf(inPlace), JUMP, ...tail] }],
    ]),
  });
  const all = put(units, []);
  const late = held?.chains.get(LATE_CHAIN);
  const was = late === undefined ? undefined : split(held?.chains.get(FORWARD)?.rules ?? []);
  if (late === undefined || was === undefined) return all;
  if (was.head.join('\n') !== head.join('\n') || was.tail.join('\n') !== tail.join('\n')) return all;
  const missing = new Map<string, number>();
  for (const unit of units) missing.set(unit, (missing.get(unit) ?? 0) + 1);
  const stays = (unit: string): boolean => {
    const left = missing.get(unit) ?? 0;
    if (left > 0) missing.set(unit, left - 1);
    return left > 0;
  };
  const inPlace = was.units.filter(stays);
  const stillLate = unitsOf(late.rules).filter(stays);
  const fresh = units.filter(stays);
  return stillLate.length + fresh.length > MOST_LATE ? all : put(inPlace, [...stillLate, ...fresh]);
}

/**
 * Whether a large table is for the greater part new to the kernel, as at a first start. It is loaded whole then: that takes nft less than as many
 * rules put between those that are there, and needs no check of the whole after it.
 */
export function isMostlyNew(held: TableParts, wanted: TableParts): boolean {
  return isLarge(wanted) && rulesIn(held) * 2 < rulesIn(wanted);
}

/** Whether to load it whole takes long. */
export function isLarge(table: TableParts): boolean {
  return rulesIn(table) >= LARGE;
}

function rulesIn({ chains }: TableParts): number {
  let count = 0;
  for (const { rules } of chains.values()) count += rules.length;
  return count;
}

/** The lines of a whole table, laid out as `placedInKernel` has it without anything late. */
export function wholeInKernel(table: readonly TableLines[], placed: TableParts): readonly TableLines[] {
  if (!placed.chains.has(LATE_CHAIN)) return table;
  const start = table.findIndex(({ lines }) => lines[0]?.startsWith('table ') === true) + 1;
  const at = table.findLastIndex(({ lines }) => lines[0]?.trim() === BEHIND);
  return [
    ...table.slice(0, start),
    { lines: [`\tchain ${LATE_CHAIN} {`, '\t}'] },
    ...table.slice(start, at),
    { lines: [`\t\t${JUMP}`] },
    ...table.slice(at),
  ];
}

/** What opens, and what stands before and behind; nothing for a table that is not as we make them. */
function split(
  rules: readonly string[],
):
  | { readonly head: readonly string[]; readonly units: readonly string[]; readonly tail: readonly string[] }
  | undefined {
  const first = rules.findIndex((rule) => BEFORE.test(rule)) + 1;
  const end = rules.lastIndexOf(BEHIND);
  if (first === 0 || end < first) return undefined;
  const opening = rules.slice(first, end).filter((rule) => rule !== JUMP);
  return { head: rules.slice(0, first), units: unitsOf(opening), tail: rules.slice(end) };
}

/** A rule, or one that logs and the one it stands before, joined by a line break. */
function unitsOf(rules: readonly string[]): readonly string[] {
  const units: string[] = [];
  let log = '';
  for (const rule of rules) {
    if (rule.endsWith(LOGS)) log = `${log}${rule}\n`;
    else {
      units.push(`${log}${rule}`);
      log = '';
    }
  }
  return units;
}

function rulesOf(units: readonly string[]): readonly string[] {
  return units.some((unit) => unit.includes('\n')) ? units.flatMap((unit) => unit.split('\n')) : units;
}
