import { createHash, type KeyObject, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { localFiles, SallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import { runChild } from '../../../firewalls/nftables/reach/child.ts';
import type { Wanted } from '../../../machine/kinds/artefact.ts';
import type { Fetching } from './fetching.ts';
import { checkSignature, fetchOffered, type Offer, readOffer } from './offer.ts';
import { isResting, refusing, type UpdateNote, type UpdateRecord } from './record.ts';
import { TRIAL_TIMES, type TrialTimes, tryProgram } from './trial.ts';
import { isSameVersion } from './version-order.ts';

/** What today's controller calls itself where it is installed from (metal-stack reference, 9.4), and what signatures speak of. */
export const ARTEFACT = 'firewall-controller';
/** So long a program that was put in place stays at least: versions that name each other do not take turns faster. */
const SETTLED_MS = 180_000;
const VERSION_MS = 30_000;

export interface SelfUpdateOptions {
  /** The file that is replaced, and started by whoever starts this process. */
  readonly program: string;
  /** What this process was started from, also when `program` is another file by now: `/proc/self/exe`. */
  readonly running: string;
  readonly version: string;
  readonly record: UpdateRecord;
  /** The key that newer programs have to be signed with; `undefined`: none is asked for. Throws UPDATE_KEY. */
  readonly key: () => Promise<KeyObject | undefined>;
  readonly fetching: Fetching;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: TrialTimes;
}

/** A newer program beside ours: whole, signed if need be, and able to tell its version. */
export interface Candidate {
  readonly file: string;
  readonly offer: Offer;
}

/**
 * Replaces this program by a newer one that proved itself: fetched beside it, checked, tried in our place, and only then put there. Whenever
 * the process dies, the file that is started next is the old program or one that was found good, and whole.
 */
export class SelfUpdate {
  readonly #options: SelfUpdateOptions;
  #ownSha256: string | undefined;

  constructor(options: SelfUpdateOptions) {
    this.#options = options;
  }

  /** At a start: what became of the last update, and what was left lying about. Gives what is to be told. */
  async begin(): Promise<readonly UpdateNote[]> {
    const { record, program, clock } = this.#options;
    const folder = dirname(program);
    for (const entry of await localFiles(readdir(folder)))
      if (entry.startsWith(this.#prefix)) await localFiles(rm(join(folder, entry), { force: true }));
    let state = await record.read();
    const { trial, notes } = state;
    if (trial === undefined && notes.length === 0) return [];
    const told = [...notes];
    if (trial !== undefined) {
      const { trial: _, ...rest } = state;
      if ((await this.#own()) === trial.to.sha256) {
        state = { ...rest, replacedAt: clock.wall() };
        told.push(replaced(trial.from, trial.to.version));
      } else {
        const reason = 'the trial was cut off';
        state = refusing(state, trial.to, reason, clock.wall());
        told.push(failed(trial.from, trial.to.version, reason));
      }
    }
    await record.write({ ...state, notes: [] });
    return told;
  }

  /** A newer program that is to be tried; `undefined`: there is none, or not now. Rejects with UPDATE_… where it is no good. */
  async look(wanted: Wanted, signal: AbortSignal): Promise<Candidate | undefined> {
    const { version, record, fetching, clock, log } = this.#options;
    if (wanted.version !== undefined && isSameVersion(wanted.version, version)) return undefined;
    const key = await this.#options.key();
    const state = await record.read();
    const now = clock.wall();
    if (state.replacedAt !== undefined && now >= state.replacedAt && now < state.replacedAt + SETTLED_MS)
      return undefined;
    const found = await readOffer(fetching, wanted, signal);
    // Whatever it calls itself: this is the program that runs.
    if (found.sha256 === (await this.#own()) || isResting(state, found.sha256, now)) return undefined;
    const signedBy = key && { key, artefact: ARTEFACT, installed: version };
    const offer = signedBy === undefined ? found : await checkSignature(fetching, found, signedBy, signal);
    const file = join(dirname(this.#options.program), `${this.#prefix}${randomBytes(6).toString('hex')}`);
    log.info({ version: offer.version, url: offer.url }, 'fetching a newer program');
    try {
      await fetchOffered(fetching, offer, file, signal);
      await this.#startsAtAll(file, signal);
    } catch (thrown) {
      await rm(file, { force: true });
      if (thrown instanceof SallyportError && thrown.code === 'UPDATE_REFUSED')
        await record.write(refusing(await record.read(), offer, thrown.message, now));
      throw thrown;
    }
    return { file, offer };
  }

  /**
   * Tries a program in our place and puts it there if it is good; nothing of ours may be at work any more. Then this process has to end, to
   * be started again: as the new program, or as the old one. `wasReady`: our own rules were in force.
   */
  async conclude(
    { file, offer }: Candidate,
    how: {
      readonly words: readonly string[];
      /** What this process was called as. */
      readonly name?: string;
      readonly environment: Readonly<Record<string, string | undefined>>;
      readonly wasReady: boolean;
    },
    signal: AbortSignal,
  ): Promise<'replaced' | 'kept'> {
    const { record, program, version, clock, log, times = TRIAL_TIMES } = this.#options;
    const { words, name, environment, wasReady } = how;
    const to = { version: offer.version, sha256: offer.sha256 };
    const state = await record.read();
    await record.write({ ...state, trial: { from: version, to } });
    log.info({ version: offer.version }, 'the newer program is tried');
    const verdict = await tryProgram(
      { file, words, name, environment, wanted: wasReady ? 'ready' : 'running', times, clock },
      signal,
    );
    if (verdict.kind === 'good') {
      await localFiles(rename(file, program));
      await syncFolder(dirname(program));
      const notes = [...state.notes, replaced(version, offer.version)];
      await record.write({ ...state, refused: undefined, replacedAt: clock.wall(), notes });
      log.info({ version: offer.version }, 'replaced by the newer program');
      return 'replaced';
    }
    await rm(file, { force: true });
    if (verdict.kind === 'stopped') await record.write(state);
    else {
      const notes = [...state.notes, failed(version, offer.version, verdict.reason)];
      await record.write({ ...refusing(state, to, verdict.reason, clock.wall()), notes });
      log.error(
        { code: 'UPDATE_REFUSED', version: offer.version, problem: verdict.reason },
        'the newer program is no good; the one before goes on',
      );
    }
    return 'kept';
  }

  get #prefix(): string {
    return `.${basename(this.#options.program)}.new-`;
  }

  /** One that cannot even tell its version, perhaps of another machine, is not worth a pause of our work. */
  async #startsAtAll(file: string, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.timeout(VERSION_MS);
    const stop = new AbortController();
    const end = (): void => stop.abort();
    signal.addEventListener('abort', end, { once: true });
    limit.addEventListener('abort', end, { once: true });
    let how: string;
    try {
      const { code, stderr } = await runChild(
        file,
        ['--version'],
        { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
        stop.signal,
      );
      if (code === 0) return;
      how = `exit code ${code}${stderr === '' ? '' : `: ${stderr.trim().slice(0, 200)}`}`;
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      how = limit.aborted ? 'it hangs' : thrown instanceof Error ? thrown.message : String(thrown);
    } finally {
      signal.removeEventListener('abort', end);
    }
    throw new SallyportError('UPDATE_REFUSED', `it cannot be started to tell its version (${how})`);
  }

  async #own(): Promise<string> {
    this.#ownSha256 ??= await sha256Of(this.#options.running);
    return this.#ownSha256;
  }
}

/** The SHA-256 of a file in hex, read in portions. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await localFiles(
    (async () => {
      for await (const part of createReadStream(path) as AsyncIterable<Buffer>) hash.update(part);
    })(),
  );
  return hash.digest('hex');
}

/** What stands in a folder is on the disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await localFiles(open(path, 'r'));
  try {
    await localFiles(folder.sync());
  } finally {
    await folder.close();
  }
}

function replaced(from: string, to: string): UpdateNote {
  return { type: 'Normal', note: `replaced firewall-controller version ${from} with version ${to}` };
}

function failed(from: string, to: string, reason: string): UpdateNote {
  return {
    type: 'Warning',
    note: `could not replace firewall-controller version ${from} with version ${to}: ${reason}`,
  };
}
