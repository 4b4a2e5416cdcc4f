import { type RawMap, isMap } from '../api/shape.ts';
import { shortHash } from '../base/encode.ts';
import { FIELD_MANAGER } from './objects.ts';
import type { Collection } from './resource-path.ts';

/** An object whose status is written. */
export interface StatusObject extends Collection {
  readonly kind: string;
  /** `''` for cluster scope. */
  readonly namespace: string;
  readonly name: string;
  /** Another object of the same name is not written to. */
  readonly uid: string | undefined;
}

/**
 * What of a status one writer says. `whole`: all of it; `around`: all but the entries of a list; `entry`: one entry of it. Parts have
 * field managers of their own, so that copies of Sallyport that hold different firewalls write into one object side by side.
 */
export type Portion =
  | { readonly kind: 'whole' }
  | { readonly kind: 'around'; readonly list: string }
  | { readonly kind: 'entry'; readonly list: string; readonly key: string; readonly value: string };

/** The most characters of the name of a field manager. */
const MANAGER_LENGTH = 128;

/** Who the API server takes a portion to be from: `sallyport`, and for an entry `sallyport-NAME`. */
export function managerOf(portion: Portion): string {
  if (portion.kind !== 'entry') return FIELD_MANAGER;
  const manager = `${FIELD_MANAGER}-${portion.value}`;
  if (manager.length <= MANAGER_LENGTH) return manager;
  return `${manager.slice(0, MANAGER_LENGTH - 9)}-${shortHash(manager)}`;
}

/** A portion as it stands in a status; `undefined`: nothing of it does. */
export function portionOf(status: RawMap | undefined, portion: Portion): RawMap | undefined {
  if (status === undefined) return undefined;
  if (portion.kind === 'whole') return Object.keys(status).length === 0 ? undefined : status;
  const { [portion.list]: list, ...around } = status;
  if (portion.kind === 'around') return Object.keys(around).length === 0 ? undefined : around;
  return entriesOf(list).find((entry) => entry[portion.key] === portion.value);
}

/** A portion as the status that is sent. */
export function statusWith(part: RawMap | undefined, portion: Portion): RawMap {
  if (portion.kind === 'entry') return { [portion.list]: part === undefined ? [] : [part] };
  return part ?? {};
}

/** Entries of a list in a status that may be anything. */
export function entriesOf(list: unknown): readonly RawMap[] {
  return Array.isArray(list) ? list.filter(isMap) : [];
}

/** A value as text that is the same for the same content, whatever the order of members. */
export function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) =>
    isMap(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
