import { z } from 'zod';
import { checkLabelSelector } from '../selector/label-selector.ts';
import { type Prefix, formatPrefix } from '../ip/prefix.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { direction, list, looseCidr, optional } from './fields.ts';
import { refuse } from './mistake.ts';
import type {
  KubernetesNetworkPolicy,
  KubernetesPeer,
  KubernetesRule,
  LabelSelector,
  Meta,
  ReadableRule,
} from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, defined, show } from './shape.ts';

/** Text to text, with names such as `__proto__` kept. */
const texts = z
  .custom<RawMap>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: 'this has to be a map',
  })
  .transform((map, context) => {
    const read = new Map<string, string>();
    for (const [key, value] of Object.entries(map)) {
      if (typeof value === 'string') read.set(key, value);
      // The API server reads a label without a value as an empty one.
      else if (value === null) read.set(key, '');
      else
        context.addIssue({
          code: 'custom',
          message: `the value of ${show(key)} is ${show(value)} and has to be text`,
          path: [key],
        });
    }
    return read;
  });

const selectorMembers = {
  matchLabels: optional(texts),
  matchExpressions: list(z.object({ key: z.string(), operator: z.string(), values: list(z.string()) })),
};

function checked(written: z.output<z.ZodObject<typeof selectorMembers>>, context: z.RefinementCtx): LabelSelector {
  const { value, diagnostics } = checkLabelSelector(defined(written), '');
  if (value !== undefined) return value;
  for (const { code, message } of diagnostics) refuse(context, code, message);
  return z.NEVER;
}

const labelSelector = z.object(selectorMembers).transform(checked);

/** A label selector, checked as the API server checks it, with nothing else in it. */
export const strictLabelSelector = z.strictObject(selectorMembers).transform(checked);

const ipBlock = z.object({ cidr: looseCidr, except: list(looseCidr) }).transform(({ cidr, except }, context) => {
  const block = PrefixSet.of([cidr]);
  const outside = except.find((prefix) => !isInside(prefix, cidr, block));
  if (outside === undefined) return { cidr, except };
  return refuse(
    context,
    'FIELD_CONFLICT',
    `the exception ${formatPrefix(outside)} has to be a smaller part of ${formatPrefix(cidr)}`,
  );
});

function isInside(prefix: Prefix, cidr: Prefix, block: PrefixSet): boolean {
  return prefix.length > cidr.length && block.covers(PrefixSet.of([prefix]));
}

const peer = z
  .object({
    podSelector: optional(labelSelector),
    namespaceSelector: optional(labelSelector),
    ipBlock: optional(ipBlock),
  })
  .transform((written, context): KubernetesPeer => {
    const { podSelector, namespaceSelector } = written;
    const selects = podSelector !== undefined || namespaceSelector !== undefined;
    if (written.ipBlock !== undefined && selects)
      return refuse(context, 'FIELD_CONFLICT', 'ipBlock stands alone in a peer; make a second peer for the selectors');
    // An empty peer would be read as "everybody"; the API server refuses it too.
    if (written.ipBlock === undefined && !selects)
      return refuse(context, 'FIELD_CONFLICT', 'this peer is empty; write podSelector, namespaceSelector or ipBlock');
    return defined(written);
  });

