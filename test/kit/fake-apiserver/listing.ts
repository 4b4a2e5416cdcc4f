import { type KindCall, flag } from './call.ts';
import type { Encoding, ListMetadata } from './encoding.ts';
import type { Entry } from './entry.ts';
import type { Active } from './faults.ts';
import { collectionOf } from './kinds.ts';
import { keyOf } from './object.ts';
import type { Reply } from './reply.ts';
import { selection } from './selectors.ts';
import { type Cause, Refusal, badRequest, expired, invalid, notFound, tooLarge } from './status.ts';
import type { Store } from './store.ts';

const optionsNamed = { group: 'meta.k8s.io', plural: 'ListOptions', kind: 'ListOptions' };

/** A version that somebody asks for. A watch refuses nonsense as the server's own failure: that is how it is. */
export function readVersion(text: string, forWatch = false): number {
  if (!/^\d{1,19}$/.test(text)) {
    const quoted = JSON.stringify(text);
    const why = `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: invalid syntax`;
    throw forWatch ? new Refusal(500, '', why) : badRequest(`invalid resource version: ${why}`);
  }
  return Number(text);
}

/** Refuses options that do not go together, as the real one does, all at once. */
export function checkOptions({ query, verb }: KindCall, streamingLists: boolean): void {
  const match = query.get('resourceVersionMatch') ?? '';
  const version = query.get('resourceVersion') ?? '';
  const initial = query.get('sendInitialEvents');
  const watches = verb === 'watch';
  const causes: Required<Cause>[] = [];
  const refuse = (field: string, why: string): void => {
    causes.push({ reason: 'FieldValueForbidden', field, message: `Forbidden: ${why}` });
  };
  if (watches && initial !== null && !streamingLists)
    refuse(
      'sendInitialEvents',
      'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
    );
  else if (watches && initial !== null && match !== 'NotOlderThan')
    refuse('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (watches && initial === null && match !== '')
    refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  if (!watches && initial !== null) refuse('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  if (!watches && match !== '') {
    if (query.get('continue')) refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden for continue');
    if (version === '')
      refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
    if (match === 'Exact' && version === '0')
      refuse('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    if (match !== 'Exact' && match !== 'NotOlderThan')
      causes.push({
        reason: 'FieldValueNotSupported',
        field: 'resourceVersionMatch',
        message: `Unsupported value: "${match}": supported values: "Exact", "NotOlderThan", ""`,
      });
  }
  if (causes.length > 0) throw invalid(optionsNamed, '', causes);
}

interface Token {
  readonly v: 'meta.k8s.io/v1';
  /** -1: whatever there is by then. */
  readonly rv: number;
  /** The key after which the next page begins. */
  readonly start: string;
}

const encodeToken = (rv: number, start: string): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv, start } satisfies Token)).toString('base64url');

function decodeToken(text: string): Token {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString()) as Partial<Token>;
    if (token.v === 'meta.k8s.io/v1' && typeof token.rv === 'number' && typeof token.start === 'string')
      return token as Token;
  } catch {
    // Told below.
  }
  throw badRequest(`invalid continue token: continue key is not valid: ${JSON.stringify(text)}`);
}

const TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
  'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
  'deleted between the time the first chunk was returned and now may show up in the list.';

/** At which version the list is read, or a refusal. */
function versionOf(query: URLSearchParams, store: Store, oldest: number): number {
  const asked = query.get('resourceVersion') ?? '';
  if (asked === '' || asked === '0') return store.version;
  const version = readVersion(asked);
  if (version > store.version) throw tooLarge(asked, store.version);
  const match = query.get('resourceVersionMatch') ?? '';
  // Without a match a limit means exactly this version: that is how it was before the match was invented.
  const exact = match === 'Exact' || (match === '' && Number(query.get('limit') ?? 0) > 0);
  if (!exact) return store.version;
  if (version < oldest) throw expired(`The resourceVersion for the provided list is too old.`);
  return version;
}

export function list(call: KindCall, store: Store, encoding: Encoding, { bend, staleVersions }: Active): Reply {
  const { query, kind, namespace, name } = call;
  checkOptions(call, true);
  const matches = selection(query, kind);
  const limit = Number(query.get('limit') ?? 0);
  if (!Number.isInteger(limit) || limit < 0) throw badRequest(`limit is not valid: "${query.get('limit') ?? ''}"`);
  const table = store.table(collectionOf(kind));
  const from = query.get('continue');
  let version: number;
  let start = '';
  if (from !== null && from !== '') {
    if (!['', '0'].includes(query.get('resourceVersion') ?? ''))
      throw badRequest('specifying resource version is not allowed when using continue');
    const token = decodeToken(from);
    start = token.start;
    version = token.rv === -1 ? store.version : token.rv;
    if (version > store.version) throw tooLarge(String(version), store.version);
    if (version < table.oldest) throw expired(TOO_OLD, { continue: encodeToken(-1, start) });
  } else {
    version = versionOf(query, store, table.oldest) - staleVersions;
  }
  const all = table.at(version);
  if (all === undefined) throw expired(TOO_OLD, { continue: encodeToken(-1, start) });
  const bent = bend?.(all) ?? all;
  const within = (entry: Entry): boolean =>
    (namespace === '' || entry.namespace === namespace) && (name === '' || entry.name === name);
  const page: Entry[] = [];
  let remaining = 0;
  let last = '';
  for (let at = firstAfter(bent, start); at < bent.length; at++) {
    const entry = bent[at];
    if (entry === undefined || !within(entry) || matches?.(entry) === false) continue;
    if (limit === 0 || page.length < limit) {
      page.push(entry);
      last = keyOf(entry.namespace, entry.name);
    } else {
      remaining++;
      // Counting on is for the number alone, which is told only where nothing is selected.
      if (matches !== undefined) break;
      if (namespace === '') {
        remaining = bent.length - at;
        break;
      }
    }
  }
  const metadata: ListMetadata = {
    resourceVersion: String(version),
    ...(remaining === 0 ? {} : { continue: encodeToken(version, last) }),
    ...(remaining === 0 || matches !== undefined ? {} : { remainingItemCount: remaining }),
  };
  return {
    status: 200,
    headers: { 'content-type': encoding.contentType },
    body: encoding.list(page, metadata),
  };
}

/** The first entry whose key comes after `start`. */
function firstAfter(entries: readonly Entry[], start: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && keyOf(entry.namespace, entry.name) <= start) low = middle + 1;
    else high = middle;
  }
  return start === '' ? 0 : low;
}

export function get({ query, kind, namespace, name }: KindCall, store: Store, encoding: Encoding): Reply {
  const asked = query.get('resourceVersion') ?? '';
  if (asked !== '' && readVersion(asked) > store.version) throw tooLarge(asked, store.version);
  const entry = store.get(collectionOf(kind), kind.namespaced ? namespace : '', name);
  if (entry === undefined) throw notFound(kind, name);
  return { status: 200, headers: { 'content-type': encoding.contentType }, body: encoding.object(entry) };
}

export const wantsInitialEvents = (query: URLSearchParams): boolean => flag(query, 'sendInitialEvents');
