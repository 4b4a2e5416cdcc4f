import { SallyportError, toSallyportError } from '../../../base/error.ts';
import { type PanosApi, command } from '../api/api.ts';
import type { PanosDevice } from './device.ts';
import { child, textAt } from '../api/xml.ts';

/** One firewall, alone or of a pair. */
export interface Unit {
  /** For people: its address. */
  readonly title: string;
  readonly api: PanosApi;
  readonly device: PanosDevice;
}

/** Who forwards traffic, and who would take over. */
export interface Roles {
  readonly active: Unit;
  /** The other one of a pair; absent: there is none, or it does not answer. */
  readonly standby: Unit | undefined;
  /** What is wrong with the pair, for people. */
  readonly notes: readonly string[];
}

type State = 'alone' | 'active' | 'standby';

/**
 * A firewall or a pair of two. Configuration is written to the active one, which hands it on; registered addresses to each, for
 * whether pairs share them is not known. Who is active is asked each time: a pair may have failed over between any two requests.
 */
export class Pair {
  readonly #units: readonly [Unit] | readonly [Unit, Unit];

  constructor(units: readonly [Unit] | readonly [Unit, Unit]) {
    this.#units = units;
  }

  /** Rejects with `DEVICE_BUSY` where nobody or everybody is active: then nothing may be written. */
  async roles(signal: AbortSignal): Promise<Roles> {
    const answers = await Promise.allSettled(this.#units.map(({ api }) => readState(api, signal)));
    const told = this.#units.map((unit, at) => ({ unit, answer: answers[at] }));
    const inState = (state: State): readonly Unit[] =>
      told.flatMap(({ unit, answer }) =>
        answer?.status === 'fulfilled' && answer.value.state === state ? [unit] : [],
      );
    const silent = told.flatMap(({ unit, answer }) =>
      answer?.status === 'rejected' ? [{ unit, error: answer.reason as unknown }] : [],
    );
    const active = [...inState('active'), ...inState('alone')];
    const [first, ...others] = active;
    if (first === undefined) {
      if (silent[0] !== undefined) throw silent[0].error;
      throw new SallyportError(
        'DEVICE_BUSY',
        `${this.#titles()}: none is active; name both firewalls of a pair (spec.options.peer)`,
      );
    }
    if (others.length > 0)
      throw new SallyportError('DEVICE_BUSY', `${this.#titles()}: both are active, and write to neither is safe`);
    const [standby] = inState('standby');
    const unsynchronised = told.some(
      ({ unit, answer }) => unit === first && answer?.status === 'fulfilled' && !answer.value.synchronised,
    );
    return {
      active: first,
      standby,
      notes: [
        ...silent.map(
          ({ unit, error }) => `${unit.title} of the pair does not answer: ${toSallyportError(error).message}`,
        ),
        ...(unsynchronised ? ['the pair says that its configurations are not synchronised'] : []),
      ],
    };
  }

  /** By its title. */
  unit(title: string): Unit {
    const found = this.#units.find((one) => one.title === title);
    if (found !== undefined) return found;
    throw new SallyportError('DEVICE_CHANGED', `${title} is none of ${this.#titles()}`);
  }

  get units(): readonly Unit[] {
    return this.#units;
  }

  /** The one that is named first, whoever is active. */
  get first(): Unit {
    return this.#units[0];
  }

  #titles(): string {
    return this.#units.map(({ title }) => title).join(', ');
  }
}

/** A device without high availability is alone; every state but `active` is standing by, whatever the release calls it. */
async function readState(
  api: PanosApi,
  signal: AbortSignal,
): Promise<{ readonly state: State; readonly synchronised: boolean }> {
  const result = await api.op(command(['show', 'high-availability', 'state']), signal);
  if (textAt(result, 'enabled') !== 'yes') return { state: 'alone', synchronised: true };
  const group = child(result, 'group');
  const sync = textAt(group, 'running-sync');
  return {
    state: textAt(group, 'local-info', 'state')?.startsWith('active') ? 'active' : 'standby',
    synchronised: sync === undefined || sync === 'synchronized' || textAt(group, 'running-sync-enabled') === 'no',
  };
}
