import { isMap, type RawMap } from '../../api/shape.ts';
import { AcknowledgedShell } from '../../firewalls/nftables/acknowledged-shell.ts';
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
import { inlineSet } from '../../machine/rules/text.ts';

const TABLE = ['table', 'inet', 'firewall'] as const;

/** One element of a plain set that comes or goes. */
export interface ElementChange {
  readonly change: 'add' | 'delete';
  readonly set: string;
  readonly element: string;
}

/**
 * The table of a firewall machine in the kernel, changed in one transaction each. Plain sets, whose elements are learnt while it is there, are
 * changed by elements too, between loads.
 */
export class KernelTable {
  readonly #nft: Nft;
  readonly #transport: Transport;
  readonly #shell: AcknowledgedShell;
  /** What we loaded last and read back; `undefined` while that is in doubt. */
  #held: { readonly parts: TableParts; readonly live: LiveTable } | undefined;
  /** Elements of plain sets, as they are in the kernel. */
  #elements = new Map<string, Set<string>>();
  /** Elements that changed while somebody reads the table, for each who does. */
  readonly #readers = new Set<Set<string>>();
  /** How often a change of elements failed, so that nobody takes for certain what he read around it. */
  #doubts = 0;
  /** The transaction under way: the next one waits for it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(transport: Transport) {
    this.#nft = new Nft(transport);
    this.#transport = transport;
    this.#shell = new AcknowledgedShell(transport);
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
   * back. Throws as `Nft.run` does; the table is then as it was, or as it should be. `make` is asked when it is this load's turn, so that
   * elements that were added before are not forgotten by it.
   */
  async load(make: string | (() => string), signal: AbortSignal): Promise<'nothing' | 'changed' | 'replaced'> {
    // To be read before anybody waits for this turn: of what counted in between, nothing but counts is lost.
    const before = this.#held === undefined ? await this.read(signal) : undefined;
    const loaded = await this.#inTurn(async () => {
      const text = typeof make === 'string' ? make : make();
      const after = tableParts(text);
      const held = this.#held;
      const change = held === undefined ? undefined : changeTable(this.#present(held.parts), after, held.live);
      if (change === '') return { after, done: 'nothing' as const };
      this.#held = undefined;
      const isChanged = change !== undefined && (await this.#tried(change, signal));
      if (!isChanged) await this.#nft.run(replaceTable(text, before ?? (await this.read(signal))), signal);
      this.#elements = plainElements(after);
      return { after, done: isChanged ? ('changed' as const) : ('replaced' as const) };
    });
    if (loaded.done !== 'nothing') await this.#hold(loaded.after, signal);
    return loaded.done;
  }

  /**
   * Adds and removes elements of plain sets, all or none; they are committed when it resolves. After a rejection the kernel is in doubt, and the
   * next comparison puts it right.
   */
  async changeElements(changes: readonly ElementChange[], signal: AbortSignal): Promise<void> {
    const commands = changes.map(
      ({ change, set, element }) => `${change} element ${TABLE.slice(1).join(' ')} ${set} { ${element} }`,
    );
    await this.#inTurn(async () => {
      for (const reader of this.#readers) for (const { set, element } of changes) reader.add(`${set} ${element}`);
      try {
        if (this.#shell.fits(commands)) await this.#shell.run(commands);
        else await this.#nft.run(`${commands.join('\n')}\n`, signal);
      } catch (thrown) {
        this.#held = undefined;
        this.#doubts++;
        throw thrown;
      }
      for (const { change, set, element } of changes)
        if (change === 'add') this.#elements.get(set)?.add(element);
        else this.#elements.get(set)?.delete(element);
    });
  }

  /** Whether the kernel has the element, as far as we know. */
  hasElement(set: string, element: string): boolean {
    return this.#elements.get(set)?.has(element) === true;
  }

  /** Ends what runs for it; the table stays. */
  stop(): void {
    this.#shell.stop();
  }

  /** Whether the kernel holds what was loaded last. `false` too if nothing was. */
  async isIntact(signal: AbortSignal): Promise<boolean> {
    if (this.#held === undefined) return false;
    const held = this.#held;
    const changed = new Set<string>();
    this.#readers.add(changed);
    const live = await this.read(signal).finally(() => this.#readers.delete(changed));
    // Loaded anew meanwhile: by ourselves.
    if (this.#held !== held) return this.#held !== undefined;
    if (live?.fingerprint === held.live.fingerprint && this.#holdsElements(live, changed)) return true;
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

  async #hold(parts: TableParts, signal: AbortSignal): Promise<void> {
    const doubts = this.#doubts;
    const live = await this.read(signal);
    if (live !== undefined && this.#doubts === doubts) this.#held = { parts, live };
  }

  /** The parts with the elements that plain sets have now. */
  #present(parts: TableParts): TableParts {
    const sets = new Map(parts.sets);
    for (const [name, elements] of this.#elements) {
      const set = sets.get(name);
      const text = elements.size === 0 ? '' : `elements = ${inlineSet([...elements].toSorted())}`;
      if (set !== undefined) sets.set(name, { declaration: set.declaration, elements: text });
    }
    return { ...parts, sets };
  }

  #holdsElements(live: LiveTable, except: ReadonlySet<string>): boolean {
    for (const [set, elements] of this.#elements) {
      const found = live.elements.get(set) ?? new Set();
      for (const element of new Set([...elements, ...found]))
        if (elements.has(element) !== found.has(element) && !except.has(`${set} ${element}`)) return false;
    }
    return true;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

/** Elements of the sets that are no intervals. */
function plainElements({ sets }: TableParts): Map<string, Set<string>> {
  const plain = [...sets].filter(([, { declaration }]) => !declaration.includes('flags'));
  return new Map(
    plain.map(([name, { elements }]) => [
      name,
      new Set(elements === '' ? [] : elements.slice('elements = { '.length, -' }'.length).split(', ')),
    ]),
  );
}

function liveTable(objects: readonly unknown[]): LiveTable {
  const chains = new Map<string, LiveRule[]>();
  const counters = new Map<string, Count>();
  const elements = new Map<string, ReadonlySet<string>>();
  const print: unknown[] = [];
  for (const object of objects) {
    if (!isMap(object)) continue;
    const { counter, chain, rule, set } = object;
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
    } else if (isMap(set) && set['flags'] === undefined) {
      const { elem, ...rest } = set;
      const found = Array.isArray(elem) ? (elem as readonly unknown[]) : [];
      elements.set(
        String(set['name']),
        new Set(found.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))),
      );
      print.push({ set: rest });
    } else print.push(object);
  }
  return { chains, counters, elements, fingerprint: JSON.stringify(print) };
}

function countOf({ packets, bytes }: RawMap): Count | undefined {
  return typeof packets === 'number' && typeof bytes === 'number' ? { packets, bytes } : undefined;
}
