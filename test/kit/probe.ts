import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Namespace } from './netns.ts';

/**
 * What became of one attempt: it passed (and the far side saw this source), or an error of the socket, or `silence`: nothing came back, though
 * every peer that might have answered has run since, and the one that asked after them.
 */
export type Attempt =
  | { readonly outcome: 'passed'; readonly source: string; readonly localPort?: number }
  | { readonly outcome: string; readonly source?: undefined; readonly localPort?: undefined };

/** A flow that keeps sending, as its own side sees it. */
export interface StreamState {
  /** `open`, `closed`, or the socket's error code. */
  readonly state: string;
  readonly received: number;
  readonly sent: number;
  readonly source: string;
}

export interface Target {
  /** Local address; must exist in the namespace. */
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly timeoutMs?: number;
  /** Default: any. */
  readonly localPort?: number;
}

const answer = z.object({
  id: z.number(),
  quiet: z.literal(true).optional(),
  result: z.unknown().optional(),
  error: z.string().optional(),
});
const attempt = z.object({
  outcome: z.string(),
  source: z.string().optional(),
  localPort: z.number().optional(),
}) as z.ZodType<Attempt>;
const streamState = z.object({ state: z.string(), received: z.number(), sent: z.number(), source: z.string() });
const echoReplies = z.object({ count: z.number() });
const arrivedBytes = z.object({ bytes: z.record(z.string(), z.number()) });

/** What is dropped costs this much of a test's time: then it is asked whether anybody is still about to answer. */
const TIMEOUT_MS = 400;

/** A process inside a namespace that serves, probes and keeps connections open (peer.mjs). */
export class Peer {
  /** Everybody who might answer somebody. */
  static readonly #all = new Set<Peer>();
  readonly namespace: Namespace;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #next = 0;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
    this.#child = namespace.start(process.execPath, [join(import.meta.dirname, 'peer.mjs')]);
    if (this.#child.stdout === null) throw new Error('the peer has no output');
    Peer.#all.add(this);
    this.#child.stdin?.on('error', () => undefined); // what it means is told when the process ends
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const { id, quiet, result, error } = answer.parse(JSON.parse(line));
      if (quiet === true) return void this.#conclude(id);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    this.#child.on('close', () => {
      Peer.#all.delete(this);
      for (const { reject } of this.#waiting.values()) reject(new Error('the peer ended'));
    });
  }

  /** A TCP server that tells each client its source and then pushes. `address`: `0.0.0.0`, `::` or one address. */
  async listenTcp(address: string, port: number): Promise<void> {
    await this.#ask('listenTcp', { address, port });
  }

  /** A UDP server that answers each datagram with its source, and pushes to who asks for it until `hush`. */
  async listenUdp(address: string, port: number): Promise<void> {
    await this.#ask('listenUdp', { address, port });
  }

  async tcp(target: Target): Promise<Attempt> {
    return attempt.parse(await this.#ask('probeTcp', { timeoutMs: TIMEOUT_MS, ...target }));
  }

  async udp(target: Target): Promise<Attempt> {
    return attempt.parse(await this.#ask('probeUdp', { timeoutMs: TIMEOUT_MS, ...target }));
  }

  /** One echo request and its answer. One that hears nothing counts only if no reply came that it was too busy to hear. */
  async ping(target: { readonly from: string; readonly to: string }): Promise<boolean> {
    const words = ['-n', '-c', '1', '-W', '0.5', '-I', target.from, target.to];
    const replies = async (): Promise<number> => echoReplies.parse(await this.#ask('echoReplies', {})).count;
    for (;;) {
      const before = await replies();
      if ((await this.namespace.run('ping', words)).code === 0) return true;
      if ((await replies()) === before) return false;
    }
  }

  /** Opens a connection on which both sides keep sending, with `silent` the far side alone; ask for it by `key`. */
  async openTcp(key: string, target: Target & { readonly silent?: boolean }): Promise<Attempt> {
    return attempt.parse(await this.#ask('openTcp', { key, timeoutMs: TIMEOUT_MS, ...target }));
  }

  /**
   * A UDP flow on which both sides keep sending; with `silent`, the far side alone after the first datagram. What is said makes the far
   * side push (the default), push as fast as it can (`flood`) or only answer (`?`).
   */
  async openUdp(
    key: string,
    target: Target & { readonly silent?: boolean; readonly says?: 'push' | 'flood' | '?' },
  ): Promise<Attempt> {
    return attempt.parse(await this.#ask('openUdp', { key, timeoutMs: TIMEOUT_MS, ...target }));
  }

  async stream(key: string): Promise<StreamState> {
    return streamState.parse(await this.#ask('stream', { key }));
  }

  async close(key: string): Promise<void> {
    await this.#ask('close', { key });
  }

  /** Bytes that reached a server here, by `tcp PORT SOURCE` or `udp PORT SOURCE`. */
  async arrived(): Promise<ReadonlyMap<string, number>> {
    return new Map(Object.entries(arrivedBytes.parse(await this.#ask('arrived', {})).bytes));
  }

  /** Resolves when every stream and every server here that goes on sending has had so many occasions to send. */
  async beats(count: number): Promise<void> {
    await this.#ask('beats', { count });
  }

  /** UDP servers here push to nobody any more, until somebody asks again. */
  async hush(): Promise<void> {
    await this.#ask('hush', {});
  }

  /** It neither reads nor sends until `resume`; what arrives lies in its sockets, what is asked waits, and so does who might hear of it. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  stop(): void {
    Peer.#all.delete(this);
    this.#child.kill('SIGKILL');
  }

  /** Something is quiet: that is silence once whoever might answer has had a turn, and this one after them, in which to read the answer. */
  async #conclude(of: number): Promise<void> {
    const others = [...Peer.#all].filter((peer) => peer !== this);
    await Promise.allSettled(others.map((peer) => peer.#ask('turns', {})));
    await this.#ask('conclude', { of }).catch(() => undefined); // whoever waits is told that the peer ended
  }

  #ask(operation: string, fields: object): Promise<unknown> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id, operation, ...fields })}\n`);
    });
  }
}
