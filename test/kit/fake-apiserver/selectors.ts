import type { Entry } from './entry.ts';
import type { Kind } from './kinds.ts';
import { badRequest } from './status.ts';

type Matches = (entry: Entry) => boolean;

const LABEL_KEY = String.raw`(?:[A-Za-z0-9.-]+\/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?`;
const LABEL_VALUE = '(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?';
const exists = new RegExp(`^(!?)\\s*(${LABEL_KEY})$`);
const equals = new RegExp(`^(${LABEL_KEY})\\s*(==|=|!=)\\s*(${LABEL_VALUE})$`);
const oneOf = new RegExp(`^(${LABEL_KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const compared = new RegExp(`^(${LABEL_KEY})\\s*([<>])\\s*(-?\\d+)$`);
const value = new RegExp(`^${LABEL_VALUE}$`);

/** Splits at commas outside parentheses. */
function parts(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.split(/,(?![^(]*\))/).map((part) => part.trim());
}

function labelRequirement(part: string): Matches | undefined {
  const [, not, present] = exists.exec(part) ?? [];
  if (present !== undefined) return ({ labels }) => present in labels === (not === '');
  const [, key, operator, wanted] = equals.exec(part) ?? [];
  if (key !== undefined) return ({ labels }) => (labels[key] === wanted) === (operator !== '!=');
  const [, listed, word, list = ''] = oneOf.exec(part) ?? [];
  if (listed !== undefined) {
    const values = new Set(list.split(',').map((one) => one.trim()));
    if (![...values].every((one) => value.test(one))) return undefined;
    return ({ labels }) => values.has(labels[listed] ?? '\0') === (word === 'in');
  }
  const [, number, sign, bound] = compared.exec(part) ?? [];
  if (number === undefined) return undefined;
  return ({ labels }) => {
    const text = labels[number];
    if (text === undefined || !/^-?\d+$/.test(text)) return false;
    return sign === '<' ? BigInt(text) < BigInt(bound ?? 0) : BigInt(text) > BigInt(bound ?? 0);
  };
}

function field(entry: Entry, path: string): string {
  if (path === 'metadata.name') return entry.name;
  if (path === 'metadata.namespace') return entry.namespace;
  let at: unknown = entry.object;
  for (const segment of path.split('.')) at = (at as Readonly<Record<string, unknown>> | undefined)?.[segment];
  return typeof at === 'string' ? at : typeof at === 'boolean' || typeof at === 'number' ? String(at) : '';
}

function fieldRequirement(part: string, kind: Kind): Matches {
  const [, key = '', operator, wanted = ''] = /^([^=!]+)(==|=|!=)(.*)$/.exec(part) ?? [];
  if (operator === undefined) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
  const known =
    key === 'metadata.name' || (key === 'metadata.namespace' && kind.namespaced) || kind.selectableFields.includes(key);
  if (!known) throw badRequest(`field label not supported: ${key}`);
  return (entry) => (field(entry, key) === wanted) === (operator !== '!=');
}

/** `undefined`: everything matches. */
export function selection(query: URLSearchParams, kind: Kind): Matches | undefined {
  const all: Matches[] = [];
  for (const part of parts(query.get('labelSelector') ?? '')) {
    const matches = labelRequirement(part);
    if (matches === undefined)
      throw badRequest(`unable to parse requirement: found '${part}', expected: a key, an operator, values`);
    all.push(matches);
  }
  for (const part of parts(query.get('fieldSelector') ?? '')) all.push(fieldRequirement(part, kind));
  return all.length === 0 ? undefined : (entry) => all.every((matches) => matches(entry));
}
