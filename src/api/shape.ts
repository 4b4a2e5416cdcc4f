import { quoteForMessage } from '../ip/address.ts';

/** A map as YAML and JSON give it. */
export type RawMap = Readonly<Record<string, unknown>>;

/** Whether a value that was read is a map. */
export function isMap(value: unknown): value is RawMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in a message: text in quotes, cut and without control characters; of maps and lists only what they are. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quoteForMessage(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : 'a map';
}

/** `T` with the members that may be `undefined` made optional instead, as `exactOptionalPropertyTypes` asks. */
export type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The object without its members that are `undefined`. */
export function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}
