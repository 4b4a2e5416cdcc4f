import { z } from 'zod';
import type { BorderFirewall } from '../../../api/resource.ts';
import { positionOption } from '../../driver-options.ts';
import type { Position, Positions } from './edits.ts';
import type { Scope } from '../api/scope.ts';

const text = z.string().min(1).max(63);
const zones = z.array(z.string().min(1).max(31)).min(1).max(64);

/** `spec.options` of a BorderFirewall with driver `panos`. */
export const panosOptions = z.strictObject({
  vsys: z
    .string()
    .regex(/^vsys\d{1,3}$/, { error: 'write a vsys like "vsys1"' })
    .default('vsys1')
    .describe('the virtual system that is written to'),
  deviceGroup: text
    .optional()
    .describe('on a Panorama: the device group whose firewalls are kept, or `shared` for all of its firewalls'),
  rulebase: z
    .enum(['Pre', 'Post'])
    .default('Pre')
    .describe('on a Panorama: whether our rules stand above those of the firewalls, or below'),
  peer: z
    .strictObject({
      address: z.string().min(1).max(300).describe('https://HOST or https://HOST:PORT'),
      pin: z
        .string()
        .min(1)
        .max(100)
        .optional()
        .describe('the fingerprint of its certificate, where spec.tls has a pin'),
    })
    .optional()
    .describe('the other firewall of a pair; spec.address may be either of them'),
  position: positionOption(text)
    .optional()
    .describe('where our block of rules stands among the rules of others; needed in mode Enforce'),
  natPosition: positionOption(text)
    .default('First')
    .describe('where our rules of translation stand among those of others: the first that matches decides there'),
  form: z
    .enum(['Filter', 'Full'])
    .default('Filter')
    .describe('Filter: our rules deny, and what they allow still passes the rules below; Full: our Allow is final'),
  layout: z
    .enum(['Class', 'Group'])
    .default('Class')
    .describe(
      'Class: one block of rules for each class; Group: one list for all, with fewer rules, and steps that say what they expose',
    ),
  members: z
    .enum(['Tag', 'Group'])
    .default('Tag')
    .describe(
      'Tag: members that may be lost are registered addresses, which change at once; Group: all are configured, and change with a commit, where the device has no room for tags or the account no right to them',
    ),
  lists: z
    .strictObject({
      url: z
        .string()
        .max(220)
        .regex(/^https:\/\/[^\s?#@]+$/, {
          error: 'write the address under which our lists are given out, like "https://feeds.example.net:8443/lists"',
        })
        .describe('where AddressGroups with `as: Feed` are fetched from: `/NAME.txt` is added'),
      certificateProfile: text
        .optional()
        .describe('the certificate profile that the server of the lists is checked by'),
    })
    .optional()
    .describe('AddressGroups with `as: Feed` become external dynamic lists, that the firewall fetches by itself'),
  zones: z
    .strictObject({
      from: zones.default(['any']).describe('zones on the side of the pods'),
      to: zones.default(['any']).describe('zones on the other side; one alone for SourceNAT'),
    })
    .prefault({})
    .describe('between which our rules stand'),
  securityProfile: text
    .optional()
    .describe('with Full: the profile group that inspects what we allow, or none, which is told as Uninspected'),
  log: z.enum(['All', 'None']).optional().describe('with Full: whether what we allow is logged; denials always are'),
  logSetting: text.optional().describe('the log forwarding profile of our rules'),
});

export type PanosOptions = z.infer<typeof panosOptions>;

/** Where a BorderFirewall's rules and objects stand. */
export function scopeOf({ vsys, deviceGroup, rulebase }: PanosOptions): Scope {
  if (deviceGroup === undefined) return { kind: 'vsys', vsys };
  const base = rulebase === 'Pre' ? 'pre' : 'post';
  return deviceGroup === 'shared'
    ? { kind: 'shared', rulebase: base }
    : { kind: 'device-group', group: deviceGroup, rulebase: base };
}

/** Throws where `checkPanosSettings` finds something wrong with them. */
export function readOptions({ options }: Pick<BorderFirewall, 'options'>): PanosOptions {
  return panosOptions.parse(options);
}

/** Without a position of rules nothing but groups may be written in mode Enforce; the end of the list overrules nobody. */
export function positionsOf({ position = 'Last', natPosition }: PanosOptions): Positions {
  return { security: positionOf(position), nat: positionOf(natPosition) };
}

function positionOf(written: PanosOptions['natPosition']): Position {
  if (typeof written === 'string') return { at: written === 'First' ? 'top' : 'bottom' };
  return 'before' in written ? { at: 'before', rule: written.before } : { at: 'after', rule: written.after };
}
