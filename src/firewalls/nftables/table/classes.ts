import type { Diagnostic } from '../../../base/diagnostic.ts';
import { assertNever } from '../../../base/error.ts';
import type { BorderRule, Class, Family, Group, GroupId, Origin, Part, Stage } from '../../../border/ruleset.ts';
import { conditionMatches } from './matches.ts';
import type { Action, Match, Rule } from './model.ts';
import { classChainName, madeName } from './names.ts';
import { type Chains, originRule, plainRule } from './rules.ts';
import type { SharedSets } from './shared-sets.ts';
import { NOTE_PREFIX } from './text.ts';

const INVALID: Origin = { policy: 'invalid' };
const REFUSED: Origin = { policy: 'refused' };
const SHARED: Origin = { policy: 'shared-address' };

/**
 * Most stages that a part of a shared address may have. Its stages lead to each other by `goto`, so they nest: governed, class,
 * stages, deny, denied make 15, the kernel's limit below a base chain.
 */
export const MOST_NESTED_STAGES = 11;

/** Writes the chains of classes; shared parts are written once. */
export class ClassWriter {
  readonly refusals: Diagnostic[] = [];
  readonly #chains: Chains;
  readonly #shared: SharedSets;
  readonly #groups: ReadonlyMap<GroupId, Group>;
  readonly #refused = new Set<string>();

  constructor(chains: Chains, shared: SharedSets, groups: ReadonlyMap<GroupId, Group>) {
    this.#chains = chains;
    this.#shared = shared;
    this.#groups = groups;
  }

  /** The verdict that a dispatch map holds for the members of a class. */
  verdict(of: Class): string {
    const widened = of.widened.flatMap((part) => part.stages.filter((stage) => widening(stage).length > 0));
    if (of.parts.length === 0 && widened.length === 0) return 'accept';
    return `goto ${this.#chains.define(classChainName(of.id, of.family), () => this.#classRules(of, widened))}`;
  }

