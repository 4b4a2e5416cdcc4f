import type { z } from 'zod';
import { isMap } from '../../api/shape.ts';

/** What stands in the file itself of a source, as it is written there. */
export interface StaticContent {
  readonly firewall: unknown;
  readonly policies: { readonly ingress: readonly unknown[]; readonly egress: readonly unknown[] };
  /** Rules of an allocation. */
  readonly rules: unknown;
  readonly services: readonly unknown[];
}

/** The parts of a source that hold such content, and what stands for one that is empty. */
const EMPTY: Readonly<Record<string, () => unknown>> = {
  firewall: () => ({}),
  cwnp: () => ({}),
  firewallRules: () => ({}),
  service: () => [],
};

/** All rules go by these: with one network less, others would be meant. */
const WHOLE = ['networks', 'firewallNetworks'];

/** A copy of a configuration file in which parts that are written without a value hold nothing. Any other key without a value stays a mistake. */
export function withEmptyParts(raw: unknown): unknown {
  if (!isMap(raw) || !isMap(raw['sources'])) return raw;
  const sources = Object.entries(raw['sources']).map(([name, source]): [string, unknown] => {
    // Of any other name it would be the cluster around the process.
    if (source === null && name === 'static') return [name, {}];
    if (!isMap(source)) return [name, source];
    const keys = Object.entries(source).map(([key, value]) => [key, value === null ? (EMPTY[key]?.() ?? null) : value]);
    return [name, Object.fromEntries(keys)];
  });
  return { ...raw, sources: Object.fromEntries(sources) };
}

/**
 * Whether an issue is about one entry of such content. Whoever reads the content tells it and leaves out that entry alone, as of an object of a
 * cluster. Not so an unknown key: it may have been meant to narrow what stands beside it, so that the file is refused.
 */
export function isOfOneEntry({ code, path }: z.core.$ZodIssue): boolean {
  const [top, , part, one, two] = path;
  if (top !== 'sources' || code === 'unrecognized_keys') return false;
  if (part === 'firewall') return one !== undefined && !WHOLE.includes(String(one));
  if (part === 'cwnp' || part === 'firewallRules') return typeof two === 'number';
  return part === 'service' && typeof one === 'number' && two !== undefined;
}

/** A copy without the entries that issues of this sort are about; what stands for them is valid. */
export function withoutEntries(raw: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const found = issues.filter(isOfOneEntry);
  if (found.length === 0) return raw;
  const copy = structuredClone(raw);
  for (const { path } of found) {
    const [part, one] = path.slice(2);
    const depth = part === 'firewall' || part === 'service' ? 3 : 4;
    let list: unknown = copy;
    for (const step of path.slice(0, depth)) list = (list as Record<PropertyKey, unknown>)[step];
    const entry = path[depth];
    if (entry === undefined) continue;
    const place = list as Record<PropertyKey, unknown>;
    if (part === 'firewall') Reflect.deleteProperty(place, entry);
    else place[entry] = part === 'service' ? { metadata: { name: String(one) }, spec: {} } : {};
  }
  return copy;
}

/** The content of one source; nothing where it has none. */
export function contentOf(raw: unknown, name: string): StaticContent {
  const source = mapIn(mapIn(raw, 'sources'), name);
  const policies = mapIn(source, 'cwnp');
  return {
    firewall: source['firewall'],
    policies: { ingress: listIn(policies, 'ingress'), egress: listIn(policies, 'egress') },
    rules: source['firewallRules'],
    services: listIn(source, 'service'),
  };
}

function mapIn(raw: unknown, key: string): Readonly<Record<string, unknown>> {
  const value = isMap(raw) ? raw[key] : undefined;
  return isMap(value) ? value : {};
}

function listIn(raw: unknown, key: string): readonly unknown[] {
  const value = isMap(raw) ? raw[key] : undefined;
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}
