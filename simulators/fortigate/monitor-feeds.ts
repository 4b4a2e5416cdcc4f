import { GLOBAL } from './configuration.ts';
import { canonical } from './feed-entries.ts';
import { type FeedState, validCount } from './feeds.ts';
import {
  type Asking,
  flagged,
  type MonitorCall,
  type MonitorCalls,
  needed,
  neededText,
  neededTexts,
  paged,
  seconds,
} from './monitor-call.ts';
import { atLeast } from './release.ts';
import { parameter, readJson, Refusal } from './request.ts';
import { type Row, textOf } from './row.ts';
import { readEntry } from './addresses.ts';

/** A feed that a VDOM sees, and where it is kept. */
function feed({ live, vdom }: Asking, name: string): { readonly at: string; readonly row: Row } | undefined {
  for (const at of [vdom, GLOBAL]) {
    const row = live.device.running.row(at, 'system/external-resource', name);
    if (row !== undefined) return { at, row };
  }
  return undefined;
}

function existingFeed(asking: Asking, name: string): { readonly at: string; readonly row: Row } {
  const found = feed(asking, name);
  if (found === undefined) throw new Refusal(404, `there is no external resource ${name}`, -3);
  return found;
}

interface CommandResult {
  readonly name: string;
  readonly command: string;
  readonly status: 'success' | 'error';
  readonly error?: string;
  readonly invalidEntries?: readonly string[];
}

/** Each command ends for itself: a failure stands inside a 200 (reference 1.10 b). */
const push: MonitorCall = {
  method: 'POST',
  right: 'sysgrp.cfg',
  scope: 'either',
  since: '7.2.1',
  answer: (asking): readonly CommandResult[] => {
    const commands = readJson(asking.request)['commands'];
    if (!Array.isArray(commands) || commands.length === 0) throw new Refusal(400, 'commands are missing', -10_001);
    const read = (commands as unknown[]).map((command) => {
      if (typeof command !== 'object' || command === null)
        throw new Refusal(400, 'a command is not an object', -10_002);
      const fields = command as Record<string, unknown>;
      return {
        name: neededText(fields, 'name'),
        command: neededText(fields, 'command'),
        entries: neededTexts(fields, 'entries'),
      };
    });
    if (read.reduce((sum, { entries }) => sum + entries.length, 0) > asking.live.device.switches.pushEntries)
      throw new Refusal(413, 'too many entries');
    return read.map((one) => run(asking, one));
  },
};

function run(
  asking: Asking,
  given: { readonly name: string; readonly command: string; readonly entries: readonly string[] },
): CommandResult {
  const { name, command, entries } = given;
  const failed = (error: string): CommandResult => ({ name, command, status: 'error', error });
  const found = feed(asking, name);
  if (found === undefined) return failed('external resource not found');
  if (textOf(found.row, 'update-method') !== 'push') return failed('update-method is not push');
  if (textOf(found.row, 'type') !== 'address') return failed('type is not address');
  if (textOf(found.row, 'status') !== 'enable') return failed('external resource is disabled');
  if (command !== 'add' && command !== 'remove' && command !== 'snapshot') return failed('unknown command');
  const invalid = asking.live.feeds.push(found.at, name, command, entries);
  return invalid.length === 0
    ? { name, command, status: 'success' }
    : { name, command, status: 'error', error: 'invalid entries', invalidEntries: invalid };
}

const generic: MonitorCall = {
  method: 'POST',
  right: 'sysgrp.cfg',
  scope: 'vdom',
  since: '7.6.1',
  answer: (asking) => {
    const body = readJson(asking.request);
    const { at, row } = existingFeed(asking, neededText(body, 'mkey'));
    if (textOf(row, 'type') !== 'generic-address') return { status: 'error', error: 'type is not generic-address' };
    try {
      asking.live.feeds.putGeneric(at, row, neededText(body, 'data'));
      return { status: 'success' };
    } catch (thrown) {
      if (thrown instanceof Refusal) throw thrown;
      return { status: 'error', error: thrown instanceof Error ? thrown.message : String(thrown) };
    }
  },
};

const refresh: MonitorCall = {
  method: 'POST',
  right: 'sysgrp.cfg',
  scope: 'either',
  answer: (asking) => {
    const body = readJson(asking.request);
    const name = neededText(body, 'mkey');
    const { at, row } = existingFeed(asking, name);
    const { feeds } = asking.live;
    const isOver = (): boolean => !feeds.state(at, name).fetching;
    if (body['check_status_only'] !== true) {
      if (textOf(row, 'update-method') === 'push') return { status: 'error', last_connection_time: 0 };
      feeds.refresh(at, row);
      return { status: 'start', last_connection_time: seconds(feeds.state(at, name).attempted) };
    }
    const { error, attempted } = feeds.state(at, name);
    const status = isOver() ? (error === '' ? 'finished' : 'error') : 'pending';
    return { status, last_connection_time: seconds(attempted) };
  },
};

function statusOf(row: Row, { error, succeeded }: FeedState): string {
  if (textOf(row, 'status') !== 'enable') return 'disable';
  if (error !== '') return 'error';
  if (succeeded > 0) return 'success';
  return textOf(row, 'update-method') === 'push' ? 'na' : 'unavailable';
}

const entryList: MonitorCall = {
  method: 'GET',
  right: 'sysgrp.cfg',
  scope: 'either',
  answer: (asking) => {
    const { live, request } = asking;
    const name = needed(request, 'mkey');
    const { at, row } = existingFeed(asking, name);
    const state = live.feeds.state(at, name);
    const head = {
      status: statusOf(row, state),
      error: state.error,
      error_code: 0,
      http_status_code: state.httpStatus,
      conn_attempt_time: seconds(state.attempted),
      last_conn_success_time: seconds(state.succeeded),
      last_content_update_time: seconds(state.updated),
      resource_file_status: state.updated > 0 ? 'downloaded' : 'unavailable',
    };
    if (flagged(request, 'status_only')) return head;
    const valid = validCount(state);
    const { limit } = live.feeds.acceptance(at, name);
    const counts = {
      valid_count: valid,
      invalid_count: state.entries.size - valid,
      // The schema that has them is of 7.6 (reference 1.10 b).
      ...(atLeast(live.device.release, '7.6.0')
        ? { accepted_count: Math.min(valid, limit), accepted_limit: limit, overflow: valid > limit }
        : {}),
    };
    if (flagged(request, 'counts_only')) return { ...head, ...counts };
    const asked = parameter(request, 'entry');
    const askedRange = asked === undefined ? undefined : readEntry(asked);
    const match =
      asked === undefined
        ? {}
        : {
            matched_valid: askedRange !== undefined && state.entries.has(canonical(askedRange)),
            matched_invalid: state.entries.get(asked)?.range === undefined && state.entries.has(asked),
          };
    const entries = paged(request, [...state.entries.values()]).map(({ text, comment, range }) => ({
      entry: text,
      valid: range !== undefined,
      comment,
    }));
    const notes = flagged(request, 'include_notes') ? { notes: [] } : {};
    return { ...head, entries, ...counts, ...match, ...notes };
  },
};

export const feedCalls: MonitorCalls = {
  'system/external-resource/dynamic': push,
  'system/external-resource/generic-address': generic,
  'system/external-resource/refresh': refresh,
  'system/external-resource/entry-list': entryList,
};
