import type { Clock } from '../../../base/clock.ts';
import type { PanosApi } from '../api/api.ts';
import { type XmlElement, xmlText } from '../api/xml.ts';
import { readPushed } from './pushed-rules.ts';

/** What may change without a word of it is read again after so long, and after many times what that took. */
const READ_AGAIN_MS = 60_000;
const READ_AGAIN_TIMES = 100;

export function againMs(tookMs: number): number {
  return Math.max(READ_AGAIN_MS, READ_AGAIN_TIMES * tookMs);
}

/**
 * What a Panorama has pushed to a firewall, as the firewall shows it. Whether a push leaves a job behind there the reference does not say, so it is read
 * again as time goes by.
 */
export class PushedParts {
  readonly #clock: Clock;
  #known: { readonly root: XmlElement | undefined; readonly at: number; readonly tookMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same object as long as it says the same. `isKnown`: nothing points to another configuration than the one that was read last. */
  async read(api: PanosApi, isKnown: boolean, signal: AbortSignal): Promise<XmlElement | undefined> {
    const known = this.#known;
    const at = this.#clock.monotonic();
    if (known !== undefined && isKnown && at - known.at < againMs(known.tookMs)) return known.root;
    const root = await readPushed(api, signal);
    const isSame = known?.root !== undefined && root !== undefined && xmlText(known.root) === xmlText(root);
    this.#known = { root: isSame ? known.root : root, at, tookMs: this.#clock.monotonic() - at };
    return this.#known.root;
  }
}
