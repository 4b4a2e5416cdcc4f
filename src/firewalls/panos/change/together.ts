import { type TagChange, messages, registrationText } from '../members/registered.ts';
import type { PanosStep } from './steps.ts';

type Registration = Extract<PanosStep, { does: 'register' }>;

/**
 * Addresses that leave, and the change of members after it, as one message: two would keep newcomers waiting for as long again as the leaving
 * takes. A message takes away before it gives. `undefined` where they are anything else, or more than one message.
 */
export function together(first: PanosStep, second: PanosStep): Registration | undefined {
  if (!isRegistration(first) || !isRegistration(second) || first.active !== second.active) return undefined;
  if (!first.urgent || first.exposes !== undefined || second.kind !== 'Members') return undefined;
  if (first.to === undefined || first.to !== second.from) return undefined;
  const joins = [...first.joins, ...second.joins];
  const leaves = [...first.leaves, ...second.leaves];
  const left = new Set(leaves.map(keyOf));
  if (joins.some((one) => left.has(keyOf(one))) || messages(joins, leaves).length > 1) return undefined;
  const title = `${first.title}, ${second.title}`;
  const objects = [...first.objects, ...second.objects];
  return { ...second, title, objects, joins, leaves, from: first.from, text: registrationText(joins, leaves) };
}

/** At the one that is active; the other one catches up by itself. */
function isRegistration(step: PanosStep): step is Registration {
  return step.does === 'register' && !step.standby;
}

function keyOf({ address, tag }: TagChange): string {
  return `${address} ${tag}`;
}
