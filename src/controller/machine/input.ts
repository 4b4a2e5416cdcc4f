import { isMap } from '../../api/shape.ts';
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { formatAddress } from '../../ip/address.ts';
import { readDistance } from '../../machine/frr/distance.ts';
import { type Routing, routingOf } from '../../machine/frr/routing.ts';
import type { Facts } from '../../machine/kinds/facts.ts';
import { type FirewallSpec, readFirewallSpec } from '../../machine/kinds/firewall.ts';
import { type MetalRule, readMetalRules } from '../../machine/kinds/metal-rules.ts';
import { type Network, primaryOf } from '../../machine/kinds/network.ts';
import { type Policy, readPolicySpec } from '../../machine/kinds/policy.ts';
import type { Service } from '../../machine/kinds/service.ts';
import { type MachineObjects, type MetalFirewall, readMachineObjects } from '../../machine/objects.ts';
import type { Resolved } from '../../machine/rules/domain-sets.ts';
import type { MachineInput } from '../../machine/ruleset.ts';
import { scopeOf } from '../../machine/subject.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { MachineConfiguration } from '../configuration/machine-configuration.ts';
import type { MetalPlace, SourcePlace, StaticPlace } from '../configuration/source-places.ts';

/** The namespace of everything in the workload cluster, where the configuration names no other. */
const DEFAULT_NAMESPACE = 'firewall';

/** What sources are asked for. `Metal`: what the metal-api says of the machine. */
export type AskedKind = 'Firewall' | 'ClusterwideNetworkPolicy' | 'Service' | 'Metal';

/** What is known of the sources of a firewall machine now. */
export interface MachineReadings {
  /**
   * What a source holds of a kind, its mistakes noted; `undefined`: it never said. What stands in the configuration file is not asked for.
   */
  readonly objects: (source: string, kind: AskedKind, diagnostics: Diagnostic[]) => MachineObjects | undefined;
  readonly facts: Facts;
  /** What the DNS proxy has seen; `undefined`: there is none. */
  readonly resolved?: Resolved | undefined;
}

/** What the rules are made from, or of which sources nothing is known yet. */
export interface AssembledInput {
  readonly input: MachineInput;
  /** What FRR is to do; `undefined`: the networks of the machine's installation do not tell. */
  readonly routing: Routing | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Sources that never said anything: what they would contribute is not known, and not "nothing". */
  readonly unknown: readonly string[];
  /** The same as `source/kind`, and what of the machine's own networks is not known. */
  readonly gaps: readonly string[];
  /** The Firewall of this machine is there, or its source needs none. */
  readonly hasFirewall: boolean;
}

/** Puts together what each controller's own source says. Pure. */
export function assembleInput(
  configuration: Configuration,
  machine: MachineConfiguration,
  readings: MachineReadings,
): AssembledInput {
  const diagnostics: Diagnostic[] = [];
  const unknown = new Map<string, string>();
  const reader = new Reader(configuration, readings, diagnostics, unknown);
  const firewall = reader.firewall(machine.firewall.source);
  const spec = besideBase(firewall.spec, machine, diagnostics);
  const networks =
    firewall.networks.length > 0 ? withInstalled(firewall.networks, readings.facts.networks) : readings.facts.networks;
  const isWithoutPrimary = primaryOf(networks) === undefined;
  if (isWithoutPrimary)
    diagnostics.push({
      severity: 'error',
      code: 'MACHINE_FACTS',
      path: '',
      message:
        networks.length === 0
          ? 'the networks of this machine are not known, and rules that name them are left out; give install.yaml with --facts, or machine.facts'
          : 'none of the networks of this machine is a private primary one; rules about the cluster’s network are left out',
    });
  const routing = routingOf(readings.facts, networks, machine.announceDistance ? firewall.distance : 0);
  if ('lacks' in routing && readings.facts.networks.length > 0)
    for (const lack of routing.lacks)
      diagnostics.push({
        severity: 'warning',
        code: 'FRR_NETWORKS',
        path: '',
        message: `${lack}; what FRR holds stays as it is`,
      });
  const policies = reader.policies(machine.cwnp?.source);
  const services = reader.services(machine.service?.source);
  return {
    input: {
      firewall: spec,
      networks,
      policies: policies.policies,
      metalRules: policies.rules,
      services,
      semantics: machine.cwnp?.semantics ?? 'compatible',
      namespace: policyNamespace(configuration, machine),
      resolved: readings.resolved,
    },
    routing: 'value' in routing ? routing.value : undefined,
    diagnostics,
    unknown: [...new Set(unknown.values())],
    gaps: [
      ...[...unknown.keys()].toSorted(),
      ...(networks.length === 0 ? ['networks of this machine'] : []),
      ...(isWithoutPrimary ? ['private primary network of this machine'] : []),
    ],
    hasFirewall: firewall.found,
  };
}

