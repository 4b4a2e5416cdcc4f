import { isMap } from '../../api/shape.ts';
import { SallyportError } from '../../base/error.ts';
import { nftError } from '../../firewalls/nftables/reach/error-classes.ts';
import { Nft } from '../../firewalls/nftables/reach/nft.ts';
import type { Transport } from '../../firewalls/nftables/reach/transport.ts';

/** Takes a listing line by line. */
export interface ListingReader {
  line(line: string): void;
}

/** What nft lists. */
export class Listings {
  readonly #transport: Transport;
  readonly #nft: Nft;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.#nft = new Nft(transport);
  }

  /**
   * Has what nft prints read, to its end; `false`: there is no such thing. `gathered` hears, where that can be told, that nft has all it asks of the
   * kernel: it prints nothing before.
   */
  async read(
    what: readonly string[],
    reader: ListingReader,
    signal: AbortSignal,
    gathered?: () => void,
  ): Promise<boolean> {
    let last = '';
    const onLine = (line: string): void => {
      last = line;
      reader.line(line);
    };
    const options = { onLine, ...(gathered === undefined ? {} : { onPrinting: gathered }) };
    const { code, stderr } = await this.#transport.run('nft', ['-a', 'list', ...what], signal, options);
    // nft says nothing of what it could not write, as to a disk without room.
    if (code === 0 && last !== '}')
      throw new SallyportError(
        'LOCAL_SYSTEM',
        `what "nft list ${what.join(' ')}" prints breaks off; is there room where this program keeps its temporary files?`,
      );
    if (code === 0) return true;
    const error = nftError(stderr, `nft list ${what.join(' ')}`);
    if (error.code === 'DEVICE_CHANGED') return false;
    throw error;
  }

  /** The chains of a table of `inet` with their policies. For all else that tells whether a table is there nft 1.0.6 reads all rules there are. */
  async chains(table: string, signal: AbortSignal): Promise<ReadonlyMap<string, string | undefined>> {
    const chains = new Map<string, string | undefined>();
    for (const object of (await this.#nft.list(['list', 'chains', 'inet'], signal)) ?? []) {
      const chain = isMap(object) ? object['chain'] : undefined;
      if (!isMap(chain) || chain['table'] !== table || typeof chain['name'] !== 'string') continue;
      const { name, hook, policy } = chain;
      // At another hook its policy holds for other packets.
      chains.set(name, typeof policy === 'string' && (name !== 'forward' || hook === 'forward') ? policy : undefined);
    }
    return chains;
  }
}