  #classRules(of: Class, widened: readonly Stage[]): readonly Rule[] {
    const [only, ...others] = of.parts;
    const tooDeep =
      others.length > 0 && of.parts.find((part) => part.stages.filter(decides).length > MOST_NESTED_STAGES);
    if (tooDeep) {
      this.#refuseDepth(tooDeep);
      return [plainRule(this.#chains.deny(REFUSED))];
    }
    const rules: Rule[] = [
      plainRule(this.#chains.deny(INVALID), { on: 'state', states: ['invalid'] }),
      ...widened.map((stage) => plainRule({ do: 'jump', chain: this.#widenedChain(stage, of.family) })),
    ];
    if (only === undefined) return [...rules, plainRule({ do: 'accept' })];
    if (others.length === 0) return [...rules, ...this.#sequence(only.stages, only, of.family)];
    const jumps = of.parts.flatMap((part) => this.#jumpInto(part, of.family));
    return [...rules, ...jumps, this.#chains.rule(SHARED, { do: 'accept' }, [])];
  }

  /** The rules of a stage that decide for a whole address; all else of it decides nothing. */
  #widenedChain(stage: Stage, family: Family): string {
    return this.#chains.define(madeName(`w${family}`, stage.name, stage.id), () =>
      widening(stage).flatMap((rule) =>
        this.#rules(rule, family, (action) => (action === 'Deny' ? this.#chains.deny(rule.origin) : { do: 'accept' })),
      ),
    );
  }

  /** A part that decides alone: a jump for each stage, whose chains are shared with every class that has the stage. */
  #sequence(stages: readonly Stage[], part: Part, family: Family): readonly Rule[] {
    const rules = stages.flatMap((stage, index) => {
      if (!decides(stage)) return [];
      const own = stages.slice(index + 1).filter(isOwn);
      return [plainRule({ do: 'jump', chain: this.#stageChain(stage, own, part, family) })];
    });
    const { otherwise, otherwiseOrigin: origin } = part;
    rules.push(
      otherwise === 'Allow'
        ? this.#chains.rule(origin, { do: 'accept' }, [])
        : this.#chains.rule(origin, this.#chains.deny(origin), []),
    );
    return rules;
  }

  #stageChain(stage: Stage, own: readonly Stage[], part: Part, family: Family): string {
    const skips = hasOwn(part) && stage.rules.some((rule) => rule.action === 'SkipToOwn');
    const skip: Action = skips ? { do: 'goto', chain: this.#ownChain(own, part, family) } : { do: 'accept' };
    const identity = JSON.stringify(['stage', stage.id, skip]);
    return this.#chains.define(madeName(`t${family}`, stage.name, identity), () => {
      const rules = stage.rules.flatMap((rule) =>
        this.#rules(rule, family, (action) => {
          if (action === 'Allow') return { do: 'accept' };
          if (action === 'Deny') return this.#chains.deny(rule.origin);
          return action === 'Next' ? { do: 'return' } : skip;
        }),
      );
      return stage.end === 'Next' ? rules : [...rules, this.#denyRule(stage.endOrigin)];
    });
  }

  /** Where an Allow of a repeated tier goes on: the BorderPolicy stages, then the end of the part; always a verdict. */
  #ownChain(own: readonly Stage[], part: Part, family: Family): string {
    const identity = JSON.stringify(['own', own.map((stage) => stage.id), part.otherwise, part.otherwiseOrigin]);
    return this.#chains.define(madeName(`k${family}`, 'own', identity), () => this.#sequence(own, part, family));
  }

  /**
   * A part that stands beside others: a flow passes only if each lets it pass. Its chains are entered by `jump` from the class and lead to
   * each other by `goto`, so that `return` from any of them means "passes this part" and leads to the next.
   */
  #jumpInto(part: Part, family: Family): readonly Rule[] {
    const chain = this.#restChain(part.stages, part, family);
    if (chain !== undefined) return [plainRule({ do: 'jump', chain })];
    const end = this.#end(part);
    return end.do === 'return' ? [] : [plainRule(end)];
  }

  /** What happens to a flow that no stage of a part beside others decided. */
  #end(part: Part): Action {
    return part.otherwise === 'Allow' ? { do: 'return' } : this.#chains.deny(part.otherwiseOrigin);
  }

  /** The chain of these stages of a part and all that follows them; `undefined` where none of them can decide. */
  #restChain(stages: readonly Stage[], part: Part, family: Family): string | undefined {
    const start = stages.findIndex(decides);
    const stage = stages[start];
    if (stage === undefined) return undefined;
    const ids = stages.slice(start).map((later) => later.id);
    const identity = JSON.stringify([ids, hasOwn(part), part.otherwise, part.otherwiseOrigin]);
    return this.#chains.define(madeName(`r${family}`, stage.name, identity), () =>
      this.#besideRules(stage, stages.slice(start + 1), part, family),
    );
  }

