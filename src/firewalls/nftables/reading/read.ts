import { deadline } from '../../../base/deadline.ts';
import { SallyportError } from '../../../base/error.ts';
import type { ForeignRule } from '../../driver.ts';
import { isRecord } from '../reach/json.ts';
import { EMPTY_TABLE, type NftTable, TABLE } from '../table/model.ts';
import type { Nft } from '../reach/nft.ts';
import { readTable } from './read-table.ts';
import { HOOK_FORWARD, HOOK_POSTROUTING } from '../table/skeleton.ts';

/** A listing starts again whenever anybody commits meanwhile; one that has not ended by then will not. */
const WHOLE_LISTING_MS = 15_000;
const PART_LISTING_MS = 5_000;
/** Rounds of reading part by part before the writer wins. */
const ROUNDS = 3;

/** Everything that stands in our table, and that there is one. */
export interface Reading {
  readonly present: boolean;
  readonly table: NftTable;
}

const NOTHING: Reading = { present: false, table: EMPTY_TABLE };

/**
 * Reads everything of ours. Rejects with DEVICE_BUSY rather than give a part of it: an unfinished reading is unknown, never empty.
 * One listing of our table is by far the quickest and a consistent picture; where others write all the time it starves, and the parts
 * are read one by one until two rounds agree.
 */
export async function readEverything(nft: Nft, signal: AbortSignal): Promise<Reading> {
  const whole = await withinTime(signal, WHOLE_LISTING_MS, (limit) => listTable(nft, limit));
  if (whole.kind === 'done') return whole.value;
  const parts = await withinTime(signal, WHOLE_LISTING_MS, (limit) => readByParts(nft, limit));
  if (parts.kind === 'done') return parts.value;
  throw new SallyportError(
    'DEVICE_BUSY',
    'the rules could not be read: somebody else changes the device all the time; `nft monitor` names the process',
  );
}

async function listTable(nft: Nft, signal: AbortSignal): Promise<Reading> {
  try {
    const objects = await nft.list(['-n', 'list', 'table', 'inet', TABLE], signal);
    return objects === undefined ? NOTHING : readingOf(objects);
  } catch (error) {
    const flags = await tableFlags(nft, error, signal);
    if (flags === undefined) throw error;
    return { present: true, table: { ...EMPTY_TABLE, foreign: [`table flags ${flags}`] } };
  }
}

/** Flags of our table where they are why the listing is not JSON: nft 1.0.6 prints chance bytes for them. We never set any. */
async function tableFlags(nft: Nft, error: unknown, signal: AbortSignal): Promise<string | undefined> {
  if (!(error instanceof SallyportError) || error.code !== 'DEVICE_UNREADABLE') return undefined;
  const { stdout } = await nft.transport.run('nft', ['-t', 'list', 'table', 'inet', TABLE], signal);
  return /^table [^\n]*\n\s*(?:comment [^\n]*\n\s*)?flags ([a-z, ]+)\n/.exec(stdout)?.[1];
}

/** Everything but elements: sets and maps are empty in it. A tenth of the work where there are many addresses. */
export async function readStructure(nft: Nft, signal: AbortSignal): Promise<Reading> {
  const listed = await withinTime(signal, WHOLE_LISTING_MS, (limit) =>
    nft.list(['-n', '-t', 'list', 'table', 'inet', TABLE], limit),
  );
  if (listed.kind === 'late') throw new SallyportError('DEVICE_BUSY', 'the rules could not be read in time');
  return listed.value === undefined ? NOTHING : readingOf(listed.value);
}

/** A structure with its elements: those of `names` read one by one, the others taken from what is known. */
export async function readSets(
  nft: Nft,
  structure: Reading,
  names: readonly string[],
  known: NftTable,
  signal: AbortSignal,
): Promise<Reading> {
  const { table } = structure;
  const sets = new Map(table.sets);
  const maps = new Map(table.maps);
  for (const [name, set] of table.sets) {
    const elements = known.sets.get(name)?.elements;
    if (elements !== undefined && !names.includes(name)) sets.set(name, { ...set, elements });
  }
  for (const [name, map] of table.maps) {
    const elements = known.maps.get(name)?.elements;
    if (elements !== undefined && !names.includes(name)) maps.set(name, { ...map, elements });
  }
  const foreign = [...table.foreign];
  for (const name of names) {
    const kind = table.sets.has(name) ? 'set' : 'map';
    const listed = await nft.list(['-n', 'list', kind, 'inet', TABLE, name], signal);
    const read = listed === undefined ? undefined : readTable(listed);
    const set = read?.sets.get(name);
    const map = read?.maps.get(name);
    if (set !== undefined) sets.set(name, set);
    else if (map !== undefined) maps.set(name, map);
    else throw new SallyportError('DEVICE_BUSY', `${kind} ${name} went while it was read`);
    foreign.push(...(read?.foreign ?? []));
  }
  return { present: structure.present, table: { ...table, sets, maps, foreign: foreign.sort() } };
}