/** What the machine was given at its installation stays its own, whatever a source lists (metal-stack reference, 4.11). */
function withInstalled(networks: readonly Network[], installed: readonly Network[]): readonly Network[] {
  return networks.map((network) => {
    const known = new Set(network.addresses.map(formatAddress));
    const own = installed.find(({ id }) => id !== '' && id === network.id)?.addresses ?? [];
    const missing = own.filter((address) => !known.has(formatAddress(address)));
    return missing.length === 0 ? network : { ...network, addresses: [...network.addresses, ...missing] };
  });
}

/** Rules that were written where the base rules are would take turns with them. */
function besideBase(spec: FirewallSpec, { base }: MachineConfiguration, diagnostics: Diagnostic[]): FirewallSpec {
  if (spec.ruleFile !== base) return spec;
  scopeOf(spec.subject, diagnostics)
    .otherwise('The default file is used.')
    .mistake('FIELD_INVALID', `${base} has the base rules, which our rules stand beside`, 'ipv4RuleFile');
  return { ...spec, ruleFile: undefined };
}

/** The one namespace whose policies count. */
export function policyNamespace({ sources }: Configuration, { cwnp }: MachineConfiguration): string {
  const place = sources.get(cwnp?.source ?? '');
  return (place !== undefined && 'namespace' in place ? place.namespace : undefined) ?? DEFAULT_NAMESPACE;
}

/** The Firewall of a machine, from wherever. */
interface Found {
  readonly spec: FirewallSpec;
  readonly networks: readonly Network[];
  readonly distance: number;
  readonly found: boolean;
}

class Reader {
  readonly #configuration: Configuration;
  readonly #readings: MachineReadings;
  readonly #diagnostics: Diagnostic[];
  /** Source by `source/kind`. */
  readonly #unknown: Map<string, string>;

  constructor(
    configuration: Configuration,
    readings: MachineReadings,
    diagnostics: Diagnostic[],
    unknown: Map<string, string>,
  ) {
    this.#configuration = configuration;
    this.#readings = readings;
    this.#diagnostics = diagnostics;
    this.#unknown = unknown;
  }