  #besideRules(stage: Stage, later: readonly Stage[], part: Part, family: Family): readonly Rule[] {
    const goOn = (stages: readonly Stage[]): Action => {
      const chain = this.#restChain(stages, part, family);
      return chain === undefined ? this.#end(part) : { do: 'goto', chain };
    };
    const rules = stage.rules.flatMap((rule) =>
      this.#rules(rule, family, (action) => {
        if (action === 'Next') return goOn(later);
        if (action === 'SkipToOwn' && hasOwn(part)) return goOn(later.filter(isOwn));
        return action === 'Deny' ? this.#chains.deny(rule.origin) : { do: 'return' };
      }),
    );
    return [...rules, stage.end === 'Next' ? plainRule(goOn(later)) : this.#denyRule(stage.endOrigin)];
  }

  #denyRule(origin: Origin): Rule {
    return this.#chains.rule(origin, this.#chains.deny(origin), []);
  }

  /** One nft rule for each alternative of the condition; none where it never holds or was refused. */
  #rules(
    rule: BorderRule,
    family: Family,
    verdict: (action: Exclude<BorderRule['action'], 'Log'>) => Action,
  ): readonly Rule[] {
    const action = rule.outside.domains.length === 0 ? rule.action : this.#withoutDomains(rule);
    if (action === undefined || rule.family !== family) return [];
    const { groups, notGroups, nets } = rule.outside;
    const condition = { ...rule, groups, notGroups, ...(nets === undefined ? {} : { nets }) };
    const does = this.#actionOf(rule, action, verdict);
    this.#chains.tag(rule.origin);
    const alternatives = conditionMatches(condition, family, this.#groups, this.#shared);
    return writtenRules(rule, does, alternatives);
  }

  #actionOf(
    rule: BorderRule,
    action: BorderRule['action'],
    verdict: (action: Exclude<BorderRule['action'], 'Log'>) => Action,
  ): Action {
    return action === 'Log'
      ? { do: 'log', prefix: `${NOTE_PREFIX}${this.#chains.tag(rule.origin)}`, group: 'denied' }
      : verdict(action);
  }

  /**
   * nftables knows no domain names. A rule that lets pass is left out; one that denies, or that would keep a flow from later rules of its
   * stage, denies whatever else of it matches: both only take away.
   */
  #withoutDomains(rule: BorderRule): 'Deny' | undefined {
    const { policy, rule: index } = rule.origin;
    const key = JSON.stringify([policy, index]);
    if (!this.#refused.has(key)) {
      this.#refused.add(key);
      this.refusals.push({
        severity: 'error',
        code: 'DOMAINS_UNSUPPORTED',
        object: policy,
        path: index === undefined ? '' : `spec.egress[${index}].domains`,
        message: 'nftables cannot match domain names; write the networks in `nets` or select network sets',
      });
    }
    switch (rule.action) {
      case 'Allow':
      case 'SkipToOwn':
      case 'Log':
        return undefined;
      case 'Deny':
      case 'Next':
        return 'Deny';
      default:
        return assertNever(rule.action);
    }
  }

  #refuseDepth(part: Part): void {
    const stages = part.stages.filter(decides).length;
    const key = `depth ${stages}`;
    if (this.#refused.has(key)) return;
    this.#refused.add(key);
    this.refusals.push({
      severity: 'error',
      code: 'CHAIN_DEPTH',
      object: part.otherwiseOrigin.policy,
      path: '',
      message:
        `an address that several workloads share has ${stages} layers and tiers, nftables takes ${MOST_NESTED_STAGES}; ` +
        'repeat fewer tiers, or give the workloads addresses of their own; until then the address is denied everything',
    });
  }
}

const written = new WeakMap<BorderRule, Map<string, readonly Rule[]>>();

/** The rules of a border rule with one action; the same objects while they say the same, because texts are kept by object. */
function writtenRules(rule: BorderRule, action: Action, alternatives: readonly (readonly Match[])[]): readonly Rule[] {
  let known = written.get(rule);
  if (known === undefined) {
    known = new Map();
    written.set(rule, known);
  }
  const key = JSON.stringify([action, alternatives]);
  let rules = known.get(key);
  if (rules === undefined) {
    rules = alternatives.map((matches) => originRule(rule.origin, action, matches));
    known.set(key, rules);
  }
  return rules;
}

function isOwn(stage: Stage): boolean {
  return stage.layer === 'BorderPolicy';
}

/** Whether an Allow of a repeated tier has further stages to ask; without, it stands. */
function hasOwn(part: Part): boolean {
  return part.stages.some(isOwn);
}

function widening(stage: Stage): readonly BorderRule[] {
  return stage.rules.filter(({ widen, action }) => widen && (action === 'Allow' || action === 'Deny'));
}

/** Whether a stage can do anything but hand on to the next. */
function decides(stage: Stage): boolean {
  return stage.rules.length > 0 || stage.end === 'Deny';
}
