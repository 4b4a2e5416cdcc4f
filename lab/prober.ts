import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { SallyportError } from '../src/base/error.ts';
import type { ProbeOrder, ProbeResult, Transport } from './agent.ts';
import type { Namespace } from './namespaces.ts';
import { startAgent } from './outside-server.ts';

/** One thing to send: from a pod's address to a host outside. */
export interface ProbeTarget {
  readonly transport: Transport;
  readonly source: string;
  readonly destination: string;
  /** 0 for ICMP. */
  readonly port: number;
}

/** What came of it. `seen`: the source that the outside saw; empty for ICMP. */
export type ProbeOutcome =
  | { readonly passed: true; readonly seen: string }
  | { readonly passed: false; readonly why: string };

/** A connection that keeps talking. Times are milliseconds of the monotonic clock. */
export interface OpenProbe {
  /** When the last answer came. */
  lastReply(): number;
  /** Whether it was ended from outside (a reset), and how. */
  ended(): string | undefined;
  close(): void;
}

/** Whoever sends for the lab: real packets, or questions to the firewall in memory. Times are those of `machineTime`. */
export interface Prober {
  /** One attempt; never rejects for what the network does, only once the prober is closed or its helper is gone. */
  attempt(target: ProbeTarget): Promise<ProbeOutcome & { readonly startedAt: number }>;
  /** Opens an exchange that keeps talking until closed or cut; rejects if not even the first answer comes. */
  open(target: ProbeTarget): Promise<OpenProbe>;
  /**
   * Tries again and again until an attempt passes (or is dropped), and returns when that attempt began. Nothing, if it does not happen
   * in time.
   */
  until(target: ProbeTarget, passed: boolean, timeoutMs: number): Promise<number | undefined>;
  close(): void;
}

/** How long an answer may take before it is asked whether one is still to come; the lab's links add nothing that could make it slow. */
const ANSWER_MS = 400;
/** Pause between attempts when the moment of a change is looked for. */
const WATCH_MS = 3;

type Told = Exclude<ProbeResult, { readonly kind: 'quiet' }>;

/** Somebody who waits for the prober's helper. */
interface Waiting {
  readonly answer: (result: Told) => void;
  readonly fail: (error: SallyportError) => void;
}

/** Sends as any pod of the cluster namespace, many at a time, through one helper process there. */
export class PacketProber implements Prober {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #ended: SallyportError | undefined;

  /** `answering`: resolves when whoever should answer has had the time to do so. */
  constructor(namespace: Namespace, agent: readonly string[], answering: () => Promise<void>) {
    this.#child = startAgent(namespace, agent, 'probe');
    if (this.#child.stdout === null) throw new SallyportError('INTERNAL', 'the prober has no output');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const result = JSON.parse(line) as ProbeResult;
      if (result.kind === 'quiet') return void this.#conclude(result.id, answering);
      this.#waiting.get(result.id)?.answer(result);
    });
    this.#child.stdin?.on('error', () => undefined); // what it means is told when the process ends
    this.#child.once('error', () => this.#end()).once('exit', () => this.#end());
  }

  async attempt(target: ProbeTarget, timeoutMs = ANSWER_MS): Promise<ProbeOutcome & { readonly startedAt: number }> {
    const id = this.#next++;
    const result = await new Promise<Told>((answer, fail) => {
      this.#waiting.set(id, { answer, fail });
      this.#order({ id, do: 'try', timeoutMs, ...target });
    }).finally(() => this.#waiting.delete(id));
    if (result.kind === 'passed') return { passed: true, seen: result.seen, startedAt: result.startedAt };
    const startedAt = 'startedAt' in result ? result.startedAt : result.at;
    return { passed: false, why: 'why' in result ? result.why : 'no answer', startedAt };
  }

  async open(target: ProbeTarget): Promise<OpenProbe> {
    const id = this.#next++;
    let lastReply = 0;
    let ended: string | undefined;
    await new Promise<void>((resolve, fail) => {
      const answer = (result: Told): void => {
        if (result.kind === 'passed' || result.kind === 'reply') lastReply = result.at;
        else ended = result.why;
        if (result.kind === 'passed') resolve();
        if (result.kind === 'dropped')
          fail(new SallyportError('INTERNAL', `the connection did not open: ${result.why}`));
      };
      this.#waiting.set(id, { answer, fail });
      this.#order({ id, do: 'open', timeoutMs: 2_000, ...target });
    });
    return {
      lastReply: () => lastReply,
      ended: () => ended,
      close: () => {
        this.#waiting.delete(id);
        if (this.#ended === undefined) this.#order({ id, do: 'close' });
      },
    };
  }

  /** Attempts overlap, so the answer is exact to a few milliseconds. */
  async until(target: ProbeTarget, passed: boolean, timeoutMs: number): Promise<number | undefined> {
    const moments: number[] = [];
    const failures: unknown[] = [];
    const running = new Set<Promise<void>>();
    const giveUp = performance.now() + timeoutMs;
    while (moments.length === 0 && failures.length === 0 && performance.now() < giveUp) {
      const one: Promise<void> = this.attempt(target)
        .then((outcome) => {
          if (outcome.passed === passed) moments.push(outcome.startedAt);
        })
        .catch((thrown: unknown) => void failures.push(thrown))
        .finally(() => running.delete(one));
      running.add(one);
      await pause(WATCH_MS);
    }
    await Promise.all(running);
    if (failures.length > 0) throw failures[0];
    return moments.length === 0 ? undefined : Math.min(...moments);
  }

  close(): void {
    this.#end();
    this.#child.stdin?.end();
  }

  /** Nobody answers any more: whoever waits is told. */
  #end(): void {
    this.#ended ??= new SallyportError('INTERNAL', 'the prober of the cluster has ended');
    for (const { fail } of this.#waiting.values()) fail(this.#ended);
    this.#waiting.clear();
  }

  /** Nothing came in time: it is dropped if nothing does after whoever might answer has had a turn. */
  async #conclude(id: number, answering: () => Promise<void>): Promise<void> {
    await answering();
    if (this.#ended === undefined) this.#order({ id, do: 'conclude' });
  }

  #order(order: ProbeOrder): void {
    if (this.#ended !== undefined) throw this.#ended;
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }
}
