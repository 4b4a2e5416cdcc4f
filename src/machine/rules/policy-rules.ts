import { type FieldPath, formatPath, type Scope } from '../../api/scope.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Family } from '../../ip/address.ts';
import { formatPrefix } from '../../ip/prefix.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';
import type { AllowedNetworks } from '../kinds/firewall.ts';
import type { Block, EgressEntry, IngressEntry, Policy, PolicySpec, PortRange } from '../kinds/policy.ts';
import { scopeOf } from '../subject.ts';
import { forbidden, isAllowed } from './allowed.ts';
import { type DomainSets, type Resolved, setsOf } from './domain-sets.ts';
import { type Match, matchesOf } from './holes.ts';
import { header, portRule, portTexts, prefixMatch, type RuleUnit, sortedUnits } from './text.ts';

/**
 * How entries are read where today's controller and the API's own text differ. `compatible`: as today, an entry without ports or without
 * destination is nothing. `strict`: as the text says, an absent list means all.
 */
export type Semantics = 'compatible' | 'strict';

/** What a policy comes to. */
export interface PolicyRules {
  readonly state: 'deployed' | 'ignored';
  /** Why it is ignored; empty for one that is deployed. */
  readonly message: string;
  readonly ingress: readonly RuleUnit[];
  readonly egress: readonly RuleUnit[];
}

/** What rules of policies depend on besides the policy. */
export interface PolicyContext {
  /** The one namespace whose policies count. */
  readonly namespace: string;
  readonly semantics: Semantics;
  readonly allowed: AllowedNetworks | undefined;
  readonly log: boolean;
  /** What a resolver has seen; `undefined`: nothing resolves names here. */
  readonly resolved: Resolved | undefined;
  /** Takes the sets that rules name. */
  readonly sets: DomainSets;
}

const NOTHING_SEEN: Resolved = new Map();
const FAMILIES: readonly Family[] = [4, 6];

/** The rules of one policy, or why it has none. Never throws for what a user wrote. */
export function policyRules(policy: Policy, context: PolicyContext, diagnostics: Diagnostic[]): PolicyRules {
  const scope = scopeOf(policy.subject, diagnostics);
  const ignored = (message: string): PolicyRules => ({ state: 'ignored', message, ingress: [], egress: [] });
  if (policy.namespace !== '' && policy.namespace !== context.namespace) {
    const message = `policies must be in namespace ${context.namespace}`;
    scope.warning('CWNP_NAMESPACE', `${message}; it is ignored`, 'metadata', 'namespace');
    return ignored(message);
  }
  const { spec } = policy;
  if ('mistakes' in spec) {
    const told = spec.mistakes.map(({ path, message }) => `${formatPath(fieldPath(policy, path))}: ${message}`);
    for (const { path, message } of spec.mistakes)
      scope.otherwise(wholeOf(policy)).mistake('CWNP_INVALID', message, ...fieldPath(policy, path));
    return ignored(`policy is not valid: ${told.join('; ')}`);
  }
  if (context.allowed !== undefined && findForbidden(policy, spec, context.allowed, scope))
    return ignored('ingress/egress does not match allowed networks');
  const both = spec.egress.findIndex(({ to, domains }) => to.length > 0 && domains.length > 0);
  if (both >= 0 && context.semantics === 'strict') {
    const message = 'an entry takes "to" or "toFQDNs", not both';
    const path = fieldPath(policy, ['egress', both]);
    scope.otherwise(wholeOf(policy)).mistake('CWNP_INVALID', message, ...path);
    return ignored(`policy is not valid: ${formatPath(path)}: ${message}`);
  }
  const rules = new PolicyText(policy, context, scope);
  return {
    state: 'deployed',
    message: '',
    ingress: sortedUnits(spec.ingress.flatMap((entry, index) => rules.ingress(entry, index))),
    egress: sortedUnits(spec.egress.flatMap((entry, index) => rules.egress(entry, index))),
  };
}

/** What a mistake takes along: of the configuration file each entry counts by itself. */
function wholeOf({ namespace }: Policy): string {
  return namespace === '' ? 'This entry is ignored.' : 'The whole policy is ignored.';
}

