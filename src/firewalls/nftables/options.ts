import { z } from 'zod';
import type { Diagnostic } from '../../base/diagnostic.ts';

/**
 * `spec.options` of a BorderFirewall with driver `nftables`. Nothing is left to choose: the table is always `inet sallyport`, dropped
 * packets go to NFLOG group 7 (of unknown senders: 8), and bit 30 of the connection mark says "cut".
 */
export const nftablesOptions = z.strictObject({});

/** What is wrong with the options of a firewall; `path` leads to them. */
export function checkOptions(options: unknown, path: string): readonly Diagnostic[] {
  const parsed = nftablesOptions.safeParse(options ?? {});
  return (parsed.error?.issues ?? []).map((issue) => ({
    severity: 'error',
    code: 'DEVICE_OPTIONS',
    path: [path, ...issue.path].join('.'),
    message: `${issue.message}; the nftables driver has no options`,
  }));
}
