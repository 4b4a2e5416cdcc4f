import { isMap, type RawMap } from '../../api/shape.ts';
import { Nft } from '../../firewalls/nftables/nft.ts';
import type { Transport } from '../../firewalls/nftables/transport.ts';
import {
  changeTable,
  type Count,
  type LiveRule,
  type LiveTable,
  replaceTable,
  type TableParts,
  tableParts,
} from '../../machine/table-change.ts';

const TABLE = ['table', 'inet', 'firewall'] as const;

/** The table of a firewall machine in the kernel, changed in one transaction each. */
export class KernelTable {
  readonly #nft: Nft;
  readonly #transport: Transport;
  /** What we loaded last and read back; `undefined` while that is in doubt. */
  #held: { readonly parts: TableParts; readonly live: LiveTable } | undefined;

  constructor(transport: Transport) {
    this.#nft = new Nft(transport);
    this.#transport = transport;
  }

  /** What nft would say to this file at a start of the machine; nothing if it takes it. Changes nothing. */
  async check(text: string, signal: AbortSignal): Promise<string | undefined> {
    const before = `table inet firewall\ndelete table inet firewall\n`;
    const outcome = await this.#transport.runWithFile('nft', ['-c', '-f'], `${before}${text}`, signal);
    if (outcome.code === 0) return undefined;
    // The first of its complaints, without the name of a file that is gone, and the line that it is about.
    const [said = '', line = ''] = outcome.stderr.trim().split('\n');
    const problem = said.replace(/^\S*?:\d+:\d+(?:-\d+)?: (Error: )?/, '');
    return line === '' ? problem : `${problem} (${line.trim().slice(0, 200)})`;
  }

  /**
   * Makes the table what the text says: by the difference where the kernel is known to hold what we loaded, else whole. Then reads it
   * back. Throws as `Nft.run` does; the table is then as it was, or as it should be.
   */
  async load(text: string, signal: AbortSignal): Promise<'nothing' | 'changed' | 'replaced'> {
    const after = tableParts(text);
    const held = this.#held;
    const change = held === undefined ? undefined : changeTable(held.parts, after, held.live);
    if (change === '') return 'nothing';
    this.#held = undefined;
    if (change !== undefined && (await this.#tried(change, signal))) return this.#hold(after, 'changed', signal);
    await this.#nft.run(replaceTable(text, await this.read(signal)), signal);
    return this.#hold(after, 'replaced', signal);
  }

  /** Whether the kernel holds what was loaded last. `false` too if nothing was. */
  async isIntact(signal: AbortSignal): Promise<boolean> {
    const held = this.#held;
    if (held === undefined) return false;
    const now = await this.read(signal);
    if (now?.fingerprint === held.live.fingerprint) return true;
    this.#held = undefined;
    return false;
  }

  /** The table as it is; `undefined`: there is none. */
  async read(signal: AbortSignal): Promise<LiveTable | undefined> {
    const objects = await this.#nft.list(['list', ...TABLE], signal);
    return objects === undefined || objects.length === 0 ? undefined : liveTable(objects);
  }

  /** The policy of the base rules' forward chain; `undefined`: there is no such chain. */
  async basePolicy(signal: AbortSignal): Promise<string | undefined> {
    const objects = await this.#nft.list(['list', 'chain', 'inet', 'metal', 'forward'], signal);
    for (const object of objects ?? []) {
      const chain = isMap(object) ? object['chain'] : undefined;
      if (isMap(chain) && typeof chain['policy'] === 'string') return chain['policy'];
    }
    return undefined;
  }

  async setBasePolicy(policy: 'accept' | 'drop', signal: AbortSignal): Promise<void> {
    await this.#nft.run(`chain inet metal forward { policy ${policy}; }\n`, signal);
  }

  async #tried(change: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#nft.run(change, signal);
      return true;
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      // Somebody changed the table meanwhile, so that a handle or a set is not what it was: nothing was done.
      return false;
    }
  }

  async #hold<T>(parts: TableParts, done: T, signal: AbortSignal): Promise<T> {
    const live = await this.read(signal);
    if (live !== undefined) this.#held = { parts, live };
    return done;
  }
}

function liveTable(objects: readonly unknown[]): LiveTable {
  const chains = new Map<string, LiveRule[]>();
  const counters = new Map<string, Count>();
  const print: unknown[] = [];
  for (const object of objects) {
    if (!isMap(object)) continue;
    const { counter, chain, rule } = object;
    if (isMap(counter)) {
      const count = countOf(counter);
      if (count !== undefined) counters.set(String(counter['name']), count);
      print.push({ counter: { ...counter, packets: 0, bytes: 0 } });
    } else if (isMap(chain)) {
      chains.set(String(chain['name']), []);
      print.push(object);
    } else if (isMap(rule)) {
      const expressions = Array.isArray(rule['expr']) ? (rule['expr'] as readonly unknown[]) : [];
      const own = expressions.find((each): each is RawMap => isMap(each) && isMap(each['counter']));
      const found = own?.['counter'];
      chains.get(String(rule['chain']))?.push({
        handle: Number(rule['handle']),
        comment: typeof rule['comment'] === 'string' ? rule['comment'] : undefined,
        count: isMap(found) ? countOf(found) : undefined,
      });
      print.push({ ...rule, expr: expressions.map((each) => (each === own ? 'counter' : each)) });
    } else print.push(object);
  }
  return { chains, counters, fingerprint: JSON.stringify(print) };
}

function countOf({ packets, bytes }: RawMap): Count | undefined {
  return typeof packets === 'number' && typeof bytes === 'number' ? { packets, bytes } : undefined;
}
