import { z } from 'zod';
import { PortSet } from '../ip/port-set.ts';
import {
  type PortEntry,
  calicoPort,
  cidr,
  direction,
  domain,
  icmp,
  ipVersion,
  list,
  name,
  optional,
  optionalName,
  optionalSelector,
  optionalText,
  protocol,
  scopeSelector,
} from './fields.ts';
import { readAnnotations } from './meta.ts';
import type { CalicoEntity, CalicoPorts, CalicoRule, RuleAction } from './resource.ts';
import { checkFamilies, checkIcmp, checkNotNets, checkPorts } from './rule-check.ts';
import type { Fields, Scope } from './scope.ts';
import { type RawMap, defined, isMap, show } from './shape.ts';

/** What a rule's meaning depends on besides its own text. */
export interface RulePlace {
  readonly direction: z.infer<typeof direction>;
  /** Of the policy; `''` for global ones. */
  readonly namespace: string;
}

const icmpSchema = z.object({ type: optional(icmp.type), code: optional(icmp.code) });

const ruleSchema = z.object({
  ipVersion: optional(ipVersion),
  protocol: optional(protocol),
  notProtocol: optional(protocol),
  icmp: optional(icmpSchema),
  notICMP: optional(icmpSchema),
});

/** The most of each in a rule (semantics 5.10). */
const NETS = 256;
const PORTS = 50;
const HTTP_MATCHES = 20;

const entitySchema = z.object({
  nets: list(cidr, NETS),
  notNets: list(cidr, NETS),
  selector: optionalSelector,
  notSelector: optionalSelector,
  namespaceSelector: scopeSelector,
  serviceAccounts: optional(z.object({ names: list(z.string()), selector: optionalSelector })),
  services: optional(z.object({ name: name.min(1), namespace: optionalName })),
  ports: list(calicoPort, PORTS),
  notPorts: list(calicoPort, PORTS),
  domains: list(domain),
});

const httpSchema = z.object({
  methods: list(z.string(), HTTP_MATCHES),
  paths: list(z.object({ exact: optionalText, prefix: optionalText }), HTTP_MATCHES),
});

type RuleFields = Fields<typeof ruleSchema.shape>['values'];
type EntityFields = Fields<typeof entitySchema.shape>['values'];
type Side = 'source' | 'destination';

/** Reads a rule of Calico's as strictly as Calico validates it (semantics 13); `undefined` when anything is wrong. */
export function readCalicoRule(
  place: RulePlace,
  action: RuleAction,
  raw: RawMap,
  scope: Scope,
): CalicoRule | undefined {
  const rule = scope.fields(ruleSchema, raw);
  const source = readEntity('source', place, raw['source'], scope);
  const destination = readEntity('destination', place, raw['destination'], scope);
  const { values } = rule;
  const sides = { source: source.values, destination: destination.values };
  const checks = [
    rule.sound && source.sound && destination.sound,
    checkHttp(place, action, values, raw['http'], scope.at('http')),
    checkDomains(place, action, sides, scope),
    checkIcmp(
      [
        { field: 'icmp', icmp: values.icmp },
        { field: 'notICMP', icmp: values.notICMP },
      ],
      values.protocol?.number,
      rule.broken.has('protocol'),
      scope,
    ),
    ...(['source', 'destination'] as const).map((side) =>
      checkPorts(portsOf(sides[side]), values.protocol?.number, rule.broken.has('protocol'), scope.at(side)),
    ),
  ];
  const family = checkFamilies(
    {
      ...values,
      mixed: false,
      nets: (['source', 'destination'] as const).flatMap((side) => netsOf(side, sides[side])),
    },
    scope,
  );
  checkMetadata(raw['metadata'], scope.at('metadata').otherwise('The rule counts as written.'));
  if (checks.includes(false) || family === 'conflict') return undefined;
  return {
    action,
    // The family that protocol or CIDRs imply (semantics 5, table and 5.4) is written out, so that nobody has to imply it again.
    ...defined({
      ipVersion: family,
      protocol: values.protocol,
      notProtocol: values.notProtocol,
      icmp: icmpOf(values.icmp),
      notIcmp: icmpOf(values.notICMP),
    }),
    source: entityOf(source.values),
    destination: entityOf(destination.values),
    http: hasHttp(raw['http']),
  };
}

/** A match without methods and paths is none. */
function hasHttp(raw: unknown): boolean {
  const { methods, paths }: RawMap = isMap(raw) ? raw : {};
  return [methods, paths].some((list) => Array.isArray(list) && list.length > 0);
}

/** Annotations of a rule mean nothing to policy; they are written as those of an object are. */
function checkMetadata(raw: unknown, scope: Scope): void {
  if (raw === undefined || raw === null) return;
  const metadata = scope.map(raw);
  if (metadata !== undefined) readAnnotations(metadata['annotations'], scope.at('annotations'));
}

function icmpOf(written: RuleFields['icmp']): CalicoRule['icmp'] {
  return written?.type === undefined ? undefined : { type: written.type, ...defined({ code: written.code }) };
}

