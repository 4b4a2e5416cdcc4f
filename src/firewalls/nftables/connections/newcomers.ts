import { formatAddress } from '../../../ip/address.ts';
import type { MayGoOn } from '../../driver.ts';
import type { Conntrack } from './conntrack.ts';
import type { TrackedFlow } from './conntrack-lines.ts';
import { judge } from './judge.ts';
import { DEAD_MARK, type NftTable } from '../table/model.ts';
import type { Operation } from '../table/operation.ts';

/** More senders than this are read anew when somebody asks, rather than remembered. */
const MOST_REMEMBERED = 10_000;

/**
 * Sees to it that an address serves its next owner on every port. Connections of an address that was given back stay cut for as long as a
 * packet of theirs comes, whoever sends it; a new owner that uses the same ports would meet that mark. So the entries of an address that
 * becomes known are forgotten where they may pass again. Asked of the kernel only where there is such an entry.
 */
export class Newcomers {
  readonly #conntrack: Conntrack;
  /** Senders that have, or had, cut connections; `undefined`: not known yet. */
  #withCut: Set<string> | undefined;
  /** Senders that are known since, and whose entries are still to be looked at. */
  readonly #owed = new Set<string>();

  constructor(conntrack: Conntrack) {
    this.#conntrack = conntrack;
  }

  /** Which senders have cut connections; else the next `greet` asks, and nobody may cut any meanwhile. */
  get knows(): boolean {
    return this.#withCut !== undefined;
  }

  /** These connections bear the dead mark. */
  note(cut: readonly TrackedFlow[]): void {
    if (this.#withCut === undefined) return;
    for (const { flow } of cut) this.#withCut.add(formatAddress(flow.source));
    if (this.#withCut.size > MOST_REMEMBERED) this.#withCut = undefined;
  }

  /** After a transaction that led to `table`. What fails is made up for after the next one. */
  async greet(operations: readonly Operation[], table: NftTable, signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    const joined = joinedSenders(operations);
    if (joined.length === 0 && this.#owed.size === 0) return;
    this.#withCut ??= new Set((await this.#conntrack.dead(signal)).map(({ flow }) => formatAddress(flow.source)));
    for (const sender of joined) if (this.#withCut.delete(sender)) this.#owed.add(sender);
    if (this.#owed.size === 0) return;
    const flows = await this.#conntrack.flows(this.#owed, signal);
    const cut = flows.filter(({ mark }) => (mark & DEAD_MARK) !== 0);
    const again = cut.filter((flow) => judge(table, { ...flow, dead: true }) === 'Forget');
    const staying = cut.filter((flow) => !again.includes(flow));
    await this.#conntrack.forget(again, staying, signal, mayGoOn);
    this.#owed.clear();
    this.note(staying);
  }
}

/** Senders that the transaction makes known, or leads elsewhere. */
function joinedSenders(operations: readonly Operation[]): readonly string[] {
  return operations.flatMap((operation) =>
    operation.op === 'addEntries' && /^(?:by_source|class_of)[46]$/.test(operation.map)
      ? operation.entries.map(([sender]) => sender)
      : [],
  );
}
