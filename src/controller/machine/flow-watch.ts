import type { Clock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import { BGP_PORT } from '../../machine/base-rules.ts';
import type { OwnFlow } from '../../machine/own-flows.ts';
import type { OpenConnection } from './reach.ts';

/** How long a flow that was up may fail after a load before it is allowed back. */
const LOST_AFTER_MS = 10_000;
/** How often flows are tried while a load is being watched, and otherwise. */
const WATCHING_MS = 1_000;
const IDLE_MS = 30_000;

export interface FlowWatchOptions {
  /** The flows that are needed now. */
  readonly flows: () => Promise<readonly OwnFlow[]>;
  /** Whether a new connection gets through; `undefined`: that cannot be tried from here. */
  readonly reaches: (flow: OwnFlow, signal: AbortSignal) => Promise<boolean | undefined>;
  readonly connections: () => Promise<readonly OpenConnection[]>;
  readonly clock: Clock;
}

/**
 * Watches the flows that this machine itself needs: which are up, and which of those fail after rules were loaded and cannot be made anew.
 * Those that others open are judged by the connections that they have.
 */
export class FlowWatch {
  readonly #options: FlowWatchOptions;
  #up: ReadonlySet<string> = new Set();
  /** What was up when rules were loaded and has not been seen since, and when it counts as lost. */
  readonly #awaited = new Map<string, number>();
  /** How often rules were loaded: what was tried before the last time proves nothing. */
  #loads = 0;
  #lost: OwnFlow[] = [];
  #flows: readonly OwnFlow[] = [];
  #wake: (() => void) | undefined;
  readonly #first: Promise<void>;
  #seen: () => void = () => undefined;

  constructor(options: FlowWatchOptions) {
    this.#options = options;
    this.#first = new Promise((resolve) => {
      this.#seen = resolve;
    });
  }

  /** The flows, as they were known last. */
  get flows(): readonly OwnFlow[] {
    return this.#flows;
  }

  /** How many flows there are, and how many of them were up when they were tried last. */
  get counts(): { readonly needed: number; readonly up: number } {
    return { needed: this.#flows.length, up: this.#up.size };
  }

  /** Resolves when every flow was tried once. */
  get first(): Promise<void> {
    return this.#first;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#look(signal);
      this.#seen();
      const pause = new AbortController();
      this.#wake = () => pause.abort();
      const stop = (): void => pause.abort();
      signal.addEventListener('abort', stop, { once: true });
      if (!signal.aborted) await elapsed(clock, this.#awaited.size > 0 ? WATCHING_MS : IDLE_MS, pause.signal);
      signal.removeEventListener('abort', stop);
    }
  }

  /** Rules were loaded: what was up has ten seconds to be seen again. */
  loaded(): void {
    const until = this.#options.clock.monotonic() + LOST_AFTER_MS;
    for (const name of this.#up) if (!this.#awaited.has(name)) this.#awaited.set(name, until);
    this.#loads += 1;
    this.#wake?.();
  }

  /** The flows that were lost since this was asked last. */
  takeLost(): readonly OwnFlow[] {
    const lost = this.#lost;
    this.#lost = [];
    return lost;
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock, flows, reaches, connections } = this.#options;
    const loads = this.#loads;
    this.#flows = await flows();
    const open = await connections();
    const results = await Promise.all(
      this.#flows.map(async (flow) => ({
        flow,
        up: (await reaches(flow, signal).catch(() => false)) ?? this.#isOpen(flow, open),
      })),
    );
    if (signal.aborted || loads !== this.#loads) return;
    const now = clock.monotonic();
    const up = new Set(results.flatMap(({ flow, up: isUp }) => (isUp ? [flow.name] : [])));
    this.#up = up;
    for (const name of up) this.#awaited.delete(name);
    for (const [name, until] of this.#awaited) {
      if (now < until) continue;
      this.#awaited.delete(name);
      this.#lost.push(...this.#flows.filter((flow) => flow.name === name));
    }
  }

  /** Whether a flow that others open has a connection that is alive. Sessions of BGP never end in peace; people log out. */
  #isOpen({ name, port }: OwnFlow, open: readonly OpenConnection[]): boolean {
    const own = open.filter(({ localPort, remotePort }) => localPort === port || remotePort === port);
    if (own.some(({ stalled }) => !stalled)) return true;
    return port !== BGP_PORT && own.length === 0 && this.#awaited.has(name);
  }
}
