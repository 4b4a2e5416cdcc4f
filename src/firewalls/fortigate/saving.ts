import type { RuleBaseStep } from '../rulebase/operation.ts';

/** What is written is lost at the next boot until it is saved (`cfg-save` manual, vendor reference 1.9). */
export const SAVE = { method: 'POST', path: 'monitor/system/config/save', body: {} } as const;

/** Of what stands there already. */
const SAVING: RuleBaseStep = {
  kind: 'Clean',
  title: 'what was written is saved',
  urgent: false,
  way: 'Configured',
  objects: [],
  operations: [],
  groups: new Set(),
};

/** Whether a step saves what others wrote, and does nothing else. */
export function isSaving({ title, operations }: Pick<RuleBaseStep, 'title' | 'operations'>): boolean {
  return title === SAVING.title && operations.length === 0;
}

/** Steps, and the saving of what earlier ones left unsaved, as each transaction does by itself. `planned` may throw where nothing is left to do. */
export function withSaving(isUnsaved: boolean, planned: () => readonly RuleBaseStep[]): readonly RuleBaseStep[] {
  if (!isUnsaved) return planned();
  let steps: readonly RuleBaseStep[];
  try {
    steps = planned();
  } catch {
    return [SAVING];
  }
  return steps.some(({ way }) => way === 'Configured') ? steps : [...steps, SAVING];
}
