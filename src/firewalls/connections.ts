import type { PacketText } from '../plan/fate.ts';

/** An open connection, as the device shows it. */
export interface OpenConnection {
  /** Its first packet, addresses before any translation. */
  readonly packet: PacketText;
  /** The source that the far side sees, canonical; `undefined`: the device does not tell. */
  readonly leavesAs: string | undefined;
  /** Another one where the same ports were opened anew. */
  readonly id: string;
  /** Our rules are asked about it: it goes between the zones that they are for. */
  readonly isGoverned: boolean;
}

/**
 * How a device tells which connections are open, and ends them. All three reject with what the device said; what was ended is not believed, but read
 * again by whoever asked for it. A driver ends nothing that it has not been shown under the same words right before.
 */
export interface Connections {
  /** Those that an address (canonical) opened. */
  opened(sender: string, signal: AbortSignal): Promise<readonly OpenConnection[]>;
  /** Ends this one. `mayGoOn` is asked right before the write, and throws where it is not to be. */
  end(connection: OpenConnection, signal: AbortSignal, mayGoOn: () => void): Promise<void>;
  /** Ends all that an address opened: these, which have just been shown, and what it opened meanwhile. */
  endAll(sender: string, open: readonly OpenConnection[], signal: AbortSignal, mayGoOn: () => void): Promise<void>;
}
