import { type Clock, systemClock } from '../../base/clock.ts';
import { toSallyportError } from '../../base/error.ts';
import { AcknowledgedShell } from '../../firewalls/nftables/reach/acknowledged-shell.ts';
import { Nft } from '../../firewalls/nftables/reach/nft.ts';
import type { Transport } from '../../firewalls/nftables/reach/transport.ts';
import { heldMeanwhile } from '../../machine/exceptions-in-kernel.ts';
import { isLarge, isMostlyNew, placedInKernel, wholeInKernel } from '../../machine/late-rules.ts';
import {
  changeTable,
  type Counts,
  LATE_CHAIN,
  leftOf,
  replaceTable,
  type TableParts,
  tableParts,
} from '../../machine/table-change.ts';
import { CLOSED_TABLE, linesOf, type TableLines } from '../../machine/table-text.ts';
import { CountsReader, isOfAsMany, type LiveRules, type LiveTable, someOf, TableReader } from './kernel-listing.ts';
import { type ListingReader, Listings } from './listings.ts';
import { OwnWrites } from './own-writes.ts';
import {
  besideRules,
  type ElementChange,
  elementCommand,
  elementDifferences,
  PlainSets,
  withElements,
} from './plain-sets.ts';
import { tableDifferences } from './table-differences.ts';

const TABLE = ['inet', 'firewall'] as const;

/** A reading that takes longer is repeated only after so many times as long. */
const QUICK_MS = 200;
const REST = 20;
/**
 * nft begins a reading anew whenever anything was committed meanwhile, so that it comes to no end while so many changes of elements come in so short a
 * time: then they wait for a reading, and are let wait more seldom.
 */
const MANY_CHANGES = 20;
const SHORT_MS = 2_000;
const REST_OF_MANY = 200;

/** So late at most it is told what somebody else changed. */
export const TOLD_LATE_MS = 1_000;
/** The chain as our table has it; with another hook it is refused. */
const CLOSED_FORWARD = `add chain ${TABLE.join(' ')} forward { type filter hook forward priority 1; policy drop; }\n`;

/** What we loaded last and what of it was read back. */
interface Held {
  readonly parts: TableParts;
  readonly live: LiveTable;
}

/**
 * The table of a firewall machine in the kernel, changed in one transaction each. Plain sets, whose elements are learnt while it is there, are
 * changed by elements too, between loads.
 */
export class KernelTable {
  readonly #nft: Nft;
  readonly #listings: Listings;
  readonly transport: Transport;
  readonly #shell: AcknowledgedShell;
  /** What we loaded last and read back; `undefined` while that is in doubt. */
  #held: Held | undefined;
  readonly clock: Clock;
  /** The last reading of the whole table (monotonic). */
  #reading = { ended: Number.NEGATIVE_INFINITY, took: 0 };
  readonly #plain = new PlainSets();
  /** Of what we loaded last. */
  #isSmall = false;
  /** Elements that changed while somebody reads the table, for each who does. */
  readonly #readers = new Set<Set<string>>();
  /** How often a change of elements failed, so that nobody takes for certain what he read around it. */
  #doubts = 0;
  /** When (monotonic) elements changed last, as often as makes many. */
  readonly #changedAt: number[] = [];
  /** The transaction under way: the next one waits for it. */
  #turn: Promise<unknown> = Promise.resolve();

  /** What goes through here, for whoever listens to the kernel. */
  readonly own: OwnWrites;
  /** When (monotonic) what we loaded last was read back. */
  #readBackAt = Number.NEGATIVE_INFINITY;

  constructor(transport: Transport, clock: Clock = systemClock) {
    this.own = new OwnWrites(clock);
    this.transport = this.own.around(transport);
    this.#nft = new Nft(this.transport);
    this.#listings = new Listings(this.transport);
    this.clock = clock;
    this.#shell = new AcknowledgedShell(transport, clock);
  }

