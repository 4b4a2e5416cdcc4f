import { z } from 'zod';
import type { Family } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { PortSet } from '../ip/port-set.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { cel } from './cel.ts';
import {
  action,
  cidr,
  cidrs,
  domain,
  icmp,
  ipVersion,
  names,
  namespaceSelector,
  onBlind,
  ownPorts,
  ownSelector,
  protocol,
  workloadSelector,
} from './fields.ts';
import { NO_SPEC, checkEnvelope } from './own.ts';
import type {
  BorderPolicy,
  BorderPolicyRule,
  BorderPolicySpec,
  ClusterBorderPolicy,
  Meta,
  RuleAction,
} from './resource.ts';
import { forWholeScope, readRules, unreadable } from './rule.ts';
import { celFamilies, celIcmp, celPorts, checkFamilies, checkIcmp, checkNotNets, checkPorts } from './rule-check.ts';
import type { Fields, Scope } from './scope.ts';
import { type RawMap, defined } from './shape.ts';

/** As many as Calico's own policies take (semantics 5.10). */
const RULE_LIMIT = 1024;

/** Of the same form as `cidrs`; that none of them is a whole family is said by `checkNotNets`. */
const exceptions = z
  .array(cidr.meta({ pattern: '/[1-9][0-9]{0,2}$' }))
  .min(1)
  .max(1024);

const rule = z
  .strictObject({
    action,
    ipVersion: ipVersion.optional().describe('4 or 6; absent: both families'),
    protocol: protocol.optional().describe('TCP, UDP, SCTP, ICMP, ICMPv6, UDPLite or a number from 1 to 255'),
    notProtocol: protocol.optional().describe('every protocol but this one'),
    icmp: z
      .strictObject({ type: icmp.type, code: icmp.code.optional() })
      .optional()
      .describe('ICMP type, and code; needs protocol ICMP or ICMPv6'),
    nets: cidrs.optional().describe('networks outside; absent: every address'),
    notNets: exceptions.optional().describe('every address but these'),
    ports: ownPorts.optional().describe('destination ports and ranges; need protocol TCP, UDP or SCTP'),
    notPorts: ownPorts.optional().describe('every destination port but these'),
    selector: ownSelector
      .optional()
      .describe(
        "network sets, by their labels: GlobalNetworkSets, and for a BorderPolicy its own namespace's NetworkSets",
      ),
    domains: z.array(domain).min(1).max(256).optional().describe('domain names outside'),
  })
  .meta(cel(celPorts('ports'), celPorts('notPorts'), celIcmp, ...celFamilies));

const common = {
  order: z.number().optional().describe('lower comes first; absent: last'),
  selector: workloadSelector,
  egress: z.array(rule).max(RULE_LIMIT).default([]).describe('rules for what goes out; the first that matches decides'),
  firewalls: names.optional().describe("names of BorderFirewalls; absent: every one on the workloads' way"),
  onBlind: onBlind.describe('what to do where several workloads share the address that the border sees'),
};

/** `spec` of a BorderPolicy. */
export const borderPolicySpec = z
  .strictObject(common)
  .describe("a namespace's own rules for its own pods, as far as a firewall accepts them");
/** `spec` of a ClusterBorderPolicy. */
export const clusterBorderPolicySpec = z
  .strictObject({ ...common, namespaceSelector })
  .describe("the border owner's rules for the workloads of all namespaces");

/** Members that are read on their own, because a mistake in one of them leaves the others as they are. */
const PARTS = ['selector', 'egress'] as const;

/** Reads the border owner's policy for all namespaces. */
export function readClusterBorderPolicy(meta: Meta, raw: RawMap, scope: Scope): ClusterBorderPolicy {
  const spec = readSpec(raw, scope, {
    everything: 'every workload',
    namespaces: (map, here) => here.value(namespaceSelector, map['namespaceSelector']),
    plain: (map, here) => here.fields(clusterBorderPolicySpec, map, [...PARTS, 'namespaceSelector']),
  });
  return { ...meta, type: 'ClusterBorderPolicy', spec };
}

/** Reads a namespace's own policy. */
export function readBorderPolicy(meta: Meta, raw: RawMap, scope: Scope): BorderPolicy {
  const spec = readSpec(raw, scope, {
    everything: 'every workload of its namespace',
    namespaces: () => ({ ok: true, value: undefined }),
    plain: (map, here) => here.fields(borderPolicySpec, map, PARTS),
  });
  return { ...meta, type: 'BorderPolicy', spec };
}

interface SpecKind {
  /** What the policy selects when its selectors cannot be read. */
  readonly everything: string;
  readonly namespaces: (spec: RawMap, scope: Scope) => BorderPolicySpec['namespaceSelector'];
  readonly plain: (spec: RawMap, scope: Scope) => Fields<typeof common>;
}

