import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import { nftError } from './error-classes.ts';
import type { Running, Transport } from './transport.ts';

/** One write(2) of a pipe that is never split; nft would run what it had of a line that was cut at a `;`. */
const LONGEST_LINE = 4_000;
/** nft keeps the history of a shell in memory: after so many lines a fresh one takes over. */
const LINES_PER_SHELL = 5_000;
/** How long an answer takes at most; small transactions take a millisecond. */
const ANSWER_MS = 2_000;
/**
 * A command that asks nothing of the kernel's tables, and what nft says to it: by then everything before it is done. Of a word that is nothing it says
 * this in one piece (1.0.6 without the end of the line), of others in up to six, for each of which we would be woken.
 */
const ASK = 'describe x';
const ANSWER = /^symbol expression, datatype invalid \(invalid\)\n?/m;

/**
 * A long-lived `nft -i` for small transactions, which needs no monitor to know that they are committed: nft works off its lines in order, and says
 * everything on one pipe. One transaction at a time.
 */
export class AcknowledgedShell {
  readonly #transport: Transport;
  readonly #clock: Clock;
  #running: Running | undefined;
  #lines = 0;
  #words = '';
  #isStopped = false;
  /** Ends the transaction under way. */
  #settle: ((error?: SallyportError) => void) | undefined;

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /** Whether a transaction is small enough, and nothing in it could be taken for the end of a line. */
  fits(commands: readonly string[]): boolean {
    const text = commands.join('; ');
    return text.length < LONGEST_LINE && /^[\x20-\x7e]*$/.test(text);
  }

  /**
   * All of the commands or none. Rejects with nft's refusal, after which nothing has changed, or with DEVICE_UNREACHABLE if no answer comes: then
   * it may have been committed or not. After the end nothing is run any more.
   */
  async run(commands: readonly string[]): Promise<void> {
    if (this.#isStopped) throw this.#silent('was stopped');
    const running = this.#ready();
    this.#words = '';
    const cancel = this.#clock.after(ANSWER_MS, () => this.#end('gave no answer'));
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settle = (error) => (error === undefined ? resolve() : reject(error));
        running.stdin.write(`${commands.join('; ')}\n${ASK}\n`);
        this.#lines += 2;
      });
    } finally {
      cancel();
      this.#settle = undefined;
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#running?.stop();
    this.#running = undefined;
    this.#settle?.(this.#silent('was stopped'));
  }

  #end(what: string): void {
    this.#running?.stop();
    this.#running = undefined;
    this.#settle?.(this.#silent(what));
  }

  #silent(what: string): SallyportError {
    return new SallyportError('DEVICE_UNREACHABLE', `the nft shell ${what} on ${this.#transport.name}`);
  }

  #ready(): Running {
    if (this.#lines >= LINES_PER_SHELL) {
      this.#running?.stop();
      this.#running = undefined;
    }
    if (this.#running !== undefined) return this.#running;
    // One pipe for both: a refusal then stands before the answer, whatever is read first.
    const running = this.#transport.start('sh', ['-c', 'exec nft -i 2>&1'], 'reads input');
    this.#running = running;
    this.#lines = 0;
    const decoder = new StringDecoder('utf8');
    running.stdout.on('data', (chunk: Buffer) => {
      if (this.#running !== running) return;
      this.#words += decoder.write(chunk);
      const answer = ANSWER.exec(this.#words);
      if (answer === null) return;
      const said = this.#words.slice(0, answer.index).trim();
      this.#words = '';
      this.#settle?.(said === '' ? undefined : nftError(said, 'the transaction was refused'));
    });
    running.stderr.resume();
    running.onEnd(() => {
      if (this.#running === running) this.#end('ended');
    });
    return running;
  }
}
