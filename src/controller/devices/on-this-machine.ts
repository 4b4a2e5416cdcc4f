import { background } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import { deadline } from '../../base/deadline.ts';
import { toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { driverKinds } from './drivers.ts';

/** Where a firewall is, as its BorderFirewall says. */
export interface DevicePlace {
  readonly name: string;
  readonly driver: string;
  readonly address: string;
}

/** Asks this machine whether firewalls of a place can be worked at; `undefined`: the place is not on the machine of whoever works at it. */
export type PlaceQuestion = (place: DevicePlace) => ((signal: AbortSignal) => Promise<void>) | undefined;

export interface OnThisMachineOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Default: as the driver says. */
  readonly question?: PlaceQuestion;
}

/** A program is installed, or a right given, without our being told. */
const ASK_AGAIN_MS = 30_000;
const ANSWER_MS = 10_000;

interface Asked {
  may: boolean;
  /** Why not, as it was said last. */
  told: string;
  readonly end: () => void;
}

/**
 * Which firewalls this process cannot work at where it runs. Whoever was seen to be able once stays able: what goes wrong later is told by
 * whoever works at the firewall, and nobody else would be nearer to it.
 */
export class OnThisMachine {
  readonly #options: OnThisMachineOptions;
  readonly #question: PlaceQuestion;
  readonly #asked = new Map<string, Asked>();
  #changed = (): void => {};

  constructor(options: OnThisMachineOptions) {
    this.#options = options;
    this.#question = options.question ?? ((place) => driverKinds.get(place.driver)?.here?.(place.address));
  }

  /** `changed`: `cannot` gives another answer now. */
  start(changed: () => void): void {
    this.#changed = changed;
  }

  /** Of all firewalls that there are, those that cannot be worked at from here, or of which nobody knows yet. */
  cannot(firewalls: Iterable<DevicePlace>): ReadonlySet<string> {
    const names = new Set<string>();
    const places = new Set<string>();
    for (const firewall of firewalls) {
      const ask = this.#question(firewall);
      if (ask === undefined) continue;
      const place = `${firewall.driver} ${firewall.address}`;
      places.add(place);
      const asked = this.#asked.get(place) ?? this.#ask(place, firewall.address, ask);
      if (!asked.may) names.add(firewall.name);
    }
    for (const [place, { end }] of this.#asked)
      if (!places.has(place)) {
        this.#asked.delete(place);
        end();
      }
    return names;
  }

  stop(): void {
    for (const { end } of this.#asked.values()) end();
    this.#asked.clear();
  }

  #ask(place: string, address: string, question: (signal: AbortSignal) => Promise<void>): Asked {
    const { clock, log } = this.#options;
    const stop = new AbortController();
    let cancel = (): void => {};
    const end = (): void => {
      stop.abort();
      cancel();
    };
    const asked: Asked = { may: false, told: '', end };
    const ask = async (): Promise<void> => {
      try {
        using limit = deadline(stop.signal, ANSWER_MS, 'DEVICE_UNREACHABLE');
        await question(limit.signal);
        asked.may = true;
        this.#changed();
      } catch (thrown) {
        if (stop.signal.aborted) return;
        const { code, message } = toSallyportError(thrown);
        if (asked.told !== message)
          log.info({ address, code, error: message }, 'this copy leaves firewalls on its own machine to other copies');
        asked.told = message;
        cancel = clock.after(ASK_AGAIN_MS, () => background('asking this machine', ask(), log));
      }
    };
    this.#asked.set(place, asked);
    background('asking this machine', ask(), log);
    return asked;
  }
}
