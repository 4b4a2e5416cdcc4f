import type { Repair } from '../rule-writer.ts';
import type { DutyEvent } from './duty-events.ts';

const PLACES: Readonly<Record<Repair['where'], string>> = {
  kernel: 'the rules in the kernel',
  file: 'the file of the rules',
  base: 'the base rules',
};

/** The event that tells of somebody else's change. */
export function repairEvent({ where, what }: Repair): DutyEvent {
  const note = `somebody changed ${PLACES[where]}; they were put back${what === '' ? '' : `: ${what}`}`;
  return { type: 'Warning', reason: 'RulesRepaired', note };
}
