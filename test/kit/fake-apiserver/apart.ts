import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Answered, Asked, Order } from './program.ts';
import type { FakeApiServerOptions } from './server.ts';

/** The fake in a process of its own, so that its work is not counted as ours. It ends with us. */
export class FakeApiServerApart {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #ask: (order: Order) => Promise<unknown>;

  static async start(options: Omit<FakeApiServerOptions, 'clock'> = {}): Promise<FakeApiServerApart> {
    const child = fork(join(import.meta.dirname, 'program.ts'), { execArgv: ['--import', 'tsx'] });
    const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
    let last = 0;
    child.on('message', ({ id, value, error }: Answered) => {
      const one = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) one?.resolve(value);
      else one?.reject(new Error(error));
    });
    child.on('exit', (code) => {
      for (const { reject } of waiting.values()) reject(new Error(`the fake API server ended with code ${code}`));
      waiting.clear();
    });
    const ask = (order: Order): Promise<unknown> =>
      new Promise((resolve, reject) => {
        waiting.set(++last, { resolve, reject });
        child.send({ id: last, order } satisfies Asked);
      });
    const url = await ask({ order: 'start', options });
    return new FakeApiServerApart(child, ask, String(url));
  }

  private constructor(child: ChildProcess, ask: (order: Order) => Promise<unknown>, url: string) {
    this.#child = child;
    this.#ask = ask;
    this.url = url;
  }

  /** Resolves once it is carried out; `pace` once its time is over. */
  order(order: Order): Promise<unknown> {
    return this.#ask(order);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise<void>((done) => this.#child.once('exit', () => done()));
    this.#child.disconnect();
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
