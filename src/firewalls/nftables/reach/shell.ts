import type { Clock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import { nftError } from './error-classes.ts';
import type { Running, Transport } from './transport.ts';

/** One write(2) of a pipe that is never split; nft would run what it had of a line that was cut at a `;`. */
const LONGEST_LINE = 4_000;
/** nft keeps the history of a shell in memory and writes it out at the end: then a fresh one takes over. */
const LINES_PER_SHELL = 5_000;
/** How long an acknowledgement or a refusal takes at most; small transactions take a millisecond. */
const ANSWER_MS = 2_000;

/** Whether a text is small enough for `Shell.run`: a command a line, no blocks. */
export function fitsShell(text: string): boolean {
  return text.length < LONGEST_LINE && !/[^\x20-\x7e\n]/.test(text);
}

/**
 * A long-lived `nft -i`: small transactions in a third of a millisecond instead of three. It says nothing when it succeeds, so the
 * caller brings the acknowledgement: the generation that `nft monitor` prints.
 */
export class Shell {
  readonly #transport: Transport;
  readonly #clock: Clock;
  #running: Running | undefined;
  #lines = 0;
  #words = '';
  /** Ends the transaction under way with an error. */
  #fail: ((error: SallyportError) => void) | undefined;

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /**
   * One transaction from the commands of `text`; one at a time. Resolves with `acknowledged`; rejects with nft's refusal, after which
   * nothing has changed, or with DEVICE_UNREACHABLE if neither comes: then it may have been committed or not.
   */
  async run(text: string, acknowledged: Promise<void>): Promise<void> {
    const running = this.#ready();
    this.#words = '';
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    const cancel = this.#clock.after(ANSWER_MS, () => this.#end(this.#silent('gave no answer')));
    running.stdin.write(`${text.trim().split('\n').join('; ')}\n`);
    this.#lines++;
    try {
      await Promise.race([acknowledged, failed]);
    } finally {
      cancel();
      this.#fail = undefined;
    }
  }

  stop(): void {
    this.#running?.stop();
    this.#running = undefined;
  }

  /** Whatever else this shell says must not be taken for the answer to the next transaction. */
  #end(error: SallyportError): void {
    this.stop();
    this.#fail?.(error);
  }

  #silent(what: string): SallyportError {
    return new SallyportError('DEVICE_UNREACHABLE', `the nft shell ${what} on ${this.#transport.name}`);
  }

  #ready(): Running {
    if (this.#lines >= LINES_PER_SHELL) this.stop();
    if (this.#running !== undefined) return this.#running;
    const running = this.#transport.start('nft', ['-i'], 'reads input');
    this.#running = running;
    this.#lines = 0;
    running.stdout.resume();
    running.stderr.on('data', (chunk: Buffer) => {
      if (this.#running !== running) return;
      this.#words += chunk.toString('utf8');
      // A refusal is several lines; the first one has the reason.
      if (this.#words.includes('\n')) this.#end(nftError(this.#words, 'the transaction was refused'));
    });
    running.onEnd(() => {
      if (this.#running === running) this.#end(this.#silent('ended'));
    });
    return running;
  }
}
