import type { z } from 'zod';
import { cidrOrAddress, domain } from './fields.ts';
import type { Meta, NetworkSet } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, show } from './shape.ts';

/** A set of outside networks and names. An entry that cannot be read is left out, as Felix does (calico.md 9.1). */
export function readNetworkSet(type: NetworkSet['type'], meta: Meta, raw: RawMap, scope: Scope): NetworkSet {
  const inside = scope.at('spec').otherwise('The set goes on without it.');
  const spec = inside.map(raw['spec']) ?? {};
  return {
    ...meta,
    type,
    nets: readEntries(cidrOrAddress, spec['nets'], inside.at('nets')),
    domains: readEntries(domain, spec['allowedEgressDomains'], inside.at('allowedEgressDomains')),
  };
}

function readEntries<S extends z.ZodType>(schema: S, raw: unknown, scope: Scope): z.output<S>[] {
  if (raw === undefined || raw === null) return [];
  if (!Array.isArray(raw)) {
    scope.mistake('FIELD_INVALID', `this is ${show(raw)} and has to be a list`);
    return [];
  }
  const entries: z.output<S>[] = [];
  for (const [index, written] of raw.entries()) {
    const read = scope.at(index).value(schema, written);
    if (read.ok) entries.push(read.value);
  }
  return entries;
}
