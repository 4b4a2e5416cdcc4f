import type { Codes } from './entry.ts';

export const sourceCodes = {} as const satisfies Codes;
