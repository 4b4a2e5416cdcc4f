import type { Code } from '../../base/catalogue.ts';
import { compareUtf8 } from '../../base/compare.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { compareDiagnostics } from '../../inventory/mistake.ts';
import type { Policy, PolicyId, Rule } from '../../inventory/model.ts';
import type { Engine } from '../engine.ts';
import type { Direction } from '../selected-policies.ts';
import { whyNothingMatches, namelessPorts } from './lint-conditions.ts';
import { Reachability } from './reachability.ts';
import { type RuleEffect, RuleEffects } from './rule-effects.ts';
import { ServiceAlgebra } from './service-algebra.ts';

/** Something about policies that is allowed and is probably not meant. */
export interface LintFinding extends Diagnostic {
  readonly object: PolicyId;
  /** Of the rule; absent where it is about the whole policy. */
  readonly direction?: Direction;
  /** Index of the rule; of Kubernetes kinds that in the converted list, as everywhere. */
  readonly rule?: number;
}

/**
 * Rules and policies that do nothing, could go, contradict each other or open more than people mean; sorted by policy and place. Judged by
 * effect: a rule is called shadowed only if it decides nothing for any endpoint that its policy applies to, whatever the peer.
 * @example lint(loadWorld(objects)).map(({ object, message }) => `${object}: ${message}`);
 * @throws SallyportError FLOW_SET_LIMIT
 */
export function lint({ engine }: { readonly engine: Engine }): readonly LintFinding[] {
  const effects = new RuleEffects(engine.policies);
  const reaches = ([4, 6] as const).map((family) => new Reachability(engine, new ServiceAlgebra(family)));
  for (const reach of reaches) effects.add(reach);
  const families = new Set(
    reaches.filter(({ atoms }) => atoms.some(({ asked }) => asked.length > 0)).map(({ family }) => family),
  );
  const findings = [...engine.policies.values()].flatMap((policy) => lintPolicy(engine, policy, effects, families));
  return [...findings, ...missingTiers(engine)].sort(compareDiagnostics);
}

function lintPolicy(
  engine: Engine,
  policy: Policy,
  effects: RuleEffects,
  families: ReadonlySet<number>,
): readonly LintFinding[] {
  const selects = [...engine.endpointsOf(policy.appliesTo.id)].some((id) => engine.appliesTo(id));
  if (!selects)
    return [
      aboutPolicy(policy, 'LINT_SELECTS_NOBODY', 'it applies to no endpoint; correct its selector, or delete it'),
    ];
  const found = (['ingress', 'egress'] as const).flatMap((direction) =>
    (policy[direction] ?? []).flatMap((rule) => {
      const effect = effects.of(rule);
      const exists = rule.ipVersion === undefined || families.has(rule.ipVersion);
      // What could not be read is told when it is read.
      return effect === undefined || !exists || rule.broken ? [] : [effect];
    }),
  );
  const matching = found.filter(({ matches }) => matches);
  if (matching.length > 1 && matching.every(({ decides }) => !decides))
    return [
      aboutPolicy(
        policy,
        'LINT_POLICY_UNREACHED',
        `other policies decide everything that its rules match: ${deciders(matching)}; give it a lower order, or delete it`,
      ),
    ];
  return found.flatMap((effect) => lintRule(engine, policy, effect));
}

function lintRule(engine: Engine, policy: Policy, effect: RuleEffect): readonly LintFinding[] {
  const { rule, direction } = effect;
  const place = rule.written ?? rule.index;
  const parts = (policy[direction] ?? []).filter(({ written }) => written !== undefined && written === rule.written);
  // What holds for one part of a written rule need not hold for the others: nobody must be told to remove them all.
  const part = parts.length > 1 ? `one of its ${parts.length} parts, converted rule ${rule.index}: ` : '';
  const about = (code: Code, message: string): LintFinding => ({
    severity: 'warning',
    code,
    object: policy.id,
    path: `spec.${direction}[${place}]`,
    message: `${part}${message}`,
    direction,
    rule: rule.index,
  });
  if (!effect.matches) return [about('LINT_MATCHES_NOTHING', whyNothingMatches(engine, rule))];
  const findings = namelessPorts(engine, rule).map((message) => about('LINT_PORT_UNDEFINED', message));
  if (!effect.decides)
    return [
      ...findings,
      isOverruled(effect)
        ? about(
            'LINT_CONFLICT',
            `this ${rule.action} never gets its way, because before it comes ${deciders([effect])}; put it first, or remove it`,
          )
        : about('LINT_SHADOWED', `all that it matches is decided before it, by ${deciders([effect])}; remove it`),
    ];
  if (rule.action === 'Log') return findings;
  if (!effect.needed && !isPlain(rule))
    findings.push(
      about(
        'LINT_REDUNDANT',
        'what follows says the same to everything that it decides; remove it, and look again before removing another',
      ),
    );
  if (effect.tied.size > 0)
    findings.push(
      about(
        'LINT_CONFLICT',
        `some of what this ${rule.action} matches is decided the other way by ${listed([...effect.tied].map(nameOf))}, in a policy of the same order, so the names of the policies tell who comes first; give them different orders`,
      ),
    );
  if (rule.action === 'Allow' && isOpen(rule, direction))
    findings.push(about('LINT_ALLOWS_EVERYTHING', openText(rule, direction)));
  if (rule.action === 'Pass' && isLastTier(engine, policy.tier, direction))
    findings.push(
      about(
        'LINT_PASS_TO_NOWHERE',
        'no policy of a later tier is for this direction, so the profile of the namespace allows what is passed on; write Allow if that is meant, else Deny',
      ),
    );
  return findings;
}

