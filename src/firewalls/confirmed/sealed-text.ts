import { createHash } from 'node:crypto';
import { type Pieces, each } from '../../base/pieces.ts';

/** Lines that begin so end what was written at once; no other line does. */
const SEAL = '=';

/**
 * Seals what is written at once: a digest of it and of the seal before, so that what broke off is found, and so is what was left out or changed. It
 * tells accidents, not hands: whoever can write there can seal too.
 */
export class SealChain {
  #hash = createHash('sha256');

  /** Lines, with their ends. */
  add(text: string): void {
    this.#hash.update(text);
  }

  /** The line that ends what was added since the seal before. */
  end(): string {
    const digest = this.#hash.digest('hex').slice(0, 32);
    this.#hash = createHash('sha256').update(digest);
    return `${SEAL}${digest}\n`;
  }
}

/** How long what was sealed is: 0: nothing was; what follows it broke off. `undefined`: a seal is none of what stands before it. */
export function* sealedLength(text: string): Pieces<number | undefined> {
  const chain = new SealChain();
  let read = 0;
  let sealed = 0;
  let isBroken = false;
  yield* each(linesOf(text), (line) => {
    read += line.length + 1;
    if (!line.startsWith(SEAL)) chain.add(`${line}\n`);
    else if (chain.end() === `${line}\n`) sealed = read;
    else isBroken = true;
  });
  return isBroken ? undefined : sealed;
}

/** The lines of what was sealed, without its seals. */
export function* sealedLines(text: string, length: number): Iterable<string> {
  for (const line of linesOf(text.slice(0, length))) if (!line.startsWith(SEAL)) yield line;
}

/** Each that has an end of its own. */
function* linesOf(text: string): Iterable<string> {
  for (let start = 0; ; ) {
    const end = text.indexOf('\n', start);
    if (end < 0) return;
    yield text.slice(start, end);
    start = end + 1;
  }
}
