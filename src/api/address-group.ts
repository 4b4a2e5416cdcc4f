import { z } from 'zod';
import { cel } from './cel.ts';
import { names, namespaceSelector, workloadSelector } from './fields.ts';
import { NO_SPEC, checkEnvelope } from './own.ts';
import type { AddressGroup, Meta } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, defined } from './shape.ts';

/** `spec` of an AddressGroup (design section 5). */
export const addressGroupSpec = z
  .strictObject({
    selector: workloadSelector,
    namespaceSelector,
    firewalls: names.optional().describe("names of BorderFirewalls; absent: every one on the workloads' way"),
    name: z.string().min(1).max(253).optional().describe('its name on the device; absent: that of this object'),
    as: z
      .enum(['Auto', 'Group', 'Feed', 'Tag'])
      .meta(cel({ rule: 'self == oldSelf', message: 'the form is fixed when the group is made; make another group' }))
      .default('Auto')
      .describe('the form that the device knows it in; fixed when the group is made'),
    use: z
      .enum(['Allow', 'Deny'])
      .default('Allow')
      .describe('what rules do with it: additions come first for Allow, removals for Deny'),
  })
  .describe('a set of addresses on firewalls that follows workloads, for rules that people keep writing');

const UNREADABLE = { ok: false } as const;

/** Reads an AddressGroup. One that is broken anywhere has no readable selector and keeps what the device holds. */
export function readAddressGroup(meta: Meta, raw: RawMap, scope: Scope): AddressGroup {
  const broken = scope.otherwise('The group keeps the members that the device holds.');
  const inside = broken.at('spec');
  const soundEnvelope = checkEnvelope(raw, broken);
  const map = inside.map(raw['spec'], NO_SPEC);
  const { values, sound } = map === undefined ? { values: {}, sound: false } : inside.fields(addressGroupSpec, map);
  const { selector, namespaceSelector: namespaces, firewalls } = values;
  const readable = soundEnvelope && sound && selector !== undefined && namespaces !== undefined;
  return {
    ...meta,
    type: 'AddressGroup',
    selector: readable ? { ok: true, value: selector } : UNREADABLE,
    namespaceSelector: readable ? { ok: true, value: namespaces } : UNREADABLE,
    ...defined({ firewalls }),
    deviceName: values.name ?? meta.name,
    as: values.as ?? 'Auto',
    use: values.use ?? 'Allow',
  };
}