function readSpec(raw: RawMap, scope: Scope, kind: SpecKind): BorderPolicySpec {
  const broken = scope.otherwise(
    "This policy's Allow rules are left out, and its Deny and Pass rules deny everything.",
  );
  const sound = checkEnvelope(raw, broken);
  const spec = scope
    .at('spec')
    .otherwise(`The policy selects ${kind.everything} and allows nothing.`)
    .map(raw['spec'], NO_SPEC);
  if (spec === undefined)
    return {
      order: Number.NEGATIVE_INFINITY,
      selector: { ok: false },
      namespaceSelector: { ok: false },
      egress: [],
      onBlind: 'Refuse',
    };
  const inside = broken.at('spec');
  const { ingress, ...map } = spec;
  if (ingress !== undefined)
    inside.mistake('FIELD_NOT_YET', 'rules for what comes in are not possible yet; remove them', 'ingress');
  const plain = kind.plain(map, inside);
  const selecting = inside.otherwise(
    `The policy selects ${kind.everything}; of its rules only Deny counts as written.`,
  );
  const selector = selecting.at('selector').value(workloadSelector, map['selector']);
  const namespaces = kind.namespaces(map, selecting.at('namespaceSelector'));
  const egress = readRules(map['egress'], inside.at('egress'), readRule);
  const tooMany = egress.length > RULE_LIMIT;
  if (tooMany)
    inside.mistake('FIELD_INVALID', `this list has more than ${RULE_LIMIT} rules; make two policies`, 'egress');
  return {
    // A rule that denies because it cannot be read must not come after one that allows.
    order: plain.broken.has('order') ? Number.NEGATIVE_INFINITY : (plain.values.order ?? Number.POSITIVE_INFINITY),
    selector,
    namespaceSelector: namespaces,
    egress: rulesInForce(
      egress,
      sound && plain.sound && ingress === undefined && !tooMany,
      selector.ok && namespaces.ok,
    ),
    ...defined({ firewalls: plain.values.firewalls }),
    onBlind: plain.values.onBlind ?? 'Refuse',
  };
}

function rulesInForce(rules: BorderPolicySpec['egress'], sound: boolean, selects: boolean): BorderPolicySpec['egress'] {
  if (!sound) return unreadable(rules);
  return selects ? rules : forWholeScope(rules);
}

function readRule(written: RuleAction, raw: RawMap, scope: Scope): BorderPolicyRule | undefined {
  const { values, broken, sound } = scope.fields(rule, raw, ['action']);
  const number = values.protocol?.number;
  const unreadableProtocol = broken.has('protocol');
  const family = checkFamilies(
    {
      ...values,
      mixed: true,
      nets: (['nets', 'notNets'] as const).flatMap((field) =>
        (values[field] ?? []).map((net, index) => ({ net, path: [field, index] })),
      ),
    },
    scope,
  );
  const right = [
    sound,
    family !== 'conflict',
    checkPorts({ ports: numbers(values.ports), notPorts: numbers(values.notPorts) }, number, unreadableProtocol, scope),
    checkIcmp([{ field: 'icmp', icmp: values.icmp }], number, unreadableProtocol, scope),
    checkNotNets(values.notNets ?? [], scope.at('notNets')),
    family === 'conflict' || checkNotNetsFamilies(values.nets, values.notNets, family, scope.at('notNets')),
  ].every(Boolean);
  if (!right || family === 'conflict') return undefined;
  const { nets, notNets, ports, notPorts, selector, domains = [] } = values;
  return {
    action: written,
    ...defined({
      ipVersion: family,
      protocol: number,
      notProtocol: values.notProtocol?.number,
      icmp: values.icmp && defined(values.icmp),
      nets: nets && PrefixSet.of(nets),
      notNets: notNets && PrefixSet.of(notNets),
      ports,
      notPorts,
      selector,
    }),
    domains,
  };
}

function numbers(ports: PortSet | undefined) {
  return ports && { numbers: ports, names: [] };
}

/**
 * Calico drops a rule for a family that its `notNets` do not name (semantics 5.4); plain reading says that nothing is excepted there. A
 * Deny would be open or closed by that difference, so our rules have to leave no doubt.
 */
function checkNotNetsFamilies(
  nets: readonly Prefix[] | undefined,
  notNets: readonly Prefix[] | undefined,
  family: Family | undefined,
  scope: Scope,
): boolean {
  if (notNets === undefined) return true;
  const families: ReadonlySet<Family> = new Set(
    family === undefined ? (nets?.map((net) => net.family) ?? [4, 6]) : [family],
  );
  const named = new Set(notNets.map((net) => net.family));
  const forgotten = [...families].find((one) => !named.has(one));
  if (forgotten === undefined) return true;
  const other = forgotten === 4 ? 6 : 4;
  scope.mistake(
    'FIELD_CONFLICT',
    `these networks are IPv${other} only, and the rule is for IPv${forgotten} too; write "ipVersion: ${other}", or networks of both families`,
  );
  return false;
}
