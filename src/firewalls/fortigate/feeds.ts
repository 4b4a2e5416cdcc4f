import { z } from 'zod';
import { SallyportError } from '../../base/error.ts';
import { parseAddress, formatAddress } from '../../ip/address.ts';
import type { MayGoOn } from '../driver.ts';
import { PUSH_PORTION } from './dialect.ts';
import type { Ask, FortiosApi } from './fortios-api.ts';
import { onceMore } from './once-more.ts';

const listForm = z.object({
  status: z.string().optional(),
  entries: z.array(z.object({ entry: z.string(), valid: z.boolean().optional() })).default([]),
  valid_count: z.int().optional(),
  invalid_count: z.int().optional(),
  overflow: z.boolean().optional(),
});
const pushedForm = z.array(
  z.object({
    name: z.string(),
    command: z.string().optional(),
    status: z.string(),
    error: z.string().optional(),
    invalidEntries: z.array(z.string()).optional(),
  }),
);

/** Entries of one answer (vendor reference 1.2). */
const PAGE = 1_000;
/** A feed that changes while its pages are read is read again, so often. */
const MOST_READINGS = 3;

/** What a feed holds, as the device tells it. */
export interface FeedContent {
  /** Canonical addresses, and other texts as they are. */
  readonly entries: readonly string[];
  /** The feeds of the device, those of others included, hold more than it takes: of these entries it leaves some out, and does not tell which. */
  readonly isOverfull: boolean;
}

export async function readFeed(api: FortiosApi, name: string, signal: AbortSignal): Promise<FeedContent> {
  for (let reading = 0; reading < MOST_READINGS; reading++) {
    const content = await readPages(api, name, signal);
    if (content !== undefined) return content;
  }
  throw new SallyportError('DEVICE_BUSY', `the feed ${name} changed ${MOST_READINGS} times while its pages were read`);
}

/** All pages; `undefined`: they are not as many entries as the device counts, so that it changed in between. */
async function readPages(api: FortiosApi, name: string, signal: AbortSignal): Promise<FeedContent | undefined> {
  const entries: string[] = [];
  let isOverfull = false;
  let first: string | undefined;
  for (let read = 0; ; ) {
    const list = await readPage(api, name, read, signal);
    isOverfull ||= list.overflow === true;
    // Whether every release knows pages of feeds is not proven: the same page once more is all that it gives.
    const isAgain = read > 0 && list.entries[0]?.entry === first;
    first ??= list.entries[0]?.entry;
    if (!isAgain) {
      read += list.entries.length;
      for (const { entry, valid } of list.entries) if (valid !== false) entries.push(canonical(entry));
    }
    if (!isAgain && list.entries.length === PAGE) continue;
    const { valid_count: valid, invalid_count: invalid } = list;
    const isWhole = valid === undefined || invalid === undefined || valid + invalid === read;
    return isWhole ? { entries, isOverfull } : undefined;
  }
}

async function readPage(
  api: FortiosApi,
  name: string,
  start: number,
  signal: AbortSignal,
): Promise<z.infer<typeof listForm>> {
  const query = { mkey: name, start: String(start), count: String(PAGE) };
  const { results } = await api.ask(
    { method: 'GET', path: 'monitor/system/external-resource/entry-list', query },
    signal,
  );
  const list = listForm.safeParse(results).data;
  if (list === undefined)
    throw new SallyportError(
      'DEVICE_UNREADABLE',
      `monitor/system/external-resource/entry-list: the entries of the feed ${name} are told in a form that is not known`,
    );
  return list;
}

function canonical(entry: string): string {
  const bare = entry.replace(/\/(32|128)$/, '');
  const address = parseAddress(bare);
  return address === undefined ? entry : formatAddress(address);
}

/** What has to be added to and removed from a feed. */
export interface FeedChange {
  readonly name: string;
  readonly adds: readonly string[];
  readonly removes: readonly string[];
}

/**
 * Sends changes of feeds, additions before removals, in calls of as many entries as a device takes. A call is answered for each of its
 * commands: one that failed in part is an error here, though the answer says 200 (vendor reference 1.10).
 */
export async function pushFeeds(
  api: FortiosApi,
  changes: readonly FeedChange[],
  mayGoOn: MayGoOn,
  signal: AbortSignal,
): Promise<void> {
  for (const ask of feedRequests(changes)) {
    const { commands } = ask.body;
    const { results } = await onceMore(() => {
      mayGoOn();
      return api.ask(ask, signal);
    });
    const answers = pushedForm.safeParse(results).data;
    if (answers === undefined || answers.length !== commands.length)
      throw new SallyportError(
        'DEVICE_UNREADABLE',
        'monitor/system/external-resource/dynamic: the answer does not say what became of the entries that were sent',
      );
    for (const { name, status, error, invalidEntries = [] } of answers)
      if (status !== 'success')
        throw new SallyportError(
          'DEVICE_REJECTED',
          `the feed ${name} took some entries and not others (${[error ?? status, ...invalidEntries.slice(0, 5)].join(' ')}); it is read anew, and what it lacks is sent again`,
        );
  }
}

/** The calls that changes of feeds take. */
export function feedRequests(changes: readonly FeedChange[]): readonly (Ask & { readonly body: FeedBody })[] {
  const path = 'monitor/system/external-resource/dynamic';
  return [...calls(changes)].map((commands) => ({ method: 'POST', path, body: { commands } }));
}

interface FeedBody {
  readonly commands: readonly Command[];
}

interface Command {
  readonly name: string;
  readonly command: 'add' | 'remove';
  readonly entries: readonly string[];
}

function* calls(changes: readonly FeedChange[]): Generator<readonly Command[]> {
  const commands: Command[] = [];
  for (const kind of ['adds', 'removes'] as const)
    for (const change of changes)
      for (let from = 0; from < change[kind].length; from += PUSH_PORTION) {
        const entries = change[kind].slice(from, from + PUSH_PORTION);
        commands.push({ name: change.name, command: kind === 'adds' ? 'add' : 'remove', entries });
      }
  let call: Command[] = [];
  let size = 0;
  for (const command of commands) {
    if (size + command.entries.length > PUSH_PORTION && call.length > 0) {
      yield call;
      call = [];
      size = 0;
    }
    call.push(command);
    size += command.entries.length;
  }
  if (call.length > 0) yield call;
}
