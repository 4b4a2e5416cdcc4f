import { SallyportError } from '../../../base/error.ts';
import { nftError } from './error-classes.ts';
import type { Transport } from './transport.ts';

/** Runs nft on one device. Nothing here knows what the texts mean. */
export class Nft {
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /**
   * One transaction: all of the text or nothing. After a rejection with a code of the device nothing has changed; after an abort or
   * DEVICE_UNREACHABLE it may have been committed or not. The text goes over as a file: cut short on a pipe, its first half would be
   * committed (reference/nftables.md 4).
   */
  async run(text: string | Iterable<string>, signal: AbortSignal): Promise<void> {
    const outcome = await this.transport.runWithFile('nft', ['-f'], text, signal);
    if (outcome.code !== 0) throw ended(outcome.code, outcome.stderr, 'the transaction was refused');
  }

  /** The objects of a JSON listing, without its metainfo; `undefined` if what was asked for does not exist. */
  async list(args: readonly string[], signal: AbortSignal): Promise<readonly unknown[] | undefined> {
    const outcome = await this.transport.run('nft', ['-j', ...args], signal);
    if (outcome.code !== 0) {
      const error = ended(outcome.code, outcome.stderr, `nft -j ${args.join(' ')}`);
      if (error.code === 'DEVICE_CHANGED') return undefined;
      throw error;
    }
    return listingObjects(outcome.stdout);
  }
}

/** An exit that was no success; a signal (no code) says nothing about the device's opinion. */
function ended(code: number | undefined, stderr: string, doing: string): SallyportError {
  if (code === undefined) return new SallyportError('DEVICE_UNREACHABLE', `${doing}: nft was killed`);
  return nftError(stderr, doing);
}

function listingObjects(text: string): readonly unknown[] {
  // With nothing to list, nft 1.0.6 prints nothing at all for some objects.
  if (text.trim() === '') return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new SallyportError(
      'DEVICE_UNREADABLE',
      'nft printed something that is not JSON',
      { start: text.slice(0, 200) },
      error,
    );
  }
  if (typeof parsed !== 'object' || parsed === null || !('nftables' in parsed) || !Array.isArray(parsed.nftables))
    throw new SallyportError('DEVICE_UNREADABLE', 'a listing of nft has no "nftables" list', {
      start: text.slice(0, 200),
    });
  return parsed.nftables.filter(
    (object: unknown) => !(typeof object === 'object' && object !== null && 'metainfo' in object),
  );
}
