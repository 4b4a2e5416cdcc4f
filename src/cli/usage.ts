import { SallyportError } from '../base/error.ts';

/** A mistake on the command line, told in one sentence. */
export function usage(message: string): SallyportError {
  return new SallyportError('USAGE', message);
}
