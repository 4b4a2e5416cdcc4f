import { formatAddress, parseAddress } from '../../../ip/address.ts';
import { isRecord, numberIn, onlyKey } from '../reach/json.ts';
import type { MapType, SetType } from '../table/model.ts';
import { readVerdict } from './read-rule.ts';

/** What the element lists of a listing hold; `strange` counts elements that we would never write, with the first one's text. */
export interface ReadElements<V> {
  readonly entries: readonly (readonly [string, V])[];
  readonly strange: string | undefined;
}

/** Elements of a set of ours, as canonical texts (see `SetType`). */
export function readSetElements(type: SetType, elements: readonly unknown[]): ReadElements<true> {
  const entries: (readonly [string, true])[] = [];
  let strange: string | undefined;
  for (const element of elements) {
    const text = readKey(type, element);
    if (text === undefined) strange ??= JSON.stringify(element);
    else entries.push([text, true]);
  }
  return { entries, strange };
}

/** Elements of a map of ours, keys and values as canonical texts (see `MapType`). */
export function readMapElements(type: MapType, elements: readonly unknown[]): ReadElements<string> {
  const [keyType = '', valueType = ''] = type.split(':');
  const entries: (readonly [string, string])[] = [];
  let strange: string | undefined;
  for (const element of elements) {
    const pair: readonly unknown[] = Array.isArray(element) && element.length === 2 ? element : [];
    const key = readKey(keyType, pair[0]);
    const value = readValue(valueType, pair[1]);
    if (key === undefined || value === undefined) strange ??= JSON.stringify(element);
    else entries.push([key, value]);
  }
  return { entries, strange };
}

function readKey(type: string, element: unknown): string | undefined {
  switch (type) {
    case 'address4':
    case 'address6':
      return typeof element === 'string' ? canonicalAddress(element) : undefined;
    case 'net4':
    case 'net6':
      return readNet(element, type === 'net4' ? 32 : 128);
    case 'service':
      return readService(element);
    case 'number':
      return numberIn(element, 0, 0xffffffff)?.toString();
    default:
      return undefined;
  }
}

function readValue(type: string, value: unknown): string | undefined {
  if (type !== 'verdict') return readKey(type, value);
  const verdict = readVerdict(value);
  if (verdict === undefined) return undefined;
  return 'chain' in verdict ? `${verdict.do} ${verdict.chain}` : verdict.do;
}

/** The device's C library prints some IPv6 addresses with a dotted end; all others are canonical as they come. */
export function canonicalAddress(text: string): string {
  if (!text.includes(':') || !text.includes('.')) return text;
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}

/** `203.0.113.0/24` of `203.0.113.0/24 . 0-255`. */
function readNet(element: unknown, bits: number): string | undefined {
  const parts = onlyKey(element, 'concat');
  if (!Array.isArray(parts) || parts.length !== 2 || !isWholeRange(parts[1], 255)) return undefined;
  const net: unknown = parts[0];
  if (typeof net === 'string') return `${canonicalAddress(net)}/${bits}`;
  const prefix = onlyKey(net, 'prefix');
  if (!isRecord(prefix)) return undefined;
  const length = numberIn(prefix['len'], 0, bits);
  const address = prefix['addr'];
  return length === undefined || typeof address !== 'string' ? undefined : `${canonicalAddress(address)}/${length}`;
}

/** `6 . 443` or `17 . 8000-8080`. */
function readService(element: unknown): string | undefined {
  const parts = onlyKey(element, 'concat');
  if (!Array.isArray(parts) || parts.length !== 2) return undefined;
  const protocol = numberIn(parts[0], 0, 255);
  const port = numberIn(parts[1], 0, 65535);
  if (protocol === undefined) return undefined;
  if (port !== undefined) return `${protocol} . ${port}`;
  const range = onlyKey(parts[1], 'range');
  if (!Array.isArray(range) || range.length !== 2) return undefined;
  const low = numberIn(range[0], 0, 65535);
  const high = numberIn(range[1], 0, 65535);
  return low === undefined || high === undefined ? undefined : `${protocol} . ${low}-${high}`;
}

function isWholeRange(value: unknown, top: number): boolean {
  const range = onlyKey(value, 'range');
  return Array.isArray(range) && range.length === 2 && range[0] === 0 && range[1] === top;
}
