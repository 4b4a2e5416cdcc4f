import type { Element } from './xml.ts';

/**
 * One step of an xpath. Of the language only what clients send is understood (reference 1.15): absolute ways, `entry[@name='x']`,
 * `member[text()='x']` and several of them joined by `or`.
 */
export interface Step {
  readonly name: string;
  /** Names of entries or texts of members that match; `undefined`: every element of that name. */
  readonly values: readonly string[] | undefined;
}

/** The place of one element: each key is `entry NAME`, `member TEXT`, or a plain element name. */
export type Place = readonly string[];

export class BadPath extends Error {
  override readonly name = 'BadPath';
}

const STEP = /\/([A-Za-z_][A-Za-z0-9._-]*)/y;
const TEST = /\s*(@name|text\(\))\s*=\s*(?:'([^']*)'|"([^"]*)")\s*/y;

/** Strict: whatever is not understood is refused whole, never in part. */
export function parsePath(text: string): readonly Step[] {
  const steps: Step[] = [];
  let at = 0;
  while (at < text.length) {
    STEP.lastIndex = at;
    const step = STEP.exec(text);
    if (step === null) throw new BadPath(`not understood from "${text.slice(at, at + 40)}" on`);
    const name = step[1] ?? '';
    at += step[0].length;
    let values: string[] | undefined;
    if (text[at] === '[') {
      values = [];
      do {
        at += values.length === 0 ? 1 : 'or'.length;
        TEST.lastIndex = at;
        const test = TEST.exec(text);
        const subject = name === 'member' ? 'text()' : '@name';
        if (test === null || test[1] !== subject || (name !== 'entry' && name !== 'member'))
          throw new BadPath(`a condition that is not understood after ${name}`);
        values.push(test[2] ?? test[3] ?? '');
        at += test[0].length;
      } while (text.startsWith('or', at));
      if (text[at] !== ']') throw new BadPath(`a condition of ${name} that does not end`);
      at += 1;
    }
    steps.push({ name, values });
  }
  if (steps[0]?.name !== 'config') throw new BadPath('an xpath begins with /config');
  return steps;
}

export function keyOf(of: Element): string {
  if (of.name === 'entry') return `entry ${of.attributes.get('name') ?? ''}`;
  return of.name === 'member' ? `member ${of.text}` : of.name;
}

const matches = (of: Element, { name, values }: Step): boolean =>
  of.name === name &&
  (values === undefined || values.includes(name === 'member' ? of.text : (of.attributes.get('name') ?? '')));

export interface Found {
  readonly place: Place;
  readonly element: Element;
}

/** Every element at a path, in the order of the document. `root` is the element of the first step. */
export function select(root: Element, [first, ...rest]: readonly Step[]): readonly Found[] {
  if (first === undefined || !matches(root, first)) return [];
  let found: Found[] = [{ place: [keyOf(root)], element: root }];
  for (const step of rest)
    found = found.flatMap(({ place, element }) =>
      element.children
        .filter((one) => matches(one, step))
        .map((one) => ({ place: [...place, keyOf(one)], element: one })),
    );
  return found;
}

/** The one place that a path names, whether something is there or not; `undefined` where it could be several. */
export function placeOf(steps: readonly Step[]): Place | undefined {
  const place: string[] = [];
  for (const { name, values } of steps) {
    if (name !== 'entry' && name !== 'member') place.push(name);
    else if (values?.length === 1) place.push(`${name} ${values[0]}`);
    else return undefined;
  }
  return place;
}

/** A place as devices print it: `vsys -> vsys1 -> address -> a1`. */
export const spoken = (place: Place): string =>
  place.map((key) => (key.startsWith('entry ') ? key.slice('entry '.length) : key)).join(' -> ');

/** A place as an xpath. */
export const pathOf = (place: Place): string =>
  place
    .map((key) => {
      if (key.startsWith('entry ')) return `/entry[@name=${quoted(key.slice('entry '.length))}]`;
      if (key.startsWith('member ')) return `/member[text()=${quoted(key.slice('member '.length))}]`;
      return `/${key}`;
    })
    .join('');

const quoted = (text: string): string => (text.includes("'") ? `"${text}"` : `'${text}'`);
