import type { Code } from '../../base/catalogue.ts';
import type { PacketText } from '../../plan/fate.ts';
import type { AnyDriver } from './harness.ts';

/** What can go wrong at a device with an API, by what people call it. */
export type BadDay =
  | 'another certificate'
  | 'the token has ended'
  | 'rights were taken away'
  | 'somebody holds a lock'
  | 'the commit fails'
  | 'it boots between two steps'
  | 'every volatile table is emptied'
  | 'it is full'
  | 'it answers slowly'
  | 'an answer is cut off'
  | 'an answer is lost'
  | 'a request arrives twice'
  | 'another firmware speaks another dialect';

/** A bad day as it happens to the device under test. */
export interface Happening {
  /** What may come of the steps while it lasts. */
  readonly says: readonly (Code | 'done')[];
  /** How long a step is waited for, as a worker does. */
  readonly patienceMs?: number;
  begin(): Promise<void> | void;
  /** It is over, or somebody mended it. */
  end(): Promise<void> | void;
}

/** An administrator of the device, who works there by other means than ours. */
export interface Administrator {
  /** A rule of his, which our rules are not asked before, denies whoever is in a group of ours. */
  denies(group: string): Promise<void> | void;
  /** He renames it, and his rule follows. */
  renames(group: string, to: string): Promise<void> | void;
  /** Whether his rule meets a sender, by what the device itself does; or what each of several does that are kept as one. */
  meets(address: string): readonly boolean[];
  /** His rule goes. */
  forgets(): Promise<void> | void;
  /** The device shows another certificate from now on, or its own again; connections that stood are cut. */
  shows(certificate: 'another' | 'its own'): Promise<void> | void;
  /** Requests that arrived so far, whatever they ask. */
  asked(): number;
}

/** One device with an API, and rules of somebody else on it. */
export interface BadDaysHarness {
  /** A driver as a new process would make it. */
  connect(cluster?: string): AnyDriver;
  /** Everything of the cluster `lab`, canonical. */
  ours(): string;
  /** Everything that is not of the cluster `lab`, canonical. */
  foreign(): string;
  /** The addresses in our AddressGroups, as the device has them, by other means than the driver's. */
  members(): readonly string[];
  /**
   * What the device itself does with packets as it stands now, by other means than the driver's, or each of several that are kept as one;
   * `undefined`: it does not tell. Absent: what the driver reads counts alone.
   */
  passing?(): (packet: PacketText) => boolean | undefined | readonly boolean[];
  happening(day: BadDay): Happening;
  /**
   * Somebody else's hand on what is ours, in the `variant`-th way: a rule is deleted or edited, a group renamed, a member added. `false`: there
   * are no more ways.
   */
  tamper(variant: number): Promise<boolean | 'lost'>;
  /** Whoever owns the device, as they work there. */
  readonly administrator: Administrator;
  /** The process is gone with its `n`-th request that writes: it was not sent, or was done and not answered. Whatever would follow is lost too. */
  dieAt(n: number, how: 'unsent' | 'unanswered'): void;
  /** The device has given up what a dead process left open. */
  recover(): Promise<void>;
  close(): Promise<void>;
}
