import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BorderFirewall, resourceKey } from '../src/api/resource.ts';
import { systemClock } from '../src/base/clock.ts';
import type { Log } from '../src/base/log.ts';
import { Controller } from '../src/controller/controller.ts';
import type { OpenDevice } from '../src/controller/devices/open-device.ts';
import { NftablesDriver } from '../src/firewalls/nftables/driver.ts';
import type { NftStep } from '../src/firewalls/nftables/change/steps.ts';
import { soleWriter } from '../src/firewalls/writer-lock.ts';
import type { Delivery, ResourceChange, Source } from '../src/sources/source.ts';
import { FIREWALL } from './world.ts';

/** Events come from the bench itself: nothing is read. */
export class HandSource implements Source {
  readonly name = 'bench';
  #deliver: ((delivery: Delivery) => void) | undefined;

  /** Returns at once; what follows is computed when it is its turn, with all that came meanwhile. */
  put(changes: readonly ResourceChange[]): void {
    this.#deliver?.({ changes, state: { kind: 'complete' }, diagnostics: [] });
  }

  run(deliver: (delivery: Delivery) => void, signal: AbortSignal): Promise<void> {
    this.#deliver = deliver;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }
}

/** Makes this namespace own what the bench's world translates to. */
export function ownTranslations(): void {
  for (const family of ['-4', '-6']) {
    const net = family === '-4' ? '192.0.2.0/24' : '2001:db8:ffff::/64';
    const { status, stderr } = spawnSync('ip', [family, 'route', 'add', 'blackhole', net], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }
}

/** `ms`: from being sent to being confirmed. */
type Committed = (addresses: ReadonlySet<string>, ms: number) => void;

/** Tells which addresses each transaction that the kernel has confirmed was about. */
class ObservedDriver extends NftablesDriver {
  readonly #committed: Committed;

  constructor(directory: string, log: Log, address: string, committed: Committed) {
    super({ address, log, directory });
    this.#committed = committed;
  }

  override async apply(step: NftStep, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    await super.apply(step, signal);
    const ms = performance.now() - began;
    if (step.does !== 'transaction') return;
    const addresses = new Set<string>();
    for (const operation of step.operations) {
      // A pod that comes joins the map of sources, one that goes joins `gone`; what is cleaned up later is no news to packets.
      if (operation.op === 'addEntries') for (const [key] of operation.entries) addresses.add(key);
      else if (operation.op === 'addElements') for (const element of operation.elements) addresses.add(element);
    }
    this.#committed(addresses, ms);
  }
}

/** A device that never answers: what is wanted of it is worked out, and nothing is done about it. */
class DeafDriver extends NftablesDriver {
  override observe(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    );
  }
}

/** The real controller on a real kernel, and when what it was told was in force. */
export class BorderRun {
  readonly controller: Controller;
  /** Milliseconds (`performance.now`) of the transaction that first had an address, since it was last asked for. */
  readonly committedAt = new Map<string, number>();
  /** What each transaction took from being sent to being confirmed by the kernel, in milliseconds. */
  readonly transactionsMs: number[] = [];
  /** By version: when it was read back. */
  readonly #confirmedAt = new Map<number, number>();
  /** By key of a resource: the version that its last change was taken into. Changes that come together are one version. */
  readonly #versionOf = new Map<string, number>();
  #taken = 0;
  readonly warnings: string[] = [];
  readonly #stop = new AbortController();
  readonly #directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  readonly #running: Promise<void>;

  readonly #isDeaf: boolean;

  /** `taken`: called whenever a delivery was computed. `isDeaf`: the kernel is left out. */
  constructor(source: Source, taken: (changes: Delivery['changes']) => void = () => undefined, isDeaf = false) {
    this.#isDeaf = isDeaf;
    const tell = (fields: object, message: string): void => void this.warnings.push(message + JSON.stringify(fields));
    const log: Log = {
      debug: () => undefined,
      info: (fields, message) => {
        if (!('version' in fields)) return;
        if (message === 'confirmed') this.#confirmedAt.set(Number(fields.version), performance.now());
        if (message === 'changes taken') this.#taken = Number(fields.version);
      },
      warn: tell,
      error: tell,
    };
    this.controller = new Controller({
      cluster: 'bench',
      source,
      open: (firewall) => this.#open(firewall, log),
      clock: systemClock,
      log,
      taken: (changes) => {
        taken(changes);
        for (const change of changes)
          this.#versionOf.set(change.kind === 'put' ? resourceKey(change.resource) : change.key, this.#taken);
      },
    });
    this.#running = this.controller.run(this.#stop.signal);
  }

  /** Milliseconds (`performance.now`) of the reading that confirmed the last change of a resource; `undefined`: none has. */
  confirmedAt(key: string): number | undefined {
    const version = this.#versionOf.get(key);
    return version === undefined ? undefined : this.#confirmedAt.get(version);
  }

  /** Resolves when the firewall holds what is wanted and its worker has nothing to do. */
  async settled(): Promise<void> {
    for (;;) {
      const worker = this.controller.station(FIREWALL)?.worker;
      if (worker === undefined || this.controller.isComputing) await new Promise((resolve) => setTimeout(resolve, 20));
      else {
        await worker.settled();
        const { conditions, confirmedVersion, desiredVersion } = worker.status();
        if (confirmedVersion !== undefined && confirmedVersion === desiredVersion) return;
        const stuck = conditions.find(({ type, status }) => status && (type === 'Stalled' || type === 'Waiting'));
        if (stuck !== undefined) throw new Error(`the border is ${stuck.type}: ${stuck.message}`);
        await nextTurn();
      }
    }
  }

  /** Takes the table away again, for the next one. */
  async close(): Promise<void> {
    if (!this.#isDeaf) await this.controller.station(FIREWALL)?.worker.leave();
    this.#stop.abort();
    await this.#running;
    await rm(this.#directory, { recursive: true, force: true });
  }

  #open({ address }: BorderFirewall, log: Log): OpenDevice {
    if (this.#isDeaf) {
      const deaf = new DeafDriver({ address, log, directory: this.#directory });
      return { driver: deaf, lock: soleWriter, close: () => deaf.close() };
    }
    const driver = new ObservedDriver(this.#directory, log, address, (addresses, ms) => {
      const now = performance.now();
      this.transactionsMs.push(ms);
      for (const each of addresses) if (!this.committedAt.has(each)) this.committedAt.set(each, now);
    });
    return { driver, lock: soleWriter, close: () => driver.close() };
  }
}
