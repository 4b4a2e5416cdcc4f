import { allEnded } from '../../../base/all-ended.ts';
import { SallyportError, toSallyportError } from '../../../base/error.ts';
import type { Connections, OpenConnection } from '../../connections.ts';
import type { PanosApi } from '../api/api.ts';
import { SEVERAL_VSYS } from '../entries/dialect.ts';
import { readIdentity } from '../api/identity.ts';
import type { ManagedFirewall } from './managed.ts';
import { Sessions, type SessionsOptions } from '../flows/sessions.ts';

/** Firewalls that are named before the rest is counted. */
const NAMED = 5;

export interface ManagedSessionsOptions extends Omit<SessionsOptions, 'api' | 'where'> {
  readonly api: PanosApi;
  /** The firewalls that the device group reaches, as they were read last. */
  readonly present: () => readonly ManagedFirewall[];
}

interface Known {
  readonly sessions: Sessions;
  /** `undefined`: it has not told yet. */
  hasSeveralVsys: boolean | undefined;
}

/**
 * Sessions of all firewalls that a device group reaches. Panorama hands operational commands on to one of them by its serial (reference 1.1), and each has
 * to prove by itself what it does (decision 16).
 */
export class ManagedSessions implements Connections {
  readonly #options: ManagedSessionsOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: ManagedSessionsOptions) {
    this.#options = options;
  }

  /** Why connections that a change no longer allows go on at some firewalls; `undefined`: nothing is known that stands in the way. */
  get refusal(): string | undefined {
    const titles = new Map<string, string[]>();
    for (const { serial, title } of this.#options.present()) {
      const known = this.#known.get(serial);
      const why = known?.hasSeveralVsys === true ? SEVERAL_VSYS : known?.sessions.refusal;
      if (why !== undefined) titles.set(why, [...(titles.get(why) ?? []), title]);
    }
    if (titles.size === 0) return undefined;
    return [...titles].map(([why, all]) => `${listed(all)}: ${why}`).join('; ');
  }

  /** Asks each firewall that is connected what it is, and whether it shows sessions at all. Never rejects: nothing else depends on it. */
  async probe(signal: AbortSignal): Promise<void> {
    const connected = this.#options.present().filter((one) => one.connected);
    await Promise.all(
      connected.map(async ({ serial }) => {
        const known = this.#knownOf(serial);
        known.hasSeveralVsys = undefined;
        if (await this.#isPlain(serial, signal).catch(() => false)) await known.sessions.probe(signal);
      }),
    );
  }

  async opened(sender: string, signal: AbortSignal): Promise<readonly OpenConnection[]> {
    const all = await allEnded(this.#options.present().map((one) => this.#openedAt(one, sender, signal)));
    return all.flat();
  }

  async end(connection: OpenConnection, signal: AbortSignal, mayGoOn: () => void): Promise<void> {
    const { serial, id } = placeOf(connection);
    await this.#at(serial, ({ sessions }) => sessions.end({ ...connection, id }, signal, mayGoOn));
  }

  /** At those firewalls alone that have just shown what `open` says: the others have proved nothing. */
  async endAll(
    sender: string,
    open: readonly OpenConnection[],
    signal: AbortSignal,
    mayGoOn: () => void,
  ): Promise<void> {
    for (const serial of new Set(open.map((one) => placeOf(one).serial)))
      await this.#at(serial, ({ sessions }) => sessions.endAll(sender, open, signal, mayGoOn));
  }

  async #openedAt(
    { serial, title, connected }: ManagedFirewall,
    sender: string,
    signal: AbortSignal,
  ): Promise<readonly OpenConnection[]> {
    // It is asked when it is back.
    if (!connected) throw new SallyportError('DEVICE_UNREACHABLE', `${title} is not connected to Panorama`);
    return await this.#at(serial, async ({ sessions }) => {
      if (!(await this.#isPlain(serial, signal))) return [];
      const open = await sessions.opened(sender, signal);
      return open.map((one) => ({ ...one, id: `${serial} ${one.id}` }));
    });
  }

  /** Whether an address is the same sender everywhere on it. */
  async #isPlain(serial: string, signal: AbortSignal): Promise<boolean> {
    const known = this.#knownOf(serial);
    known.hasSeveralVsys ??= (await readIdentity(this.#options.api, signal, { target: serial })).hasSeveralVsys;
    return !known.hasSeveralVsys;
  }

  async #at<T>(serial: string, ask: (known: Known) => Promise<T>): Promise<T> {
    try {
      return await ask(this.#knownOf(serial));
    } catch (thrown) {
      const { code, message, details } = toSallyportError(thrown);
      const title = this.#options.present().find((one) => one.serial === serial)?.title ?? serial;
      throw new SallyportError(code, `${title}: ${message}`, details, thrown);
    }
  }

  #knownOf(serial: string): Known {
    const known = this.#known.get(serial);
    if (known !== undefined) return known;
    const { api, zones, lock } = this.#options;
    const sessions = new Sessions({ api: () => api, zones, lock, where: { target: serial } });
    const made = { sessions, hasSeveralVsys: undefined };
    this.#known.set(serial, made);
    return made;
  }
}

/** Sessions of several firewalls may have one number. */
function placeOf({ id }: OpenConnection): { readonly serial: string; readonly id: string } {
  const [serial = '', own = ''] = id.split(' ');
  return { serial, id: own };
}

function listed(titles: readonly string[]): string {
  const named = titles.slice(0, NAMED).join(', ');
  return titles.length > NAMED ? `${named} and ${titles.length - NAMED} more` : named;
}
