import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import type { MemoryDevice } from '../src/firewalls/memory/device.ts';
import { MemoryDriver } from '../src/firewalls/memory/memory-driver.ts';
import { fateUnder } from '../src/plan/fate.ts';
import { machineTime } from './agent.ts';
import type { OpenProbe, Prober, ProbeOutcome, ProbeTarget } from './prober.ts';

const LOOK_MS = 2;

/** Asks the firewall in memory instead of sending: the same story where there are no namespaces. `seenAs`: what the border sees. */
export class MemoryProber implements Prober {
  readonly #driver: MemoryDriver;
  readonly #seenAs: (address: string) => string;
  readonly #closed = new AbortController();

  constructor(device: MemoryDevice, seenAs: (address: string) => string) {
    this.#driver = new MemoryDriver(device);
    this.#seenAs = seenAs;
  }

  async attempt(target: ProbeTarget): Promise<ProbeOutcome & { readonly startedAt: number }> {
    this.#closed.signal.throwIfAborted();
    // Two that ask by turns, each for longer than it pauses, would keep Node among its timers, and whoever is asked about would never come to change anything.
    await turn();
    const startedAt = machineTime();
    const { behaviour } = await this.#driver.observe(this.#closed.signal);
    const family = target.destination.includes(':') ? 6 : 4;
    const source = this.#seenAs(target.source);
    const fate = fateUnder(behaviour, {
      family,
      source,
      destination: target.destination,
      protocol: { tcp: 6, udp: 17, icmp: family === 4 ? 1 : 58 }[target.transport],
      ...(target.transport === 'icmp'
        ? { icmpType: family === 4 ? 8 : 128, icmpCode: 0 }
        : { destinationPort: target.port }),
    });
    return fate.passes
      ? { passed: true, seen: fate.from ?? source, startedAt }
      : { passed: false, why: 'the firewall in memory drops it', startedAt };
  }

  async open(target: ProbeTarget): Promise<OpenProbe> {
    let lastReply = machineTime();
    let ended: string | undefined;
    let closed = false;
    const talk = async (): Promise<void> => {
      while (!closed && ended === undefined) {
        const { passed, startedAt } = await this.attempt(target);
        if (passed) lastReply = startedAt;
        else ended = 'cut';
        await pause(LOOK_MS);
      }
    };
    const talking = talk().catch(() => undefined); // the lab is closing
    return {
      lastReply: () => lastReply,
      ended: () => ended,
      close: () => {
        closed = true;
        void talking;
      },
    };
  }

  async until(target: ProbeTarget, passed: boolean, timeoutMs: number): Promise<number | undefined> {
    const giveUp = machineTime() + timeoutMs;
    while (machineTime() < giveUp) {
      const outcome = await this.attempt(target);
      if (outcome.passed === passed) return outcome.startedAt;
      await pause(LOOK_MS);
    }
    return undefined;
  }

  close(): void {
    this.#closed.abort();
  }
}
