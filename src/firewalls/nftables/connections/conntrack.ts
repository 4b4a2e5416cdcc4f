import type { MayGoOn } from '../../driver.ts';
import { setImmediate } from 'node:timers/promises';
import { formatAddress } from '../../../ip/address.ts';
import { conntrackError } from '../reach/error-classes.ts';
import { nameFlow, nameKindred, readTrackedFlow, type TrackedFlow } from './conntrack-lines.ts';
import { DEAD_MARK } from '../table/model.ts';
import type { Transport } from '../reach/transport.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;
/** Rounds without any progress in which connections that conntrack failed to change are tried again. */
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

  /**
   * From now on packets of both directions are refused. A connection that has ended meanwhile is no mistake. `spared`: what is known of
   * and must stay as it is.
   */
  async cut(
    flows: readonly TrackedFlow[],
    spared: readonly TrackedFlow[],
    signal: AbortSignal,
    mayGoOn: MayGoOn = () => undefined,
  ): Promise<void> {
    const isCut = ({ mark }: TrackedFlow): boolean => (mark & DEAD_MARK) !== 0;
    const how = { one: '-U', many: '-U', more: ` --mark ${MARK}`, isDone: isCut };
    await this.#untilDone(flows, spared, how, signal, mayGoOn);
  }

  /** Forgets connections that were cut: their next packet is judged as the first of a new one. `spared`: other cut ones. */
  async forget(
    flows: readonly TrackedFlow[],
    spared: readonly TrackedFlow[],
    signal: AbortSignal,
    mayGoOn: MayGoOn = () => undefined,
  ): Promise<void> {
    // One that is there again under the same name was opened anew, and judged.
    const how = { one: '-D', many: `-D --mark ${MARK}`, more: '', isDone: () => false };
    await this.#untilDone(flows, spared, how, signal, mayGoOn);
  }

  /**
   * Does something to each connection, and looks again at those for which conntrack says that it failed: version 1.4.7 does so now and
   * then while connections come and go, for one line and not for the next, and tells not which. It reads the whole table for each line,
   * so connections that differ in nothing but their source port share one: a thousand lines would take longer than anybody waits. After
   * 256 connections of a line it gives up with ENOBUFS, and goes on there the next time.
   */
  async #untilDone(
    flows: readonly TrackedFlow[],
    spared: readonly TrackedFlow[],
    how: { one: string; many: string; more: string; isDone: (flow: TrackedFlow) => boolean },
    signal: AbortSignal,
    mayGoOn: MayGoOn,
  ): Promise<void> {
    const mixed = new Set(spared.map(nameKindred));
    const command = (flow: TrackedFlow): string => {
      const kindred = nameKindred(flow);
      return mixed.has(kindred) ? `${how.one} ${nameFlow(flow)}${how.more}` : `${how.many} ${kindred}${how.more}`;
    };
    let left = flows;
    let idle = 0;
    while (left.length > 0) {
      const lines = [...new Set(left.map(command))];
      mayGoOn();
      const { code, stderr } = await this.#transport.runWithFile('conntrack', ['-R'], `${lines.join('\n')}\n`, signal);
      if (code === 0) return;
      const error = conntrackError(stderr);
      if (error.blame !== 'conflict' || idle === MOST_ROUNDS) throw error;
      const names = new Set(left.map(nameFlow));
      const now = await this.flows(new Set(left.map(({ flow }) => formatAddress(flow.source))), signal);
      const still = now.filter((flow) => names.has(nameFlow(flow)) && !how.isDone(flow));
      idle = still.length < left.length ? 0 : idle + 1;
      left = still;
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
