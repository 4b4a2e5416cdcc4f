import type { Clock } from '../../base/clock.ts';
import { type AddressObject, type MemberGroup, type ObservedRuleBase, type TakenName, groupKey } from './model.ts';

/** An entry that the device did not let go is to go again after this time. In milliseconds. */
const LEFT_MS = 600_000;

/** Under which entries a device keeps what bears a name of ours; of several it is one. */
export interface EntryNames {
  object(object: AddressObject): string;
  service(name: string): readonly string[];
  group(group: MemberGroup): string;
}

/**
 * Entries of ours that the device refused to delete because something uses them that nobody tells us of. They are left alone for a while, so
 * that they keep nothing else waiting.
 */
export class InUse {
  readonly #clock: Clock;
  readonly #names: EntryNames;
  /** By entry: until when (monotonic). */
  readonly #until = new Map<string, number>();

  constructor(clock: Clock, names: EntryNames) {
    this.#clock = clock;
    this.#names = names;
  }

  /** The device did not delete it. */
  refused(entry: string): void {
    this.#until.set(entry, this.#clock.monotonic() + LEFT_MS);
  }

  has(entry: string): boolean {
    return (this.#until.get(entry) ?? 0) > this.#clock.monotonic();
  }

  /** Changes when something was refused, and when it is to be tried again; empty while nothing is left alone. */
  get version(): string {
    const now = this.#clock.monotonic();
    return [...this.#until].flatMap(([entry, until]) => (until > now ? entry : [])).join();
  }

  /** A rule base in which what is left alone counts as named by others. */
  over(base: ObservedRuleBase): ObservedRuleBase {
    if (this.version === '') return base;
    const named = new Set<TakenName>(base.namedByOthers);
    for (const object of base.objects.values())
      if (this.has(this.#names.object(object))) named.add(`object ${object.name}`);
    for (const name of base.services.keys())
      if (this.#names.service(name).some((entry) => this.has(entry))) named.add(`service ${name}`);
    const used = new Map(base.usedByOthers);
    for (const group of base.groups.values())
      if (this.has(this.#names.group(group)))
        used.set(groupKey(group), [...(used.get(groupKey(group)) ?? []), 'something that the device does not tell']);
    return { ...base, namedByOthers: named, usedByOthers: used };
  }
}
