/** The controller of `sallyport run` on a real API server, in this process, so that its devices can be slow. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { clusterDuties } from '../../src/controller/cluster-duties.ts';
import { Controller } from '../../src/controller/controller.ts';
import { openDevice } from '../../src/controller/devices/devices.ts';
import { openGate } from '../../src/controller/gate-duty.ts';
import { Metrics } from '../../src/controller/metrics.ts';
import { EarlyDropBook } from '../../src/insight/early-drop-book.ts';
import { connectKubeconfig } from '../../src/kubernetes/kubeconfig.ts';
import { podsOf, serveReadiness } from '../../src/server/readiness.ts';
import { KubernetesSource } from '../../src/sources/kubernetes/kubernetes-source.ts';
import type { Delivery } from '../../src/sources/source.ts';
import type { ApiServer } from './apiserver.ts';
import { SlowDevices } from './slow-devices.ts';

const CLUSTER = 'live';

export class LiveController {
  readonly controller: Controller;
  readonly metrics: Metrics;
  readonly devices: SlowDevices;
  /** Warnings of its log: message and fields. */
  readonly warnings: readonly string[];
  /** Where `sallyport wait` asks, on loopback. */
  readonly port: number;
  readonly stateFolder: string;
  readonly #end: () => Promise<void>;

  /** Writes leases, statuses, events and the readiness gate of pods, as the admin. */
  static async start(server: ApiServer): Promise<LiveController> {
    const { client: api } = await connectKubeconfig({ path: server.kubeconfig, environment: {}, log: silentLog });
    const stateFolder = mkdtempSync(join(tmpdir(), 'sallyport-live-'));
    const warnings: string[] = [];
    const log: Log = {
      ...silentLog,
      warn: (fields, message) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
    };
    const metrics = new Metrics();
    const devices = new SlowDevices();
    const common = { clock: systemClock, log };
    const duties = clusterDuties({
      client: api,
      namespace: 'sallyport',
      cluster: CLUSTER,
      name: 'one',
      readiness: undefined,
      gate: true,
      metrics,
      ...common,
    });
    let taken: (changes: Delivery['changes']) => void = () => undefined;
    const controller = new Controller({
      cluster: CLUSTER,
      source: new KubernetesSource({ name: 'real', api, clock: systemClock }),
      open: (firewall, grant) =>
        devices.slowed(firewall.name, openDevice(firewall, { log, cluster: CLUSTER, stateFolder, by: 'test' }, grant)),
      taken: (changes) => taken(changes),
      metrics,
      early: new EarlyDropBook({ folder: stateFolder, ...common }),
      ...common,
      ...duties,
    });
    const gate = await openGate({
      controller,
      writers: duties.writers,
      api,
      account: undefined,
      environment: {},
      ...common,
    });
    taken = (changes) => gate.gate.taken(changes);
    const listening: Server = await serveReadiness({ host: '127.0.0.1', port: 0 }, podsOf(controller));
    const stop = new AbortController();
    const running = controller.run(stop.signal);
    const end = async (): Promise<void> => {
      stop.abort();
      await running;
      listening.closeAllConnections();
      listening.close();
      await gate.close();
      await api.close();
      rmSync(stateFolder, { recursive: true });
    };
    const { port } = listening.address() as AddressInfo;
    return new LiveController({ controller, metrics, devices, warnings, port, stateFolder, end });
  }

  private constructor(parts: {
    readonly controller: Controller;
    readonly metrics: Metrics;
    readonly devices: SlowDevices;
    readonly warnings: readonly string[];
    readonly port: number;
    readonly stateFolder: string;
    readonly end: () => Promise<void>;
  }) {
    ({ controller: this.controller, metrics: this.metrics, devices: this.devices } = parts);
    ({ warnings: this.warnings, port: this.port, stateFolder: this.stateFolder, end: this.#end } = parts);
  }

  /** The firewall was read back with all that is wanted of it. */
  isConfirmed(firewall: string): boolean {
    const status = this.controller.status().get(firewall);
    const isReady = status?.conditions.some(({ type, status: holds }) => type === 'Ready' && holds) ?? false;
    return isReady && status?.confirmedVersion === status?.desiredVersion;
  }

  async stop(): Promise<void> {
    await this.#end();
  }
}
