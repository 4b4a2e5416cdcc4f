import type { Code } from '../../../base/catalogue.ts';
import type { Diagnostic } from '../../../base/diagnostic.ts';
import type { Outcome } from '../reports/outcome.ts';

/**
 * What came of making rules: they were changed, they were so already, a dry run checked them, those in force are better, or they could not be
 * put in force.
 */
export const LOADS = ['changed', 'unchanged', 'checked', 'kept', 'failed'] as const;
export type Load = (typeof LOADS)[number];

/** How many findings of one kind there are. */
export interface Finding {
  /** Whose contribution it is, in the words of the configuration file. */
  readonly controller: 'cwnp' | 'service' | 'firewall';
  readonly reason: Code;
  readonly severity: Diagnostic['severity'];
  readonly count: number;
}

/** What came of making rules so far, and what was wrong with them the last time. */
export class RulesRecord {
  readonly loads: Record<Load, number> = { changed: 0, unchanged: 0, checked: 0, kept: 0, failed: 0 };
  #last: Load | undefined;
  #since: number | undefined;
  #findings: readonly Finding[] = [];
  #policies = { deployed: 0, ignored: 0 };

  get last(): Load | undefined {
    return this.#last;
  }

  /** Since when (wall) the rules of the sources that are in force are, as far as this process knows; `undefined`: none are. */
  get since(): number | undefined {
    return this.#since;
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  get policies(): { readonly deployed: number; readonly ignored: number } {
    return this.#policies;
  }

  take({ result, findings, policies }: Outcome, wall: number): void {
    const load = loadOf(result);
    this.loads[load] += 1;
    this.#last = load;
    if (load === 'changed' || (load === 'unchanged' && this.#since === undefined)) this.#since = wall;
    const counts = new Map<string, Finding>();
    for (const finding of findings) {
      const { code: reason, severity } = finding;
      const controller = controllerOf(finding);
      const key = `${controller} ${reason} ${severity}`;
      counts.set(key, { controller, reason, severity, count: (counts.get(key)?.count ?? 0) + 1 });
    }
    this.#findings = [...counts.values()];
    const deployed = policies.filter(({ state }) => state === 'deployed').length;
    this.#policies = { deployed, ignored: policies.length - deployed };
  }
}

function loadOf(result: Outcome['result']): Load {
  switch (result.kind) {
    case 'inForce':
      return result.isChanged ? 'changed' : 'unchanged';
    case 'checked':
      return 'checked';
    case 'kept':
      return result.isFailure ? 'failed' : 'kept';
  }
}

function controllerOf({ object, code }: Diagnostic): Finding['controller'] {
  const kind = object?.split('/', 1)[0];
  // What stands in the configuration file has no object, and what nft refuses tells nothing by its code.
  if (kind === 'Service' || (object === undefined && code.startsWith('SERVICE_'))) return 'service';
  return kind === 'ClusterwideNetworkPolicy' || code.startsWith('CWNP_') ? 'cwnp' : 'firewall';
}
