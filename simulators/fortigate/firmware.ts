import { Configuration, GLOBAL } from './configuration.ts';
import { defaultOf, defaults, isOffered } from './read-entry.ts';
import type { Release } from './release.ts';
import type { Row, Value } from './row.ts';
import { fieldsOf, tables } from './tables/index.ts';

/** Words that a release writes otherwise (reference 1.6: the service's protocol from 7.6.0 on). */
const RENAMED = [['TCP/UDP/SCTP', 'TCP/UDP/UDP-Lite/SCTP']] as const;

/** A configuration as another firmware reads it at its first start: new fields at their defaults, unknown ones gone, words renamed. */
export function convert(configuration: Configuration, vdoms: readonly string[], release: Release): Configuration {
  const converted = configuration.fork();
  for (const table of tables)
    for (const vdom of [GLOBAL, ...vdoms])
      for (const [key, row] of configuration.table(vdom, table.id)) {
        const fields = fieldsOf(table.fields, release);
        const kept: Record<string, Value> = { ...defaults(table.fields, release) };
        for (const field of fields) {
          const value = row[field.name];
          if (value === undefined) continue;
          kept[field.name] =
            field.kind === 'choice' && typeof value === 'string'
              ? (offered(value, (one) =>
                  isOffered(
                    field.values.find((choice) => choice.value === one),
                    release,
                  ),
                ) ?? defaultOf(field, release))
              : value;
        }
        converted.set(vdom, table.id, key, kept satisfies Row);
      }
  return converted;
}

function offered(value: string, isKnown: (value: string) => boolean): string | undefined {
  if (isKnown(value)) return value;
  const pair = RENAMED.find((words) => words.some((one) => one === value));
  return pair?.find(isKnown);
}
