import type { Call } from './call.ts';
import type { Entry } from './entry.ts';

/** What goes wrong with a request or its answer. Plain data, so that it can be sent to a server in another process. */
export type Fault =
  /** Refused with this status. `body`: a Status (the default), a proxy's page, or none. */
  | {
      readonly fault: 'status';
      readonly status: number;
      readonly retryAfterSeconds?: number;
      readonly body?: 'Status' | 'html' | 'none';
      readonly reason?: string;
      readonly message?: string;
    }
  /** Answered that much later. */
  | { readonly fault: 'latency'; readonly ms: number }
  /** Taken and never answered: the connection stays open. */
  | { readonly fault: 'noAnswer' }
  /** The connection is reset after so many bytes of the body; absent: before the head of the answer. */
  | { readonly fault: 'reset'; readonly afterBytes?: number }
  /** After so many bytes nothing more comes, and the connection stays open. */
  | { readonly fault: 'stall'; readonly afterBytes: number }
  /** The connection is closed politely after so many bytes, in the middle of a chunk. */
  | { readonly fault: 'truncate'; readonly afterBytes: number }
  /** The body ends, as if it were whole, after so many bytes: what is left out cannot be seen from the framing. */
  | { readonly fault: 'shorten'; readonly afterBytes: number }
  /** The body is written in chunks of this size, whatever it was. */
  | { readonly fault: 'pieces'; readonly bytes: number }
  /** Chunks are held back until this many bytes are together (or the body ends). */
  | { readonly fault: 'lumps'; readonly bytes: number }
  /** So many bytes, then a pause, again and again. */
  | { readonly fault: 'slow'; readonly bytes: number; readonly pauseMs: number }
  /** Says it is something else. */
  | { readonly fault: 'contentType'; readonly contentType: string }
  /** A text comes before the body, or before the n-th chunk of it. */
  | { readonly fault: 'insert'; readonly text: string; readonly beforeChunk?: number }
  /** The version asked for is too old. */
  | { readonly fault: 'expired'; readonly as: 'event' | 'status' }
  /** A watch ends cleanly after so long. */
  | { readonly fault: 'endAfter'; readonly ms: number }
  | { readonly fault: 'noBookmarks' }
  /** A watch that sends nothing at all. */
  | { readonly fault: 'noEvents' }
  /** Every event comes twice. */
  | { readonly fault: 'duplicates' }
  /** The state (of a list, or of the beginning of a watch) lacks every second object, or all. */
  | { readonly fault: 'halfState' }
  | { readonly fault: 'emptyState' }
  /** A list is answered as of that many versions ago, and says so by its version. */
  | { readonly fault: 'staleList'; readonly versions: number };

/** Which requests: all that is given must be equal. */
export interface Match {
  readonly verb?: Call['verb'];
  readonly method?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly part?: string;
  readonly path?: string;
}

export type Which = Match | ((call: Call) => boolean);

export function matches(which: Which, call: Call): boolean {
  if (typeof which === 'function') return which(call);
  return Object.entries(which).every(([key, wanted]) => call[key as keyof Match] === wanted);
}

interface Rule {
  readonly faults: readonly Fault[];
  readonly which: Which;
  /** Matching requests that are let through first. */
  skip: number;
  left: number;
}

/** What is to go wrong, and with which requests. */
export class Faults {
  #rules: Rule[] = [];

  /** The next matching request. Several calls queue up: each takes one request. */
  next(faults: Fault | readonly Fault[], which: Which = {}): void {
    this.times(1, faults, which);
  }

  /** The next `count` matching requests, after `skip` that go well. */
  times(count: number, faults: Fault | readonly Fault[], which: Which = {}, skip = 0): void {
    this.#rules.push({ faults: [faults].flat(), which, skip, left: count });
  }

  /** Every matching request, until the returned function is called. Comes on top of what `next` queued. */
  always(faults: Fault | readonly Fault[], which: Which = {}): () => void {
    const rule: Rule = { faults: [faults].flat(), which, skip: 0, left: Infinity };
    this.#rules.push(rule);
    return () => {
      this.#rules = this.#rules.filter((one) => one !== rule);
    };
  }

  /** Everything goes well again. */
  clear(): void {
    this.#rules = [];
  }

  /** How many counted faults no request has met yet. */
  get left(): number {
    return this.#rules.reduce((sum, { left }) => sum + (left === Infinity ? 0 : left), 0);
  }

  /** The faults of this request, which are counted by that. */
  take(call: Call): readonly Fault[] {
    const taken: Fault[] = [];
    let counted = false;
    for (const rule of this.#rules) {
      if (rule.left === 0 || !matches(rule.which, call)) continue;
      if (rule.left === Infinity) {
        taken.push(...rule.faults);
        continue;
      }
      if (counted) continue;
      counted = true;
      if (rule.skip > 0) {
        rule.skip--;
        continue;
      }
      rule.left--;
      taken.push(...rule.faults);
    }
    this.#rules = this.#rules.filter(({ left }) => left > 0);
    return taken;
  }
}

/** What of the faults concerns the content of an answer. */
export interface Active {
  readonly noBookmarks: boolean;
  readonly noEvents: boolean;
  readonly duplicates: boolean;
  readonly expired: 'event' | 'status' | undefined;
  readonly bend: ((entries: readonly Entry[]) => readonly Entry[]) | undefined;
  readonly staleVersions: number;
}

export function activeOf(faults: readonly Fault[]): Active {
  const find = <Name extends Fault['fault']>(name: Name): Extract<Fault, { readonly fault: Name }> | undefined =>
    faults.find((one): one is Extract<Fault, { readonly fault: Name }> => one.fault === name);
  return {
    noBookmarks: find('noBookmarks') !== undefined,
    noEvents: find('noEvents') !== undefined,
    duplicates: find('duplicates') !== undefined,
    expired: find('expired')?.as,
    bend: find('emptyState')
      ? () => []
      : find('halfState')
        ? (entries) => entries.filter((_, index) => index % 2 === 0)
        : undefined,
    staleVersions: find('staleList')?.versions ?? 0,
  };
}
