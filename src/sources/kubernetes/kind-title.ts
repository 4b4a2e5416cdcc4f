import type { Kind } from '../../api/kinds.ts';

/** A kind as `kubectl` takes it. @example kindTitle(tier); // 'tiers.projectcalico.org' */
export function kindTitle({ plural, group }: Pick<Kind, 'plural' | 'group'>): string {
  return group === '' ? plural : `${plural}.${group}`;
}
