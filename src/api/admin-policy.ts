import { z } from 'zod';
import { closest } from '../base/closest.ts';
import { portName as calicoPortName, looseCidr, optional, readPorts } from './fields.ts';
import { portProtocol, strictLabelSelector } from './kubernetes-network-policy.ts';
import { refuse } from './mistake.ts';
import type {
  AdminPeer,
  AdminPods,
  AdminPolicy,
  AdminPort,
  AdminRule,
  LabelSelector,
  Meta,
  Readable,
  RuleAction,
} from './resource.ts';
import { forWholeScope, insteadOfRule, limited, readRules, unreadable } from './rule.ts';
import type { Scope } from './scope.ts';
import { type RawMap, defined, isMap, show } from './shape.ts';

// The cluster-wide policies of policy.networking.k8s.io (semantics 9): one meaning in three dialects. Maps inside of rules are closed: a field
// that is not known there could be what keeps the rule from being about everybody, and versions of this API have differed in them.

/** A member that has to be the only one of its map. */
function single(written: object, context: z.RefinementCtx, choices: string): boolean {
  const present = Object.keys(defined(written));
  if (present.length === 1) return true;
  const found =
    present.length === 0 ? 'this says nothing that is known' : `${present.join(' and ')} exclude each other`;
  refuse(context, present.length === 0 ? 'FIELD_MISSING' : 'FIELD_CONFLICT', `${found}; write one of ${choices}`);
  return false;
}

/** The two versions of the API, where they differ in more than words: the most peers and the most ports of a rule, among others. */
interface Version {
  readonly entries: number;
  /** Whether pods of all namespaces are meant where none are named; else they have to be named. */
  readonly namesAreOptional: boolean;
}

const V1ALPHA1: Version = { entries: 100, namesAreOptional: false };
const V1ALPHA2: Version = { entries: 25, namesAreOptional: true };

/** The most networks or domain names of a peer. */
const OUTSIDE = 25;

/** Schemas of whom a policy or rule is about. */
function whoOf(version: Version) {
  const namespaces = strictLabelSelector.describe('which namespaces; write {} for all');
  const everywhere = strictLabelSelector.prefault({ matchLabels: undefined, matchExpressions: undefined });
  const podsBySelectors = z.strictObject({
    namespaceSelector: version.namesAreOptional ? everywhere : namespaces,
    podSelector: strictLabelSelector.describe('which pods of them; write {} for all'),
  });
  const selected = { namespaces: optional(strictLabelSelector), pods: optional(podsBySelectors) };
  const subject = z
    .strictObject(selected)
    .transform(
      (written, context): AdminPods =>
        single(written, context, 'namespaces or pods') ? podsOf(defined(written), context) : z.NEVER,
    );
  const ingressPeer = z
    .strictObject(selected)
    .transform(
      (written, context): AdminPeer =>
        single(written, context, 'namespaces or pods')
          ? { kind: 'Pods', ...podsOf(defined(written), context) }
          : z.NEVER,
    );
  const egressPeer = z
    .strictObject({
      ...selected,
      // The API server takes what Go parses as a CIDR, and Calico clears its host bits.
      networks: optional(several(looseCidr, OUTSIDE, 'networks')),
      nodes: optional(strictLabelSelector),
      domainNames: optional(several(domainName, OUTSIDE, 'domain names')),
    })
    .transform((written, context): AdminPeer | UnsupportedPeer => {
      if (!single(written, context, 'namespaces, pods or networks')) return z.NEVER;
      if (written.networks !== undefined) return { kind: 'Networks', nets: written.networks };
      if (written.nodes !== undefined) return { kind: 'Unsupported', field: 'nodes' };
      if (written.domainNames !== undefined) return { kind: 'Unsupported', field: 'domainNames' };
      return { kind: 'Pods', ...podsOf(defined(written), context) };
    });
  // One without any would be read as "nobody" by some and as "everybody" by others.
  const peers = <S extends z.ZodType>(peer: S) =>
    several(peer, version.entries, 'peers').describe('whom the rule is about; at least one peer');
  const from: z.ZodType<(AdminPeer | UnsupportedPeer)[]> = peers(ingressPeer);
  return { subject, from, to: peers(egressPeer) };
}

interface Selected {
  readonly namespaces?: LabelSelector;
  readonly pods?: Required<AdminPods>;
}

function podsOf({ namespaces, pods }: Selected, context: z.RefinementCtx): AdminPods {
  if (namespaces !== undefined) return { namespaceSelector: namespaces };
  return pods ?? refuse(context, 'FIELD_MISSING', 'this says nothing that is known; write namespaces or pods');
}

