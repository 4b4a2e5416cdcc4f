import { z } from 'zod';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Class, Group, Nat, NatTarget, Ruleset } from '../../border/ruleset.ts';
import type { Behaviour } from '../../plan/behaviour.ts';
import { absentBehaviour, behaviourOf } from '../../plan/ruleset-behaviour.ts';
import { classForm, natForm, outsideForm, settingsForm } from '../confirmed/ruleset-form.ts';
import type { Program } from './program.ts';

/** A text of the device read by its form; `undefined` where somebody made it unreadable. */
function read<T>(form: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  return form.safeParse(json).data;
}

function readTarget(text: string): NatTarget {
  if (text === 'exempt') return { kind: 'Exempt' };
  return text === 'hold' ? { kind: 'Hold', reason: '' } : { kind: 'Address', address: text };
}

/**
 * What a program means, read from its texts alone, the same way for what is wanted and for what the device holds. An unreadable text is
 * as good as none: members of an unreadable class may send nothing. Without readable settings nothing of ours has effect.
 */
export function lift(program: Program): Behaviour {
  const settings = read(settingsForm, program.objects.get('settings'));
  if (settings === undefined) return absentBehaviour;
  const classes = new Map<string, Class>();
  const groups = new Map<string, Group>();
  for (const [key, text] of program.objects) {
    const one = key.startsWith('class ') ? read(classForm, text) : undefined;
    if (one !== undefined) classes.set(one.id, one);
    const group = key.startsWith('group ') ? read(outsideForm, text) : undefined;
    if (group !== undefined) groups.set(group.id, group);
  }
  const order = read(z.array(z.string()), program.objects.get('nat-order')) ?? [];
  const nats = order.flatMap((id): Nat[] => {
    const nat = read(natForm, program.objects.get(`nat ${id}`));
    if (nat === undefined) return [];
    const table = program.tables.get(`nat ${id}`) ?? BucketMap.empty<string>();
    return [
      { ...nat, sources: BucketMap.from([...table.entries()].map(([key, text]) => [key, readTarget(text)] as const)) },
    ];
  });
  const ruleset: Ruleset = {
    firewall: '',
    cluster: '',
    ...settings,
    classes,
    members: program.tables.get('members') ?? BucketMap.empty(),
    groups,
    nats,
  };
  return behaviourOf(ruleset);
}
