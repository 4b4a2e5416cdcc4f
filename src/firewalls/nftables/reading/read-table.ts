import { BucketMap } from '../../../base/bucket-map.ts';
import { isRecord, numberIn, type Fields } from '../reach/json.ts';
import {
  type Base,
  type MapType,
  type NftChain,
  type NftMap,
  type NftSet,
  type NftTable,
  type Rule,
  type SetType,
  TABLE,
} from '../table/model.ts';
import { readMapElements, readSetElements } from './read-elements.ts';
import { readRule } from './read-rule.ts';

/** How nft names the types of what a set holds, and which of them are intervals. */
const SET_TYPES: readonly { readonly nft: string; readonly interval: boolean; readonly type: SetType }[] = [
  { nft: 'ipv4_addr', interval: false, type: 'address4' },
  { nft: 'ipv6_addr', interval: false, type: 'address6' },
  { nft: 'ipv4_addr.inet_proto', interval: true, type: 'net4' },
  { nft: 'ipv6_addr.inet_proto', interval: true, type: 'net6' },
  { nft: 'inet_proto.inet_service', interval: true, type: 'service' },
  { nft: 'mark', interval: false, type: 'number' },
];

const MAP_TYPES: ReadonlyMap<string, MapType> = new Map([
  ['ipv4_addr:verdict', 'address4:verdict'],
  ['ipv6_addr:verdict', 'address6:verdict'],
  ['ipv4_addr:mark', 'address4:number'],
  ['ipv6_addr:mark', 'address6:number'],
  ['mark:verdict', 'number:verdict'],
  ['ipv4_addr:ipv4_addr', 'address4:address4'],
  ['ipv6_addr:ipv6_addr', 'address6:address6'],
]);

const SET_FIELDS = new Set(['family', 'name', 'table', 'type', 'handle', 'comment', 'flags', 'elem', 'map']);

/** One set or map of a listing, in our terms; `undefined` where its type or flags are none of ours. */
export type ReadSet =
  | { readonly kind: 'set'; readonly name: string; readonly set: NftSet; readonly strange: string | undefined }
  | { readonly kind: 'map'; readonly name: string; readonly map: NftMap; readonly strange: string | undefined };

/**
 * Everything of ours in the objects of a listing made with `nft -j -n list table inet sallyport`, or of several listings of its
 * parts; objects of other tables are passed over. `undefined` if the table is not among them.
 */
export function readTable(objects: readonly unknown[]): NftTable | undefined {
  let present = false;
  const sets = new Map<string, NftSet>();
  const maps = new Map<string, NftMap>();
  const chains = new Map<string, { base?: Base; rules: Rule[] }>();
  const foreign: string[] = [];
  for (const object of objects) {
    const [kind, fields] = named(object);
    if (fields === undefined || !isOurs(kind, fields)) continue;
    present = true;
    const name = typeof fields['name'] === 'string' ? fields['name'] : '';
    switch (kind) {
      case 'table':
        // `dormant`: our own table, switched off.
        if (fields['flags'] !== undefined) foreign.push(`table flags ${JSON.stringify(fields['flags'])}`);
        break;
      case 'set':
      case 'map': {
        const read = readSet(kind, fields);
        if (read === undefined) foreign.push(`${kind} ${name}`);
        else if (read.kind === 'set') sets.set(name, read.set);
        else maps.set(name, read.map);
        if (read?.strange !== undefined) foreign.push(`element of ${name}: ${read.strange}`);
        break;
      }
      case 'chain': {
        const base = readBase(fields);
        if (base === 'foreign') foreign.push(`chain ${name}`);
        else chains.set(name, base === undefined ? { rules: [] } : { base, rules: [] });
        break;
      }
      case 'rule': {
        const chain = typeof fields['chain'] === 'string' ? chains.get(fields['chain']) : undefined;
        chain?.rules.push(readRule(fields));
        break;
      }
      default:
        foreign.push(`${kind} ${name}`);
    }
  }
  if (!present) return undefined;
  const sorted: ReadonlyMap<string, NftChain> = chains;
  return { sets, maps, chains: sorted, foreign: foreign.sort() };
}

/** A set or map with the elements that its listing has. */
export function readSet(kind: 'set' | 'map', fields: Fields): ReadSet | undefined {
  const name = fields['name'];
  if (typeof name !== 'string' || !Object.keys(fields).every((key) => SET_FIELDS.has(key))) return undefined;
  const keyType = Array.isArray(fields['type']) ? fields['type'].join('.') : fields['type'];
  const elements: readonly unknown[] = Array.isArray(fields['elem']) ? fields['elem'] : [];
  const comment = typeof fields['comment'] === 'string' ? { comment: fields['comment'] } : {};
  const flags: readonly unknown[] = Array.isArray(fields['flags']) ? fields['flags'] : [];
  if (kind === 'map') {
    const type = MAP_TYPES.get(`${String(keyType)}:${String(fields['map'])}`);
    if (type === undefined || flags.length > 0) return undefined;
    const { entries, strange } = readMapElements(type, elements);
    return { kind, name, map: { type, ...comment, elements: BucketMap.from(entries) }, strange };
  }
  const isInterval = flags.length === 1 && flags[0] === 'interval';
  const type = SET_TYPES.find((row) => row.nft === keyType && row.interval === isInterval)?.type;
  if (type === undefined || (flags.length > 0 && !isInterval)) return undefined;
  const { entries, strange } = readSetElements(type, elements);
  return { kind, name, set: { type, ...comment, elements: BucketMap.from(entries) }, strange };
}

/** A base chain's place; `undefined` for a plain chain; `foreign` for a hook or a priority that we never use. */
function readBase(fields: Fields): Base | 'foreign' | undefined {
  const { type, hook, prio, policy } = fields;
  if (type === undefined && hook === undefined) return undefined;
  const priority = numberIn(prio, -0x80000000, 0x7fffffff);
  const isOurs =
    (type === 'filter' && hook === 'forward' && priority === 0) ||
    (type === 'nat' && hook === 'postrouting' && priority === 100);
  if (!isOurs || priority === undefined || (policy !== 'accept' && policy !== 'drop')) return 'foreign';
  return type === 'filter'
    ? { type: 'filter', hook: 'forward', priority, policy }
    : { type: 'nat', hook: 'postrouting', priority, policy };
}

function named(object: unknown): readonly [string, Fields | undefined] {
  if (!isRecord(object)) return ['', undefined];
  const [kind = ''] = Object.keys(object);
  const fields = object[kind];
  return [kind, isRecord(fields) ? fields : undefined];
}

function isOurs(kind: string, fields: Fields): boolean {
  return fields['family'] === 'inet' && (kind === 'table' ? fields['name'] : fields['table']) === TABLE;
}
