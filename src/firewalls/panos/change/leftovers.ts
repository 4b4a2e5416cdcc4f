import { SallyportError } from '../../../base/error.ts';
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

/** The refusal where not even that can be read: edits that nobody committed, or a lock, stay. */
export function withLeftovers(owned: SallyportError, isEdited: boolean, lockStays: boolean): SallyportError {
  const what = [
    ...(isEdited ? ['edits of ours that nobody committed'] : []),
    ...(lockStays ? ['a config lock of this account'] : []),
  ];
  if (what.length === 0) return owned;
  return new SallyportError(
    owned.code,
    `${owned.message}. Of an earlier process ${what.join(' and ')} stay in our own device group, which are not taken back meanwhile: do so by hand, or they go once this is mended`,
    owned.details,
  );
}
