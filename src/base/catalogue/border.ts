import type { Codes } from './entry.ts';

export const borderCodes = {} as const satisfies Codes;
