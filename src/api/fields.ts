import { z } from 'zod';
import { type PrefixOptions, parsePrefix } from '../ip/prefix.ts';
import { PortSet, parsePortRange } from '../ip/port-set.ts';
import { fold } from '../selector/node.ts';
import { type Selector, parseSelector } from '../selector/selector.ts';
import { refuse } from './mistake.ts';
import { LABEL, SUBDOMAIN, labelNameProblem, nameProblem } from './names.ts';
import { show } from './shape.ts';

// Schemas of the values that several kinds share. Each reads a text or number into the type that cannot be wrong.

/** A member of others' kinds that may be absent; `null` is absent too, as Kubernetes takes it. */
export function optional<S extends z.ZodType>(schema: S): z.ZodType<z.output<S> | undefined> {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** A list of others' kinds that may be absent or `null`: then it is empty, as in the Go types of these APIs. `limit`: the API's own. */
export function list<S extends z.ZodType>(schema: S, limit = Number.POSITIVE_INFINITY): z.ZodType<z.output<S>[]> {
  const entries = z.array(schema);
  return (limit === Number.POSITIVE_INFINITY ? entries : entries.max(limit))
    .nullish()
    .transform((value) => value ?? []);
}

/** A text of others' kinds; the empty text is absent, as in the Go types of these APIs. */
export const optionalText = z
  .string()
  .nullish()
  .transform((value) => (value === '' ? undefined : (value ?? undefined)));

function prefixField(options: PrefixOptions) {
  return z
    .string()
    .max(64)
    .transform((text, context) => {
      const read = parsePrefix(text, options);
      return 'problem' in read ? refuse(context, 'PREFIX_INVALID', read.problem) : read.value;
    });
}

/** Strict CIDR, as policy rules have it (semantics 13.5). */
export const cidr = prefixField({}).meta({ format: 'cidr' });
/** CIDR whose host bits are cleared, as Kubernetes does with `ipBlock`. */
export const looseCidr = prefixField({ hostBits: 'mask' });
/** CIDR or address, as network sets have it (semantics 13.5). */
export const cidrOrAddress = prefixField({ hostBits: 'mask', bareAddress: true });

/** Where `global()` may stand in a selector (semantics 13.6). */
type GlobalAllowed = 'nowhere' | 'alone';

function readSelector(text: string, allowed: GlobalAllowed, context: z.RefinementCtx): Selector {
  const { value, diagnostics } = parseSelector(text);
  const [first] = diagnostics;
  if (value === undefined) {
    const column = first?.at?.column;
    return refuse(
      context,
      'SELECTOR_SYNTAX',
      `${column === undefined ? '' : `at character ${column}: `}${first?.message ?? 'this is no selector'}`,
    );
  }
  const isGlobal = value.node.kind === 'global';
  const hasGlobal = fold<boolean>(value.node, {
    leaf: (node) => node.kind === 'global',
    not: (operand) => operand,
    join: (_, operands) => operands.some(Boolean),
  });
  if (hasGlobal && (allowed === 'nowhere' || !isGlobal))
    return refuse(
      context,
      'SELECTOR_SYNTAX',
      allowed === 'nowhere'
        ? 'global() is possible only in the namespaceSelector of a rule'
        : 'global() has to stand alone; make a second rule for the rest',
    );
  return value;
}

/** A selector of others' kinds, in which the empty text selects everything. */
export const selector = z.string().transform((text, context) => readSelector(text, 'nowhere', context));

/** The most characters of a selector in a policy, ours and Calico's (semantics 1.2.6). */
const SELECTOR_LENGTH = 1024;

function optionalSelectorField(allowed: GlobalAllowed) {
  // In the Go types of this API an empty selector is an absent one.
  return z
    .string()
    .nullish()
    .transform((text, context) => {
      if (text === undefined || text === null || text === '') return undefined;
      if (text.length > SELECTOR_LENGTH && Array.from(text).length > SELECTOR_LENGTH)
        return refuse(context, 'SELECTOR_SYNTAX', `a selector has at most ${SELECTOR_LENGTH} characters here`);
      return readSelector(text, allowed, context);
    });
}

/** A selector of Calico's that may be absent. */
export const optionalSelector = optionalSelectorField('nowhere');
/** The namespaceSelector of a rule of Calico's. */
export const scopeSelector = optionalSelectorField('alone');

/** A selector of our kinds: everything is a word one must write. */
export const ownSelector = z
  .string()
  .min(1, { error: 'an empty selector is not possible here' })
  .max(SELECTOR_LENGTH)
  .transform((text, context) => readSelector(text, 'nowhere', context));

/** Protocols that have a name in policies (semantics 5). */
const PROTOCOLS = new Map([
  ['TCP', 6],
  ['UDP', 17],
  ['ICMP', 1],
  ['ICMPv6', 58],
  ['SCTP', 132],
  ['UDPLite', 136],
]);

const PROTOCOL_WORDS = `write ${[...PROTOCOLS.keys()].join(', ')} or a number from 1 to 255`;

/** A protocol by name or number; whether it was the name decides if ICMP implies the family (semantics 5). */
export const protocol = z
  .union([z.int().min(1).max(255), z.string().max(20)], { error: PROTOCOL_WORDS })
  .transform((written, context) => {
    const named = typeof written === 'string' ? PROTOCOLS.get(written) : undefined;
    if (named !== undefined) return { number: named, byName: true };
    const number = typeof written === 'number' || /^[1-9]\d{0,2}$/.test(written) ? Number(written) : 0;
    if (number >= 1 && number <= 255) return { number, byName: false };
    const cased = [...PROTOCOLS.keys()].find((name) => name.toLowerCase() === String(written).toLowerCase());
    return refuse(
      context,
      'FIELD_INVALID',
      `${show(written)} is no protocol; ${cased === undefined ? PROTOCOL_WORDS : `write ${cased}`}`,
    );
  })
  .meta({ pattern: `^(${[...PROTOCOLS.keys()].join('|')}|[1-9][0-9]{0,2})$` });

/** Ports of a rule: numbers and ranges, or the name of a container port. */
export type PortEntry = { readonly range: readonly [number, number] } | { readonly name: string };

/** One port or range, from 1. */
export function readPorts(written: number | string, context: z.RefinementCtx): readonly [number, number] {
  const read = parsePortRange(written);
  if ('problem' in read) return refuse(context, 'PORT_INVALID', read.problem);
  if (read.value[0] === 0) return refuse(context, 'PORT_INVALID', 'ports begin at 1');
  return read.value;
}

const PORT_NAME = /^[a-zA-Z0-9_.-]{1,128}$/;

/** The name of a port of an endpoint that is given directly. */
export const portName = z.string().regex(PORT_NAME, { error: 'write at most 128 letters, digits, "_", "." and "-"' });

/** A port of a rule of Calico's: number, `first:last`, or name; a text of digits is a number (semantics 13.1). */
export const calicoPort = z
  .union([z.int().min(1).max(65_535), z.string()], {
    error: 'a port is a number, a range like "8000:8080" or the name of a container port',
  })
  .transform((written, context): PortEntry => {
    if (typeof written === 'number') return { range: readPorts(written, context) };
    // Zeros before a number mean nothing to Calico.
    if (/^\d+(:\d+)?$/.test(written)) return { range: readPorts(written.replaceAll(/\b0+(?=\d)/g, ''), context) };
    const dashed = /^(\d+)-(\d+)$/.exec(written);
    if (dashed !== null)
      return refuse(
        context,
        'PORT_INVALID',
        `${show(written)} would be a name; write "${dashed[1]}:${dashed[2]}" for the range`,
      );
    if (PORT_NAME.test(written)) return { name: written };
    return refuse(
      context,
      'PORT_INVALID',
      `${show(written)} is no port; write a number, a range like "8000:8080" or the name of a container port`,
    );
  });

/** A port of a rule of ours: number or range; outside the cluster nobody knows what a name stands for. */
export const ownPort = z
  .union([z.int().min(1).max(65_535), z.string().max(11)], { error: 'a port is a number or a range like "8000:8080"' })
  .transform((written, context) => readPorts(written, context))
  .meta({ pattern: '^[1-9][0-9]{0,4}([:-][1-9][0-9]{0,4})?$' });

const DOMAIN_LABEL = /^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?$/;
/** Labels and stars; that there is one star at most is said by the reader. */
const DOMAIN_SHAPE = `^((\\*|${DOMAIN_LABEL.source.slice(1, -1)})\\.)*${DOMAIN_LABEL.source.slice(1, -1)}$`;

/** A domain name, or one `*` as a whole label in any place but the last (calico.md 9.2). */
export const domain = z
  .string()
  .max(253)
  .transform((text, context) => {
    const labels = text.split('.');
    const wildcards = labels.filter((label) => label === '*').length;
    const right =
      labels.every((label) => label === '*' || DOMAIN_LABEL.test(label)) && wildcards <= 1 && labels.at(-1) !== '*';
    if (right) return text.toLowerCase();
    return refuse(
      context,
      'DOMAIN_INVALID',
      `${show(text)} is no domain name; write one like "api.example.com", or one "*" as a whole label that is not the last, like "*.example.com"`,
    );
  })
  .meta({ pattern: DOMAIN_SHAPE });

/** Members of an ICMP match. */
export const icmp = {
  type: z.int().min(0).max(254).describe('ICMP type'),
  code: z.int().min(0).max(255).describe('ICMP code; absent: every code'),
};
/** The family that a rule is for. */
export const ipVersion = z.literal([4, 6]);
/** What a rule does. */
export const action = z.enum(['Allow', 'Deny', 'Pass', 'Log']).describe('Allow, Deny, Pass or Log');
/** Which way a policy looks, from the workload. */
export const direction = z.enum(['Ingress', 'Egress']);

function checked(problemOf: (text: string) => string | undefined) {
  return z
    .string()
    .max(253)
    .superRefine((text, context) => {
      const problem = problemOf(text);
      if (problem !== undefined) refuse(context, 'NAME_INVALID', problem);
    });
}

/** The name of an object. */
export const name = checked(nameProblem).meta({ pattern: SUBDOMAIN.source });
/** The name of an object of others' kinds that may be absent; the empty text is absent. */
export const optionalName = optional(z.union([z.literal('').transform(() => undefined), name]));
/** The name of a tier. */
export const tierName = checked(labelNameProblem).meta({ maxLength: 63, pattern: LABEL.source });
/** Names of objects in a list that must not be empty: an empty one could be meant as "none" and as "all". */
export const names = z.array(name).min(1).max(256);

/** CIDRs of a field of ours; an empty list could be meant as "none" and as "all". */
export const cidrs = z.array(cidr).min(1).max(1024);
/** Ports of a field of ours. */
export const ownPorts = z
  .array(ownPort)
  .min(1)
  .max(256)
  .transform((ranges) => PortSet.of(...ranges));

// The descriptions are also what is said when one of these is missing.

/** The `selector` of our kinds. */
export const workloadSelector = ownSelector.describe('which workloads, by their labels; write all() for every one');
/** The `namespaceSelector` of our kinds. */
export const namespaceSelector = ownSelector.describe(
  "the workloads' namespaces, by their labels (projectcalico.org/name is the name); write all() for every one",
);
/** What a policy or translation does about shared addresses. */
export const onBlind = z.enum(['Refuse', 'Widen']).default('Refuse');
