import {
  closeSync,
  fdatasync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { type AuditEntry, BEGINNING, type AuditRecord, readRecord, recordLine } from './record.ts';
import { FILE_BYTES, fileBytesIn, makeRoom } from './room.ts';
import { type Segment, segmentAt, segmentsIn } from './segments.ts';

export interface TrailOptions {
  /** Of this firewall alone. */
  readonly folder: string;
  readonly firewall: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes of a file before the next one is begun, and how many files are kept; absent: 64 of 16 MiB. */
  readonly limits?: { readonly bytes: number; readonly files: number };
  /** Bytes of all trails beside this one together, itself included; absent: each has its own limits alone. */
  readonly roomBytes?: number;
}

const LIMITS = { bytes: FILE_BYTES, files: 64 };
/** What a stopped machine can lose at most; a process that dies loses nothing. */
const SYNC_MS = 1_000;
const TELL_MS = 60_000;

/** The last record of a trail: what the next one is chained to. */
type Head = Pick<AuditRecord, 'number' | 'hash'>;

/**
 * What was written to one firewall: records in files of its own, each chained to the one before by its hash, so that none can be changed or
 * taken out unseen. Appends are synchronous and small. A trail that cannot be written stops no firewall: the entry goes to the log, and a
 * `Gap` is written as soon as that is possible. Once a minute the log tells where the trail stands, so that its end cannot be cut off unseen.
 */
export class AuditTrail {
  readonly #options: TrailOptions;
  #segment: Segment | undefined;
  #descriptor: number | undefined;
  #bytes = 0;
  /** Bytes at which the next file is begun. */
  #fullBytes = 0;
  /** Files that the kernel is bringing to the disk: closed only when it is done. */
  readonly #syncing = new Map<number, { isForgotten: boolean; isAgain: boolean }>();
  #head: Head = { number: 0, hash: BEGINNING };
  #lost = 0;
  #lostBecause = '';
  #cancelSync: (() => void) | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: TrailOptions) {
    this.#options = options;
  }

  /** Appends; gives the record's number, 0 where it could not be written. */
  append(entry: AuditEntry): number {
    try {
      this.#open();
      if (this.#lost > 0) {
        this.#write({ what: 'Gap', lost: this.#lost, reason: this.#lostBecause });
        this.#lost = 0;
      }
      return this.#write(entry);
    } catch (thrown) {
      const { firewall, log } = this.#options;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      log.error({ firewall, error: reason, entry }, 'the audit trail cannot be written; this stands here alone');
      this.#lost += 1;
      this.#lostBecause = reason;
      this.#forget();
      return 0;
    }
  }

  close(): void {
    this.#forget();
  }

  #write(entry: AuditEntry): number {
    const number = this.#head.number + 1;
    const at = new Date(this.#options.clock.wall()).toISOString();
    const { text, hash } = recordLine({ number, at, previous: this.#head.hash, entry });
    const bytes = Buffer.from(`${text}\n`);
    if (this.#descriptor === undefined) throw new Error('the trail is not open');
    const written = writeSync(this.#descriptor, bytes);
    this.#bytes += written;
    if (written < bytes.length) throw new Error('a record was cut short: the disk is full');
    this.#head = { number, hash };
    this.#syncSoon();
    return number;
  }

  /** Opens the newest file; the next one where it is full, or where its last line is no record that can be chained to. */
  #open(): void {
    const { folder, limits = LIMITS, roomBytes } = this.#options;
    if (this.#descriptor !== undefined) {
      // Somebody else appended (a command beside the controller): chain to that.
      const { size } = fstatSync(this.#descriptor);
      if (size === this.#bytes && size < this.#fullBytes) return;
      this.#forget();
    }
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const all = dirname(folder);
    this.#fullBytes = roomBytes === undefined ? limits.bytes : Math.min(limits.bytes, fileBytesIn(all, roomBytes));
    const segments = segmentsIn(folder);
    const newest = segments.at(-1);
    const end = newest === undefined ? undefined : endOf(segments);
    if (end !== undefined) this.#head = end.head;
    const fits = newest !== undefined && end?.whole === true && statSync(newest.path).size < this.#fullBytes;
    const segment = fits ? newest : segmentAt(folder, (newest?.number ?? 0) + 1);
    this.#descriptor = openSync(segment.path, 'a', 0o600);
    this.#segment = segment;
    this.#bytes = fstatSync(this.#descriptor).size;
    for (const old of segments.slice(0, Math.max(0, segments.length + (fits ? 0 : 1) - limits.files)))
      rmSync(old.path, { force: true });
    if (roomBytes !== undefined && !fits) makeRoom(all, roomBytes, this.#fullBytes);
    if (end !== undefined && !end.whole) this.#write({ what: 'Gap', lost: 1, reason: 'the last line was cut short' });
  }

  /** The file is not appended to any more. What was not brought to the disk yet is, before it is closed. */
  #forget(): void {
    const descriptor = this.#descriptor;
    const isDue = this.#cancelSync !== undefined;
    this.#cancelSync?.();
    this.#cancelSync = undefined;
    if (descriptor !== undefined) {
      if (isDue) this.#sync(descriptor);
      const syncing = this.#syncing.get(descriptor);
      if (syncing === undefined) closeSync(descriptor);
      else syncing.isForgotten = true;
    }
    this.#descriptor = undefined;
    this.#segment = undefined;
  }

  #syncSoon(): void {
    this.#cancelSync ??= this.#options.clock.after(SYNC_MS, () => {
      this.#cancelSync = undefined;
      const { firewall, log, clock } = this.#options;
      if (clock.monotonic() - this.#toldAt >= TELL_MS) {
        this.#toldAt = clock.monotonic();
        log.info({ firewall, record: this.#head.number, hash: this.#head.hash }, 'the audit trail stands here');
      }
      if (this.#descriptor !== undefined) this.#sync(this.#descriptor);
    });
  }

  #sync(descriptor: number): void {
    const running = this.#syncing.get(descriptor);
    if (running !== undefined) {
      running.isAgain = true;
      return;
    }
    const { firewall, log } = this.#options;
    const path = this.#segment?.path;
    const syncing = { isForgotten: false, isAgain: false };
    this.#syncing.set(descriptor, syncing);
    const sync = (): void => {
      syncing.isAgain = false;
      fdatasync(descriptor, (error) => {
        if (error !== null)
          log.error({ firewall, path, error: error.message }, 'the audit trail may be lost if the machine stops');
        if (syncing.isAgain) return sync();
        this.#syncing.delete(descriptor);
        if (syncing.isForgotten) closeSync(descriptor);
      });
    };
    sync();
  }
}

/** The last whole record of a trail, and whether its newest file ends with it. */
function endOf(segments: readonly Segment[]): { readonly head: Head; readonly whole: boolean } {
  let whole = true;
  for (const { path } of segments.toReversed()) {
    const lines = readFileSync(path, 'utf8').split('\n');
    if (lines.at(-1) !== '') whole = false;
    for (const text of lines.slice(0, -1).toReversed()) {
      const record = readRecord(text);
      if (!('problem' in record)) return { head: record, whole };
      whole = false;
    }
  }
  return { head: { number: 0, hash: BEGINNING }, whole };
}
