import { isMap, type RawMap } from '../../api/shape.ts';
import type { Clock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import { allocationOf, isNotFound, type MetalApi, NetworkPrefixes, onlyOne, type WantedMachine } from './metal-api.ts';
import { MetalHttp, type Skew } from './metal-http.ts';

export interface ConnectApiOptions {
  readonly url: string;
  /** It may be another one each time: tokens live for a year at most, and are replaced. */
  readonly token: () => Promise<string>;
  /** Its project is needed: methods are scoped to one. */
  readonly machine: WantedMachine;
  readonly clock: Clock;
}

/** metal-apiserver v2: the Connect protocol with JSON bodies and a bearer token (metal-stack reference, 13). */
export class ConnectApi implements MetalApi {
  readonly #options: ConnectApiOptions;
  readonly #http: MetalHttp;
  readonly #networks: NetworkPrefixes;
  #uuid: string | undefined;

  constructor(options: ConnectApiOptions) {
    this.#options = options;
    this.#http = new MetalHttp(options.url, options.clock);
    this.#networks = new NetworkPrefixes(options.clock, async (id, signal) => {
      const answer = await this.#call('NetworkService/Get', { id }, signal);
      return isMap(answer) ? answer['network'] : undefined;
    });
  }

  get skew(): Skew {
    return undefined;
  }

  async read(signal: AbortSignal): Promise<RawMap> {
    const { hostname, name, project, networks, firewallRules } = await this.#allocation(signal);
    return {
      allocation: {
        hostname,
        name,
        project,
        networks: await this.#networks.refreshed(networks, 'network', signal),
        firewall_rules: firewallRules ?? {},
      },
    };
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async #allocation(signal: AbortSignal): Promise<RawMap> {
    const { machine } = this.#options;
    if (this.#uuid !== undefined) {
      try {
        const answer = await this.#call('MachineService/Get', { uuid: this.#uuid }, signal);
        const found = allocationOf(isMap(answer) ? answer['machine'] : undefined, machine);
        if (found !== undefined) return found;
      } catch (thrown) {
        if (!isNotFound(thrown)) throw thrown;
      }
      this.#uuid = undefined;
    }
    const answer = await this.#call('MachineService/List', {}, signal);
    const machines = isMap(answer) ? (answer['machines'] ?? []) : undefined;
    if (!Array.isArray(machines)) throw new SallyportError('METAL_FAILED', 'the metal-api answers no list of machines');
    const found = onlyOne(machines, machine);
    if (typeof found['uuid'] === 'string') this.#uuid = found['uuid'];
    return allocationOf(found, machine) ?? {};
  }

  async #call(method: string, body: RawMap, signal: AbortSignal): Promise<unknown> {
    const { machine } = this.#options;
    const token = await this.#options.token();
    const headers = { authorization: `Bearer ${token}`, 'connect-protocol-version': '1' };
    const path = `/metalstack.api.v2.${method}`;
    const wanted = { ...body, project: machine.project };
    return this.#http.call({ method: 'POST', path, headers, body: wanted, secrets: [token] }, signal);
  }
}
