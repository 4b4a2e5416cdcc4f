import type { Rule } from '../../inventory/model.ts';
import { serviceName } from '../../inventory/service-slice.ts';
import { quoteForMessage } from '../../ip/address.ts';
import { effectiveLabels } from '../../inventory/labels.ts';
import type { Selector } from '../../selector/selector.ts';
import type { Engine } from '../engine.ts';
import { isSubject } from '../selected-policies.ts';

const SIDES = ['source', 'destination'] as const;

/** Why no flow meets a rule, as far as that is plain, and what to do. */
export function whyNothingMatches(engine: Engine, rule: Rule): string {
  for (const side of SIDES) {
    const { selector, services } = rule[side];
    if (selector !== undefined && !selectsAnything(engine, selector))
      return `its ${side} ${quoteForMessage(selector.canonical)} selects no endpoint and no network set; correct the selector, or remove the rule`;
    if (services !== undefined && engine.backendsOf(serviceName(services)).addresses.isEmpty)
      return `nothing is behind the service ${serviceName(services)} of its ${side}; correct the name, or remove the rule`;
  }
  return (
    namelessPorts(engine, rule)[0] ??
    'no flow of the endpoints that the policy applies to meets all its conditions; correct them, or remove the rule'
  );
}

/** Named ports of a rule that no endpoint has: they stand for nothing (semantics 5.3). */
export function namelessPorts(engine: Engine, rule: Rule): string[] {
  const names = SIDES.flatMap((side) => [...(rule[side].ports?.names ?? []), ...(rule[side].notPorts?.names ?? [])]);
  return [...new Set(names)]
    .filter((name) => ![...engine.endpoints.values()].some(({ ports }) => ports.some((port) => port.name === name)))
    .map(
      (name) => `no endpoint has a port named ${quoteForMessage(name)}; correct the name, or name the port in the pods`,
    );
}

function selectsAnything(engine: Engine, selector: Selector): boolean {
  for (const endpoint of engine.endpoints.values())
    if (isSubject(endpoint) && selector.matches(engine.labelsOf(endpoint))) return true;
  for (const set of engine.networkSets.values())
    if (selector.matches(effectiveLabels(set, engine.parents))) return true;
  return false;
}
