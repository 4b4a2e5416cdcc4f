import type { Clock } from '../../base/clock.ts';
import { type MemberGroup, type ObservedRuleBase, type TakenName, groupKey } from '../rulebase/model.ts';
import type { TableId } from './rows.ts';
import type { Write } from './transaction.ts';
import { ADDRESSES, CUSTOM, FEED, GROUPS, SERVICE_GROUP } from './words.ts';

/** An entry that the device did not let go is to go again after this time. In milliseconds. */
const LEFT_MS = 600_000;

/**
 * Entries of ours that the device refused to delete because something uses them that nobody tells us of. They are left alone for a while, so
 * that they keep nothing else waiting.
 */
export class InUse {
  readonly #clock: Clock;
  /** By table and key: until when (monotonic). */
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The device did not delete it. */
  refused({ table, key }: Extract<Write, { readonly kind: 'delete' }>): void {
    this.#until.set(`${table} ${key}`, this.#clock.monotonic() + LEFT_MS);
  }

  has(table: TableId, key: string): boolean {
    return (this.#until.get(`${table} ${key}`) ?? 0) > this.#clock.monotonic();
  }

  /** Changes when something was refused, and when it is to be tried again. */
  get version(): string {
    const now = this.#clock.monotonic();
    return [...this.#until].flatMap(([entry, until]) => (until > now ? entry : [])).join();
  }

  /** A rule base in which what is left alone counts as named by others. */
  over(base: ObservedRuleBase): ObservedRuleBase {
    if (this.version === '') return base;
    const named = new Set<TakenName>(base.namedByOthers);
    for (const { name, family } of base.objects.values())
      if (this.has(ADDRESSES[family], name)) named.add(`object ${name}`);
    for (const name of base.services.keys())
      if (this.has(CUSTOM, name) || this.has(SERVICE_GROUP, name)) named.add(`service ${name}`);
    const used = new Map(base.usedByOthers);
    for (const group of base.groups.values())
      if (this.has(tableOf(group), group.name))
        used.set(groupKey(group), [...(used.get(groupKey(group)) ?? []), 'something that the device does not tell']);
    return { ...base, namedByOthers: named, usedByOthers: used };
  }
}

function tableOf({ family }: MemberGroup): TableId {
  return family === 'Both' ? FEED : GROUPS[family];
}
