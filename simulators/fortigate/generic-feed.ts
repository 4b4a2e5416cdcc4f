import { readEntry, type Range } from './addresses.ts';
import { type Row, textOf } from './row.ts';

/** One element of a JSON feed: it becomes a dynamic address (reference 1.10 c). */
export interface GenericAddress {
  readonly name: string;
  readonly comment: string;
  readonly ranges: readonly Range[];
  readonly invalid: readonly string[];
}

/** Addresses of one dynamic address at most. */
const MOST_ADDRESSES = 100_000;

/** Reads a JSON feed by the paths of its resource; throws an `Error` that says what is wrong. */
export function readGeneric(text: string, resource: Row): readonly GenericAddress[] {
  const list = follow(JSON.parse(text) as unknown, textOf(resource, 'object-array-path'));
  if (!Array.isArray(list)) throw new Error('object-array-path leads to no list');
  const prefix = textOf(resource, 'namespace');
  return (list as unknown[]).map((element) => {
    const name = follow(element, textOf(resource, 'address-name-field'));
    const data = follow(element, textOf(resource, 'address-data-field'));
    const comment = follow(element, textOf(resource, 'address-comment-field'));
    if (typeof name !== 'string' || name === '') throw new Error('an element has no name');
    const values = (Array.isArray(data) ? data : [data]).filter((one): one is string => typeof one === 'string');
    if (values.length > MOST_ADDRESSES) throw new Error(`${name} has more than ${MOST_ADDRESSES} addresses`);
    const read = values.map((value) => ({ value, range: readEntry(value) }));
    // There is no IPv6 in these feeds.
    const isGood = (range: Range | undefined): range is Range => range?.family === 4;
    return {
      name: `${prefix}${name}`,
      comment: typeof comment === 'string' ? comment.slice(0, 255) : '',
      ranges: read.map(({ range }) => range).filter(isGood),
      invalid: read.filter(({ range }) => !isGood(range)).map(({ value }) => value),
    };
  });
}

/** `$.a.b`: fields one in the other; `$` alone is the whole. */
function follow(value: unknown, path: string): unknown {
  const [root, ...names] = path.split('.');
  if (root !== '$') throw new Error(`the path ${path} does not begin with $`);
  return names.reduce<unknown>(
    (at, name) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined),
    value,
  );
}
