import { compareUtf8 } from '../../../base/compare.ts';
import { SallyportError } from '../../../base/error.ts';
import { formatAddress, parseAddress } from '../../../ip/address.ts';
import type { MayGoOn } from '../../driver.ts';
import { type PanosApi, type Target, command } from '../api/api.ts';
import { isAlready } from '../api/errors.ts';
import { type XmlElement, child, element, entriesAt, members, membersAt, textAt, xmlText } from '../api/xml.ts';

/** Rows of one answer (reference 1.8); a page that is shorter is the last one. */
const PAGE = 500;
/** Addresses in one message, and its length in bytes: the device takes 2 MB to 5 MB, by release. */
const MOST_ADDRESSES = 500;
const LONGEST_MESSAGE = 1024 * 1024;

/** Registered addresses (canonical text as the device writes it) and their tags. */
export type Registered = ReadonlyMap<string, ReadonlySet<string>>;

const NOTHING_REGISTERED: Registered = new Map();

/** One address that joins or leaves a tag. */
export interface TagChange {
  readonly address: string;
  readonly tag: string;
}

/** Tags with a prefix, of addresses that are asked for, in canonical text. */
export function heldOf(
  registered: Registered,
  prefix: string,
  isAsked: (address: string) => boolean = () => true,
): readonly TagChange[] {
  const found: TagChange[] = [];
  for (const [written, tags] of registered) {
    const own = [...tags].filter((tag) => tag.startsWith(prefix));
    if (own.length === 0) continue;
    const address = canonicalAddress(written);
    if (isAsked(address)) for (const tag of own) found.push({ address, tag });
  }
  return found;
}

/** An address as everybody else writes it. Of IPv4 there is one way to write it. */
export function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address;
  const parsed = parseAddress(address);
  return parsed === undefined ? address : formatAddress(parsed);
}

/** How many answers it takes to read so many addresses in full. */
export function pagesOf(addresses: number): number {
  return Math.floor(addresses / PAGE) + 1;
}

/**
 * Every registered address of a vsys, whoever registered it. `believed`: about what there is; its pages are asked for at once, and what is as
 * it was has the very same sets of tags, so that whoever compares two readings looks at the rest alone.
 */
export async function readRegistered(
  api: PanosApi,
  where: Target,
  signal: AbortSignal,
  believed: Registered = NOTHING_REGISTERED,
): Promise<Registered> {
  const found = new Map<string, ReadonlySet<string>>();
  const page = async (at: number): Promise<boolean> => {
    const range = [element('limit', `${PAGE}`), element('start-point', `${at * PAGE + 1}`)];
    const rows = entriesAt(await api.op(asking(range), signal, where));
    for (const row of rows) {
      const address = row.attributes.get('ip');
      if (address === undefined) throw new SallyportError('DEVICE_UNREADABLE', 'a registered address has no address');
      found.set(address, tagsOf(row, found.get(address), believed.get(address)));
    }
    return rows.length < PAGE;
  };
  const first = await Promise.all(Array.from({ length: pagesOf(believed.size) }, (_, at) => page(at)));
  let isLast = first.at(-1) === true;
  for (let at = first.length; !isLast; at++) isLast = await page(at);
  return found;
}

/** Tags of a row beside those of rows before it; the very set that was believed where it is the same. */
function tagsOf(
  row: XmlElement,
  others: ReadonlySet<string> | undefined,
  believed: ReadonlySet<string> | undefined,
): ReadonlySet<string> {
  const [only, ...more] = child(row, 'tag')?.children ?? [];
  // Nearly all: not so much as a list is made for them.
  const isOne = others === undefined && believed?.size === 1 && more.length === 0 && only?.name === 'member';
  if (isOne && believed.has(only.text.trim())) return believed;
  const tags = new Set([...(others ?? []), ...membersAt(row, 'tag')]);
  const isSame = believed?.size === tags.size && [...tags].every((tag) => believed.has(tag));
  return isSame ? believed : tags;
}

/** The tags of one address. */
export async function readTagsOf(
  api: PanosApi,
  address: string,
  where: Target,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const result = await api.op(asking([element('ip', address)]), signal, where);
  return new Set(
    entriesAt(result)
      .filter(({ attributes }) => attributes.get('ip') === address)
      .flatMap((row) => membersAt(row, 'tag')),
  );
}

