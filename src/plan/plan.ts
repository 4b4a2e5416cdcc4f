import { createHash } from 'node:crypto';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Ruleset } from '../border/ruleset.ts';
import type { Behaviour } from './behaviour.ts';
import { rulesDigest } from './canonical.ts';
import type { Drift, ForeignRule } from './foreign.ts';
import type { Exposure, ObjectChange, Step } from './step.ts';
import { type Traffic, trafficBetween } from './traffic.ts';

/** What going from actual to desired means for one firewall: for people to read and to say yes to. */
export interface Plan {
  readonly firewall: string;
  /** 64 hex digits; another one as soon as the wanted rules or what is to be written change. */
  readonly digest: string;
  /** Nothing is to be done. */
  readonly isEmpty: boolean;
  readonly traffic: Traffic;
  /** In the order in which steps change them. */
  readonly objects: readonly ObjectChange[];
  readonly counts: { readonly made: number; readonly changed: number; readonly removed: number };
  /** What the device cannot say. */
  readonly refusals: readonly Diagnostic[];
  readonly foreign: readonly ForeignRule[];
  readonly drift: readonly Drift[];
  readonly exposures: readonly Exposure[];
}

export interface PlanInput<S extends Step> {
  readonly desired: Ruleset;
  readonly actual: {
    readonly behaviour: Behaviour;
    readonly foreign: readonly ForeignRule[];
    readonly drift: readonly Drift[];
  };
  readonly wanted: { readonly behaviour: Behaviour; readonly refusals: readonly Diagnostic[] };
  readonly steps: readonly S[];
  readonly render: (step: S) => string;
}

/** The plan from what a device holds to what is wanted. Equal inputs give equal plans, whoever makes them. */
export function planOf<S extends Step>(input: PlanInput<S>): Plan {
  const { desired, actual, wanted, steps } = input;
  const objects = steps.flatMap((step) => step.objects);
  const count = (change: ObjectChange['change']): number => objects.filter((one) => one.change === change).length;
  return {
    firewall: desired.firewall,
    digest: planDigest(input),
    isEmpty: steps.length === 0,
    traffic: trafficBetween(actual.behaviour, wanted.behaviour),
    objects,
    counts: { made: count('+'), changed: count('~'), removed: count('-') },
    refusals: wanted.refusals,
    foreign: actual.foreign,
    drift: actual.drift,
    exposures: steps.flatMap((step) => (step.exposes === undefined ? [] : [step.exposes])),
  };
}

/**
 * SHA-256 over the wanted rules and the exact text of what is to be written, which follows from what the device holds. Who is a member
 * counts only where it is still to be written: pods that come and go in approved classes do not take a yes away. Steps that only tidy
 * up do not count, because they come and go with earlier writes.
 */
export function planDigest<S extends Step>({
  desired,
  steps,
  render,
}: Pick<PlanInput<S>, 'desired' | 'steps' | 'render'>): string {
  const hash = createHash('sha256').update(rulesDigest(desired));
  for (const step of steps)
    if (step.kind !== 'Clean' && step.kind !== 'Cut') hash.update('\nstep\n').update(render(step));
  return hash.digest('hex');
}
