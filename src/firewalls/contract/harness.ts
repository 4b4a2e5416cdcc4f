import { SallyportError } from '../../base/error.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type Fate, type PacketText, fateUnder } from '../../plan/fate.ts';
import type { Behaviour } from '../../plan/behaviour.ts';
import type { Exposure, Step } from '../../plan/step.ts';
import type { Actual, Capabilities, DeviceOwner, Driver, MayGoOn, Translation } from '../driver.ts';
import type { WriterLock } from '../writer-lock.ts';

/** Any driver: its own forms of actual, wanted and step are its own business. */
export type AnyDriver = Driver<Actual, Translation, Step>;

/** The promises of design section 9, by number, and what follows from them. */
export type Promised =
  | '0 does what the ruleset says'
  | '0 one state, however it was reached'
  | '0 members change no rule'
  | '1 no hole on the way'
  | '2 no act on ignorance'
  | '3 only what is ours'
  | '4 no mass accident'
  | '5 one bad thing harms only itself'
  | '6 the truth is read back'
  | '7 death is harmless'
  | '8 one writer';

/** One device under test, with rules of somebody else on it. */
export interface DriverHarness {
  /** A driver as a new process would make it: it knows nothing but what the device says. */
  connect(): AnyDriver;
  /** Everything on the device that is not ours, canonical. */
  foreign(): Promise<string>;
  /** Everything on the device that is ours, canonical: equal texts for equal states, whatever came before. */
  ours(): Promise<string>;
  /**
   * Somebody else's hand on what is ours, in the `variant`-th way; afterwards the device does not do what it should, or does it by
   * other objects. `false`: there are no more ways. `lost`: it looks like what the device loses by itself, which is nobody's doing, and mended without
   * being told as a hand's.
   */
  tamper(variant: number): Promise<boolean | 'lost'>;
  /** Requests that write and reached the device so far, whoever sent them. Absent: each step is one such request, or the driver's own tests count. */
  received?(): number;
  /**
   * What whoever fetches from a new copy gets, asked at any time; `undefined` then: the copy gives out nothing. `lock`: its right to write.
   * Absent: nobody fetches from a copy, all is sent.
   */
  givesOut?(lock: WriterLock): Promise<() => unknown>;
  close(): Promise<void>;
}

/** How far a process comes with its last step: not sent, sent and cut off after so many milliseconds, done but unanswered. */
export type LastStep = 'unsent' | 'unanswered' | { readonly cutAfterMs: number };

/** A driver over one that a test can watch and kill. */
export class Killable implements AnyDriver {
  readonly #inner: AnyDriver;
  /** Steps that were sent. */
  sent = 0;
  /** What the steps that were sent declared, at its worst. */
  exposed: Exposure | undefined;
  #lives: number;
  readonly #last: LastStep;

  /** The process dies with the step after `lives` others. */
  constructor(inner: AnyDriver, lives = Number.POSITIVE_INFINITY, last: LastStep = 'unsent') {
    this.#inner = inner;
    this.#lives = lives;
    this.#last = last;
    if (inner.watch !== undefined)
      this.watch = (changed, signal) => inner.watch?.(changed, signal) ?? Promise.resolve();
  }

  readonly watch?: AnyDriver['watch'] & {};

  capabilities(signal: AbortSignal): Promise<Capabilities> {
    return this.#inner.capabilities(signal);
  }

  observe(signal: AbortSignal): Promise<Actual> {
    return this.#inner.observe(signal);
  }

  async prepare(desired: Ruleset, capabilities: Capabilities, until: AbortSignal): Promise<void> {
    await this.#inner.prepare?.(desired, capabilities, until);
  }

  translate(desired: Ruleset, capabilities: Capabilities): Translation {
    return this.#inner.translate(desired, capabilities);
  }

  steps(actual: Actual, wanted: Translation): readonly Step[] {
    return this.#inner.steps(actual, wanted);
  }

  leave(actual: Actual, owner: DeviceOwner): readonly Step[] {
    return this.#inner.leave(actual, owner);
  }

  render(what: Step | Translation): string {
    return this.#inner.render(what);
  }

  async apply(step: Step, signal: AbortSignal, mayGoOn?: MayGoOn): Promise<void> {
    const dies = this.#lives-- <= 0;
    if (dies && this.#last === 'unsent') throw new Death('before the step was sent');
    this.sent++;
    if (this.exposed?.direction !== 'open') this.exposed = step.exposes ?? this.exposed;
    if (dies && typeof this.#last === 'object') {
      const cut = new AbortController();
      const timer = setTimeout(() => cut.abort(new Death('while the step was sent')), this.#last.cutAfterMs);
      await this.#inner.apply(step, cut.signal, mayGoOn).catch(() => {});
      clearTimeout(timer);
    } else await this.#inner.apply(step, signal, mayGoOn);
    if (dies) throw new Death('before the answer came');
  }
}

/** The process is gone; nothing after this line ran. */
export class Death extends Error {
  override readonly name = 'Death';
}

const signal = new AbortController().signal;

/** A ruleset in the device's own terms, worked out first where the driver asks for it. */
export async function translationOf(driver: AnyDriver, ruleset: Ruleset): Promise<Translation> {
  const capabilities = await driver.capabilities(signal);
  await driver.prepare?.(ruleset, capabilities, signal);
  return driver.translate(ruleset, capabilities);
}

/**
 * Brings a device to a ruleset, as a worker does: reads again when somebody else wrote in between. Returns the number of steps that it
 * took, and fails if it never gets there.
 */
export async function bring(driver: AnyDriver, ruleset: Ruleset): Promise<number> {
  const wanted = await translationOf(driver, ruleset);
  let sent = 0;
  for (let round = 0; round < 6; round++) {
    const steps = driver.steps(await driver.observe(signal), wanted);
    if (steps.length === 0) return sent;
    try {
      for (const step of steps) {
        await driver.apply(step, signal);
        sent++;
      }
    } catch (thrown) {
      if (!(thrown instanceof SallyportError) || thrown.blame !== 'conflict') throw thrown;
    }
  }
  throw new Error('six rounds of steps did not bring the device to what is wanted');
}

/** Whose the rulesets of `test/kit/rulesets.ts` are. */
export const OWNER: DeviceOwner = { cluster: 'lab', firewall: 'edge-1' };

/** Takes everything of ours off a device. */
export async function clear(driver: AnyDriver): Promise<void> {
  for (let round = 0; round < 6; round++) {
    const steps = driver.leave(await driver.observe(signal), OWNER);
    if (steps.length === 0) return;
    for (const step of steps) await driver.apply(step, signal);
  }
  throw new Error('six rounds of leaving left something');
}

/** The steps from what a device holds to a ruleset. */
export async function stepsOf(driver: AnyDriver, ruleset: Ruleset): Promise<readonly Step[]> {
  const wanted = await translationOf(driver, ruleset);
  return driver.steps(await driver.observe(signal), wanted);
}

export async function behaviourNow(driver: AnyDriver): Promise<Behaviour> {
  return (await driver.observe(signal)).behaviour;
}

/** The fates of all packets, in their order. */
export function fates(behaviour: Behaviour, packets: readonly PacketText[]): readonly Fate[] {
  return packets.map((packet) => fateUnder(behaviour, packet));
}

export function sameFate(a: Fate, b: Fate): boolean {
  return a.passes === b.passes && (!a.passes || !b.passes || a.from === b.from);
}
