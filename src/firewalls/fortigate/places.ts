import { type Truth, allOf, anyOf, doubt, isDoubt } from '../passage/truth.ts';
import { type ToldRow, toldNames, toldText } from './told.ts';

const ANY = 'any';

/** An interface or a zone by which a flow comes or goes; `undefined`: nobody says by which. */
export type Place = string | undefined;

/** The places of `options.zones`: a flow comes by one of them. */
export function placesOf(names: readonly string[] | undefined): readonly Place[] {
  return names === undefined || names.includes(ANY) ? [undefined] : names;
}

/** Interfaces and zones of the device; a text says why they could not be read. */
export class Places {
  /** Zones that let flows between their own interfaces pass, with no policy at all. */
  readonly #open: ReadonlySet<string>;
  readonly #interfaces: ReadonlySet<string> | string;
  readonly #zones: ReadonlyMap<string, ReadonlySet<string>> | string;

  constructor(interfaces: readonly ToldRow[] | string, zones: readonly ToldRow[] | string) {
    this.#interfaces =
      typeof interfaces === 'string' ? interfaces : new Set(interfaces.map((row) => toldText(row, 'name')));
    this.#zones =
      typeof zones === 'string'
        ? zones
        : new Map(
            zones.map(
              (row) => [toldText(row, 'name'), new Set(toldNames(row, 'interface', 'interface-name'))] as const,
            ),
          );
    const open = typeof zones === 'string' ? [] : zones.filter((row) => toldText(row, 'intrazone') === 'allow');
    this.#open = new Set(open.map((row) => toldText(row, 'name')));
  }

  /** A zone in which a flow by these may stay, and that decides about it by itself. */
  zoneOfBoth(from: Place, to: Place): string | undefined {
    if (typeof this.#zones === 'string') return undefined;
    for (const [zone, held] of this.#zones)
      if (this.#open.has(zone) && [from, to].every((one) => one === undefined || one === zone || held.has(one)))
        return zone;
    return undefined;
  }

  /** Whether a policy with these interfaces is for what comes (or goes) by this place. */
  hold(names: readonly string[], place: Place): Truth {
    return anyOf(names.map((name) => () => this.#isFor(name, place)));
  }

  #isFor(name: string, place: Place): Truth {
    if (name === ANY || name === place) return true;
    if (place === undefined) return doubt(`it is for the interface ${name}, and \`options.zones\` says no interface`);
    const both = allOf([() => this.#isKnown(name), () => this.#isKnown(place)]);
    if (isDoubt(both) || typeof this.#zones === 'string') return both;
    if (this.#zones.get(name)?.has(place) === true) return true;
    return this.#zones.get(place)?.has(name) === true ? doubt(`it is for ${name}, a part of ${place}`) : false;
  }

  /** What is neither an interface nor a zone may hold any of them. */
  #isKnown(name: string): Truth {
    for (const known of [this.#interfaces, this.#zones])
      if (typeof known === 'string') return doubt(`whether ${name} is another interface is not known: ${known}`);
    const isThere = [this.#interfaces, this.#zones].some((known) => typeof known !== 'string' && known.has(name));
    return isThere ? true : doubt(`what ${name} is (no interface and no zone) is not known`);
  }
}
