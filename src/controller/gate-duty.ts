import { isIP } from 'node:net';
import { BORDER_GATE } from '../api/pod.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { formatAddress } from '../ip/address.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import { connectInCluster } from '../kubernetes/in-cluster.ts';
import type { Controller } from './controller.ts';
import { Gate } from './readiness/gate.ts';
import type { Writers } from './devices/writers.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface GateDutyOptions {
  readonly controller: Pick<Controller, 'world' | 'readiness'>;
  readonly writers: Pick<Writers, 'grant'>;
  /** Whoever reads the source. */
  readonly api: ApiClient;
  /** Folder of the service account that writes; absent: whoever reads the source. */
  readonly account: string | undefined;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly log: Log;
}

/** The gate of a controller in a cluster: what it writes counts only while all ways are known, and this copy is the one that writes. */
export async function openGate({ controller, writers, account, environment, clock, log, ...given }: GateDutyOptions) {
  const own = account === undefined ? undefined : await connectInCluster({ environment, folder: account, clock });
  const { world, readiness } = controller;
  const gate = new Gate({
    api: own?.client ?? given.api,
    standing: (endpoint, signal) => readiness.standingEverywhere(endpoint, signal),
    addressesOf: (endpoint) => (world.engine.endpoints.get(endpoint)?.addresses ?? []).map(formatAddress),
    mayWrite: () => world.knowsWays && writers.grant(BORDER_GATE)?.lock.held() === true,
    clock,
    log,
  });
  const close = async (): Promise<void> => {
    await gate.stop();
    await own?.client.close();
  };
  return { gate, close };
}

/** Where other copies reach what listens here; `undefined`: this process does not know its own address. */
export function reachedAt(
  listen: { readonly host: string; readonly port: number } | undefined,
  environment: Environment,
): string | undefined {
  if (listen === undefined) return undefined;
  const isAny = listen.host === '0.0.0.0' || listen.host === '::';
  const host = isAny ? (environment['POD_IP'] ?? '') : listen.host;
  if (isAny && isIP(host) === 0) return undefined;
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${listen.port}`;
}
