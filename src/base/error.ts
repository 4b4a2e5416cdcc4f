import { type Code, catalogue } from './catalogue.ts';
import type { Blame } from './catalogue/entry.ts';

/** A failure that the user's text did not cause. The code decides what happens next; the message is for people. */
export class SallyportError extends Error {
  override readonly name = 'SallyportError';
  readonly code: Code;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.details = details;
  }

  get blame(): Blame {
    return catalogue[this.code].blame;
  }
}

/** For the end of a `switch` over a union: the compiler finds the forgotten case. */
export function assertNever(value: never): never {
  throw new SallyportError('INTERNAL', `unexpected value ${JSON.stringify(value)}`);
}

/** What this machine's own files said no to, as an error that is tried again: a disk that is full today is not full for ever. */
export async function localFiles<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    if (!(thrown instanceof Error && 'syscall' in thrown)) throw thrown;
    throw new SallyportError('LOCAL_SYSTEM', `this machine refused a file: ${thrown.message}`, {}, thrown);
  }
}

/** Any thrown value as one of ours; what is not ours is a bug of ours until it is classified where it arose. */
export function toSallyportError(thrown: unknown): SallyportError {
  if (thrown instanceof SallyportError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SallyportError('INTERNAL', message, {}, thrown);
}
