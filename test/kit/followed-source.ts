/** A `KubernetesSource` on an API in memory, with what it has delivered; time moves by the test alone. */
import { vi } from 'vitest';
import { type Log, silentLog } from '../../src/base/log.ts';
import { KubernetesSource } from '../../src/sources/kubernetes/kubernetes-source.ts';
import { DeliveredState } from './delivered-state.ts';
import { FakeClock } from './fake-clock.ts';
import { MemoryApi, type MemoryObject } from './memory-api.ts';

export class FollowedSource {
  readonly api = new MemoryApi();
  readonly clock = new FakeClock();
  readonly seen = new DeliveredState();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  start(log: Log = silentLog): void {
    const { api, clock, seen } = this;
    const source = new KubernetesSource({ name: 'prod', api, clock, random: () => 0, log });
    this.#running = source.run((delivery) => seen.take(delivery), this.#stop.signal);
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

export const until = (done: () => boolean): Promise<boolean> => vi.waitUntil(done, { timeout: 10_000, interval: 1 });

export const pod = (name: string, fields: object = {}): MemoryObject => ({
  metadata: { namespace: 'shop', name },
  spec: { nodeName: 'n1' },
  status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] },
  ...fields,
});

export const policy = (name: string): MemoryObject => ({
  metadata: { namespace: 'shop', name, uid: `uid-of-${name}` },
  spec: { podSelector: {} },
});

export const namespace = (name: string): MemoryObject => ({ metadata: { name } });
