import { background } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import { type Epoch, nextEpoch } from '../../base/epoch.ts';
import { SallyportError, toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { each } from '../../base/pieces.ts';
import { Turn } from '../../base/turns.ts';
import {
  type KnownState,
  type RecordOf,
  changedLines,
  headLine,
  readRecord,
  rulesLine,
} from '../confirmed/confirmed-record.ts';
import { classText } from '../../plan/canonical.ts';
import type { Confirmed } from './course.ts';
import type { Actual, Translation } from '../driver.ts';
import { OwnerVersions } from '../confirmed/owner-versions.ts';
import { isWork } from './portions.ts';
import { recalling } from './recalling.ts';
import { SealChain } from '../confirmed/sealed-text.ts';
import type { Session } from './session.ts';
import type { Step } from '../../plan/step.ts';
import type { Wished } from './wishes.ts';

/** Changes are kept so seldom, all of that time together: a process that is killed leaves a record that is older by so much. */
const PAUSE_MS = 1_000;
/** Where it failed, it is tried again so seldom: all is written then. */
const FAILED_MS = 60_000;
/** Longest time of the event loop for it at a stretch. */
const TURN_MS = 10;
/** What is appended may grow to this, or to what a whole record takes, before all is written anew. */
const LEAST_APPENDED = 131_072;
/** A driver that works something out first is asked for it so often. */
const MOST_TRIES = 3;

/** Where the record of a firewall lies. */
export interface RecordPlace {
  readonly of: RecordOf;
  /** Characters of a whole record that there is room for; what takes more is not kept. */
  readonly room: number;
  /** The right to write that this process has; `undefined`: that of a lock file. */
  writer(): Epoch | undefined;
  /** What was kept last; `undefined`: nothing. Rejects where it cannot be read, or is longer than any record. */
  load(): Promise<string | undefined>;
  /** Whole: whoever reads it finds what was there before, or this. */
  replace(chunks: readonly string[]): Promise<void>;
  /** After what this process wrote there before. */
  append(text: string): Promise<void>;
  /** There is no record any more. */
  remove(): Promise<void>;
  /** Nothing more is written. */
  close(): Promise<void>;
}

/** Keeps what is confirmed for whoever comes after this process, and takes over what another one left if the device proves it (decision 17). */
export class ConfirmedKeeper {
  readonly #place: RecordPlace;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #firewall: string;
  readonly #versions: OwnerVersions;
  readonly #turn: Turn;
  #tries = 0;
  /** What is to be kept, and what is. */
  #newest: KnownState | undefined;
  #kept: KnownState | undefined;
  #rules = '';
  /** Of what this process wrote. */
  #seals = new SealChain();
  #whole = 0;
  #appended = 0;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #told = '';
  #pauseMs = PAUSE_MS;
  #hasRoom = true;

  /** `versions`: those of who has which address that all firewalls of the process are confirmed at. */
  constructor(place: RecordPlace, clock: Clock, log: Log, firewall: string, versions = new OwnerVersions()) {
    this.#place = place;
    this.#versions = versions;
    this.#clock = clock;
    this.#log = log;
    this.#firewall = firewall;
    this.#turn = new Turn(clock, TURN_MS);
  }

  /** This is confirmed by now; it is kept within a moment. */
  note(confirmed: Confirmed | undefined): void {
    if (confirmed === undefined) return;
    this.#tries = MOST_TRIES;
    const { ruleset, owners, behaviour } = confirmed;
    // Where nothing shows who sends, nothing would prove it; lists alone tell themselves what was given out.
    if (
      owners === undefined ||
      !behaviour.present ||
      (ruleset === this.#newest?.ruleset && owners === this.#newest.owners)
    )
      return;
    this.#newest = { ruleset, owners };
    if (!this.#hasRoom) return;
    this.#cancel ??= this.#clock.after(this.#pauseMs, () => {
      background(`keep what is confirmed of ${this.#firewall}`, this.#write(), this.#log);
    });
  }

  /** What was noted is kept; nothing is under way any more. */
  async close(): Promise<void> {
    if (this.#cancel !== undefined) await this.#write();
    await this.#writing;
    await this.#place.close();
  }

  /**
   * What an earlier process confirmed, where the device holds just that; asked until something is confirmed. Throws what a driver throws that has
   * to be prepared first.
   */
  async recall<A extends Actual, W extends Translation, S extends Step>(
    actual: A,
    { ruleset, owners }: Wished,
    session: Session<A, W, S>,
  ): Promise<KnownState | undefined> {
    if (this.#tries >= MOST_TRIES || actual.empty) return undefined;
    this.#tries += 1;
    const found = await this.#found(actual, ruleset, owners, session);
    this.#tries = MOST_TRIES;
    if (typeof found === 'string')
      this.#log.warn(
        { firewall: this.#firewall, reason: found },
        'what was confirmed before the start is not believed',
      );
    else if (found !== undefined)
      this.#log.info({ firewall: this.#firewall }, 'what was confirmed before the start still holds');
    return typeof found === 'string' ? undefined : found;
  }

  async #found<A extends Actual, W extends Translation, S extends Step>(
    actual: A,
    ruleset: Wished['ruleset'],
    owners: Wished['owners'],
    session: Session<A, W, S>,
  ): Promise<KnownState | string | undefined> {
    try {
      const text = await this.#place.load();
      if (text === undefined) return undefined;
      const record = await this.#turn.finish(readRecord(text, this.#place.of));
      if (typeof record === 'string') return record;
      if (!follows(record.writer, this.#place.writer())) return 'another copy had the right to write since then';
      if (owners === undefined) return 'nobody knows who has which address';
      if (actual.rival !== undefined || actual.drift.length > 0) return 'somebody else wrote to the firewall';
      if ((actual.unreached ?? []).length > 0) return 'a part of the firewall is not reached';
      const known = await this.#turn.finish(recalling(record, actual, { ruleset, owners }));
      if (typeof known === 'string') return known;
      await session.foresee(actual, known.ruleset);
      const differs = session.steps(actual, known.ruleset).find(isWork);
      return differs === undefined ? known : `the firewall holds something else (${differs.title})`;
    } catch (thrown) {
      const error = toSallyportError(thrown);
      if (error.code === 'FLAT_PENDING' && this.#tries < MOST_TRIES) throw error;
      return error.message;
    }
  }

  #write(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#writing = this.#writing.then(() => this.#keep());
    return this.#writing;
  }

  /** Never rejects: what cannot be kept is taken away, so that nobody believes what is old. */
  async #keep(): Promise<void> {
    const state = this.#newest;
    if (state === undefined || state === this.#kept) return;
    try {
      this.#turn.begin();
      const rules = await this.#rulesOf(state);
      if (!(await this.#append(rules, state))) await this.#replace(rules, state);
      this.#rules = rules;
      this.#kept = state;
      this.#pauseMs = PAUSE_MS;
      this.#told = '';
    } catch (thrown) {
      await this.#giveUp(toSallyportError(thrown));
    }
  }

  async #rulesOf({ ruleset }: KnownState): Promise<string> {
    if (ruleset === this.#kept?.ruleset) return this.#rules;
    // Texts of classes are remembered: made in pieces, and put together in one.
    await this.#turn.finish(each(ruleset.classes.values(), classText));
    return rulesLine(ruleset);
  }

  async #replace(rules: string, state: KnownState): Promise<void> {
    const head = headLine(this.#place.of, this.#place.writer());
    const seals = new SealChain();
    const lines = [head, rules, ...(await this.#turn.finish(changedLines(undefined, state)))];
    await this.#turn.finish(each(lines, (chunk) => seals.add(chunk)));
    const chunks = [...lines, seals.end()];
    const length = chunks.reduce((sum, { length: one }) => sum + one, 0);
    const { room } = this.#place;
    this.#hasRoom = length <= room;
    if (!this.#hasRoom)
      throw new SallyportError('LOCAL_SYSTEM', `it takes ${length} characters, and there is room for ${room}`);
    await this.#place.replace(chunks);
    this.#seals = seals;
    this.#whole = length;
    this.#appended = 0;
  }

  /** False: there is nothing to append to, or it would grow too long. */
  async #append(rules: string, state: KnownState): Promise<boolean> {
    if (this.#kept === undefined) return false;
    const lines = await this.#turn.finish(changedLines(this.#kept, state, this.#versions));
    const text = (rules === this.#rules ? '' : rules) + lines.join('');
    if (this.#appended + text.length > Math.max(LEAST_APPENDED, this.#whole)) return false;
    if (text === '') return true;
    this.#seals.add(text);
    const seal = this.#seals.end();
    this.#appended += text.length + seal.length;
    await this.#place.append(text + seal);
    return true;
  }

  async #giveUp({ code, message }: SallyportError): Promise<void> {
    this.#kept = undefined;
    this.#pauseMs = FAILED_MS;
    if (this.#told !== message)
      this.#log.warn({ firewall: this.#firewall, code, error: message }, 'what is confirmed cannot be kept');
    this.#told = message;
    try {
      await this.#place.remove();
    } catch {
      // It is older than what the device holds, and believed only of what the device proves.
    }
  }
}

/** Nobody else had the right to write between the one who wrote the record and this one. */
function follows(then: Epoch | undefined, now: Epoch | undefined): boolean {
  if (then === undefined || now === undefined) return then === now;
  return then.lease === now.lease && (now.number === then.number || now.number === nextEpoch(then.number));
}
