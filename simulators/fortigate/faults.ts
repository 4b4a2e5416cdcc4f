/** A bad day for one request, or some. */
export type Fault =
  /** It takes so much longer. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** It is done (`before`: it is not done), and its answer comes (it is done), when this has ended. */
  | { readonly kind: 'held'; readonly until: Promise<unknown>; readonly before?: true }
  /** It never reaches the device: the connection breaks. */
  | { readonly kind: 'request lost' }
  /** It is done, and the connection breaks before the answer. */
  | { readonly kind: 'answer lost' }
  /** It is done, and half of the answer arrives. */
  | { readonly kind: 'answer cut' }
  /** It arrives twice, as when something on the way sends it again; the second answer is the one that is seen. */
  | { readonly kind: 'twice' }
  /** It is not done; a page comes back. */
  | { readonly kind: 'page'; readonly status: number }
  /** It is not done: the database fails with a code, -360 (it took too long) for one. */
  | { readonly kind: 'database error'; readonly error: number; readonly http?: number }
  /** It is done, the device boots, there is no answer. `downMs`: so long nothing answers. */
  | { readonly kind: 'boot'; readonly downMs: number }
  /** A commit: so many of its changes are made, the device boots, there is no answer. */
  | { readonly kind: 'power fails in commit'; readonly changes: number; readonly downMs: number };

export interface Where {
  readonly method?: string;
  /** A part of the URL as it was sent. */
  readonly url?: string;
}

interface Queued {
  readonly where: Where;
  readonly fault: Fault;
  left: number;
}

/** Bad days that wait for their requests. */
export class Faults {
  readonly #queued: Queued[] = [];

  /** The next requests that match (all, if nothing is asked for) meet this; `times`: so many. */
  next(fault: Fault, where: Where = {}, times = 1): void {
    this.#queued.push({ where, fault, left: times });
  }

  clear(): void {
    this.#queued.length = 0;
  }

  /** Takes what one request meets. */
  take(method: string, url: string): Fault | undefined {
    const found = this.#queued.find(
      ({ where, left }) => left > 0 && (where.method ?? method) === method && url.includes(where.url ?? ''),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#queued.splice(this.#queued.indexOf(found), 1);
    return found.fault;
  }
}
