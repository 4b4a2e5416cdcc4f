import type { Clock } from '../../base/clock.ts';
import { InUse } from '../rulebase/in-use.ts';
import type { TableId } from './rows.ts';
import { ADDRESSES, CUSTOM, FEED, GROUPS, SERVICE_GROUP } from './words.ts';

/** An entry, by the table and the key that it stands under. */
export function entryOf(table: TableId, key: string): string {
  return `${table} ${key}`;
}

/** What a FortiGate does not let go. */
export function inUseOn(clock: Clock): InUse {
  return new InUse(clock, {
    object: ({ name, family }) => entryOf(ADDRESSES[family], name),
    service: (name) => [entryOf(CUSTOM, name), entryOf(SERVICE_GROUP, name)],
    group: ({ name, family }) => entryOf(family === 'Both' ? FEED : GROUPS[family], name),
  });
}
