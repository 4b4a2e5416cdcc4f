import type { ListenAt } from './listener.ts';

/** What `sallyport simulate` asks of every vendor. */
export interface SimulateOptions {
  /** The software's version, in the vendor's own form. */
  readonly version?: string;
  readonly model?: string;
  readonly listen: ListenAt;
  /** Plain HTTP, on loopback only. */
  readonly plain: boolean;
  /** So long every answer takes, in milliseconds. */
  readonly latencyMs: number;
  /** One line for each request. */
  readonly say: (line: string) => void;
}

/** A simulated device that answers until it is disposed of. */
export interface Simulated extends AsyncDisposable {
  /** What it is: `FortiGate FGT-VM, FortiOS v7.4.8`. */
  readonly title: string;
  readonly url: string;
  /** What a client shows to be let in, by name: `token`. They open nothing but this simulator. */
  readonly credentials: Readonly<Record<string, string>>;
  /** Of its certificate; plain HTTP has none. */
  readonly fingerprint?: string;
}

/** Starts one; throws an `Error` in plain words if an option is not for this vendor. */
export type Simulate = (options: SimulateOptions) => Promise<Simulated>;
