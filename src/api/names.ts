import { show } from './shape.ts';

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