/** A path inside the spec, as it stands in the subject. */
function fieldPath({ fields }: Policy, [direction, index, ...rest]: FieldPath): FieldPath {
  if (direction === undefined) return fields.path;
  const place = typeof index === 'number' ? [index + fields.offset] : index === undefined ? [] : [index];
  return [...fields.path, direction, ...place, ...rest];
}

/** Notes every net outside the allowed networks. */
function findForbidden(policy: Policy, spec: PolicySpec, allowed: AllowedNetworks, scope: Scope): boolean {
  let found = false;
  const check = (blocks: readonly Block[], nets: PrefixSet, path: FieldPath): void => {
    for (const [index, { cidr }] of blocks.entries()) {
      if (isAllowed(cidr, nets)) continue;
      found = true;
      scope.mistake('CWNP_FORBIDDEN', forbidden(cidr, nets), ...fieldPath(policy, path), index, 'cidr');
    }
  };
  for (const [index, { from }] of spec.ingress.entries()) check(from, allowed.ingress, ['ingress', index, 'from']);
  for (const [index, { to }] of spec.egress.entries()) check(to, allowed.egress, ['egress', index, 'to']);
  return found;
}

/** Writes the rules of one policy. */
class PolicyText {
  readonly #policy: Policy;
  readonly #context: PolicyContext;
  readonly #scope: Scope;

  constructor(policy: Policy, context: PolicyContext, scope: Scope) {
    this.#policy = policy;
    this.#context = context;
    this.#scope = scope;
  }

  ingress(entry: IngressEntry, index: number): readonly RuleUnit[] {
    const here = this.#scope.at(...fieldPath(this.#policy, ['ingress', index]));
    if (this.#hasNoPorts(entry.ports, here)) return [];
    const allowed = this.#context.allowed?.ingress;
    const from = entry.from.length > 0 || allowed === undefined ? entry.from : this.#anyAllowed(allowed, here, 'from');
    const words = `accept traffic for k8s network policy ${this.#policy.name}`;
    // Nothing that is given means everybody, unless the allowed networks are none.
    if (from.length === 0) return allowed === undefined ? this.#ports(entry.ports, [], words) : [];
    return this.#matches(from, here, 'from').flatMap((match) =>
      FAMILIES.flatMap((family) => {
        const matches = sideMatches('saddr', match, family);
        return matches === undefined ? [] : this.#ports(entry.ports, matches, words);
      }),
    );
  }

  egress(entry: EgressEntry, index: number): readonly RuleUnit[] {
    const here = this.#scope.at(...fieldPath(this.#policy, ['egress', index]));
    if (this.#hasNoPorts(entry.ports, here)) return [];
    const words = `accept traffic for np ${this.#policy.name}`;
    if (entry.to.length > 0) {
      if (entry.domains.length > 0)
        here.warning('CWNP_NARROWED', 'has "to" and "toFQDNs", of which "to" counts; write two entries', 'toFQDNs');
      return this.#toNets(entry, entry.to, here, words);
    }
    if (entry.domains.length > 0) return this.#toDomains(entry, here, words);
    const allowed = this.#context.allowed?.egress;
    if (this.#context.semantics === 'compatible') {
      here.warning('CWNP_NO_EFFECT', 'has neither "to" nor "toFQDNs", so it opens nothing');
      return [];
    }
    if (allowed !== undefined) return this.#toNets(entry, this.#anyAllowed(allowed, here, 'to'), here, words);
    return FAMILIES.flatMap((family) => this.#ports(entry.ports, [fromCluster(family)], words));
  }

  #toNets(entry: EgressEntry, to: readonly Block[], here: Scope, words: string): readonly RuleUnit[] {
    return this.#matches(to, here, 'to').flatMap((match) =>
      FAMILIES.flatMap((family) => {
        const matches = sideMatches('daddr', match, family);
        if (matches === undefined) return [];
        // Today's text: whoever names everything first names nothing.
        const [first] = match.nets;
        const everywhere = family === 4 && first?.family === 4 && first.length === 0;
        return this.#ports(entry.ports, [fromCluster(family), ...(everywhere ? matches.slice(0, -1) : matches)], words);
      }),
    );
  }

