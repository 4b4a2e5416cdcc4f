import type { KeyObject } from 'node:crypto';
import { link, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { localFiles, SallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import type { Wanted } from '../../../machine/kinds/artefact.ts';
import { isActive, restartUnit } from '../host/units.ts';
import { readIfThere, replaceFile } from '../rule-files.ts';
import type { Fetching } from './fetching.ts';
import { checkSignature, fetchOffered, readOffer } from './offer.ts';
import { isResting, refusing, type UpdateNote, type UpdateRecord } from './record.ts';
import { sha256Of, syncFolder } from './self-update.ts';

export const EXPORTER = 'nftables-exporter';
const UNIT = `${EXPORTER}.service`;
/** So often, once a second, it has to be found running. */
const LOOKS = 10;

export interface ExporterUpdateOptions {
  /** The program; `undefined`: this machine has none, and needs none. */
  readonly program: () => Promise<string | undefined>;
  /** Holds the version that is installed (metal-stack reference, 1.1). */
  readonly versionFile: string;
  readonly record: UpdateRecord;
  readonly key: () => Promise<KeyObject | undefined>;
  readonly fetching: Fetching;
  /** Where `systemctl` is run. */
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  /** Between two looks at the unit, in milliseconds. */
  readonly lookMs?: number;
}

/** Replaces the program of the nftables-exporter, and puts the one before back where its unit does not stay up with the newer one. */
export class ExporterUpdate {
  readonly #options: ExporterUpdateOptions;

  constructor(options: ExporterUpdateOptions) {
    this.#options = options;
  }

  /** Does what is to be done now, and gives what is to be told. Rejects with UPDATE_… */
  async look(wanted: Wanted, signal: AbortSignal): Promise<readonly UpdateNote[]> {
    const { versionFile, record, fetching, clock, log } = this.#options;
    const installed = (await readIfThere(versionFile))?.trim();
    if (wanted.version !== undefined && installed === wanted.version) return [];
    const program = await this.#options.program();
    if (program === undefined) return [];
    const key = await this.#options.key();
    let offer = await readOffer(fetching, wanted, signal);
    const state = await record.read();
    const now = clock.wall();
    if (isResting(state, offer.sha256, now)) return [];
    const before = join(dirname(program), `.${basename(program)}.previous`);
    if ((await sha256Of(program)) === offer.sha256) {
      if (state.trial?.to.sha256 !== offer.sha256) {
        // It was there already, under whatever name.
        if (wanted.version !== undefined) await replaceFile(versionFile, wanted.version, 0o644);
        return [];
      }
      offer = { ...offer, version: state.trial.to.version };
    } else {
      const signedBy = key && { key, artefact: EXPORTER, installed: installed ?? '' };
      if (signedBy !== undefined) offer = await checkSignature(fetching, offer, signedBy, signal);
      const fresh = join(dirname(program), `.${basename(program)}.new`);
      await rm(fresh, { force: true });
      log.info({ artefact: EXPORTER, version: offer.version, url: offer.url }, 'fetching a newer program');
      try {
        await fetchOffered(fetching, offer, fresh, signal);
        await record.write({ ...state, trial: { from: installed ?? 'unknown', to: offer } });
        await rm(before, { force: true });
        await localFiles(link(program, before));
        await localFiles(rename(fresh, program));
        await syncFolder(dirname(program));
      } catch (thrown) {
        await rm(fresh, { force: true });
        if (thrown instanceof SallyportError && thrown.code === 'UPDATE_REFUSED')
          await record.write(refusing(state, offer, thrown.message, now));
        throw thrown;
      }
    }
    const from = installed ?? 'unknown';
    const problem = await this.#restart(signal);
    if (signal.aborted) return [];
    if (problem === undefined) {
      await replaceFile(versionFile, offer.version, 0o644);
      await record.write({ notes: [], replacedAt: now });
      await rm(before, { force: true });
      log.info({ artefact: EXPORTER, version: offer.version }, 'replaced by the newer program');
      return [{ type: 'Normal', note: `replaced ${EXPORTER} version ${from} with version ${offer.version}` }];
    }
    if (await isThere(before)) {
      await localFiles(rename(before, program));
      await syncFolder(dirname(program));
    }
    await record.write(refusing(state, offer, problem, now));
    await this.#restart(signal);
    log.error(
      { code: 'UPDATE_REFUSED', artefact: EXPORTER, problem },
      'the newer program is no good; the one before goes on',
    );
    return [
      {
        type: 'Warning',
        note: `could not replace ${EXPORTER} version ${from} with version ${offer.version}: ${problem}`,
      },
    ];
  }

  /** Why the unit does not stay up; `undefined`: it does. */
  async #restart(signal: AbortSignal): Promise<string | undefined> {
    const { transport, clock, lookMs = 1_000 } = this.#options;
    try {
      await restartUnit(transport, UNIT, signal);
      for (let n = 0; n < LOOKS; n++) {
        await elapsed(clock, lookMs, signal);
        if (!(await isActive(transport, UNIT, signal))) return `${UNIT} does not stay up`;
      }
      return undefined;
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : String(thrown);
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
