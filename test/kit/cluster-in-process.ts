import { silentLog } from '../../src/base/log.ts';
import { clusterDuties } from '../../src/controller/cluster-duties.ts';
import { Controller } from '../../src/controller/controller.ts';
import { Metrics } from '../../src/controller/metrics.ts';
import { deviceMistakes } from '../../src/controller/devices/device-mistakes.ts';
import { countingOf } from '../../src/controller/configuration/sources.ts';
import type { MemoryDevice } from '../../src/firewalls/memory/device.ts';
import { MemoryDriver } from '../../src/firewalls/memory/memory-driver.ts';
import { soleWriter } from '../../src/firewalls/writer-lock.ts';
import { GivenCredentials } from '../../src/kubernetes/given-credentials.ts';
import type { ApiClient, ApiRequest } from '../../src/kubernetes/api-client.ts';
import { HttpApiClient } from '../../src/kubernetes/http-api-client.ts';
import { KubernetesSource } from '../../src/sources/kubernetes/kubernetes-source.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';
import { FakeApiServer, type FakeApiServerOptions, type Given } from './fake-apiserver/server.ts';
import type { FakeClock } from './fake-clock.ts';

const CRDS = join(import.meta.dirname, '../../deploy/crds');
const OURS = 'sallyport.dev/v1alpha1';
const UNGUARDED = { percent: 100, atLeast: 1_000_000, percentPerHour: 100 };
const EVERYWHERE = { selector: "app == 'pay'", namespaceSelector: 'all()' };

/** A running pod that may reach the bank. */
export const payPod = (name: string, ip: string): Given => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name, labels: { app: 'pay' } },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'x' }] },
  status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
});

/** What `sallyport run` is made of, on a fake API server with our kinds: a firewall `edge` in memory, and time that a test moves. */
export class ClusterInProcess {
  readonly api: FakeApiServer;
  readonly device: MemoryDevice;
  readonly controller: Controller;
  readonly #clock: FakeClock;
  readonly #client: HttpApiClient;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #underWay = 0;
  /** Events that the source was told of, and lists that it read again. */
  readonly told = { events: 0, lists: 0 };

  static async start(
    clock: FakeClock,
    device: MemoryDevice,
    pods: readonly Given[],
    options: FakeApiServerOptions = {},
  ): Promise<ClusterInProcess> {
    const api = await FakeApiServer.start({ clock, streamingLists: false, ...options });
    for (const file of readdirSync(CRDS)) api.put(parse(readFileSync(join(CRDS, file), 'utf8')) as Given);
    for (const name of ['shop', 'sallyport', 'default'])
      api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    api.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
    api.put({
      apiVersion: OURS,
      kind: 'BorderFirewall',
      metadata: { name: 'edge' },
      spec: {
        driver: 'nftables',
        address: 'netns:edge',
        mode: 'Enforce',
        workloads: {},
        sees: 'Pod',
        networks: ['10.1.0.0/16'],
        guard: { removals: UNGUARDED, gains: UNGUARDED },
      },
    });
    api.put({ apiVersion: OURS, kind: 'AddressGroup', metadata: { name: 'payers' }, spec: EVERYWHERE });
    const egress = [{ action: 'Allow', protocol: 'TCP', nets: ['203.0.113.0/24'], ports: [443] }];
    api.put({
      apiVersion: OURS,
      kind: 'ClusterBorderPolicy',
      metadata: { name: 'bank' },
      spec: { ...EVERYWHERE, egress },
    });
    for (const pod of pods) api.put(pod);
    return new ClusterInProcess(api, clock, device);
  }

  private constructor(api: FakeApiServer, clock: FakeClock, device: MemoryDevice) {
    this.api = api;
    this.device = device;
    this.#clock = clock;
    const server = { title: 'fake', url: new URL(api.url), isInsecure: false };
    this.#client = new HttpApiClient(server, new GivenCredentials({}, clock), clock);
    const client = this.#counted();
    const log = silentLog;
    const metrics = new Metrics();
    const counting = countingOf('cluster', metrics);
    const duties = clusterDuties({
      client,
      namespace: 'sallyport',
      cluster: 'one',
      name: 'a',
      readiness: undefined,
      gate: false,
      clock,
      log,
      metrics,
    });
    this.controller = new Controller({
      cluster: 'one',
      source: new KubernetesSource({
        name: 'cluster',
        api: client,
        clock,
        log,
        random: () => 0.5,
        events: {
          ...counting,
          events: (kind, count) => {
            this.told.events += count;
            counting.events?.(kind, count);
          },
          relist: (kind, reason) => {
            this.told.lists += 1;
            counting.relist?.(kind, reason);
          },
        },
      }),
      open: (_, grant) => ({
        driver: new MemoryDriver(device),
        lock: grant?.lock ?? soleWriter,
        close: () => Promise.resolve(),
      }),
      mistakes: deviceMistakes,
      clock,
      log,
      metrics,
      ...duties,
    });
    this.#running = this.controller.run(this.#stop.signal);
  }

  /** Lets time go by in steps; requests are answered within the moment in which they are made. */
  async pass(ms: number, step = 1_000): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.#clock.advance(Math.min(step, left));
      await this.#quiet();
    }
  }

  async #quiet(): Promise<void> {
    do await pause(2);
    while (this.#underWay > 0);
  }

  /** The client, but what is under way, other than watches, is counted. */
  #counted(): ApiClient {
    const client = this.#client;
    const counting = async <T>(work: Promise<T>): Promise<T> => {
      this.#underWay += 1;
      try {
        return await work;
      } finally {
        this.#underWay -= 1;
      }
    };
    const whole = async function* (
      this: ClusterInProcess,
      chunks: AsyncIterable<Uint8Array>,
    ): AsyncGenerator<Uint8Array> {
      this.#underWay += 1;
      try {
        yield* chunks;
      } finally {
        this.#underWay -= 1;
      }
    }.bind(this);
    return {
      title: client.title,
      call: (request: ApiRequest, signal) => counting(client.call(request, signal)),
      open: async (request, signal, silenceMs) => {
        const stream = await counting(client.open(request, signal, silenceMs));
        return request.query?.['watch'] === 'true' ? stream : { ...stream, chunks: whole(stream.chunks) };
      },
      close: () => client.close(),
    };
  }

  /** Lets time go by until it holds, an hour at most. */
  async until(holds: () => boolean, step = 500): Promise<void> {
    for (let passed = 0; !holds(); passed += step) {
      if (passed > 3_600_000) throw new Error(`it never came to that; the device holds ${this.held().join()}`);
      await this.pass(step, step);
    }
  }

  /** Addresses of pods that the device holds, sorted. */
  held(): readonly string[] {
    return [...new Set(this.device.dump().match(/\b10\.1\.\d+\.\d+\b(?!\/)/g))].toSorted();
  }

  /** `type reason` of the conditions of the firewall that hold. */
  conditions(): readonly string[] {
    const edge = this.api.get({ apiVersion: OURS, kind: 'BorderFirewall', metadata: { name: 'edge' } });
    const { conditions = [] } = (edge?.['status'] ?? {}) as {
      readonly conditions?: readonly Record<'type' | 'status' | 'reason', string>[];
    };
    return conditions.filter(({ status }) => status === 'True').map(({ type, reason }) => `${type} ${reason}`);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    let ended = false;
    const running = this.#running.then(() => (ended = true));
    while (!ended) await this.pass(1_000);
    await running;
    await this.#client.close();
    await this.api.stop();
  }
}
