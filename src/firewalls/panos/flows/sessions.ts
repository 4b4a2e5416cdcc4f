import { SallyportError, toSallyportError } from '../../../base/error.ts';
import { familyOf, formatAddress, parseAddress } from '../../../ip/address.ts';
import type { PacketText } from '../../../plan/fate.ts';
import type { Connections, OpenConnection } from '../../connections.ts';
import { type PanosApi, type Target, command } from '../api/api.ts';
import { type XmlElement, element, textAt } from '../api/xml.ts';

/** States of a session that carries nothing any more; whatever else a device calls it, it may be open. */
const OVER = new Set(['DISCARD', 'CLOSED', 'FREE']);
/** A device may show no more than so many in one answer, and does not say so: from here on there may be others. */
const MOST_ROWS = 1_000;
const ANY = 'any';

export interface SessionsOptions {
  /** Who forwards traffic. */
  readonly api: () => PanosApi;
  /** The zones that rules of ours are for. */
  readonly zones: { readonly from: readonly string[]; readonly to: readonly string[] };
  /** To be waited for before a write. */
  readonly lock: () => Promise<void>;
  readonly where?: Target;
}

type Filter = readonly (readonly [word: string, value: string])[];

/**
 * Sessions of a firewall by `show session all filter` and `clear session all filter`. The form of both and their rows is not from the reference (decision 16),
 * so that nothing is taken on trust: every row has to be what the filter asked for, or the device does not heed it; and nothing is cleared by a
 * filter under which exactly that was not shown before.
 */
export class Sessions implements Connections {
  readonly #options: SessionsOptions;
  /** What the device said no to when it was asked last, for each command. */
  readonly #refusals = new Map<'show' | 'clear', string>();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Why connections that a change no longer allows go on there; `undefined`: nothing is known that stands in the way. */
  get refusal(): string | undefined {
    const [words] = this.#refusals.values();
    return words === undefined
      ? undefined
      : `connections that a change no longer allows go on, whatever \`established\` says, because the device does not let them be ended: ${words}`;
  }

  /** Whether it shows sessions at all. Never rejects: nothing else depends on it. */
  async probe(signal: AbortSignal): Promise<void> {
    // An address that sends nothing (RFC 5737).
    await this.opened('192.0.2.1', signal).catch(() => undefined);
  }

  async opened(sender: string, signal: AbortSignal): Promise<readonly OpenConnection[]> {
    const { from, to } = this.#options.zones;
    const rows = await this.#show([['source', sender]], signal, ({ source }) => source === sender);
    if (rows.length >= MOST_ROWS)
      throw new SallyportError(
        'DEVICE_UNREADABLE',
        `show session all: ${sender} has ${rows.length} sessions or more, and one answer may not show all`,
      );
    const isOurs = (zones: readonly string[], zone: string): boolean => zones.includes(ANY) || zones.includes(zone);
    return rows
      .filter(({ isOpen }) => isOpen)
      .map((row) => ({ ...row, isGoverned: isOurs(from, row.from) && isOurs(to, row.to) }));
  }

  async end(connection: OpenConnection, signal: AbortSignal, mayGoOn: () => void): Promise<void> {
    const { source, destination, protocol, sourcePort = 0, destinationPort = 0 } = connection.packet;
    const filter: Filter = [
      ['source', source],
      ['destination', destination],
      ['source-port', `${sourcePort}`],
      ['destination-port', `${destinationPort}`],
      ['protocol', `${protocol}`],
    ];
    const parts = ['source', 'destination', 'protocol', 'sourcePort', 'destinationPort'] as const;
    const rows = await this.#show(filter, signal, (shown) =>
      parts.every((part) => shown[part] === connection.packet[part]),
    );
    if (rows.length > 0) await this.#clear(filter, signal, mayGoOn);
  }

  endAll(sender: string, _: readonly OpenConnection[], signal: AbortSignal, mayGoOn: () => void): Promise<void> {
    return this.#clear([['source', sender]], signal, mayGoOn);
  }

  async #show(filter: Filter, signal: AbortSignal, isAsked: (shown: PacketText) => boolean): Promise<readonly Row[]> {
    const { api, where } = this.#options;
    return await this.#asked('show', async () => {
      const result = await api().op(command(['show', 'session', 'all'], [filterElement(filter)]), signal, where);
      if (result === undefined) return [];
      if (result.text.trim() !== '') throw unreadable('text instead of sessions');
      const rows = result.children.map(readRow);
      if (!rows.every(({ packet }) => isAsked(packet)))
        throw unreadable(`it does not heed a filter by ${filter.map(([word]) => word).join(', ')}`);
      return rows;
    });
  }

  async #clear(filter: Filter, signal: AbortSignal, mayGoOn: () => void): Promise<void> {
    const { api, lock, where } = this.#options;
    await lock();
    await this.#asked('clear', () =>
      api().order(command(['clear', 'session', 'all'], [filterElement(filter)]), signal, mayGoOn, where),
    );
  }

  async #asked<T>(word: 'show' | 'clear', ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask();
      this.#refusals.delete(word);
      return answer;
    } catch (thrown) {
      const { blame, message } = toSallyportError(thrown);
      if (blame !== 'transient' && blame !== 'conflict') this.#refusals.set(word, message);
      throw thrown;
    }
  }
}

interface Row extends Omit<OpenConnection, 'isGoverned'> {
  readonly from: string;
  readonly to: string;
  readonly isOpen: boolean;
}

function filterElement(filter: Filter): XmlElement {
  return element(
    'filter',
    filter.map(([word, value]) => command([word], value)),
  );
}

function readRow(row: XmlElement): Row {
  if (row.name !== 'entry') throw unreadable(`${row.name} among sessions`);
  const number = (name: string, most: number): number => {
    const text = textAt(row, name)?.trim() ?? '';
    if (!/^\d{1,5}$/.test(text) || Number(text) > most) throw unreadable(`"${name}" of a session is no number`);
    return Number(text);
  };
  const word = (name: string): string => {
    const text = textAt(row, name)?.trim() ?? '';
    if (text === '') throw unreadable(`a session has no "${name}"`);
    return text;
  };
  const address = (name: string): string => {
    const parsed = parseAddress(word(name));
    if (parsed === undefined) throw unreadable(`"${name}" of a session is no address`);
    return formatAddress(parsed);
  };
  const source = address('source');
  const protocol = number('proto', 255);
  return {
    packet: {
      family: familyOf(source),
      source,
      destination: address('dst'),
      protocol,
      sourcePort: number('sport', 65_535),
      destinationPort: number('dport', 65_535),
    },
    leavesAs: textAt(row, 'xsource') === undefined ? undefined : address('xsource'),
    id: word('idx'),
    from: word('from'),
    to: word('to'),
    isOpen: !OVER.has(word('state')),
  };
}

function unreadable(what: string): SallyportError {
  return new SallyportError('DEVICE_UNREADABLE', `show session all: ${what}`);
}
