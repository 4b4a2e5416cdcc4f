import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { FortiGate, modelOf } from '../simulators/fortigate/index.ts';
import { PanOs } from '../simulators/panos/index.ts';
import { cpuSeconds } from './figure.ts';

/** What is simulated: so many devices of one kind. */
export interface Simulation {
  readonly vendor: 'fortigate' | 'panos';
  readonly version: string;
  readonly count: number;
  /** So long every answer takes, in milliseconds. */
  readonly latencyMs: number;
}

/** How a device is reached, and what lets us in. */
export interface Reached {
  readonly url: string;
  readonly fingerprint: string;
  readonly credentials: Readonly<Record<string, string>>;
}

/** Of all devices together, since they were started. */
export interface Counts {
  readonly requests: number;
  /** Requests that change something, those that begin and end transactions among them. */
  readonly writes: number;
  readonly commits: number;
  /** Entries of address objects. */
  readonly objects: number;
  /** Seconds of CPU of the devices' own process. */
  readonly cpu: number;
}

interface Device extends AsyncDisposable {
  readonly reached: Reached;
  counts(): Omit<Counts, 'cpu'>;
}

/** Devices in a process of their own, so that what they cost is not ours. */
export class SimulatedDevices implements AsyncDisposable {
  readonly reached: readonly Reached[];
  readonly #child: ChildProcess;

  static async start(simulation: Simulation): Promise<SimulatedDevices> {
    const child = fork(import.meta.filename, ['--simulate', JSON.stringify(simulation)]);
    const [reached] = (await once(child, 'message')) as [readonly Reached[]];
    return new SimulatedDevices(child, reached);
  }

  private constructor(child: ChildProcess, reached: readonly Reached[]) {
    this.#child = child;
    this.reached = reached;
  }

  async counts(): Promise<Counts> {
    const answered = once(this.#child, 'message') as Promise<[Counts]>;
    this.#child.send('counts');
    return (await answered)[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }
}

async function fortigate({ version, latencyMs }: Simulation): Promise<Device> {
  const vm = modelOf('vm');
  const roomy = Object.fromEntries(Object.keys(vm.limits).map((resource) => [resource, 100_000]));
  const device = await FortiGate.start({ version, latencyMs, model: { ...vm, limits: roomy as typeof vm.limits } });
  let requests = 0;
  let writes = 0;
  return {
    reached: { url: device.url, fingerprint: device.fingerprint ?? '', credentials: { token: device.token } },
    // Transactions end with a commit of their own, which publishes nothing of others and takes no time: none is counted here.
    counts() {
      const served = device.served.splice(0);
      requests += served.length;
      writes += served.filter(({ method }) => method !== 'GET').length;
      return { requests, writes, commits: 0, objects: device.hand.keys('firewall/address').length };
    },
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  };
}

async function panos({ version, latencyMs }: Simulation): Promise<Device> {
  const device = await PanOs.start({
    version,
    latencyMs,
    zones: ['inside', 'outside'],
    commitMs: 5_000,
    capacity: { 'max-registered-ip-address': 100_000 },
  });
  let requests = 0;
  let writes = 0;
  let commits = 0;
  return {
    reached: {
      url: device.url,
      fingerprint: device.fingerprint ?? '',
      credentials: { user: 'admin', password: 'admin' },
    },
    counts() {
      for (const { parameters } of device.served.splice(0)) {
        requests++;
        const { type, action } = parameters;
        if (type === 'user-id' || (type === 'config' && action !== 'get' && action !== 'show')) writes++;
        if (type === 'commit') commits++;
      }
      return { requests, writes, commits, objects: 0 };
    },
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  };
}

async function simulate(simulation: Simulation): Promise<void> {
  const start = simulation.vendor === 'fortigate' ? fortigate : panos;
  const devices = await Promise.all(Array.from({ length: simulation.count }, () => start(simulation)));
  process.on('message', () => {
    const all = devices.map((device) => device.counts());
    const sum = (pick: (one: Omit<Counts, 'cpu'>) => number): number =>
      all.reduce((total, one) => total + pick(one), 0);
    const counts: Counts = {
      requests: sum(({ requests }) => requests),
      writes: sum(({ writes }) => writes),
      commits: sum(({ commits }) => commits),
      objects: sum(({ objects }) => objects),
      cpu: cpuSeconds(),
    };
    process.send?.(counts);
  });
  process.send?.(devices.map(({ reached }) => reached));
}

const [, asked] = process.argv.slice(process.argv.indexOf('--simulate'));
if (process.argv.includes('--simulate') && asked !== undefined) await simulate(JSON.parse(asked) as Simulation);
