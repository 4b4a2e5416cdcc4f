import type { Codes } from './entry.ts';

export const valueCodes = {} as const satisfies Codes;
