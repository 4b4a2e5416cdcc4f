import { randomBytes } from 'node:crypto';
import { allEnded } from '../../base/all-ended.ts';
import type { Clock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { MayGoOn } from '../driver.ts';
import { LastLook } from '../last-look.ts';
import { isMarked } from '../rulebase/names.ts';
import type { Operation } from '../rulebase/operation.ts';
import { Editor } from './editor.ts';
import type { Envelope } from './envelope.ts';
import { isInUse, isRefusal, whereNothingChanged } from './errors.ts';
import { type FortigateFacts, askCentralNat } from './facts.ts';
import { feedChanges } from './feed-changes.ts';
import { pushFeeds, readFeed } from './feeds.ts';
import type { FortiosApi } from './fortios-api.ts';
import type { InUse } from '../rulebase/in-use.ts';
import { entryOf, inUseOn } from './in-use.ts';
import { onceMore } from './once-more.ts';
import { type Part, Parts } from './parts.ts';
import { formatRelease } from './release.ts';
import { TABLES, type TableId } from './rows.ts';
import type { FortigateScope } from './scope.ts';
import { SAVE } from './saving.ts';
import { Snapshot } from './snapshot.ts';
import { TableReader, forEach } from './tables.ts';
import { Transaction, type Write } from './transaction.ts';
import { FEED, commentOf, textOf } from './words.ts';

/** What one write is for. */
export interface Change {
  readonly operations: readonly Operation[];
  readonly adopt: ReadonlySet<string>;
  /** Nothing of ours is left afterwards. */
  readonly leaves: boolean;
  /** How long it may take: so long the device keeps what is not committed, and no longer. */
  readonly longestMs: number;
}

/** What was read back so short a while ago is not read once more before the next write. */
const FRESH_MS = 1_000;
/** On what it depends that a feed is there, and whose. No rule of ours names one. */
const FILLING: readonly TableId[] = [FEED, 'firewall/address'];

/** A FortiGate as what it holds: read whole at a revision, and changed in transactions that are made for one. */
export class FortigateDevice {
  readonly #api: FortiosApi;
  readonly #scope: FortigateScope;
  readonly #reader: TableReader;
  readonly #clock: Clock;
  /** Tells this process from others that write with our marks. */
  readonly #writer = randomBytes(4).toString('hex');
  readonly inUse: InUse;
  #snapshot: Snapshot | undefined;
  #wrote = false;
  /** What was written, or may have been, is lost at the next boot. */
  #isUnsaved = false;
  /** When what `#snapshot` consists of was read. */
  readonly #parts: Parts;
  /** What filling rests on: these feeds, and which there are. */
  readonly #lastLook: LastLook<{ readonly base: Snapshot; readonly feeds: ReadonlySet<string> }>;

  constructor(api: FortiosApi, scope: FortigateScope, clock: Clock) {
    this.#api = api;
    this.#scope = scope;
    this.#clock = clock;
    this.#reader = new TableReader(api);
    this.#parts = new Parts(clock);
    this.#lastLook = new LastLook(clock);
    this.inUse = inUseOn(clock);
  }

  /** The same snapshot as before where nothing changed. */
  async read(facts: FortigateFacts, signal: AbortSignal): Promise<Snapshot> {
    this.#lastLook.take();
    const at = this.#clock.monotonic();
    const [centralNat, tables] = await allEnded([
      askCentralNat(this.#api, signal),
      this.#reader.read(tablesOf(facts), formatRelease(facts.release), signal, (envelope) =>
        sameRelease(facts, envelope),
      ),
    ]);
    if (centralNat !== facts.centralNat) throw otherMode();
    const names = (tables.get(FEED)?.rows ?? [])
      .filter((row) => isMarked(commentOf(FEED, row), this.#scope.cluster))
      .map((row) => textOf(row, 'name'));
    const feeds = await forEach(names, (name) => readFeed(this.#api, name, signal));
    const next = new Snapshot(tables, feeds);
    if (this.#snapshot === undefined || !this.#snapshot.equals(next)) this.#snapshot = next;
    this.#parts.all(['mode', ...partsOf(tables.keys(), feeds.keys())], at);
    return this.#snapshot;
  }

  /**
   * Whether these feeds hold what was read of them, no other ones came or went, and those parts are as they were read whose turn it is; false where
   * everything is to be read again by now. What a hand did is found here rather than in `fill`, when a change of ours has begun, and which asks
   * nothing of it once more right afterwards.
   */
  async isAsRead(
    base: Snapshot,
    feeds: readonly string[],
    facts: FortigateFacts,
    signal: AbortSignal,
  ): Promise<boolean> {
    const found = await this.#lastLook.look(async () =>
      (await this.#isSame(base, feeds, facts, signal)) ? { base, feeds: new Set(feeds) } : undefined,
    );
    return found !== undefined;
  }

  async #isSame(
    base: Snapshot,
    feeds: readonly string[],
    facts: FortigateFacts,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (base !== this.#snapshot || this.#parts.areDue) return false;
    const at = this.#clock.monotonic();
    const beside = this.#parts.next(new Set(partsOf(FILLING, feeds)));
    const [revisions, present, areSame] = await allEnded([
      this.#reader.revisions(FILLING, signal),
      forEach(feeds, (name) => readFeed(this.#api, name, signal)),
      this.#areSame(beside, base, facts, signal),
    ]);
    if (!areSame) return false;
    for (const [table, revision] of revisions) if (base.revisions.get(table) !== revision) return false;
    if (base.differing(present) !== undefined) return false;
    this.#parts.read([...beside, ...partsOf(revisions.keys(), present.keys())], at);
    return true;
  }

  /** Who wrote last of those that write with our marks; `undefined`: nobody did. */
  writerIn(snapshot: Snapshot): string | undefined {
    const row = snapshot.row('firewall/address', this.#scope.auxiliaries.writer);
    return row && this.#scope.afterMark(commentOf('firewall/address', row));
  }

  /** Who wrote last, if it was not this process though it has written. */
  rival(snapshot: Snapshot): string | undefined {
    const writer = this.writerIn(snapshot);
    return this.#wrote && writer !== undefined && writer !== this.#writer ? `writer ${writer}` : undefined;
  }

  /**
   * Carries out a change of the configuration in one transaction, all of it or nothing, and reads it back. Throws DEVICE_CHANGED where the device is not what it
   * was made for.
   */
  async configure(
    { operations, adopt, leaves, longestMs }: Change,
    base: Snapshot,
    facts: FortigateFacts,
    mayGoOn: MayGoOn,
    signal: AbortSignal,
  ): Promise<Snapshot> {
    const left = this.inUse.version;
    const wasUnsaved = this.#isUnsaved;
    try {
      const { dialect } = facts;
      const work = async (transaction: Transaction): Promise<void> => {
        const editor = new Editor(base, this.#scope, adopt, this.inUse);
        const writes = editor.change(operations, leaves ? undefined : this.#writer);
        for (let next = writes.next(); next.done !== true; )
          next = writes.next(await this.#send(transaction, next.value));
        // What was written is locked by now: who would have come in between is seen here, or is refused.
        await this.#expectMode(facts, signal);
        await this.#expectUnchanged(base, signal);
        // What becomes of the commit is not known where its answer is lost.
        this.#isUnsaved = true;
      };
      await onceMore(() => Transaction.run(this.#api, { dialect, longestMs }, mayGoOn, signal, work));
    } catch (thrown) {
      if (!isRefusal(thrown) || (thrown.blame !== 'rejected' && thrown.blame !== 'conflict')) throw thrown;
      this.#isUnsaved = wasUnsaved;
      // A refusal of what was made for another state says nothing about this one: it is to be read first.
      await this.#expectMode(facts, signal);
      await this.#expectUnchanged(base, signal);
      throw this.inUse.version === left ? whereNothingChanged(thrown) : thrown;
    }
    this.#wrote = true;
    if (facts.savesByHand) await this.save(mayGoOn, signal);
    return await this.read(facts, signal);
  }

  /** Whether somebody has to save what this process wrote, where that is for people to do. */
  isUnsaved({ savesByHand }: FortigateFacts): boolean {
    return savesByHand && this.#isUnsaved;
  }

  async save(mayGoOn: MayGoOn, signal: AbortSignal): Promise<void> {
    mayGoOn();
    await this.#api.ask(SAVE, signal);
    this.#isUnsaved = false;
  }

  /** Fills feeds, and reads them back: each call takes effect at once. */
  async fill(
    operations: readonly Operation[],
    base: Snapshot,
    facts: FortigateFacts,
    mayGoOn: MayGoOn,
    signal: AbortSignal,
  ): Promise<Snapshot> {
    // A feed that is not there has nobody to lose.
    const names = new Set(
      operations.flatMap((operation) =>
        operation.kind === 'ChangeMembers' && base.row(FEED, operation.group.name) !== undefined
          ? [operation.group.name]
          : [],
      ),
    );
    const looked = this.#lastLook.take();
    if (looked?.base !== base || [...names].some((name) => !looked.feeds.has(name)))
      await this.#expectFeeds(names, base, signal);
    const changes = feedChanges(operations, names, (name) => base.entries(name));
    await pushFeeds(this.#api, changes, mayGoOn, signal);
    this.#wrote = true;
    if (base !== this.#snapshot || this.#parts.areDue) return await this.read(facts, signal);
    const at = this.#clock.monotonic();
    const beside = this.#parts.next(new Set(partsOf([], names)));
    const [filled, areSame] = await allEnded([
      forEach(names, (name) => readFeed(this.#api, name, signal)),
      this.#areSame(beside, base, facts, signal),
    ]);
    if (!areSame) return await this.read(facts, signal);
    this.#snapshot = base.withFeeds(filled);
    this.#parts.read([...beside, ...partsOf([], filled.keys())], at);
    return this.#snapshot;
  }

  /** Whether parts of what was read are there as they were read: else everything is to be read. */
  async #areSame(parts: readonly Part[], base: Snapshot, facts: FortigateFacts, signal: AbortSignal): Promise<boolean> {
    const asked = new Set(parts);
    const tables = [...base.revisions.keys()].filter((table) => asked.has(`table ${table}`));
    const feeds = base.feeds.filter((name) => asked.has(`feed ${name}`));
    const [read, present] = await allEnded([
      this.#reader.read(tables, formatRelease(facts.release), signal, (envelope) => sameRelease(facts, envelope)),
      forEach(feeds, (name) => readFeed(this.#api, name, signal)),
      asked.has('mode') ? this.#expectMode(facts, signal) : undefined,
    ]);
    for (const [table, { revision }] of read) if (base.revisions.get(table) !== revision) return false;
    return base.differing(present) === undefined;
  }

  /** What a feed held was read a moment ago, and it is that what the change was made for. */
  #isFresh(base: Snapshot, feed: string): boolean {
    return base === this.#snapshot && this.#parts.age(`feed ${feed}`) < FRESH_MS;
  }

  async #send(transaction: Transaction, write: Write): Promise<string | undefined> {
    try {
      return await transaction.write(write);
    } catch (thrown) {
      if (write.kind === 'delete' && isInUse(thrown)) this.inUse.refused(entryOf(write.table, write.key));
      throw thrown;
    }
  }

  /** Where it translates is a setting, of which no table tells: what was made for one mode means something else in the other. */
  async #expectMode({ centralNat }: FortigateFacts, signal: AbortSignal): Promise<void> {
    if ((await askCentralNat(this.#api, signal)) !== centralNat) throw otherMode();
  }

  /** Feeds that a change was made for, of which none came or went. */
  async #expectFeeds(names: ReadonlySet<string>, base: Snapshot, signal: AbortSignal): Promise<void> {
    const stale = [...names].filter((name) => !this.#isFresh(base, name));
    const [present] = await allEnded([
      forEach(stale, (name) => readFeed(this.#api, name, signal)),
      this.#expectUnchanged(base, signal, FILLING),
    ]);
    const differing = base.differing(present);
    if (differing !== undefined)
      throw new SallyportError('DEVICE_CHANGED', `the feed ${differing} is not what the change was made for`);
  }

  async #expectUnchanged(
    base: Snapshot,
    signal: AbortSignal,
    tables: Iterable<TableId> = base.revisions.keys(),
  ): Promise<void> {
    const now = await this.#reader.revisions(tables, signal);
    for (const [table, revision] of now)
      if (base.revisions.get(table) !== revision)
        throw new SallyportError('DEVICE_CHANGED', `${table} is not what the change was made for`);
  }

  close(): Promise<void> {
    return this.#api.close();
  }
}

function partsOf(tables: Iterable<TableId>, feeds: Iterable<string>): readonly Part[] {
  return [...tables].map((id): Part => `table ${id}`).concat([...feeds].map((name): Part => `feed ${name}`));
}

function tablesOf({ dialect }: FortigateFacts): readonly TableId[] {
  return TABLES.filter((table) => table !== FEED || dialect.pushedFeeds);
}

function otherMode(): SallyportError {
  return new SallyportError('DEVICE_BUSY', 'somebody changed `central-nat` of the VDOM: everything is asked anew');
}

/** Another firmware speaks another dialect: everything is asked anew then. */
function sameRelease({ release }: FortigateFacts, { version }: Envelope): void {
  const known = `v${formatRelease(release)}`;
  if (version !== undefined && version !== known)
    throw new SallyportError('DEVICE_BUSY', `it runs FortiOS ${version} by now, and ran ${known} when it was asked`);
}
