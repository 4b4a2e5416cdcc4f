import type { Account } from './accounts.ts';
import { parameter, Refusal, type Request } from './request.ts';
import type { Live } from './live.ts';
import type { Right } from './table.ts';

/** One question to what runs, or one order. */
export interface Asking {
  readonly live: Live;
  readonly request: Request;
  readonly vdom: string;
  readonly account: Account;
}

export interface MonitorCall {
  readonly method: 'GET' | 'POST';
  readonly right: Right;
  /** Global calls are not of a VDOM; `either`: of a VDOM, and of the global scope. */
  readonly scope: 'vdom' | 'global' | 'either';
  /** The release from which on. */
  readonly since?: string;
  /** What stands under `results`; throws `Refusal`. */
  readonly answer: (asking: Asking) => unknown;
}

export type MonitorCalls = Readonly<Record<string, MonitorCall>>;

/** Rows of one answer at most (reference 1.2). */
const PAGE = 1_000;

/** The rows that `start` and `count` ask for. */
export function paged<Item>(request: Request, all: readonly Item[]): readonly Item[] {
  const whole = (name: string): number | undefined => {
    const text = parameter(request, name);
    if (text === undefined) return undefined;
    if (!/^\d{1,9}$/.test(text)) throw new Refusal(400, `${name} is not a number`, -10_002);
    return Number(text);
  };
  const start = whole('start') ?? 0;
  return all.slice(start, start + Math.min(whole('count') ?? PAGE, PAGE));
}

export function needed(request: Request, name: string): string {
  const text = parameter(request, name);
  if (text === undefined || text === '') throw new Refusal(400, `${name} is missing`, -10_001);
  return text;
}

export function flagged(request: Request, name: string): boolean {
  return ['1', 'true'].includes(parameter(request, name) ?? '');
}

/** A body's field that is text. */
export function neededText(body: Readonly<Record<string, unknown>>, name: string): string {
  const value = body[name];
  if (typeof value !== 'string' || value === '') throw new Refusal(400, `${name} is missing`, -10_001);
  return value;
}

export function neededTexts(body: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const value = body[name];
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    throw new Refusal(400, `${name} is not a list of texts`, -10_002);
  return value as string[];
}

export const seconds = (ms: number): number => Math.floor(ms / 1_000);
