import { isMap, type RawMap, show } from './shape.ts';

/** One DNS label, of any length. */
export const LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
/** A DNS subdomain, of any length. */
export const SUBDOMAIN = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** Why a text cannot be an object's name (a DNS subdomain), or `undefined`. */
export function nameProblem(text: string): string | undefined {
  if (text.length <= 253 && SUBDOMAIN.test(text)) return undefined;
  return `${show(text)} is no name; use at most 253 lower-case letters, digits, "-" and ".", and begin and end each part with a letter or digit`;
}

/** Why a text cannot be a namespace or a tier (one DNS label), or `undefined`. */
export function labelNameProblem(text: string): string | undefined {
  if (text.length <= 63 && LABEL.test(text)) return undefined;
  return `${show(text)} is no name; use at most 63 lower-case letters, digits and "-", and begin and end with a letter or digit`;
}

/** Kubernetes wants a letter or digit at both ends; "__proto__" is a label by semantics 16.2. */
const LABEL_NAME = /^\w([-\w.]{0,61}\w)?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?$/;

/** Why a text cannot be the key of a label or annotation, an optional subdomain and a name, or `undefined`. */
export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash === -1 ? undefined : key.slice(0, slash);
  const right = prefix === undefined || (prefix.length <= 253 && SUBDOMAIN.test(prefix));
  if (right && LABEL_NAME.test(key.slice(slash + 1))) return undefined;
  return `${show(key)} is no key; use at most 63 letters, digits, "-", "_" and ".", and begin and end with a letter or digit; before them there may be a domain name and "/"`;
}

/** Whether all of these can be labels. */
export function areLabels(labels: Iterable<readonly [string, string]>): boolean {
  for (const [key, value] of labels) if (labelKeyProblem(key) !== undefined || !isLabelValue(value)) return false;
  return true;
}

/** Whether a text can be the value of a label. */
export function isLabelValue(text: string): boolean {
  return LABEL_VALUE.test(text);
}

const PLAIN = /^[\w.-]{1,253}$/;

/** What an object is called before its kind and name have been found right; of what could be hostile, nothing. */
export function provisionalName(kind: unknown, raw: RawMap): string {
  const metadata = isMap(raw['metadata']) ? raw['metadata'] : {};
  const isPlain = (part: unknown): part is string => typeof part === 'string' && PLAIN.test(part);
  return [isPlain(kind) ? kind : 'object', ...[metadata['namespace'], metadata['name']].filter(isPlain)].join('/');
}