/** How many addresses are registered; a cheap look for whether anything happened. */
export async function countRegistered(api: PanosApi, where: Target, signal: AbortSignal): Promise<number> {
  const result = await api.op(asking([element('all', [element('option', 'count')])]), signal, where);
  const count = textAt(result, 'count') ?? '';
  if (!/^\d+$/.test(count))
    throw new SallyportError('DEVICE_UNREADABLE', 'the number of registered addresses is no number');
  return Number(count);
}

/**
 * Deltas as messages, each as large as a device takes. What joins and what leaves an address stands in one message, so that an address that
 * moves does so at once; a tag that is there already must not be sent (reference 1.8).
 */
export function messages(joins: readonly TagChange[], leaves: readonly TagChange[]): readonly XmlElement[] {
  const byAddress = new Map<string, { readonly joins: string[]; readonly leaves: string[] }>();
  const of = (address: string): { readonly joins: string[]; readonly leaves: string[] } => {
    const known = byAddress.get(address) ?? { joins: [], leaves: [] };
    byAddress.set(address, known);
    return known;
  };
  for (const { address, tag } of leaves) of(address).leaves.push(tag);
  for (const { address, tag } of joins) of(address).joins.push(tag);
  const found: XmlElement[] = [];
  let batch: { readonly register: XmlElement[]; readonly unregister: XmlElement[] } = { register: [], unregister: [] };
  let length = 0;
  let count = 0;
  const close = (): void => {
    if (count > 0) found.push(message(batch.register, batch.unregister));
    batch = { register: [], unregister: [] };
    length = 0;
    count = 0;
  };
  for (const [address, change] of byAddress) {
    const rows = [
      ...(change.joins.length === 0 ? [] : [['register', row(address, change.joins)] as const]),
      ...(change.leaves.length === 0 ? [] : [['unregister', row(address, change.leaves)] as const]),
    ];
    const size = rows.reduce((sum, [, one]) => sum + xmlText(one).length, 0);
    if (count + 1 > MOST_ADDRESSES || length + size > LONGEST_MESSAGE) close();
    for (const [kind, one] of rows) batch[kind].push(one);
    length += size;
    count++;
  }
  close();
  return found;
}

/**
 * Sends one message. Rejects with `DEVICE_CHANGED` where the device refused a part of it because its addresses are not as they were read:
 * what it did of the rest is not known then, and has to be read.
 */
export async function sendMessage(
  api: PanosApi,
  message: XmlElement,
  where: Target,
  signal: AbortSignal,
  mayGoOn: MayGoOn,
): Promise<void> {
  try {
    await api.userId(message, signal, mayGoOn, where);
  } catch (thrown) {
    if (!isAlready(thrown) || !(thrown instanceof SallyportError)) throw thrown;
    throw new SallyportError('DEVICE_CHANGED', `registered addresses are not as they were read: ${thrown.message}`);
  }
}

function asking(what: readonly XmlElement[]): XmlElement {
  return command(['show', 'object', 'registered-ip'], what);
}

function row(address: string, tags: readonly string[]): XmlElement {
  return element('entry', [element('tag', members(tags))], { ip: address });
}

function message(register: readonly XmlElement[], unregister: readonly XmlElement[]): XmlElement {
  return element('uid-message', [
    element('version', '2.0'),
    element('type', 'update'),
    element('payload', [
      ...(unregister.length === 0 ? [] : [element('unregister', unregister)]),
      ...(register.length === 0 ? [] : [element('register', register)]),
    ]),
  ]);
}

/** The messages that register and unregister, as plans show them. */
export function registrationText(joins: readonly TagChange[], leaves: readonly TagChange[]): string {
  return messages(joins, leaves)
    .map((message) => `${xmlText(message)}\n`)
    .join('');
}

export function sortedChanges(list: readonly TagChange[]): readonly TagChange[] {
  return list.toSorted((a, b) => compareUtf8(a.address, b.address) || compareUtf8(a.tag, b.tag));
}