  /**
   * Somebody else changed one of our tables, by now. What was read back while he did, or so lately that this was not told sooner, may not be what
   * we loaded.
   */
  suspect(): void {
    this.#doubts++;
    if (this.clock.monotonic() - this.#readBackAt < TOLD_LATE_MS) this.#held = undefined;
  }

  /** Where our table is gone, or forwarding is open: closes it, in less time than a load takes, for the next load to fill. */
  async closeAtOnce(signal: AbortSignal): Promise<boolean> {
    return this.#inTurn(async () => {
      const missing = `create table ${TABLE.join(' ')}\n${CLOSED_TABLE}`;
      const isMissing = (await this.attempt(missing, signal)) === undefined;
      if (!isMissing && (await this.isClosed(signal))) return false;
      this.#held = undefined;
      if (isMissing || (await this.attempt(CLOSED_FORWARD, signal)) === undefined) return true;
      await this.#nft.run(replaceTable(linesOf(CLOSED_TABLE), undefined), signal);
      return true;
    });
  }

  /** What nft would say to this table at a start of the machine; nothing if it takes it. Changes nothing. */
  async check(table: readonly TableLines[], signal: AbortSignal): Promise<string | undefined> {
    return this.#refusal(['-c', '-f'], replaceTable(table, undefined), signal);
  }

  /** One transaction; what nft says, if it refuses. */
  async attempt(text: string, signal: AbortSignal): Promise<string | undefined> {
    return this.#refusal(['-f'], text, signal);
  }

  async #refusal(
    args: readonly string[],
    text: string | Iterable<string>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const outcome = await this.transport.runWithFile('nft', args, text, signal);
    if (outcome.code === 0) return undefined;
    // The first of its complaints, without the name of a file that is gone, and the line that it is about.
    const [said = '', line = ''] = outcome.stderr.trim().split('\n');
    const problem = said.replace(/^\S*?:\d+:\d+(?:-\d+)?: (Error: )?/, '');
    return line === '' ? problem : `${problem} (${line.trim().slice(0, 200)})`;
  }

  /**
   * Makes the table what the lines say: by the difference where the kernel is known to hold what we loaded and most of it stays, else
   * whole. Then reads back what was touched. Throws as `Nft.run` does; the table is then as it was, or as it should be. `make` is asked when it is this load's turn, so that
   * elements that were added before are not forgotten by it. `committed` hears that it is in force, before it is read back.
   */
  async load(
    make: () => readonly TableLines[],
    signal: AbortSignal,
    committed: () => void = () => {},
  ): Promise<'nothing' | 'changed' | 'replaced'> {
    // To be read before anybody waits for this turn: of what counted in between, nothing but counts is lost.
    const before =
      this.#held === undefined ? await this.quietly((gathered) => this.#counts(signal, gathered)) : undefined;
    const loaded = await this.#inTurn(async () => {
      const doubts = this.#doubts;
      const table = heldMeanwhile(make());
      const wanted = tableParts(table);
      this.#plain.begin(wanted);
      const held = this.#held;
      if (held !== undefined) {
        const after = placedInKernel(wanted, held.parts);
        const change = isMostlyNew(held.parts, wanted)
          ? undefined
          : changeTable(
              withElements(held.parts, this.#plain.now),
              after,
              (chain) => held.live.chains.get(chain)?.handles,
            );
        if (change === '') return { done: 'nothing' as const };
        this.#held = undefined;
        if (change !== undefined && (await this.#tried(change, signal))) {
          this.#plain.take();
          this.#isSmall = !isLarge(after);
          return { done: 'changed' as const, held, after, doubts };
        }
      }
      // What is late has its place in a table that is written whole.
      const after = placedInKernel(wanted, undefined);
      const text = replaceTable(wholeInKernel(table, after), before ?? (await this.#counts(signal)));
      await this.own.flooding(isLarge(after), () => this.#nft.run(text, signal));
      this.#plain.take();
      this.#isSmall = !isLarge(after);
      return { done: 'replaced' as const, after, doubts };
    }).finally(() => this.#plain.end());
    committed();
    if (loaded.done !== 'nothing') await this.quietly((gathered) => this.#hold(loaded, signal, gathered));
    return loaded.done;
  }

  /**
   * Adds and removes elements of plain sets, all or none; they are committed when it resolves. After a rejection the kernel is in doubt, and the
   * next comparison puts it right.
   */
  async changeElements(changes: readonly ElementChange[], signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {
      const due = this.#plain.due(changes);
      if (due.length === 0) return;
      this.#changedAt.push(this.clock.monotonic());
      if (this.#changedAt.length > MANY_CHANGES) this.#changedAt.shift();
      const commands = due.map((each) => elementCommand(TABLE.join(' '), each, this.#plain.now));
      for (const reader of this.#readers) for (const { set, element } of due) reader.add(`${set} ${element}`);
      try {
        if (this.#shell.fits(commands)) await this.own.changing(due, () => this.#shell.run(commands));
        else await this.#nft.run(`${commands.join('\n')}\n`, signal);
      } catch (thrown) {
        this.#held = undefined;
        this.#doubts++;
        throw thrown;
      }
      this.#plain.changed(due);
    });
  }

  /** Whether the kernel has the element, as far as we know, and no load under way takes it away. */
  hasElement(set: string, element: string): boolean {
    return this.#plain.has(set, element);
  }

  /** The elements of a plain set, as far as we know. */
  elementsOf(set: string): ReadonlySet<string> {
    return this.#plain.elementsOf(set);
  }

  /** Rules of a large table that stand behind the others, as far as we know. */
  get lateRules(): number {
    return this.#held?.parts.chains.get(LATE_CHAIN)?.rules.length ?? 0;
  }

  /** What we loaded last is so small that to listen to the kernel takes little. `nft monitor` takes the longer for each change the more rules there are. */
  get isSmall(): boolean {
    return this.#isSmall;
  }

  /** Ends what runs for it, and starts no more for changes of elements that still wait; the table stays. */
  stop(): void {
    this.#shell.stop();
  }

  /**
   * Whether the kernel holds what was loaded last; `false` too if nothing was. All of a large table is read seldom enough to take a twentieth
   * of the time; in between, whether its chains are there, and forwarding is closed.
   */
  async isIntact(signal: AbortSignal): Promise<boolean> {
    return (await this.changes(signal)) === undefined;
  }

  /** What somebody changed of what was loaded last, in words; none where that is not known. `undefined`: nothing. As `isIntact`. `all`: all is read, however lately it was. */
  async changes(signal: AbortSignal, all = false): Promise<readonly string[] | undefined> {
    if (this.#held === undefined) return [];
    const held = this.#held;
    const ours = (): readonly string[] | undefined => (this.#held === undefined ? [] : undefined);
    if (this.#isResting && !all) {
      const hasChains = await this.#hasChains(held.parts, signal);
      if (this.#held !== held) return ours();
      if (hasChains) return undefined;
      // What is there instead is not known: the next load writes the whole table, and not what differs from what was there.
      this.#held = undefined;
      return ['chains are gone, or not ours, or forwarding is open'];
    }
    const known = new Set([...held.live.chains.values()].flatMap(({ handles }) => handles));
    const changed = new Set<string>();
    this.#readers.add(changed);
    const reading = this.quietly((gathered) => this.read(signal, (handle) => !known.has(handle), gathered));
    const live = await reading.finally(() => this.#readers.delete(changed));
    // Loaded anew meanwhile: by ourselves.
    if (this.#held !== held) return ours();
    const found = [
      ...tableDifferences(held.live, live, (chain, place) => held.parts.chains.get(chain)?.rules[place]),
      ...(live === undefined ? [] : elementDifferences(this.#plain.now, live.elements, changed)),
    ];
    this.#held = live === undefined || found.length > 0 ? undefined : { parts: held.parts, live };
    return found.length === 0 ? undefined : found;
  }

  /** The table as it is; `undefined`: there is none. `keeps`: rules of which the text is kept; absent: none. */
  async read(
    signal: AbortSignal,
    keeps?: (handle: number) => boolean,
    gathered?: () => void,
  ): Promise<LiveTable | undefined> {
    const reader = new TableReader(keeps);
    return (await this.#readAll(reader, signal, gathered)) ? reader.table : undefined;
  }

  /** Another table of `inet`, with the texts of its rules; `undefined`: there is none. */
  async readOther(table: string, signal: AbortSignal): Promise<LiveTable | undefined> {
    const reader = new TableReader(() => true);
    return (await this.#listings.read(['table', 'inet', table], reader, signal)) ? reader.table : undefined;
  }

  /** What was counted; `undefined`: there is no table, or this machine cannot say it. No rule waits for that. */
  async #counts(signal: AbortSignal, gathered?: () => void): Promise<Counts | undefined> {
    const reader = new CountsReader();
    try {
      return (await this.#readAll(reader, signal, gathered)) ? reader.counts : undefined;
    } catch (thrown) {
      if (toSallyportError(thrown).code === 'LOCAL_SYSTEM') return undefined;
      throw thrown;
    }
  }

  /** What the rules of another table of `inet` counted; nothing if there is none. */
  async countsOf(table: string, signal: AbortSignal): Promise<Counts> {
    const reader = new CountsReader();
    await this.#listings.read(['table', 'inet', table], reader, signal);
    return reader.counts;
  }

  async #readAll(reader: ListingReader, signal: AbortSignal, gathered?: () => void): Promise<boolean> {
    const started = this.clock.monotonic();
    const isThere = await this.#listings.read(['table', ...TABLE], reader, signal, gathered);
    const ended = this.clock.monotonic();
    this.#reading = { ended, took: ended - started };
    return isThere;
  }

  /** The policy of the base rules' forward chain; `undefined`: there is no such chain. */
  async basePolicy(signal: AbortSignal): Promise<string | undefined> {
    return (await this.#listings.chains('metal', signal)).get('forward');
  }

  /** Whether our table is there, and lets through nothing but what it says. */
  async isClosed(signal: AbortSignal): Promise<boolean> {
    return (await this.#listings.chains('firewall', signal)).get('forward') === 'drop';
  }

  /**
   * Puts our table to work where somebody put it to rest (`dormant`): its chains look as they should then, and close nothing. That it rests nft 1.0.6
   * shows only with all rules that there are.
   */
  async wake(signal: AbortSignal): Promise<void> {
    // Where it works this is no transaction at all, so that nobody may expect to be told of one.
    await this.transport.run('nft', ['add', 'table', ...TABLE], signal);
  }

  /** Whether a chain is there: `inet`, its table, its name. */
  async hasChain(chain: readonly string[], signal: AbortSignal): Promise<boolean> {
    return this.#listings.read(['chain', ...chain], { line: () => {} }, signal);
  }

  /** One transaction about tables that are not ours. Throws as `Nft.run` does. */
  async run(text: string, signal: AbortSignal): Promise<void> {
    await this.#nft.run(text, signal);
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

  /** `held`: what was there before a change by the difference. `doubts`: how many there were before the transaction. */
  async #hold(
    { after: parts, held, doubts }: { readonly after: TableParts; readonly held?: Held; readonly doubts: number },
    signal: AbortSignal,
    gathered: () => void,
  ): Promise<void> {
    // What is declared is known by reading alone.
    const isKnown = held !== undefined && besideRules(parts) === besideRules(held.parts);
    const isWhole = held === undefined || (!isKnown && this.#reading.took < QUICK_MS);
    const live = await (isWhole
      ? this.read(signal, undefined, gathered)
      : this.#touched(held, parts, isKnown, signal, gathered));
    if (live === undefined || this.#doubts !== doubts || !isOfAsMany(live, parts)) return;
    this.#held = { parts, live };
    this.#readBackAt = this.clock.monotonic();
  }

  /** What is in the kernel after a change: what stays is known, what is new is read. */
  async #touched(
    held: Held,
    after: TableParts,
    isKnown: boolean,
    signal: AbortSignal,
    gathered: () => void,
  ): Promise<LiveTable> {
    const chains = new Map<string, LiveRules>();
    const unknown: string[] = [];
    for (const [name, { rules }] of after.chains) {
      const live = held.live.chains.get(name);
      const before = held.parts.chains.get(name)?.rules ?? [];
      const left = live?.handles.length === before.length ? leftOf(before, rules) : undefined;
      if (left === undefined || live === undefined) unknown.push(name);
      else chains.set(name, someOf(live, left));
    }
    // What is committed between two readings would make the next one begin anew.
    for (const name of unknown)
      chains.set(name, await this.#chain(name, signal, name === unknown.at(-1) ? gathered : undefined));
    return { ...held.live, chains, rest: isKnown ? held.live.rest : undefined };
  }

  async #chain(name: string, signal: AbortSignal, gathered: (() => void) | undefined): Promise<LiveRules> {
    const reader = new TableReader();
    await this.#listings.read(['chain', ...TABLE, name], reader, signal, gathered);
    return reader.table.chains.get(name) ?? { handles: [], prints: [] };
  }

  /** Whether our chains are there, and forwarding is closed. */
  async #hasChains({ chains }: TableParts, signal: AbortSignal): Promise<boolean> {
    const found = await this.#listings.chains('firewall', signal);
    return (
      found.get('forward') === 'drop' &&
      found.size === chains.size &&
      [...chains.keys()].every((name) => found.has(name))
    );
  }

  /** Elements change so fast that no reading comes to its end beside it. */
  get #isChanging(): boolean {
    const [first = 0] = this.#changedAt;
    return this.#changedAt.length === MANY_CHANGES && this.clock.monotonic() - first < SHORT_MS;
  }

  /** The whole table was read so lately that it is not read again yet. */
  get #isResting(): boolean {
    const { ended, took } = this.#reading;
    const rest = this.#isChanging ? REST_OF_MANY : took < QUICK_MS ? 0 : REST;
    return this.clock.monotonic() < ended + took * rest;
  }

  /**
   * A reading, not from within a turn: while elements change all the time these wait for it, until it has ended or calls `gathered`: what comes
   * then makes nothing begin anew.
   */
  quietly<T>(read: (gathered: () => void) => Promise<T>): Promise<T> {
    if (!this.#isChanging) return read(() => {});
    return new Promise((resolve, reject) => {
      void this.#inTurn(
        () => new Promise<void>((gathered) => void read(gathered).finally(gathered).then(resolve, reject)),
      );
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
