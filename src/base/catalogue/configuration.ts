import type { Codes } from './entry.ts';

export const configurationCodes = {} as const satisfies Codes;
