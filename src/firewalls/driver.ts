import type { Diagnostic } from '../base/diagnostic.ts';
import type { Pieces } from '../base/pieces.ts';
import type { Family, Origin, Ruleset } from '../border/ruleset.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Behaviour } from '../plan/behaviour.ts';
import type { Drift, ForeignRule } from '../plan/foreign.ts';
import type { Step } from '../plan/step.ts';
import type { Connections } from './connections.ts';
import type { Passages } from './passage/passage.ts';

export type { Drift, ForeignRule } from '../plan/foreign.ts';

/** What a device can say and hold, asked from it where it tells. */
export interface Capabilities {
  /** `nftables 1.0.6, kernel 6.1.0`; for people. */
  readonly device: string;
  readonly families: readonly Family[];
  /** Addresses it may translate to: on its interfaces or routed to it. `undefined`: the device does not tell. */
  readonly owns: PrefixSet | undefined;
  /** Largest ruleset one transaction takes, in the driver's unit; `undefined`: no limit known. */
  readonly transactionLimit: number | undefined;
  /** What is worth knowing: an old kernel, a limit of a user namespace, somebody's large interval set. */
  readonly notes: readonly string[];
}

/** Whose the objects on a device are: the mark on everything that is created (design section 3). */
export interface DeviceOwner {
  readonly cluster: string;
  readonly firewall: string;
}

/** One table of a device with a limit that it told: how many entries there are, of whomever, and may be. */
export interface TableUse {
  /** A fixed word for people and metrics: `address objects`. */
  readonly table: string;
  readonly used: number;
  readonly most: number;
}

/** A list or group that the device does not show as it is wanted: one that it fetches by itself, or one for which it has no room. */
export interface ListBehind {
  /** Its name there, which is that of the AddressGroup; of `isOfOurRules` one of ours. */
  readonly list: string;
  /** Who is wanted in it and was not seen there; with `isUnread` everybody. */
  readonly lacks: ReadonlySet<string>;
  /** Who was seen in it and is not wanted. */
  readonly keeps: ReadonlySet<string>;
  /** The device does not tell what it holds: who has left it may be there. */
  readonly isUnread: boolean;
  /** Rules go by it: those of others, or (`isOfOurRules`) ours. */
  readonly isUsed: boolean;
  /** It is none of an AddressGroup: our own rules know by it who may send. Who is not in it counts as not given to the device at all. */
  readonly isOfOurRules?: true;
  /** The device has no room for it: who of `lacks` was not given to the device for that reason. Absent: everybody was given. */
  readonly noRoomFor?: ReadonlySet<string>;
  /** For people. */
  readonly text: string;
}

/** Everything we own on the device, read back; drivers add their own terms. */
export interface Actual {
  /** Nothing of ours is there. */
  readonly empty: boolean;
  readonly drift: readonly Drift[];
  readonly foreign: readonly ForeignRule[];
  readonly behaviour: Behaviour;
  /** Another Sallyport of the same cluster's name wrote last, though this driver has written before; in the device's words. Absent: none that it can tell. */
  readonly rival?: string | undefined;
  /**
   * Since it was read before, another one of a pair took over, or what does not outlive a start of the device was lost: what is missing was taken by
   * nobody, and is no drift. Absent: it is the one that it was, as far as it can tell.
   */
  readonly anew?: true | undefined;
  /**
   * What is behind this device and could not be read, or does not take what it is given, each with the reason: a firewall that is not
   * connected to its manager. Steps are made without it, and nothing counts as confirmed as long as there is any. Absent: nothing.
   */
  readonly unreached?: readonly string[] | undefined;
  /** How full its tables are, as it told last. Absent: it tells of none. */
  readonly tables?: readonly TableUse[] | undefined;
}

/** A ruleset in the device's own terms; drivers add them. */
/** Members of an AddressGroup whom a device is not given, because it takes no more of them. */
export interface LeftOut {
  /** The group's name there. */
  readonly group: string;
  readonly members: ReadonlySet<string>;
  /** For people, about one of them. */
  readonly why: string;
}

export interface Translation {
  /** What the device cannot say, with resource, rule, device and limit. What was refused is on the safe side in `behaviour`. */
  readonly refusals: readonly Diagnostic[];
  readonly behaviour: Behaviour;
  /** Who of AddressGroups is not given to the device, and told in `refusals`: that is not confirmed. Absent: everybody is given. */
  readonly leftOut?: readonly LeftOut[];
}

export interface CounterReading {
  readonly origin: Origin;
  readonly packets: number;
  readonly bytes: number;
}

/** One denied packet as the device reported it. */
export interface Drop {
  readonly at: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly origin: Origin;
}

/** Throws NOT_THE_WRITER once the right to write is gone, or about to run out; never waits. Absent: the writer is alone. */
export interface MayGoOn {
  (): void;
  /** The device has a name of its own for what it was told to do, such as the number of a job: by it people find it in the device's log. */
  named?(name: string): void;
}

/**
 * One kind of border firewall (design section 9). `A`, `W`, `S`: the driver's own forms of actual, wanted and step.
 * Methods that talk to the device reject with a SallyportError whose code says who has to act.
 */
