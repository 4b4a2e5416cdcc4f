import { setImmediate } from 'node:timers/promises';
import { formatAddress } from '../../ip/address.ts';
import { conntrackError } from './error-classes.ts';
import { nameFlow, readTrackedFlow, type TrackedFlow } from './conntrack-lines.ts';
import { DEAD_MARK } from './model.ts';
import type { Transport } from './transport.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;
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
    await this.#many(
      flows.map((flow) => `-U ${nameFlow(flow)} --mark ${MARK}`),
      signal,
    );
  }

  /** Forgets connections: their next packet is judged as the first of a new one. */
  async forget(flows: readonly TrackedFlow[], signal: AbortSignal): Promise<void> {
    await this.#many(
      flows.map((flow) => `-D ${nameFlow(flow)}`),
      signal,
    );
  }

  async #many(lines: readonly string[], signal: AbortSignal): Promise<void> {
    if (lines.length === 0) return;
    const outcome = await this.#transport.runWithFile('conntrack', ['-R'], `${lines.join('\n')}\n`, signal);
    if (outcome.code !== 0) throw conntrackError(outcome.stderr);
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
