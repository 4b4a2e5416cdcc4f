import { setImmediate } from 'node:timers/promises';
import { formatAddress } from '../../ip/address.ts';
import { conntrackError } from './error-classes.ts';
import { nameFlow, readTrackedFlow, type TrackedFlow } from './conntrack-lines.ts';
import { DEAD_MARK } from './model.ts';
import type { Transport } from './transport.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;
/** Rounds in which connections that conntrack failed to change are tried again. */
const MOST_ROUNDS = 8;
/** Lines read before others get their turn. */
const LINES_AT_ONCE = 5_000;
const MARK = `0x${DEAD_MARK.toString(16)}/0x${DEAD_MARK.toString(16)}`;

/** The connections that the kernel of a device tracks. */
export class Conntrack {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Connections opened by these senders (canonical addresses), or by anybody. */
  async flows(senders: ReadonlySet<string> | 'all', signal: AbortSignal): Promise<readonly TrackedFlow[]> {
    const [sender, ...others] = senders === 'all' ? [] : senders;
    if (sender !== undefined && others.length === 0)
      return this.#list(['-f', familyOption(sender), '--orig-src', sender], signal);
    // Asking for one sender costs the kernel as much as asking for all.
    const families = senders === 'all' ? FAMILIES : new Set([...senders].map(familyOption));
    const all = (await Promise.all([...families].map((family) => this.#list(['-f', family], signal)))).flat();
    return senders === 'all' ? all : all.filter(({ flow }) => senders.has(formatAddress(flow.source)));
  }

  /** Connections that were cut and live on because their packets keep coming. */
  async dead(signal: AbortSignal): Promise<readonly TrackedFlow[]> {
    const found: TrackedFlow[] = [];
    for (const family of FAMILIES) found.push(...(await this.#list(['-f', family, '--mark', MARK], signal)));
    return found;
  }

  /** From now on packets of both directions are refused. A connection that has ended meanwhile is no mistake. */
  async cut(flows: readonly TrackedFlow[], signal: AbortSignal): Promise<void> {
    const isCut = ({ mark }: TrackedFlow): boolean => (mark & DEAD_MARK) !== 0;
    await this.#untilDone(flows, (flow) => `-U ${nameFlow(flow)} --mark ${MARK}`, isCut, signal);
  }

  /** Forgets connections: their next packet is judged as the first of a new one. */
  async forget(flows: readonly TrackedFlow[], signal: AbortSignal): Promise<void> {
    // One that is there again under the same name was opened anew, and judged.
    await this.#untilDone(
      flows,
      (flow) => `-D ${nameFlow(flow)}`,
      () => false,
      signal,
    );
  }

  /**
   * Does something to each connection, and looks again at those for which conntrack says that it failed: version 1.4.7 does so now and
   * then while connections come and go, for one line and not for the next, and tells not which.
   */
  async #untilDone(
    flows: readonly TrackedFlow[],
    command: (flow: TrackedFlow) => string,
    isDone: (flow: TrackedFlow) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    let left = flows;
    for (let round = 1; left.length > 0; round++) {
      const { code, stderr } = await this.#transport.runWithFile(
        'conntrack',
        ['-R'],
        `${left.map(command).join('\n')}\n`,
        signal,
      );
      if (code === 0) return;
      const error = conntrackError(stderr);
      if (error.blame !== 'conflict' || round === MOST_ROUNDS) throw error;
      const names = new Set(left.map(nameFlow));
      const now = await this.flows(new Set(left.map(({ flow }) => formatAddress(flow.source))), signal);
      left = now.filter((flow) => names.has(nameFlow(flow)) && !isDone(flow));
    }
  }

  async #list(filter: readonly string[], signal: AbortSignal): Promise<readonly TrackedFlow[]> {
    const { code, stdout, stderr } = await this.#transport.run(
      'conntrack',
      ['-L', ...filter, '-o', 'extended'],
      signal,
    );
    if (code !== 0) throw conntrackError(stderr);
    const found: TrackedFlow[] = [];
    const lines = stdout.split('\n');
    for (let index = 0; index < lines.length; index++) {
      const flow = readTrackedFlow(lines[index] ?? '');
      if (flow !== undefined) found.push(flow);
      if (index % LINES_AT_ONCE === LINES_AT_ONCE - 1) await setImmediate();
    }
    return found;
  }
}

function familyOption(address: string): (typeof FAMILIES)[number] {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}