/** A rule for everything, such as people write at the end to say what the tier does anyway. */
function isPlain({ protocol, notProtocol, ipVersion, source, destination }: Rule): boolean {
  return (
    [protocol, notProtocol, ipVersion].every((part) => part === undefined) &&
    isAnywhere(source) &&
    isAnywhere(destination) &&
    hasNoPorts(source) &&
    hasNoPorts(destination)
  );
}

/** Every address of a family at the other end, and every port, at least of TCP. */
function isOpen({ protocol, notProtocol, source, destination }: Rule, direction: Direction): boolean {
  const peer = direction === 'ingress' ? source : destination;
  const whole = protocol === undefined || protocol === TCP;
  return whole && notProtocol === undefined && isAnywhere(peer) && hasNoPorts(source) && hasNoPorts(destination);
}

const TCP = 6;

function isAnywhere({ nets, notNets, selector, notSelector, services, domains }: Rule['source']): boolean {
  const all = nets === undefined || nets.prefixes().some(({ length }) => length === 0);
  return all && domains.length === 0 && [notNets, selector, notSelector, services].every((part) => part === undefined);
}

function hasNoPorts({ ports, notPorts }: Rule['source']): boolean {
  return ports === undefined && notPorts === undefined;
}

function openText({ protocol }: Rule, direction: Direction): string {
  const what = protocol === undefined ? 'everything' : 'every port of TCP';
  const where = direction === 'ingress' ? 'from anywhere' : 'to anywhere';
  return `it allows ${what} ${where}; name the ${direction === 'ingress' ? 'sources' : 'destinations'} or the ports that are needed`;
}

function isLastTier(engine: Engine, tier: string, direction: Direction): boolean {
  const names = engine.order.tiers.map(({ name }) => name);
  return names
    .slice(names.indexOf(tier) + 1)
    .every((later) => engine.order.policiesOf(later).every((policy) => !policy.directions[direction]));
}

function missingTiers(engine: Engine): readonly LintFinding[] {
  return engine.inventory.diagnostics().flatMap((diagnostic) => {
    const { code, object } = diagnostic;
    return code === 'TIER_MISSING' && object !== undefined ? [{ ...diagnostic, object }] : [];
  });
}

function aboutPolicy({ id }: Policy, code: Code, message: string): LintFinding {
  return { severity: 'warning', code, object: id, path: '', message };
}

/** An Allow behind a Deny, or a Deny behind an Allow. */
function isOverruled({ rule, behind, ends }: RuleEffect): boolean {
  const opposite = rule.action === 'Allow' ? 'Deny' : rule.action === 'Deny' ? 'Allow' : undefined;
  const byEnd = opposite === 'Deny' && ends.size > 0;
  return byEnd || [...behind].some((other) => other.rule.action === opposite);
}

const SHOWN = 3;

/** Who decides before some rules. */
function deciders(effects: readonly RuleEffect[]): string {
  const ends = effects.flatMap((effect) => [...effect.ends].map((tier) => `the end of tier ${tier}`));
  return listed([...effects.flatMap(({ behind }) => [...behind].map(nameOf)), ...ends]);
}

function nameOf({ policy, direction, rule }: RuleEffect): string {
  return `${policy} ${direction} rule ${rule.index}`;
}

/** The first few. */
function listed(texts: readonly string[]): string {
  const all = [...new Set(texts)].sort(compareUtf8);
  const shown = all.slice(0, SHOWN).join(', ');
  return all.length > SHOWN ? `${shown} and ${all.length - SHOWN} more` : shown;
}
