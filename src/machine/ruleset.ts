import type { Diagnostic } from '../base/diagnostic.ts';
import { type Address, formatAddress } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { FirewallSpec } from './kinds/firewall.ts';
import type { MetalRule } from './kinds/metal-rules.ts';
import { defaultRouteNetwork, type Network, primaryOf } from './kinds/network.ts';
import type { Policy } from './kinds/policy.ts';
import type { Service } from './kinds/service.ts';
import { type DomainSet, DomainSets, type Resolved } from './rules/domain-sets.ts';
import { egressAddressRules, escapeRules } from './rules/egress-addresses.ts';
import { metalRules } from './rules/metal-rules.ts';
import { RulesetMemory } from './ruleset-memory.ts';
import { clusterPrefixes, type Semantics } from './rules/policy-rules.ts';
import { rateLimitRules } from './rules/rate-limits.ts';
import { serviceRules } from './rules/service-rules.ts';
import { header, inlineSet, portRule, type RuleUnit } from './rules/text.ts';

/** Everything that the ruleset of a firewall machine depends on. Every controller contributes its part; one that is off contributes nothing. */
export interface MachineInput {
  readonly firewall: FirewallSpec;
  readonly networks: readonly Network[];
  readonly policies: readonly Policy[];
  /** Rules of the allocation, where they are the source of policies. */
  readonly metalRules: readonly MetalRule[];
  readonly services: readonly Service[];
  readonly semantics: Semantics;
  /** The one namespace whose ClusterwideNetworkPolicies count. */
  readonly namespace: string;
  /** What the DNS proxy has seen; `undefined`: there is none, so nothing leads to it and sets of names stay empty. */
  readonly resolved: Resolved | undefined;
  /** Whether questions may be led to the proxy; `false` while it does not listen. Absent: they may. */
  readonly listens?: boolean;
}

/** The parts of the table, in the order of the file (reference 4.2). */
export interface MachineRuleset {
  /** The id of the private primary network's VRF, whose interfaces count traffic; absent where it is not known. */
  readonly primaryVrf: number | undefined;
  readonly internalPrefixes: readonly Prefix[];
  /** Beyond 10.0.0.0/8; empty: no rule needs the set. */
  readonly clusterPrefixes6: readonly string[];
  readonly domainSets: readonly DomainSet[];
  readonly rateLimits: readonly RuleUnit[];
  readonly ingress: readonly RuleUnit[];
  readonly egress: readonly RuleUnit[];
  readonly translation: readonly RuleUnit[];
  /** Where the DNS proxy listens; absent: none is needed. */
  readonly resolver: Address | undefined;
  /** Where questions are sent that leave the cluster for this address; absent: the base ruleset's own set alone. */
  readonly interceptedResolver: Address | undefined;
}

/** What became of each policy, for its status. */
export interface PolicyState {
  readonly policy: Policy;
  readonly state: 'deployed' | 'ignored';
  readonly message: string;
}

/** What the controllers' parts come to, merged. */
export interface MachineResult {
  readonly ruleset: MachineRuleset;
  readonly policies: readonly PolicyState[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The ruleset of a firewall machine. Pure; what is wrong in one object harms that object alone. `memory` saves work and has no influence. */
export function machineRuleset(input: MachineInput, memory = new RulesetMemory()): MachineResult {
  const { firewall, networks } = input;
  const diagnostics: Diagnostic[] = [];
  const primary = primaryOf(networks);
  const log = firewall.logAcceptedConnections;
  const sets = new DomainSets();
  const listeningAt = resolverAddress(networks);
  // Without an address there is no proxy, whatever was seen before.
  const resolved = listeningAt === undefined ? undefined : input.resolved;
  const context = {
    namespace: input.namespace,
    semantics: input.semantics,
    allowed: firewall.allowedNetworks,
    log,
    resolved,
    sets,
  };
  const policies = input.policies.map((policy) => ({ policy, ...memory.policyRules(policy, context, diagnostics) }));
  const metal = metalRules(input.metalRules, { networks, allowed: firewall.allowedNetworks, log }, diagnostics);
  const services = input.services
    .toSorted((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1))
    .flatMap((service) => serviceRules(service, context, diagnostics));
  const domainSets = sets.all();
  const leads = resolved !== undefined && input.listens !== false;
  const resolver = leads && asksForNames(input) ? listeningAt : undefined;
  const egressLists = [...policies.map((each) => each.egress), metal.egress];
  const egress = memory.sorted('egress', egressLists);
  return {
    ruleset: {
      primaryVrf: primary?.vrf,
      internalPrefixes: firewall.internalPrefixes,
      clusterPrefixes6:
        resolver?.family === 6 || egressLists.some((list) => memory.sendsIpv6(list))
          ? PrefixSet.parse(['fd00::/8'])
              .union(PrefixSet.of((primary?.prefixes ?? []).filter(({ family }) => family === 6)))
              .toStrings()
          : [],
      domainSets,
      rateLimits: rateLimitRules(firewall, networks, diagnostics),
      ingress: [...memory.sorted('ingress', [...policies.map((each) => each.ingress), metal.ingress]), ...services],
      egress: [...egress, ...(resolver === undefined ? [] : cacheRules(resolver, firewall.dnsPort ?? 53, log))],
      translation: [
        ...(resolver === undefined || primary === undefined || firewall.egressRules.length === 0
          ? []
          : escapeRules(primary)),
        ...egressAddressRules(firewall, networks, diagnostics),
      ],
      resolver,
      interceptedResolver: resolver === undefined ? undefined : firewall.dnsServerAddress,
    },
    policies: policies.map(({ policy, state, message }) => ({ policy, state, message })),
    diagnostics,
  };
}

/** Patterns have no set before a name that they match was seen; the proxy that sees names has to run for them all the same. */
function asksForNames({ policies }: MachineInput): boolean {
  return policies.some(({ spec }) => !('mistakes' in spec) && spec.egress.some(({ domains }) => domains.length > 0));
}

function resolverAddress(networks: readonly Network[]): Address | undefined {
  return defaultRouteNetwork(networks)?.addresses[0];
}

/** The cluster may ask the DNS proxy. */
function cacheRules(resolver: Address, port: number, log: boolean): readonly RuleUnit[] {
  const { family } = resolver;
  const matches = [
    `${header(family)} saddr == @${clusterPrefixes(family)}`,
    `${header(family)} daddr ${inlineSet([formatAddress(resolver)])}`,
  ];
  return (['tcp', 'udp'] as const).map((protocol) =>
    portRule('dns', matches, protocol, [String(port)], log, `accept intercepted traffic for dns cache ${protocol}`),
  );
}
