import { createHmac, randomInt } from 'node:crypto';
import type { RawMap } from '../../api/shape.ts';
import type { Clock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import { allocationOf, isNotFound, type MetalApi, NetworkPrefixes, onlyOne, type WantedMachine } from './metal-api.ts';
import { MetalHttp, type MetalRequest, type Skew } from './metal-http.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SALT_LENGTH = 24;

export interface RestApiOptions {
  /** With its base path: `https://host/metal`. */
  readonly url: string;
  /** `Metal-View`, `Metal-Edit`, `Metal-Admin`. */
  readonly user: string;
  readonly secret: () => Promise<string>;
  readonly machine: WantedMachine;
  readonly clock: Clock;
}

/** metal-api v1: REST, each request signed anew (metal-stack reference, 12). */
export class RestApi implements MetalApi {
  readonly #options: RestApiOptions;
  readonly #http: MetalHttp;
  readonly #networks: NetworkPrefixes;
  /** Of the machine, once it was found. */
  #id: string | undefined;

  constructor(options: RestApiOptions) {
    this.#options = options;
    this.#http = new MetalHttp(options.url, options.clock);
    this.#networks = new NetworkPrefixes(options.clock, (id, signal) =>
      this.#call({ method: 'GET', path: `/v1/network/${encodeURIComponent(id)}` }, signal),
    );
  }

  get skew(): Skew {
    return this.#http.skew;
  }

  async read(signal: AbortSignal): Promise<RawMap> {
    const { hostname, name, project, networks, firewall_rules } = await this.#allocation(signal);
    return {
      allocation: {
        hostname,
        name,
        project,
        networks: await this.#networks.refreshed(networks, 'networkid', signal),
        firewall_rules: firewall_rules ?? {},
      },
    };
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async #allocation(signal: AbortSignal): Promise<RawMap> {
    const { machine } = this.#options;
    if (this.#id !== undefined) {
      try {
        const path = `/v1/firewall/${encodeURIComponent(this.#id)}`;
        const found = allocationOf(await this.#call({ method: 'GET', path }, signal), machine);
        if (found !== undefined) return found;
      } catch (thrown) {
        if (!isNotFound(thrown)) throw thrown;
      }
      // It was freed, or belongs to somebody else now.
      this.#id = undefined;
    }
    const { hostname, project } = machine;
    const body = { allocation_hostname: hostname, ...(project === '' ? {} : { allocation_project: project }) };
    const answer = await this.#call({ method: 'POST', path: '/v1/firewall/find', body }, signal);
    if (!Array.isArray(answer)) throw new SallyportError('METAL_FAILED', 'the metal-api answers no list of firewalls');
    const found = onlyOne(answer, machine);
    if (typeof found['id'] === 'string') this.#id = found['id'];
    return allocationOf(found, machine) ?? {};
  }

  async #call(request: Omit<MetalRequest, 'headers' | 'secrets'>, signal: AbortSignal): Promise<unknown> {
    const { user, clock } = this.#options;
    const secret = await this.#options.secret();
    const headers = signatureOf(request.method, user, secret, clock.wall());
    return this.#http.call({ ...request, headers, secrets: [secret, ...Object.values(headers)] }, signal);
  }
}

/** The three headers of a signature; a new salt each time, and the body is no part of it. `wall`: in milliseconds. */
export function signatureOf(
  method: string,
  user: string,
  secret: string,
  wall: number,
): Readonly<Record<string, string>> {
  const date = new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');
  const salt = Array.from({ length: SALT_LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  const hex = createHmac('sha256', secret).update(`${date}${method.toUpperCase()}${salt}`).digest('hex');
  return { 'x-date': date, 'x-data-salt': salt, authorization: `${user} ${hex}` };
}
