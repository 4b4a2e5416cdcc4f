import type { SallyportError } from '../../../base/error.ts';
import type { Step } from '../../../plan/step.ts';

/**
 * Steps that take back what a process of ours left where another one keeps the firewall: it would stay for ever, as that one does not know of it, keep
 * people from editing, and go with somebody's commit. Nothing of it runs, and nobody waits to say yes to it. As long as there is any, all else is not done,
 * so that none of it counts as tidying up after what is. Throws `owned` where nothing is left.
 */
export function leftovers<S extends Step>(steps: readonly S[], owned: SallyportError): readonly S[] {
  if (steps.length === 0) throw owned;
  return steps.map((step) => ({ ...step, kind: 'Remove', urgent: true, title: `${step.title}; ${NOT_KEPT}` }));
}

const NOT_KEPT = 'nothing else is written, as another BorderFirewall of this cluster keeps the firewall';
