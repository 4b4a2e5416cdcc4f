import { z } from 'zod';
import { PortSet } from '../../ip/port-set.ts';
import { parsePrefix } from '../../ip/prefix.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';

/** Parts of a ruleset as their canonical texts hold them (`plan/canonical.ts`), read back strictly: without the members, which have texts of their own. */

const prefixes = z.array(z.string()).transform((texts, context) => {
  const found = texts.map((text) => parsePrefix(text, { bareAddress: true }));
  const values = found.flatMap((one) => ('value' in one ? [one.value] : []));
  if (values.length < found.length) context.addIssue('not a prefix');
  return PrefixSet.of(values);
});
const port = z.int().min(0).max(65_535);
const ports = z
  .array(z.tuple([port, port]).refine(([first, last]) => first <= last))
  .transform((ranges) => PortSet.of(...ranges));
const family = z.union([z.literal(4), z.literal(6)]);
const origin = z.strictObject({ policy: z.string(), rule: z.int().exactOptional() });
const icmp = z.strictObject({ type: z.int(), code: z.int().exactOptional() });
const rule = z.strictObject({
  origin,
  family,
  action: z.enum(['Allow', 'SkipToOwn', 'Deny', 'Next', 'Log']),
  protocol: z.int().exactOptional(),
  notProtocol: z.int().exactOptional(),
  icmp: icmp.exactOptional(),
  notIcmp: icmp.exactOptional(),
  outside: z.strictObject({
    nets: prefixes.exactOptional(),
    groups: z.array(z.string()),
    notGroups: z.array(z.string()),
    domains: z.array(z.string()),
  }),
  ports: ports.exactOptional(),
  sourcePorts: ports.exactOptional(),
  widen: z.boolean(),
});
const stage = z.strictObject({
  id: z.string(),
  layer: z.enum(['ClusterBorderPolicy', 'Tier', 'BorderPolicy']),
  name: z.string(),
  rules: z.array(rule),
  end: z.enum(['Deny', 'Next']),
  endOrigin: origin,
});
const part = z.strictObject({
  id: z.string(),
  stages: z.array(stage),
  otherwise: z.enum(['Allow', 'Deny']),
  otherwiseOrigin: origin,
});

export const classForm = z.strictObject({ id: z.string(), family, parts: z.array(part), widened: z.array(part) });

/** A group of outside prefixes. */
export const outsideForm = z.strictObject({
  id: z.string(),
  kind: z.literal('Outside'),
  family,
  selector: z.string(),
  nets: prefixes,
});

/** A list that rules of others use, without who is in it. */
export const addressGroupForm = z.strictObject({
  id: z.string(),
  kind: z.literal('AddressGroup'),
  family,
  deviceName: z.string(),
  resource: z.string(),
  use: z.enum(['Allow', 'Deny']),
  form: z.enum(['Group', 'Feed', 'Tag']).exactOptional(),
  held: z.literal(true).exactOptional(),
});

/** A translation without its senders. */
export const natForm = z.strictObject({
  id: z.string(),
  family,
  origin,
  destination: prefixes,
  protocol: z.int().exactOptional(),
  ports: ports.exactOptional(),
});

/** What concerns every sender. */
export const settingsForm = z.strictObject({
  destinations: prefixes,
  inside: prefixes,
  networks: prefixes,
  established: z.enum(['Cut', 'Keep']),
});
