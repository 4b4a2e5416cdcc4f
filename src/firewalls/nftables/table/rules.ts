import type { Family, Origin } from '../../../border/ruleset.ts';
import type { Action, Match, NftChain, Rule } from './model.ts';
import { DENIED, madeName } from './names.ts';
import { DROP_PREFIX, originTag } from './text.ts';

/** What a sender that nobody knows is denied as. */
export const UNKNOWN: Origin = { policy: 'unknown' };

/** A rule that belongs to no one resource: no counter, no comment. */
export function plainRule(action: Action, ...matches: readonly Match[]): Rule {
  return { kind: 'ours', matches, counter: false, action };
}

/** A rule that says where it came from and counts. */
export function originRule(origin: Origin, action: Action, matches: readonly Match[]): Rule {
  return { kind: 'ours', matches, counter: true, action, comment: originTag(origin) };
}

export function address(side: 'saddr' | 'daddr', family: Family, set: string, not = false): Match {
  return { on: 'address', side, family, set, not };
}

export function net(side: 'saddr' | 'daddr', family: Family, set: string, not = false): Match {
  return { on: 'net', side, family, set, not };
}

/** Chains under construction; the same origin has one deny chain for the whole table. */
export class Chains {
  readonly chains = new Map<string, NftChain>();
  readonly origins = new Map<string, Origin>();

  /** Defines a chain once; `rules` is not asked again for a known name. */
  define(name: string, rules: () => readonly Rule[]): string {
    if (this.chains.has(name)) return name;
    // Held open while the rules are made, so that a chain that led to itself would be found and not recursed into.
    this.chains.set(name, { rules: [] });
    this.chains.set(name, { rules: rules() });
    return name;
  }

  /** Remembers the whole origin behind its tag. */
  tag(origin: Origin): string {
    const { tag } = denialOf(origin);
    if (!this.origins.has(tag)) this.origins.set(tag, origin);
    return tag;
  }

  rule(origin: Origin, action: Action, matches: readonly Match[]): Rule {
    this.tag(origin);
    return originRule(origin, action, matches);
  }

  /** The chain that drops in the name of this origin: notes the packet, counts it, and refuses it as all denied packets are. */
  deny(origin: Origin): Action {
    this.tag(origin);
    const { chain, rules } = denialOf(origin);
    return { do: 'goto', chain: this.define(chain, () => rules) };
  }
}

interface Denial {
  readonly tag: string;
  readonly chain: string;
  readonly rules: readonly Rule[];
}

const denials = new WeakMap<Origin, Denial>();

/** What is made from an origin alone, worked out once for each object. */
function denialOf(origin: Origin): Denial {
  let denial = denials.get(origin);
  if (denial === undefined) {
    const tag = originTag(origin);
    const rules = [
      plainRule({
        do: 'log',
        prefix: `${DROP_PREFIX}${tag}`,
        group: origin.policy === UNKNOWN.policy ? 'unknown' : 'denied',
      }),
      originRule(origin, { do: 'goto', chain: DENIED }, []),
    ];
    denial = { tag, chain: madeName('d', tag, tag), rules };
    denials.set(origin, denial);
  }
  return denial;
}
