import { quoteForMessage } from '../ip/address.ts';

const NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** Why Kubernetes refuses a label's name, or `undefined`: an optional DNS name and `/`, then at most 63 characters. */
export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash === -1 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  const shown = quoteForMessage(key);
  if (prefix !== undefined && (prefix.length > 253 || !DNS_SUBDOMAIN.test(prefix)))
    return `the part before "/" of the label name ${shown} must be a DNS name of at most 253 lower-case characters`;
  if (name.length > 63 || !NAME.test(name))
    return `the label name ${shown} must have 1 to 63 letters, digits, "-", "_" or "." and begin and end with a letter or digit`;
  return undefined;
}

/** Why Kubernetes refuses a label's value, or `undefined`; the empty value is fine. */
export function labelValueProblem(value: string): string | undefined {
  if (value === '' || (value.length <= 63 && NAME.test(value))) return undefined;
  return `the label value ${quoteForMessage(value)} must have at most 63 letters, digits, "-", "_" or "." and begin and end with a letter or digit`;
}