function readEntity(side: Side, place: RulePlace, raw: unknown, scope: Scope): Fields<typeof entitySchema.shape> {
  const here = scope.at(side);
  const map = here.map(raw);
  const none = map === undefined && raw !== undefined && raw !== null;
  const fields = here.fields(entitySchema, map ?? {});
  const sound = [
    fields.sound && !none,
    checkNotNets(fields.values.notNets ?? [], here.at('notNets')),
    checkServices(side, place, fields.values, here.at('services')),
  ].every(Boolean);
  const services = fields.values.services;
  if (services === undefined) return { ...fields, sound };
  const namespace = services.namespace ?? place.namespace;
  return { ...fields, sound, values: { ...fields.values, services: { ...services, namespace } } };
}

function checkServices(side: Side, place: RulePlace, values: EntityFields, scope: Scope): boolean {
  if (values.services === undefined) return true;
  const problems: string[] = [];
  if ((place.direction === 'Ingress') !== (side === 'source'))
    problems.push('services stand in the source of ingress rules and in the destination of egress rules only');
  if (place.namespace === '' && values.services.namespace === undefined)
    problems.push('in a global policy services need a namespace; write it');
  const others = [
    ...(['selector', 'notSelector', 'namespaceSelector', 'serviceAccounts'] as const).filter((name) => values[name]),
    ...(['nets', 'notNets'] as const).filter((name) => values[name]?.length),
    ...(['ports', 'notPorts'] as const).filter((name) => side === 'destination' && values[name]?.length),
  ];
  if (others.length > 0) problems.push(`services exclude ${others.join(', ')}; remove one or the other`);
  for (const problem of problems) scope.mistake('FIELD_CONFLICT', problem);
  return problems.length === 0;
}

/** Domains narrow nothing that can be proved, so Calico takes them for the destination of what is allowed to go out only. */
function checkDomains(place: RulePlace, action: RuleAction, sides: Record<Side, EntityFields>, scope: Scope): boolean {
  let right = true;
  for (const side of ['source', 'destination'] as const) {
    const { domains = [], nets = [], selector: selected } = sides[side];
    if (domains.length === 0) continue;
    if (side === 'source' || place.direction === 'Ingress' || action !== 'Allow') {
      scope.mistake('FIELD_CONFLICT', 'domains stand in the destination of egress Allow rules only', side, 'domains');
      right = false;
    }
    if (nets.length > 0 || selected !== undefined) {
      scope.mistake('FIELD_CONFLICT', 'domains exclude nets and selector; make two rules', side, 'domains');
      right = false;
    }
  }
  return right;
}

function checkHttp(place: RulePlace, action: RuleAction, rule: RuleFields, raw: unknown, scope: Scope): boolean {
  if (raw === undefined || raw === null) return true;
  const map = scope.map(raw);
  if (map === undefined) return false;
  const { values, sound } = scope.fields(httpSchema, map);
  const problems: string[] = [];
  if (action !== 'Allow' || place.direction !== 'Ingress') problems.push('http stands in ingress Allow rules only');
  // Calico does not take the number 6 for it.
  if (rule.protocol !== undefined && !(rule.protocol.number === 6 && rule.protocol.byName))
    problems.push('http needs protocol TCP, or none');
  const methods = values.methods ?? [];
  if (new Set(methods).size < methods.length) problems.push('a method stands here twice; remove one');
  for (const { exact, prefix } of values.paths ?? []) {
    const path = exact ?? prefix;
    if (path === undefined || (exact !== undefined && prefix !== undefined))
      problems.push('a path is either exact or a prefix; write one of them');
    else if (!/^\/[^?# ]*$/.test(path))
      problems.push(`the path ${show(path)} has to begin with "/" and hold no "?", "#" or space`);
  }
  for (const problem of problems) scope.mistake('FIELD_CONFLICT', problem);
  return sound && problems.length === 0;
}

function netsOf(side: Side, { nets = [], notNets = [] }: EntityFields) {
  return [
    ...nets.map((net, index) => ({ net, path: [side, 'nets', index] })),
    ...notNets.map((net, index) => ({ net, path: [side, 'notNets', index] })),
  ];
}

function portsOf({ ports = [], notPorts = [] }: EntityFields) {
  return { ports: numbersAndNames(ports), notPorts: numbersAndNames(notPorts) };
}

function numbersAndNames(entries: readonly PortEntry[]): CalicoPorts | undefined {
  if (entries.length === 0) return undefined;
  const names = entries.flatMap((entry) => ('name' in entry ? [entry.name] : []));
  return {
    numbers: PortSet.of(...entries.flatMap((entry) => ('range' in entry ? [entry.range] : []))),
    names: [...new Set(names)],
  };
}

function entityOf(values: EntityFields): CalicoEntity {
  const { services, serviceAccounts } = values;
  return {
    nets: values.nets ?? [],
    notNets: values.notNets ?? [],
    ...defined({
      selector: values.selector,
      notSelector: values.notSelector,
      namespaceSelector: values.namespaceSelector,
      serviceAccounts: serviceAccounts === undefined ? undefined : defined(serviceAccounts),
      services: services && { name: services.name, namespace: services.namespace ?? '' },
      ...portsOf(values),
    }),
    domains: values.domains ?? [],
  };
}
