import type { Codes } from './entry.ts';

export const policyCodes = {} as const satisfies Codes;
