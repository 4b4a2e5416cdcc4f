import { compareUtf8 } from '../../base/compare.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { BorderRule, Class, ClassId, Ruleset } from '../../border/ruleset.ts';
import type { FlatList, FlatOptions, FlatRule } from '../../plan/flat/flat-list.ts';
import type { Flattened } from '../../plan/flat/flatten.ts';
import { refuseRules } from '../refuse.ts';

/** A list, the ruleset that it says, and what had to be left out of the one that was asked for. */
export interface SayableList {
  readonly list: FlatList;
  /** What the list is to be proved equal to. */
  readonly ruleset: Ruleset;
  readonly refusals: readonly Diagnostic[];
}

/** What of a rule of a list a device cannot say, in words; `undefined`: it can say it. */
export type FlatLimit = (rule: FlatRule) => string | undefined;

/**
 * Flattens what a device can say of a ruleset. A rule that it cannot say, alone or narrowed by those that pass flows on to it, is refused
 * on its safe side (`refuseRules`), and the rest is flattened again. A class that would take too many rules, or of which the device cannot
 * say what no rule of a policy is to blame for, is denied everything.
 */
export function flattenSayable(
  ruleset: Ruleset,
  device: string,
  layout: (ruleset: Ruleset, options: FlatOptions) => Flattened,
  options: FlatOptions,
  limitOf: FlatLimit = () => undefined,
): SayableList {
  const refusals = new Map<string, Diagnostic>();
  let sayable = ruleset;
  for (;;) {
    const { list, unsayable: unflat, tooLarge: large } = layout(sayable, options);
    const unsayable = new Map(unflat);
    const tooLarge = new Map(large);
    for (const rule of list.rules) blame(rule, limitOf(rule), { list, ruleset: sayable, unsayable, tooLarge });
    if (unsayable.size === 0 && tooLarge.size === 0) {
      const sorted = [...refusals].toSorted(([a], [b]) => compareUtf8(a, b)).map(([, refusal]) => refusal);
      return { list, ruleset: sayable, refusals: sorted };
    }
    // Each round takes rules or classes out, so there is a last one.
    const limit = (rule: BorderRule): string | undefined => unsayable.get(rule);
    const refused = refuseRules(sayable, device, limit);
    for (const refusal of refused.refusals) refusals.set(`${refusal.object ?? ''}\n${refusal.path}`, refusal);
    for (const [id, reason] of tooLarge) refusals.set(`class ${id}`, tooLargeRefusal(id, reason, ruleset, device));
    sayable = withoutClasses(refused.ruleset, tooLarge);
  }
}

interface Blamed {
  readonly list: FlatList;
  readonly ruleset: Ruleset;
  readonly unsayable: Map<BorderRule, string>;
  readonly tooLarge: Map<ClassId, string>;
}

/**
 * Of all rules that a rule of the list says, the one to leave out: rather one that will be absent than one that denies everything in its
 * place. A Deny of everything, which can stand in for one that was refused already, cannot be told to say less: then its classes are.
 */
function blame(rule: FlatRule, limit: string | undefined, { list, ruleset, unsayable, tooLarge }: Blamed): void {
  if (limit === undefined || rule.source.kind === 'Networks') return;
  const ids = list.sources.get(rule.source.id) ?? [];
  const told = new Set(rule.origins.map((origin) => JSON.stringify([origin.policy, origin.rule])));
  const written = ids
    .flatMap((id) => [...(ruleset.classes.get(id)?.parts ?? []), ...(ruleset.classes.get(id)?.widened ?? [])])
    .flatMap((part) => part.stages)
    .flatMap((stage) => stage.rules)
    .filter((one) => one.origin.rule !== undefined && told.has(JSON.stringify([one.origin.policy, one.origin.rule])));
  const gentle = written.filter(({ action }) => action !== 'Deny' && action !== 'Next');
  const narrow = written.filter((one) => !isEverything(one));
  for (const one of gentle.length > 0 ? gentle : narrow) unsayable.set(one, limit);
  if (gentle.length === 0 && narrow.length === 0) for (const id of ids) tooLarge.set(id, limit);
}

function isEverything({ protocol, notProtocol, icmp, notIcmp, ports, sourcePorts, outside }: BorderRule): boolean {
  const services = [protocol, notProtocol, icmp, notIcmp, ports, sourcePorts];
  if (services.some((one) => one !== undefined) || outside.nets !== undefined) return false;
  return outside.groups.length + outside.notGroups.length + outside.domains.length === 0;
}

function withoutClasses(ruleset: Ruleset, tooLarge: ReadonlyMap<ClassId, string>): Ruleset {
  if (tooLarge.size === 0) return ruleset;
  const classes = new Map(ruleset.classes);
  for (const id of tooLarge.keys()) {
    const one = classes.get(id);
    if (one !== undefined) classes.set(id, deniedClass(one));
  }
  return { ...ruleset, classes };
}

function deniedClass({ id, family }: Class): Class {
  const otherwiseOrigin = { policy: 'layer/too-large' };
  return { id, family, parts: [{ id: `${id}-denied`, stages: [], otherwise: 'Deny', otherwiseOrigin }], widened: [] };
}

function tooLargeRefusal(id: ClassId, reason: string, ruleset: Ruleset, device: string): Diagnostic {
  const policies = new Set(
    ruleset.classes
      .get(id)
      ?.parts.flatMap((part) => part.stages)
      .flatMap((stage) => stage.rules)
      .map((rule) => rule.origin.policy),
  );
  return {
    severity: 'error',
    code: 'FLAT_LIMIT',
    object: ruleset.firewall,
    path: `class ${id}`,
    message: `${device} cannot hold what ${[...policies].toSorted(compareUtf8).join(', ')} say together: ${reason}; the addresses of class ${id} are denied everything`,
  };
}