export interface Driver<A extends Actual = Actual, W extends Translation = Translation, S extends Step = Step> {
  capabilities(signal: AbortSignal): Promise<Capabilities>;
  /** Everything we own on the device, read back. Cheap when nothing changed since the last call; never from what was sent. */
  observe(signal: AbortSignal): Promise<A>;
  /**
   * Reads everybody's rules and what they name, for questions about single flows and for nothing else. Absent: what rules of others do is not
   * worked out for this device.
   */
  passages?(signal: AbortSignal): Promise<Passages>;
  /**
   * Asks the device whether all that these steps rest on is as it was read for them: then a plan may go from that reading, though something else
   * may have changed since. False also where it is time to read everything. The first write of that plan, right afterwards, need not ask it once more.
   * Absent: everything is read before each plan.
   */
  isAsRead?(actual: A, steps: readonly S[], signal: AbortSignal): Promise<boolean>;
  /**
   * Works out what `translate` needs and what would stop the process: done once for as long as rules do not change. Drivers that have it throw
   * FLAT_PENDING from `translate` until it was called for such a ruleset. Rejects with what then stands in the way of sending anything.
   */
  prepare?(desired: Ruleset, capabilities: Capabilities, signal: AbortSignal): Promise<void>;
  /** The device's own terms for a ruleset; refuses what it cannot say. Pure. */
  translate(desired: Ruleset, capabilities: Capabilities): W;
  /** The same in pieces, where it may take longer than the event loop should wait. */
  translating?(desired: Ruleset, capabilities: Capabilities): Pieces<W>;
  /** Steps from actual to wanted; none when they agree. Every prefix keeps invariant 1, or the step says what it exposes. Pure. */
  steps(actual: A, wanted: W): readonly S[];
  /** The same in pieces. */
  stepping?(actual: A, wanted: W): Pieces<readonly S[]>;
  /**
   * Two steps that follow one another as one, where neither is later in force for it than alone, and neither waits for anybody. Absent, or
   * `undefined`: one after the other. What is left of the plan is the same. Pure but for what is under way.
   */
  together?(first: S, second: S): S | undefined;
  /**
   * Lists that the device fetches by itself, or has no room for, and that are not there as they are wanted. No step mends that; as long as there are
   * any the wish is not confirmed whole. Absent: it fetches none and takes all, or does not tell what it has. Pure.
   */
  behind?(actual: A, wanted: W): readonly ListBehind[];
  /**
   * While a step that `lets` is carried out: what takes all rights of ours from addresses that were given up, whichever rules run. To be
   * applied beside that step; what was planned to follow it is void then. `undefined`: nobody of them is there, as far as is known.
   */
  releasing?(isGivenUp: (address: string) => boolean): S | undefined;
  /**
   * While a step that `lets` is carried out: what lets newcomers join whose places are the same before it and after it, as these translations say,
   * and are there already. To be applied as `releasing` is. `undefined`: there is nobody for whom that is so, or no room for all of them.
   */
  joining?(addresses: readonly string[], before: W, after: W): S | undefined;
  /** What leaving takes: everything of this owner, nothing else. Throws DEVICE_OWNED where what is there is another's. Pure. */
  leave(actual: A, owner: DeviceOwner): readonly S[];
  /**
   * The exact text or payload of a step or of a whole translation, for `plan` and `render`. Pure. Digests of plans are made from it:
   * the same difference gives the same text, so it holds no revision, time or count of earlier writes.
   */
  render(what: S | W): string;
  /**
   * Idempotent. All or nothing where the device can. A step that takes several requests asks `mayGoOn` right before each one that writes: a
   * process that slept in between may have lost its right to write.
   */
  apply(step: S, signal: AbortSignal, mayGoOn?: MayGoOn): Promise<void>;
  /** What the device warned of in what was carried out since this was asked last, for people: it did all the same what it was told. */
  warnings?(): readonly string[];
  /** Calls back at once when the device says that somebody, us included, changed something of ours or may have. Until abort. */
  watch?(changed: () => void, signal: AbortSignal): Promise<void>;
  /** The connections of an address that is no longer known are ended, where unknown senders are dropped. Absent: the device leaves them. */
  readonly endsConnections?: true;
  /** Why connections that a change no longer allows go on there, whatever `established` says: for people, as the end of a sentence about the device. Absent: they do not. */
  readonly connectionsStay?: string | undefined;
  /** Which connections are open, and how they are ended, where no step does so by itself. Absent: the device has no way, or its steps do. */
  readonly connections?: Connections | undefined;
  /** How many open connections go from actual to wanted without being allowed there any more: they are cut, or kept and so counted. */
  outlawed?(actual: A, wanted: W, signal: AbortSignal): Promise<number>;
  /** The processes of this machine that keep the device, as its lock tells; `undefined`: nobody knows. The lock is not touched. */
  keepers?(): Promise<readonly string[] | undefined>;
  counters?(signal: AbortSignal): Promise<readonly CounterReading[]>;
  /**
   * Tells denied packets as they happen, until abort: those of `unknown` senders, or all others (`denied`). A device may log no more than so
   * many; what is told is never more than what was denied.
   */
  drops?(of: 'unknown' | 'denied', seen: (drop: Drop) => void, signal: AbortSignal): Promise<void>;
}
