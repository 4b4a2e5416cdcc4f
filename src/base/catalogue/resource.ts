import type { Codes } from './entry.ts';

export const resourceCodes = {} as const satisfies Codes;