/** IANA service name, as the API server checks port names. */
const PORT_NAME = /^(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/;

/** Why a text cannot be the name of a container port, or `undefined`. */
export function portNameProblem(text: string): string | undefined {
  return PORT_NAME.test(text)
    ? undefined
    : `${show(text)} is no port name of at most 15 lower-case letters, digits and "-"`;
}

/** Protocols with ports, as Kubernetes writes them. */
export const portProtocol = z.enum(['TCP', 'UDP', 'SCTP']);

const port = z
  .object({
    protocol: optional(portProtocol),
    port: optional(z.union([z.int(), z.string()], { error: 'a port is a number or the name of a container port' })),
    endPort: optional(z.int()),
  })
  .transform((written, context): KubernetesRule['ports'][number] => {
    const { protocol = 'TCP', port: first, endPort } = written;
    if (typeof first === 'number' && (first < 1 || first > 65535))
      return refuse(context, 'PORT_INVALID', `${first} is not a port; use 1 to 65535`);
    const problem = typeof first === 'string' ? portNameProblem(first) : undefined;
    if (problem !== undefined) {
      const number = /^\d{1,5}$/.test(String(first)) ? `; for the number write ${Number(first)} without quotes` : '';
      return refuse(context, 'PORT_INVALID', `${problem}${number}`);
    }
    if (endPort === undefined) return defined({ protocol, port: first });
    if (typeof first !== 'number') return refuse(context, 'PORT_INVALID', 'endPort needs a port that is a number');
    if (endPort > 65_535) return refuse(context, 'PORT_INVALID', `endPort ${endPort} is not a port; use 1 to 65535`);
    if (endPort < first)
      return refuse(context, 'PORT_INVALID', `endPort ${endPort} lies before port ${first}; exchange them`);
    return { protocol, port: first, endPort };
  });

const rule = z.object({ from: list(peer), to: list(peer), ports: list(port) });

/**
 * Kubernetes' own policy (semantics 8.1). It only allows, so what cannot be read of it is left out and allows nothing; a podSelector
 * that cannot be read isolates the whole namespace.
 */
export function readKubernetesNetworkPolicy(meta: Meta, raw: RawMap, scope: Scope): KubernetesNetworkPolicy {
  const inside = scope.at('spec');
  const broken = inside.otherwise(
    'The policy isolates every pod of its namespace in both directions and allows nothing.',
  );
  const spec = broken.map(specOf(raw, inside, 'isolates every pod of its namespace from what comes in'));
  if (spec === undefined)
    return {
      ...meta,
      type: 'KubernetesNetworkPolicy',
      podSelector: { ok: false },
      types: ['Ingress', 'Egress'],
      ingress: [],
      egress: [],
    };
  const ingress = readRules('from', spec['ingress'], inside.at('ingress'));
  const egress = readRules('to', spec['egress'], inside.at('egress'));
  const podSelector = inside
    .at('podSelector')
    .otherwise('The policy isolates every pod of its namespace and allows nothing.')
    .value(labelSelector, spec['podSelector'] ?? {});
  return {
    ...meta,
    type: 'KubernetesNetworkPolicy',
    podSelector,
    types: readTypes(spec['policyTypes'], egress.length > 0, inside.at('policyTypes')),
    // What was allowed to some pods is not allowed to all of them.
    ingress: podSelector.ok ? ingress : ingress.map(() => ({ ok: false, action: 'Allow' })),
    egress: podSelector.ok ? egress : egress.map(() => ({ ok: false, action: 'Allow' })),
  };
}

/** A policy without spec is one with an empty spec, for Kubernetes and Calico alike. */
export function specOf(raw: RawMap, scope: Scope, effect: string): unknown {
  const { spec } = raw;
  if (spec !== undefined && spec !== null) return spec;
  scope.warning('FIELD_MISSING', `without a spec the policy ${effect}; write what is meant`);
  return {};
}

function readTypes(raw: unknown, hasEgress: boolean, scope: Scope): KubernetesNetworkPolicy['types'] {
  const read = scope.otherwise('The policy isolates in both directions.').value(list(direction), raw);
  if (!read.ok) return ['Ingress', 'Egress'];
  if (read.value.length > 2)
    scope
      .otherwise('The policy counts as written.')
      .mistake('FIELD_INVALID', 'there are two directions, and this list has more entries');
  if (read.value.length > 0) return [...new Set(read.value)];
  return hasEgress ? ['Ingress', 'Egress'] : ['Ingress'];
}

function readRules(side: 'from' | 'to', raw: unknown, scope: Scope): ReadableRule<KubernetesRule>[] {
  if (raw === undefined || raw === null) return [];
  if (!Array.isArray(raw)) {
    scope
      .otherwise('They allow nothing.')
      .mistake('FIELD_INVALID', `this is ${show(raw)} and has to be a list of rules`);
    return [{ ok: false, action: 'Allow' }];
  }
  return raw.map((written: unknown, index): ReadableRule<KubernetesRule> => {
    const here = scope.at(index).otherwise('This rule is left out, so it allows nothing.');
    const map = here.map(written, 'a rule without anything allows everything; write {} if that is meant');
    if (map === undefined) return { ok: false, action: 'Allow' };
    const { values, sound } = here.fields(rule, map, [side === 'from' ? 'to' : 'from']);
    if (!sound) return { ok: false, action: 'Allow' };
    return { ok: true, rule: { peers: values[side] ?? [], ports: values.ports ?? [] } };
  });
}
