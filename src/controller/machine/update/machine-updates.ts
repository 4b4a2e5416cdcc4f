import { readFile } from 'node:fs/promises';
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { SallyportError, localFiles } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import type { FirewallSpec } from '../../../machine/kinds/firewall.ts';
import type { Wanted } from '../../../machine/kinds/artefact.ts';
import { ToldOnce, type WorkCounts } from '../told-once.ts';
import type { ExporterUpdate } from './exporter-update.ts';
import type { UpdateNote } from './record.ts';
import type { Candidate, SelfUpdate } from './self-update.ts';
import { readUpdateKey } from './signature.ts';

/** As often as today's controller looks (metal-stack reference, 3.2). */
const LOOK_MS = 180_000;
const FOLLOW_MS = 1_000;

/** Reasons of events, as today (metal-stack reference, 3.3). */
export type UpdateReason = 'Self-Reconciliation' | 'nftables-exporter';

const PROGRAMS: Readonly<Record<UpdateReason, string>> = {
  'Self-Reconciliation': 'firewall-controller',
  'nftables-exporter': 'nftables-exporter',
};

export interface MachineUpdatesOptions {
  /** The Firewall that the rules in force were made from; `undefined`: none yet, or programs stay as they are. */
  readonly firewall: () => FirewallSpec | undefined;
  /** Absent: this process was not started from a file that could be replaced. */
  readonly self: SelfUpdate | undefined;
  readonly exporter: ExporterUpdate;
  readonly tell: (reason: UpdateReason, note: UpdateNote) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Looks for newer programs as the Firewall names them: at once when it names another one, and every three minutes. */
export class MachineUpdates {
  readonly #options: MachineUpdatesOptions;
  readonly #works: ToldOnce<UpdateReason>;

  constructor(options: MachineUpdatesOptions) {
    this.#options = options;
    const { tell, log } = options;
    this.#works = new ToldOnce<UpdateReason>({
      failed: (reason, { code, message }) => {
        log.error({ code, problem: message }, 'a newer program could not be put in place');
        tell(reason, { type: 'Warning', note: message });
      },
      mended: (reason) => log.info({ reason }, 'mended'),
    });
  }

  /** How often it was looked for each program. */
  get counts(): readonly (readonly [string, WorkCounts])[] {
    return [...this.#works.counts].map(([reason, counts]) => [PROGRAMS[reason], counts]);
  }

  /** Resolves with a program that is to be tried, when all else has ended; with `undefined` when the signal aborts. */
  async run(signal: AbortSignal): Promise<Candidate | undefined> {
    const { firewall, self, exporter, tell, clock } = this.#options;
    const looked = new Map<UpdateReason, { readonly text: string; readonly at: number }>();
    const isDue = (reason: UpdateReason, wanted: Wanted): boolean => {
      const text = JSON.stringify(wanted);
      const last = looked.get(reason);
      if (last?.text === text && clock.monotonic() - last.at < LOOK_MS) return false;
      looked.set(reason, { text, at: clock.monotonic() });
      return true;
    };
    const begin = async (): Promise<void> => {
      for (const note of (await self?.begin()) ?? []) tell('Self-Reconciliation', note);
    };
    await this.#works.try('Self-Reconciliation', begin, signal);
    while (!signal.aborted) {
      const spec = firewall();
      // Who wants nothing to be changed wants no other program either.
      if (spec !== undefined && !spec.dryRun) {
        const { controller, nftablesExporter } = spec;
        if (nftablesExporter !== undefined && isDue('nftables-exporter', nftablesExporter)) {
          const keep = async (): Promise<void> => {
            for (const note of await exporter.look(nftablesExporter, signal)) tell('nftables-exporter', note);
          };
          await this.#works.try('nftables-exporter', keep, signal);
        }
        let candidate: Candidate | undefined;
        if (self !== undefined && controller !== undefined && isDue('Self-Reconciliation', controller))
          candidate = await this.#works.try('Self-Reconciliation', () => self.look(controller, signal), signal);
        if (candidate !== undefined) {
          const { version } = candidate.offer;
          tell('Self-Reconciliation', {
            type: 'Normal',
            note: `replacing firewall-controller with version ${version}`,
          });
          return candidate;
        }
      }
      await elapsed(clock, FOLLOW_MS, signal);
    }
    return undefined;
  }
}

/**
 * Reads the key that programs have to be signed with, each time it is needed; `undefined`: the configuration asks for no signature. Throws UPDATE_REFUSED
 * where it wants no newer programs any more, so that a wish which went while one was fetched is not taken for one without a key.
 */
export function updateKey(
  selfUpdate: () => { readonly key?: string | undefined } | undefined,
): () => Promise<KeyObject | undefined> {
  return async () => {
    const wish = selfUpdate();
    if (wish === undefined)
      throw new SallyportError('UPDATE_REFUSED', 'the configuration wants no newer programs any more');
    return wish.key === undefined ? undefined : readUpdateKey(await localFiles(readFile(wish.key, 'utf8')));
  };
}
