import { z } from 'zod';

/**
 * `spec.options` of a BorderFirewall with driver `nftables`. Nothing is left to choose: the table is always `inet sallyport`, dropped
 * packets go to NFLOG group 7 (of unknown senders: 8), and bit 30 of the connection mark says "cut".
 */
export const nftablesOptions = z.strictObject({});
