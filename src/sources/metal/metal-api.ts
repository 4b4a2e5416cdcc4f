import { isMap, type RawMap } from '../../api/shape.ts';
import type { Clock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { Skew } from './metal-http.ts';

/** Prefixes of networks change seldom; they are asked for at this pace. */
export const NETWORKS_MS = 300_000;

/** One of the two metal-apis, about one firewall machine. */
export interface MetalApi {
  /**
   * What it says of the machine: `allocation` with `hostname`, `name`, `project`, `networks` (prefixes as they are now) and
   * `firewall_rules`, and nothing else. Throws `METAL_…`: `METAL_FIREWALL` where there is none, or several.
   */
  read(signal: AbortSignal): Promise<RawMap>;
  readonly skew: Skew;
  close(): Promise<void>;
}

/** Which machine is meant. */
export interface WantedMachine {
  readonly hostname: string;
  /** `''`: whichever it is in. */
  readonly project: string;
}

/** The allocation of an answer, if it is that of the machine; `undefined`: it is another one's by now. */
export function allocationOf(machine: unknown, { hostname, project }: WantedMachine): RawMap | undefined {
  const allocation = isMap(machine) ? machine['allocation'] : undefined;
  if (!isMap(allocation) || allocation['hostname'] !== hostname) return undefined;
  return project === '' || allocation['project'] === project ? allocation : undefined;
}

/** The one machine among those that were found. */
export function onlyOne(found: readonly unknown[], wanted: WantedMachine): RawMap {
  const own = found.filter((machine): machine is RawMap => allocationOf(machine, wanted) !== undefined);
  const [machine, second] = own;
  if (machine !== undefined && second === undefined) return machine;
  const where = wanted.project === '' ? '' : ` in project ${wanted.project}`;
  throw new SallyportError(
    'METAL_FIREWALL',
    machine === undefined
      ? `the metal-api has no firewall with the host name "${wanted.hostname}"${where}`
      : `the metal-api has ${own.length} firewalls with the host name "${wanted.hostname}"${where}`,
  );
}

/** Networks as they are now, each asked for once in a while; one that nobody knows any more stays as the allocation has it. */
export class NetworkPrefixes {
  readonly #ask: (id: string, signal: AbortSignal) => Promise<unknown>;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly at: number; readonly network: RawMap | undefined }>();

  /** `ask` throws `METAL_FAILED` with status 404 for a network that is not there. */
  constructor(clock: Clock, ask: (id: string, signal: AbortSignal) => Promise<unknown>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** The networks of an allocation; `key` names the member that holds their id. */
  async refreshed(networks: unknown, key: string, signal: AbortSignal): Promise<readonly unknown[]> {
    if (!Array.isArray(networks)) throw new SallyportError('METAL_FAILED', 'the allocation has no list of networks');
    const fresh: unknown[] = [];
    for (const network of networks as readonly unknown[]) {
      const id = isMap(network) ? network[key] : undefined;
      if (!isMap(network) || typeof id !== 'string') fresh.push(network);
      else {
        const now = await this.#network(id, signal);
        const list = (name: string): RawMap => (Array.isArray(now?.[name]) ? { [name]: now[name] } : {});
        fresh.push({ ...network, ...list('prefixes'), ...list('destinationprefixes'), ...list('destinationPrefixes') });
      }
    }
    return fresh;
  }

  async #network(id: string, signal: AbortSignal): Promise<RawMap | undefined> {
    const known = this.#known.get(id);
    const now = this.#clock.monotonic();
    if (known !== undefined && now - known.at < NETWORKS_MS) return known.network;
    let network: unknown;
    try {
      network = await this.#ask(id, signal);
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown;
    }
    const read = isMap(network) ? network : undefined;
    this.#known.set(id, { at: now, network: read });
    return read;
  }
}

/** Whether the API itself says that something is not there. */
export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof SallyportError && thrown.code === 'METAL_FAILED' && thrown.details['status'] === 404;
}
