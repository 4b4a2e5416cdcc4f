import { readCalicoRule } from '../../api/calico-rule.ts';
import type { CalicoEntity, CalicoPorts, CalicoRule, IcmpMatch, RuleAction } from '../../api/resource.ts';
import { readRules } from '../../api/rule.ts';
import { Scope } from '../../api/scope.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { SallyportError } from '../../base/error.ts';
import { sideSelectors } from '../../inventory/effective-selector.ts';
import type { Family } from '../../ip/address.ts';
import type { PortSet } from '../../ip/port-set.ts';
import type { Prefix } from '../../ip/prefix.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';

/** What a list says to a packet. `Pass` is a verdict of its own: what comes after the list is not known here. */
export type ListVerdict = 'Allow' | 'Deny' | 'Pass';

/** One side of a rule, as Calico's API has it. Selectors, named ports, services and domains are opaque: see `RuleList`. */
export interface ListedEntity {
  readonly nets?: readonly string[];
  readonly notNets?: readonly string[];
  readonly selector?: string;
  readonly notSelector?: string;
  readonly namespaceSelector?: string;
  readonly serviceAccounts?: { readonly names?: readonly string[]; readonly selector?: string };
  readonly services?: { readonly name: string; readonly namespace: string };
  /** Numbers, ranges like `8000:8080`, names. */
  readonly ports?: readonly (number | string)[];
  readonly notPorts?: readonly (number | string)[];
  /** In the destination of Allow rules only. */
  readonly domains?: readonly string[];
}

/** A rule, as Calico's API has it (semantics 5 and 13). */
export interface ListedRule {
  readonly action: RuleAction;
  readonly ipVersion?: 4 | 6;
  readonly protocol?: string | number;
  readonly notProtocol?: string | number;
  readonly icmp?: { readonly type: number; readonly code?: number };
  readonly notICMP?: { readonly type: number; readonly code?: number };
  readonly source?: ListedEntity;
  readonly destination?: ListedEntity;
}

/**
 * A first-match list of rules by itself, without the cluster around it; a plain array ends in Deny. Selectors, named ports, services and
 * domains are questions to which nobody here knows the answer: each is an atom, by its canonical text, that may hold or not for any packet.
 * Equal texts are one atom; nothing is concluded from what the texts mean. A rule with `Log` matches and decides nothing.
 */
export type RuleList =
  | readonly ListedRule[]
  | {
      readonly rules: readonly ListedRule[];
      /** For packets that no rule decides; absent: `Deny`. */
      readonly defaultAction?: ListVerdict;
    };

/** At least one of these atoms holds, or, where `holds` is false, none of them. */
export interface AtomCondition {
  readonly atoms: readonly string[];
  readonly holds: boolean;
}

/** Ports by number, or by an atom that holds. */
export interface PortCondition {
  readonly numbers: PortSet;
  readonly atoms: readonly string[];
}

/** One side of a rule that was read. Absent parts do not limit. */
export interface ReadSide {
  readonly nets?: PrefixSet;
  readonly notNets?: PrefixSet;
  readonly ports?: PortCondition;
  readonly notPorts?: PortCondition;
  readonly conditions: readonly AtomCondition[];
}

/** A rule that was read. */
export interface ReadRule {
  readonly action: RuleAction;
  readonly family?: Family;
  readonly protocol?: number;
  readonly notProtocol?: number;
  readonly icmp?: IcmpMatch;
  readonly notIcmp?: IcmpMatch;
  readonly source: ReadSide;
  readonly destination: ReadSide;
}

export interface ReadList {
  readonly rules: readonly ReadRule[];
  readonly defaultAction: ListVerdict;
}

/**
 * Reads a list as strictly as Calico validates rules; where a rule's meaning depends on its place, it stands in the egress of a global policy.
 * @throws SallyportError RULE_LIST_INVALID with every mistake in `details.diagnostics`.
 */
export function readRuleList(list: RuleList): ReadList {
  const diagnostics: Diagnostic[] = [];
  const scope = new Scope({ object: undefined, place: {}, locate: undefined, diagnostics });
  const map = Array.isArray(list) ? { rules: list } : (scope.map(list, 'a list of rules has `rules`') ?? {});
  const read = readRules(map['rules'] ?? undefined, scope.at('rules'), (action, raw, here) =>
    readCalicoRule({ direction: 'Egress', namespace: '' }, action, raw, here),
  );
  const written = map['defaultAction'] ?? 'Deny';
  const defaultAction = (['Allow', 'Deny', 'Pass'] as const).find((action) => action === written);
  if (defaultAction === undefined)
    scope.mistake('FIELD_INVALID', 'the default action has to be Allow, Deny or Pass', 'defaultAction');
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0 || defaultAction === undefined) {
    const lines = errors.map(({ path, message }) => `${path}: ${message}`);
    throw new SallyportError('RULE_LIST_INVALID', lines.join('\n'), { diagnostics });
  }
  return { rules: read.flatMap((readable) => (readable.ok ? [ruleOf(readable.rule)] : [])), defaultAction };
}

function ruleOf(rule: CalicoRule): ReadRule {
  return {
    action: rule.action,
    ...(rule.ipVersion === undefined ? {} : { family: rule.ipVersion }),
    ...(rule.protocol === undefined ? {} : { protocol: rule.protocol.number }),
    ...(rule.notProtocol === undefined ? {} : { notProtocol: rule.notProtocol.number }),
    ...(rule.icmp === undefined ? {} : { icmp: rule.icmp }),
    ...(rule.notIcmp === undefined ? {} : { notIcmp: rule.notIcmp }),
    source: sideOf('source', rule.source),
    destination: sideOf('destination', rule.destination),
  };
}

function sideOf(side: 'source' | 'destination', entity: CalicoEntity): ReadSide {
  const { selector, notSelector } = sideSelectors('', entity);
  const conditions: AtomCondition[] = [];
  const condition = (what: string, texts: readonly string[], holds = true): void => {
    conditions.push({ atoms: texts.map((text) => `${side} ${what} ${text}`), holds });
  };
  if (selector !== undefined) condition('selector', [selector.canonical]);
  if (notSelector !== undefined) condition('selector', [notSelector.canonical], false);
  if (entity.services !== undefined) condition('service', [`${entity.services.namespace}/${entity.services.name}`]);
  if (entity.domains.length > 0) condition('domain', entity.domains);
  const ports = (written: CalicoPorts): PortCondition => ({
    numbers: written.numbers,
    atoms: written.names.map((name) => `${side} named port ${name}`),
  });
  return {
    ...nets('nets', entity.nets),
    ...nets('notNets', entity.notNets),
    ...(entity.ports === undefined ? {} : { ports: ports(entity.ports) }),
    ...(entity.notPorts === undefined ? {} : { notPorts: ports(entity.notPorts) }),
    conditions,
  };
}

function nets(name: 'nets' | 'notNets', written: readonly Prefix[]): Pick<ReadSide, typeof name> {
  return written.length === 0 ? {} : { [name]: PrefixSet.of(written) };
}
