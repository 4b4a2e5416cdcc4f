import { z } from 'zod';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Class, Group, Nat, NatTarget, Ruleset } from '../../border/ruleset.ts';
import { PortSet } from '../../ip/port-set.ts';
import { parsePrefix } from '../../ip/prefix.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { Behaviour } from '../../plan/behaviour.ts';
import { absentBehaviour, behaviourOf } from '../../plan/ruleset-behaviour.ts';
import type { Program } from './program.ts';

const prefixes = z.array(z.string()).transform((texts, context) => {
  const found = texts.map((text) => parsePrefix(text, { bareAddress: true }));
  const values = found.flatMap((one) => ('value' in one ? [one.value] : []));
  if (values.length < found.length) context.addIssue('not a prefix');
  return PrefixSet.of(values);
});
const ports = z.array(z.tuple([z.int(), z.int()])).transform((ranges) => PortSet.of(...ranges));
const family = z.union([z.literal(4), z.literal(6)]);
const origin = z.object({ policy: z.string(), rule: z.int().exactOptional() });
const icmp = z.object({ type: z.int(), code: z.int().exactOptional() });
const rule = z.object({
  origin,
  family,
  action: z.enum(['Allow', 'SkipToOwn', 'Deny', 'Next', 'Log']),
  protocol: z.int().exactOptional(),
  notProtocol: z.int().exactOptional(),
  icmp: icmp.exactOptional(),
  notIcmp: icmp.exactOptional(),
  outside: z.object({
    nets: prefixes.exactOptional(),
    groups: z.array(z.string()),
    notGroups: z.array(z.string()),
    domains: z.array(z.string()),
  }),
  ports: ports.exactOptional(),
  sourcePorts: ports.exactOptional(),
  widen: z.boolean(),
});
const stage = z.object({
  id: z.string(),
  layer: z.enum(['ClusterBorderPolicy', 'Tier', 'BorderPolicy']),
  name: z.string(),
  rules: z.array(rule),
  end: z.enum(['Deny', 'Next']),
  endOrigin: origin,
});
const part = z.object({
  id: z.string(),
  stages: z.array(stage),
  otherwise: z.enum(['Allow', 'Deny']),
  otherwiseOrigin: origin,
});
const classText = z.object({ id: z.string(), family, parts: z.array(part), widened: z.array(part) });
const outsideGroup = z.object({
  id: z.string(),
  kind: z.literal('Outside'),
  family,
  selector: z.string(),
  nets: prefixes,
});
const natText = z.object({
  id: z.string(),
  family,
  origin,
  destination: prefixes,
  protocol: z.int().exactOptional(),
  ports: ports.exactOptional(),
});
const settingsText = z.object({
  destinations: prefixes,
  inside: prefixes,
  networks: prefixes,
  established: z.enum(['Cut', 'Keep']),
});

/** A text of the device read by its form; `undefined` where somebody made it unreadable. */
function read<T>(form: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  return form.safeParse(json).data;
}

function readTarget(text: string): NatTarget {
  if (text === 'exempt') return { kind: 'Exempt' };
  return text === 'hold' ? { kind: 'Hold', reason: '' } : { kind: 'Address', address: text };
}

/**
 * What a program means, read from its texts alone, the same way for what is wanted and for what the device holds. An unreadable text is
 * as good as none: members of an unreadable class may send nothing. Without readable settings nothing of ours has effect.
 */
export function lift(program: Program): Behaviour {
  const settings = read(settingsText, program.objects.get('settings'));
  if (settings === undefined) return absentBehaviour;
  const classes = new Map<string, Class>();
  const groups = new Map<string, Group>();
  for (const [key, text] of program.objects) {
    const one = key.startsWith('class ') ? read(classText, text) : undefined;
    if (one !== undefined) classes.set(one.id, one);
    const group = key.startsWith('group ') ? read(outsideGroup, text) : undefined;
    if (group !== undefined) groups.set(group.id, group);
  }
  const order = read(z.array(z.string()), program.objects.get('nat-order')) ?? [];
  const nats = order.flatMap((id): Nat[] => {
    const nat = read(natText, program.objects.get(`nat ${id}`));
    if (nat === undefined) return [];
    const table = program.tables.get(`nat ${id}`) ?? BucketMap.empty<string>();
    return [
      { ...nat, sources: BucketMap.from([...table.entries()].map(([key, text]) => [key, readTarget(text)] as const)) },
    ];
  });
  const ruleset: Ruleset = {
    firewall: '',
    cluster: '',
    ...settings,
    classes,
    members: program.tables.get('members') ?? BucketMap.empty(),
    groups,
    nats,
  };
  return behaviourOf(ruleset);
}