/** Every set and map by itself, between two equal pictures of the structure: slow, but no single listing is long. */
export async function readByParts(nft: Nft, signal: AbortSignal): Promise<Reading> {
  for (let round = 0; round < ROUNDS; round++) {
    const before = await nft.list(['-n', '-t', 'list', 'table', 'inet', TABLE], signal);
    if (before === undefined) return NOTHING;
    const filled = await fillSets(nft, before, signal);
    const after = await nft.list(['-n', '-t', 'list', 'table', 'inet', TABLE], signal);
    if (filled !== undefined && JSON.stringify(withoutCounts(before)) === JSON.stringify(withoutCounts(after)))
      return readingOf(filled);
  }
  throw new SallyportError('DEVICE_BUSY', 'the rules changed while they were read');
}

/** The objects with each set and map replaced by its full listing; `undefined` if one of them is gone. */
async function fillSets(
  nft: Nft,
  objects: readonly unknown[],
  signal: AbortSignal,
): Promise<readonly unknown[] | undefined> {
  const filled: unknown[] = [];
  for (const object of objects) {
    const kind = isRecord(object) && 'set' in object ? 'set' : isRecord(object) && 'map' in object ? 'map' : undefined;
    const fields = kind === undefined || !isRecord(object) ? undefined : object[kind];
    if (kind === undefined || !isRecord(fields)) {
      filled.push(object);
      continue;
    }
    const part = await withinTime(signal, PART_LISTING_MS, (limit) =>
      nft.list(['-n', 'list', kind, 'inet', TABLE, String(fields['name'])], limit),
    );
    if (part.kind === 'late')
      throw new SallyportError('DEVICE_BUSY', `${kind} ${String(fields['name'])} could not be read in time`);
    if (part.value === undefined) return undefined;
    for (const listed of part.value) filled.push(listed);
  }
  return filled;
}

/** Counters run on while we read. */
function withoutCounts(objects: readonly unknown[] | undefined): unknown {
  return objects?.map((object) =>
    JSON.parse(JSON.stringify(object, (key, value: unknown) => (key === 'packets' || key === 'bytes' ? 0 : value))),
  );
}

function readingOf(objects: readonly unknown[]): Reading {
  const table = readTable(objects);
  return table === undefined ? NOTHING : { present: true, table };
}

/**
 * Base chains of other tables that see the same packets, and flowtables. A drop in any chain is final; none of them can open what ours
 * drops, but a flowtable keeps open what is established.
 */
export async function readForeign(nft: Nft, signal: AbortSignal): Promise<readonly ForeignRule[]> {
  const objects = (await nft.list(['-n', '-t', 'list', 'chains'], signal)) ?? [];
  const found: ForeignRule[] = [];
  for (const object of objects) {
    const chain = isRecord(object) ? object['chain'] : undefined;
    if (!isRecord(chain) || (chain['family'] === 'inet' && chain['table'] === TABLE)) continue;
    const { family, table, name, type, hook, prio, policy } = chain;
    if (family !== 'ip' && family !== 'ip6' && family !== 'inet') continue;
    if (typeof prio !== 'number' || (hook !== 'forward' && hook !== 'prerouting' && hook !== 'postrouting')) continue;
    found.push({
      where: `${family} ${String(table)} ${String(name)}`,
      text: `type ${String(type)} hook ${hook} priority ${prio}; policy ${String(policy)}`,
      effect: foreignEffect(hook, prio),
    });
  }
  for (const object of (await nft.list(['-n', 'list', 'flowtables'], signal)) ?? []) found.push(...shortcut(object));
  return found.sort((a, b) => (a.where < b.where ? -1 : 1));
}

/** A flowtable of others takes established connections past every forward chain, and so past what would end them. */
function shortcut(object: unknown): readonly ForeignRule[] {
  const flowtable = isRecord(object) ? object['flowtable'] : undefined;
  if (!isRecord(flowtable)) return [];
  const { family, table, name, dev } = flowtable;
  const devices = Array.isArray(dev) ? dev.map(String).join(', ') : typeof dev === 'string' ? dev : 'no devices';
  return [
    {
      where: `${String(family)} ${String(table)} ${String(name)}`,
      text: `flowtable of ${devices}: connections in it pass our rules by, cut ones too`,
      effect: 'before ours',
    },
  ];
}

/**
 * When a base chain of others is asked. What is asked before ours can drop, or in postrouting translate, first. Of chains with one priority
 * the younger comes first, and nobody can tell from a listing which that is.
 */
export function foreignEffect(hook: 'prerouting' | 'forward' | 'postrouting', priority: number): ForeignRule['effect'] {
  if (hook === 'prerouting') return 'before ours';
  const ours = (hook === 'forward' ? HOOK_FORWARD : HOOK_POSTROUTING).priority;
  if (priority === ours) return 'unknown';
  return priority < ours ? 'before ours' : 'after ours';
}

type Timed<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'late' };

/** Only our own limit counts as late; the caller's abort and the device's refusals are passed on. */
async function withinTime<T>(
  signal: AbortSignal,
  ms: number,
  work: (limit: AbortSignal) => Promise<T>,
): Promise<Timed<T>> {
  using limit = deadline(signal, ms, 'DEVICE_UNREACHABLE');
  try {
    return { kind: 'done', value: await work(limit.signal) };
  } catch (error) {
    if (limit.signal.aborted && !signal.aborted) return { kind: 'late' };
    throw error;
  }
}
