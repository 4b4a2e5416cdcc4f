import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SallyportError } from '../src/base/error.ts';
import type { ListenOrder, TurnOrder } from './agent.ts';
import type { Namespace } from './namespaces.ts';

/** One of the lab's agents in a namespace; it ends with this process. */
export function startAgent(namespace: Namespace, agent: readonly string[], part: 'serve' | 'probe'): ChildProcess {
  const [program = '', ...words] = agent;
  return namespace.start(program, [...words, part]);
}

/** The lab's server of the outside world. */
export class OutsideServer {
  readonly #child: ChildProcess;
  readonly #turns = new Map<number, () => void>();
  #next = 1;

  /** Resolves when it listens everywhere. */
  static async start(namespace: Namespace, agent: readonly string[], order: ListenOrder): Promise<OutsideServer> {
    const child = startAgent(namespace, agent, 'serve');
    child.stdin?.write(`${JSON.stringify(order)}\n`);
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', () => resolve());
      child.once('exit', () => reject(new SallyportError('INTERNAL', 'the server of the outside world ended early')));
    });
    return new OutsideServer(child);
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdin?.on('error', () => undefined); // what it means is told when the process ends
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on('line', (line) => {
        const { turn } = JSON.parse(line) as TurnOrder;
        this.#turns.get(turn)?.();
        this.#turns.delete(turn);
      });
    child.once('exit', () => {
      for (const resolve of this.#turns.values()) resolve();
    });
  }

  /** Resolves when it has answered all that has come to it by now; at once, if it has ended. */
  turn(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve();
    const turn = this.#next++;
    return new Promise((resolve) => {
      this.#turns.set(turn, resolve);
      this.#child.stdin?.write(`${JSON.stringify({ turn })}\n`);
    });
  }

  close(): void {
    this.#child.stdin?.end();
  }
}