  firewall(source: string): Found {
    const place = this.#place(source);
    if (place?.type === 'static') {
      const spec = this.#inlineFirewall(source, place);
      return { spec, networks: spec.networks, distance: this.#inlineDistance(source, place), found: true };
    }
    if (place?.type === 'metal') {
      const spec = this.#inlineFirewall(source, place);
      const metal = this.#metal(source, place);
      const distance = this.#inlineDistance(source, place);
      return { spec, networks: metal?.networks ?? [], distance, found: true };
    }
    const objects = this.#objects(source, 'Firewall');
    const { name } = this.#configuration;
    const namespace = place?.namespace;
    const there = objects?.firewalls.filter((each) => namespace === undefined || each.namespace === namespace) ?? [];
    const [found, second] = there.filter((each) => each.name === name);
    if (found !== undefined && second === undefined)
      return { spec: found.spec, networks: found.spec.networks, distance: found.distance, found: true };
    if (objects !== undefined)
      this.#diagnostics.push({
        severity: 'error',
        code: 'FIREWALL_MISSING',
        path: 'name',
        message:
          second === undefined
            ? `there is no Firewall "${name}"${namespace === undefined ? '' : ` in namespace ${namespace}`}; there are: ${there.map((each) => each.name).join(', ') || 'none'}`
            : `there are several Firewalls "${name}"; give the source a namespace`,
      });
    const subject = { object: undefined, place: {}, locate: undefined, base: [] };
    return {
      spec: readFirewallSpec(undefined, { raw: undefined, path: [] }, subject, []),
      networks: [],
      distance: 0,
      found: false,
    };
  }

  policies(source: string | undefined): { policies: readonly Policy[]; rules: readonly MetalRule[] } {
    if (source === undefined) return { policies: [], rules: [] };
    const place = this.#place(source);
    if (place?.type === 'static')
      return { policies: inlinePolicies(source, place), rules: inlineRules(source, place, this.#diagnostics) };
    // Until the metal-api answers, the rules of the installation are what it said last.
    if (place?.type === 'metal')
      return { policies: [], rules: this.#metal(source, place)?.rules ?? this.#readings.facts.rules };
    return { policies: this.#objects(source, 'ClusterwideNetworkPolicy')?.policies ?? [], rules: [] };
  }

  services(source: string | undefined): readonly Service[] {
    if (source === undefined) return [];
    const place = this.#place(source);
    if (place?.type === 'metal') return [];
    if (place?.type !== 'static') return this.#objects(source, 'Service')?.services ?? [];
    const { locate } = place;
    const documents = place.services.map((raw, index) => {
      const base = ['sources', source, 'service', index];
      const document = isMap(raw) ? { apiVersion: 'v1', kind: 'Service', ...raw } : raw;
      return { raw: document, place: locate(base), locate, base };
    });
    return readMachineObjects(documents, this.#diagnostics).services;
  }

  #place(source: string): SourcePlace | undefined {
    return this.#configuration.sources.get(source);
  }

  #objects(source: string, kind: AskedKind): MachineObjects | undefined {
    const objects = this.#readings.objects(source, kind, this.#diagnostics);
    if (objects === undefined) this.#unknown.set(`${source}/${kind}`, source);
    return objects;
  }

  /** The machine in the metal-api: of its name, in its project. */
  #metal(source: string, place: MetalPlace): MetalFirewall | undefined {
    const { name } = this.#configuration;
    return this.#objects(source, 'Metal')?.metal.find(
      (each) => each.name === name && (place.project === '' || each.project === place.project),
    );
  }

  #inlineDistance(source: string, { firewall, locate }: StaticPlace | MetalPlace): number {
    const base = ['sources', source, 'firewall'];
    const subject = { object: undefined, place: locate(base), locate, base };
    return readDistance(isMap(firewall) ? firewall['distance'] : undefined, scopeOf(subject, this.#diagnostics));
  }

  #inlineFirewall(source: string, { firewall, locate }: StaticPlace | MetalPlace): FirewallSpec {
    const base = ['sources', source, 'firewall'];
    const given = isMap(firewall) ? firewall : {};
    // Ids alone say nothing that a rule could use.
    const inPlace =
      Array.isArray(given['networks']) && given['networks'].every(isMap) ? 'networks' : 'firewallNetworks';
    const subject = { object: undefined, place: locate(base), locate, base };
    return readFirewallSpec(firewall, { raw: given[inPlace], path: [...base, inPlace] }, subject, this.#diagnostics);
  }
}

function inlineRules(source: string, { rules, locate }: StaticPlace, diagnostics: Diagnostic[]): readonly MetalRule[] {
  const base = ['sources', source, 'firewallRules'];
  return readMetalRules(rules, { object: undefined, place: locate(base), locate, base }, diagnostics);
}

/** Each entry counts by itself: a slip in one leaves the others in force. */
function inlinePolicies(source: string, { policies, locate }: StaticPlace): readonly Policy[] {
  const base = ['sources', source, 'cwnp'];
  const place: Place = locate(base);
  return (['ingress', 'egress'] as const).flatMap((direction) =>
    policies[direction].map((entry, index) => ({
      subject: { object: undefined, place, locate, base },
      namespace: '',
      name: source,
      owner: `${source} ${direction} ${index}`,
      fields: { path: [], offset: index },
      spec: readPolicySpec({ [direction]: [entry] }),
    })),
  );
}