/** What cannot be told by addresses; Calico does not convert it either (semantics 9.2.7). */
interface UnsupportedPeer {
  readonly kind: 'Unsupported';
  readonly field: 'nodes' | 'domainNames';
}

/** A list that is not empty, with the API's own limit. */
function several<S extends z.ZodType>(entry: S, limit: number, what: string) {
  return z
    .array(entry)
    .max(limit)
    .transform((written, context) => (written.length > 0 ? written : refuseEmpty(context, what)));
}

function refuseEmpty(context: z.RefinementCtx, what: string): never {
  return refuse(context, 'FIELD_MISSING', `this list of ${what} is empty; write at least one`);
}

const DOMAIN_NAME = /^(\*\.)?([a-zA-Z0-9]([-\w]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([-\w]*[a-zA-Z0-9])?\.?$/;

/** As this API writes domain names. Nothing is made of them. */
const domainName = z.string().transform((text, context) => {
  if (DOMAIN_NAME.test(text)) return text;
  return refuse(context, 'DOMAIN_INVALID', `${show(text)} is no domain name; write one like "api.example.com"`);
});

const portNumber = z.int().transform((number, context) => readPorts(number, context)[0]);

/** The API takes any text; what Calico would take for a number is refused. */
const portName = calicoPortName.transform((text, context) =>
  /^\d+$/.test(text)
    ? refuse(context, 'PORT_INVALID', `${show(text)} is no name of a port; write the number as one`)
    : text,
);

function portRange<S extends z.ZodRawShape>(more: S) {
  return z.strictObject({ start: portNumber, end: portNumber, ...more });
}

function ports(first: number, last: number, context: z.RefinementCtx): Pick<AdminPort, 'port' | 'endPort'> {
  if (first === last) return { port: first };
  if (first < last) return { port: first, endPort: last };
  return refuse(context, 'PORT_INVALID', `the range ends at ${last}, before its start ${first}; exchange them`);
}

/** An entry of `protocols`, in v1alpha2. */
const protocolEntry = z
  .strictObject({
    tcp: optional(destinationOf('TCP')),
    udp: optional(destinationOf('UDP')),
    sctp: optional(destinationOf('SCTP')),
    destinationNamedPort: optional(portName),
  })
  .transform((written, context): AdminPort => {
    if (!single(written, context, 'tcp, udp, sctp or destinationNamedPort')) return z.NEVER;
    return written.tcp ?? written.udp ?? written.sctp ?? defined({ port: written.destinationNamedPort });
  });

function destinationOf(protocol: z.infer<typeof portProtocol>) {
  return z
    .strictObject({
      destinationPort: optional(
        z
          .strictObject({ number: optional(portNumber), range: optional(portRange({})) })
          .transform((written, context): Pick<AdminPort, 'port' | 'endPort'> => {
            if (!single(written, context, 'number or range')) return z.NEVER;
            const { number, range } = written;
            return range === undefined ? defined({ port: number }) : ports(range.start, range.end, context);
          }),
      ),
    })
    .transform((written): AdminPort => ({ protocol, ...written.destinationPort }));
}

/** An entry of `ports`, in v1alpha1. */
const portEntry = z
  .strictObject({
    portNumber: optional(z.strictObject({ protocol: optional(portProtocol), port: portNumber })),
    portRange: optional(portRange({ protocol: optional(portProtocol) })),
    namedPort: optional(portName),
  })
  .transform((written, context): AdminPort => {
    if (!single(written, context, 'portNumber, portRange or namedPort')) return z.NEVER;
    const { portNumber: number, portRange: range, namedPort } = written;
    if (number !== undefined) return { protocol: number.protocol ?? 'TCP', port: number.port };
    if (range !== undefined) return { protocol: range.protocol ?? 'TCP', ...ports(range.start, range.end, context) };
    return defined({ port: namedPort });
  });

/** What one kind writes in its own way. */
interface Dialect {
  readonly type: AdminPolicy['type'];
  readonly actions: z.ZodType<RuleAction>;
  /** Its word for Allow. */
  readonly accept: 'Accept' | 'Allow';
  /** The most rules of one direction (semantics 9.1.10). */
  readonly ruleLimit: number;
  /** The field with the ports of a rule, and the one of the other version, which would be taken for "all traffic". */
  readonly ports: 'protocols' | 'ports';
  readonly who: ReturnType<typeof whoOf>;
  readonly rulePorts: z.ZodType<AdminPort[] | undefined>;
}

const newWords = z
  .enum(['Accept', 'Deny', 'Pass'])
  .transform((word): RuleAction => (word === 'Accept' ? 'Allow' : word))
  .describe('Accept, Deny or Pass');
const newDialect: Dialect = {
  type: 'KubernetesClusterNetworkPolicy',
  actions: newWords,
  accept: 'Accept',
  ruleLimit: 25,
  ports: 'protocols',
  who: whoOf(V1ALPHA2),
  rulePorts: optional(several(protocolEntry, V1ALPHA2.entries, 'protocols')),
};
const oldDialect: Dialect = {
  type: 'AdminNetworkPolicy',
  actions: z.enum(['Allow', 'Deny', 'Pass']).describe('Allow, Deny or Pass'),
  accept: 'Allow',
  ruleLimit: 100,
  ports: 'ports',
  who: whoOf(V1ALPHA1),
  rulePorts: optional(several(portEntry, V1ALPHA1.entries, 'ports')),
};
const baselineDialect: Dialect = {
  ...oldDialect,
  type: 'BaselineAdminNetworkPolicy',
  actions: z.enum(['Allow', 'Deny']).describe('Allow or Deny'),
};

/** Calico's tiers for the two values of `tier` (semantics 9.2.1). */
const TIERS = new Map([
  ['Admin', 'kube-admin'],
  ['Baseline', 'kube-baseline'],
]);

const LEFT_OUT = 'The policy is left out, as in Calico.';

/** Reads a ClusterNetworkPolicy; nothing is kept of one without a subject, or whose tier is none (semantics 9.2.8). */
export function readClusterNetworkPolicy(meta: Meta, raw: RawMap, scope: Scope): AdminPolicy | undefined {
  const spec = readSpec(raw, scope);
  if (spec === undefined) return undefined;
  const inside = scope.at('spec');
  const written = z.enum(['Admin', 'Baseline']).describe('Admin or Baseline');
  const tier = inside.otherwise(LEFT_OUT).at('tier').value(written, spec['tier']);
  const policy = readPolicy(newDialect, meta, spec, readPriority(spec['priority'], inside.at('priority')), inside);
  return tier.ok && policy !== undefined ? { ...policy, tier: TIERS.get(tier.value) ?? tier.value } : undefined;
}

/** Reads an AdminNetworkPolicy, which is in the tier that Calico had for it (semantics 6.1.6). */
export function readAdminNetworkPolicy(meta: Meta, raw: RawMap, scope: Scope): AdminPolicy | undefined {
  const spec = readSpec(raw, scope);
  if (spec === undefined) return undefined;
  const inside = scope.at('spec');
  const policy = readPolicy(oldDialect, meta, spec, readPriority(spec['priority'], inside.at('priority')), inside);
  return policy && { ...policy, tier: 'adminnetworkpolicy' };
}

/** Reads the BaselineAdminNetworkPolicy, of which there is one; so it has no priority. */
export function readBaselineAdminNetworkPolicy(meta: Meta, raw: RawMap, scope: Scope): AdminPolicy | undefined {
  if (meta.name !== 'default')
    scope
      .otherwise('The policy is read as it stands.')
      .mistake('NAME_SHAPE', 'there is one BaselineAdminNetworkPolicy, and its name is "default"', 'metadata', 'name');
  const spec = readSpec(raw, scope);
  const policy =
    spec && readPolicy(baselineDialect, meta, spec, { ok: true, value: Number.POSITIVE_INFINITY }, scope.at('spec'));
  return policy && { ...policy, tier: 'baselineadminnetworkpolicy' };
}

function readSpec(raw: RawMap, scope: Scope): RawMap | undefined {
  return scope.at('spec').otherwise(LEFT_OUT).map(raw['spec'], 'this field is required: the policy stands in it');
}

function readPriority(raw: unknown, scope: Scope): Readable<number> {
  return scope
    .otherwise(
      'The policy comes first in its tier; what it accepts is left out, and what it denies or passes is denied.',
    )
    .value(z.int().min(0).max(1000).describe('a number from 0 to 1000; lower goes first'), raw ?? undefined);
}

function readPolicy(
  dialect: Dialect,
  meta: Meta,
  spec: RawMap,
  priority: Readable<number>,
  scope: Scope,
): Omit<AdminPolicy, 'tier'> | undefined {
  const who = readSubject(dialect, spec['subject'], scope.at('subject'));
  const direction = (side: 'from' | 'to') => {
    const name = side === 'from' ? 'ingress' : 'egress';
    const rules = readDirection(dialect, side, spec[name], scope.at(name));
    if (!priority.ok) return unreadable(rules);
    return who?.ok === false ? forWholeScope(rules) : rules;
  };
  const rules = { ingress: direction('from'), egress: direction('to') };
  if (who === undefined) return undefined;
  const order = priority.ok ? priority.value : Number.NEGATIVE_INFINITY;
  return { ...meta, type: dialect.type, order, subject: who, ...rules };
}

const SUBJECTS = ['namespaces', 'pods'] as const;

/** `undefined`: nothing says whom the policy is about. That is not the same as words about it that cannot be read. */
function readSubject(dialect: Dialect, raw: unknown, scope: Scope): Readable<AdminPods> | undefined {
  const known = isMap(raw) ? SUBJECTS.filter((name) => (raw[name] ?? undefined) !== undefined) : [];
  if (raw === undefined || raw === null || (isMap(raw) && known.length === 0)) {
    const nobody = 'this field is required: whom the policy is about; write namespaces or pods';
    scope.otherwise(LEFT_OUT).mistake('FIELD_MISSING', nobody);
    return undefined;
  }
  return scope
    .otherwise('The policy selects every pod; of its rules only Deny counts as written.')
    .value(dialect.who.subject, raw);
}

function readDirection(dialect: Dialect, side: 'from' | 'to', raw: unknown, scope: Scope): AdminPolicy['ingress'] {
  const rules = readRules(
    raw ?? undefined,
    scope,
    (action, map, here) => readRule(dialect, side, action, map, here),
    dialect.actions,
  );
  return limited(rules, dialect.ruleLimit, scope);
}

function readRule(
  dialect: Dialect,
  side: 'from' | 'to',
  action: RuleAction,
  raw: RawMap,
  scope: Scope,
): AdminRule | undefined {
  const foreign = dialect.ports === 'ports' ? 'protocols' : 'ports';
  const known = ['name', 'action', side, dialect.ports];
  const unknown = Object.keys(raw).filter((field) => !known.includes(field) && (raw[field] ?? undefined) !== undefined);
  for (const field of unknown) {
    const meant = field === foreign ? dialect.ports : closest(field, known);
    const hint = meant === undefined ? 'remove it' : `write "${meant}"`;
    const message = `there is no field ${show(field)} in this version, so what it limits would be meant as a whole; ${hint}`;
    scope.mistake('FIELD_UNKNOWN', message, field);
  }
  scope
    .at('name')
    .otherwise(AS_WRITTEN)
    .value(ruleName, raw['name'] ?? undefined);
  const found = scope.at(side).value(dialect.who[side], raw[side] ?? undefined);
  const ports = scope.at(dialect.ports).value(dialect.rulePorts, raw[dialect.ports]);
  if (!found.ok) return undefined;
  if (ports.ok) checkNamedPorts(found.value, ports.value ?? [], scope);
  const whole = supportedPeers(dialect, found.value, action, scope.at(side));
  return whole === undefined || !ports.ok || unknown.length > 0
    ? undefined
    : { action, peers: whole, ports: ports.value ?? [] };
}

const AS_WRITTEN = 'The rule counts as written.';
const ruleName = optional(z.string().max(100));

/** The API refuses a name of a port beside peers that are no pods: only pods name their ports. */
function checkNamedPorts(
  peers: readonly (AdminPeer | UnsupportedPeer)[],
  ports: readonly AdminPort[],
  scope: Scope,
): void {
  const isNamed = ports.some(({ port }) => typeof port === 'string');
  if (!isNamed || peers.every(({ kind }) => kind === 'Pods')) return;
  const message =
    'only pods name their ports, and a peer here is no pod; make two rules, or write the port by its number';
  scope.otherwise(AS_WRITTEN).mistake('FIELD_CONFLICT', message, 'to');
}

/** The peers of a rule, if all of them can be enforced. */
function supportedPeers(
  dialect: Dialect,
  found: readonly (AdminPeer | UnsupportedPeer)[],
  action: RuleAction,
  scope: Scope,
): readonly AdminPeer[] | undefined {
  const supported: AdminPeer[] = [];
  for (const [index, peer] of found.entries()) {
    if (peer.kind !== 'Unsupported') supported.push(peer);
    else if (peer.field === 'domainNames' && action !== 'Allow')
      scope.mistake('FIELD_CONFLICT', 'domainNames stand in rules that accept only', index, peer.field);
    else {
      // Right as it is written, so it is no error; but nothing below says what becomes of it.
      const instead = insteadOfRule(action, action === 'Allow' ? dialect.accept : action);
      scope.warning('PEER_UNSUPPORTED', `peers by ${peer.field} are not enforced. ${instead}`, index, peer.field);
    }
  }
  return supported.length === found.length ? supported : undefined;
}
