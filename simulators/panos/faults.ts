/** Which requests a fault meets, by their parameters. */
export type Matches = (parameters: ReadonlyMap<string, string>) => boolean;

export type Fault =
  /** The connection ends before the request has any effect. */
  | { readonly kind: 'lost before' }
  /** The request has its effect, and the connection ends without an answer. */
  | { readonly kind: 'lost after' }
  /** The request has its effect, and the answer ends in its middle. */
  | { readonly kind: 'cut off' }
  /** The request has its effect twice; the second answer is the one that is sent. */
  | { readonly kind: 'twice' }
  /** The request has its effect (`before`: not yet), and is answered (and has it), when this has ended. */
  | { readonly kind: 'held'; readonly until: Promise<unknown>; readonly before?: true }
  /** So long until the request is looked at. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** This code and text instead of any effect. */
  | { readonly kind: 'refused'; readonly code: number; readonly text: string };

interface Planned {
  readonly fault: Fault;
  readonly matches: Matches;
  times: number;
}

/** What goes wrong next, for tests. */
export class Faults {
  /** Every answer comes so late. */
  latencyMs = 0;
  #planned: Planned[] = [];

  /** The next `times` requests that match meet this. */
  next(
    fault: Fault,
    { times = 1, matches = () => true }: { readonly times?: number; readonly matches?: Matches } = {},
  ): void {
    this.#planned.push({ fault, matches, times });
  }

  take(parameters: ReadonlyMap<string, string>): Fault | undefined {
    const found = this.#planned.find(({ matches }) => matches(parameters));
    if (found === undefined) return undefined;
    found.times -= 1;
    if (found.times <= 0) this.#planned = this.#planned.filter((one) => one !== found);
    return found.fault;
  }

  /** Everything goes well again. */
  clear(): void {
    this.#planned = [];
    this.latencyMs = 0;
  }
}