  #toDomains(entry: EgressEntry, here: Scope, words: string): readonly RuleUnit[] {
    const { resolved } = this.#context;
    if (resolved === undefined)
      here.warning(
        'CWNP_NOT_RESOLVED',
        'nothing resolves these names here, so nothing is open through them',
        'toFQDNs',
      );
    const allowed = this.#context.allowed?.egress;
    if (allowed !== undefined)
      here.warning(
        'CWNP_NARROWED',
        `as the Firewall restricts networks, these names lead to ${allowed.isEmpty ? 'nothing, because no net is allowed' : 'the allowed ones alone'}`,
        'toFQDNs',
      );
    return entry.domains.flatMap((domain) =>
      setsOf(domain, resolved ?? NOTHING_SEEN).flatMap((wanted) => {
        const { name, type } = this.#context.sets.add(wanted);
        const family = type === 'ipv4_addr' ? 4 : 6;
        // Whatever a resolver answers, nothing outside the allowed networks is opened.
        const within = allowed === undefined ? [] : prefixMatch('daddr', '', family, allowed.family(family).prefixes());
        if (allowed !== undefined && within.length === 0) return [];
        const matches = [fromCluster(family), ...within, `${header(family)} daddr @${name}`];
        return this.#ports(entry.ports, matches, words, `, fqdn: ${domain.text}`);
      }),
    );
  }

  /** What "any" means where only some nets are allowed: these, and it is said. */
  #anyAllowed(allowed: PrefixSet, here: Scope, field: string): readonly Block[] {
    here.warning(
      'CWNP_NARROWED',
      `no "${field}" means any address; as the Firewall restricts networks, the allowed ones are meant`,
    );
    return allowed.prefixes().map((cidr) => ({ cidr, except: [] }));
  }

  #matches(blocks: readonly Block[], here: Scope, field: string): readonly Match[] {
    const { matches, strays } = matchesOf(blocks);
    if (strays.length > 0)
      here.warning(
        'CWNP_NARROWED',
        `${strays.map(formatPrefix).join(', ')} ${strays.length === 1 ? 'is an exception outside the net it stands at; it is' : 'are exceptions outside the nets they stand at; they are'} cut out of every net of the entry`,
        field,
      );
    return matches;
  }

  #hasNoPorts(ports: readonly PortRange[], here: Scope): boolean {
    if (ports.length > 0 || this.#context.semantics === 'strict') return false;
    here.warning('CWNP_NO_EFFECT', 'has no ports, so it opens nothing');
    return true;
  }

  /** One rule for all TCP ports, one for all UDP ports; without any, one for every protocol. */
  #ports(ports: readonly PortRange[], matches: readonly string[], words: string, end = ''): readonly RuleUnit[] {
    const { log } = this.#context;
    const { owner } = this.#policy;
    if (ports.length === 0) return [portRule(owner, matches, undefined, [], log, `${words}${end}`)];
    return (['tcp', 'udp'] as const).flatMap((protocol) => {
      const texts = portTexts(ports, protocol);
      return texts.length === 0 ? [] : [portRule(owner, matches, protocol, texts, log, `${words} ${protocol}${end}`)];
    });
  }
}

/** The set of sources that egress rules begin with, by family. */
export function clusterPrefixes(family: Family): string {
  return family === 4 ? 'cluster_prefixes' : 'cluster_prefixes_v6';
}

function fromCluster(family: Family): string {
  return `${header(family)} saddr == @${clusterPrefixes(family)}`;
}

/** Exceptions, then nets, of one family; nothing if the match has no net of it. */
function sideMatches(side: 'saddr' | 'daddr', { nets, except }: Match, family: Family): readonly string[] | undefined {
  const inside = prefixMatch(side, '', family, nets);
  if (inside.length === 0) return undefined;
  return except.length === 0 ? inside : [...prefixMatch(side, '!= ', family, except), ...inside];
}
