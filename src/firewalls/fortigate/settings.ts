import { z } from 'zod';
import type { BorderFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { optionMistakes, positionOption } from '../driver-options.ts';
import { checkHttpsAddress } from '../https/device-address.ts';
import { checkTls } from '../https/device-tls.ts';

type Settings = Pick<BorderFirewall, 'address' | 'options' | 'credentialsRef' | 'tls' | 'mode'>;

const name = z.string().min(1).max(35);
const interfaces = z.array(name).min(1).max(64);

const position = positionOption(name);
export type Position = z.infer<typeof position>;

/** `spec.options` of a BorderFirewall with driver `fortigate`. */
export const fortigateOptions = z.strictObject({
  vdom: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,31}$/)
    .default('root')
    .describe('the virtual domain that is kept; two BorderFirewalls may name two of one device'),
  zones: z
    .strictObject({
      from: interfaces.describe('interfaces or zones on the side of the pods'),
      to: interfaces.describe('interfaces or zones on the other side'),
    })
    .optional()
    .describe('between which our policies stand; needed for rules and translations, not for address groups'),
  position: position.optional().describe('where our policies stand among those of others; needed for rules'),
  form: z
    .enum(['Filter', 'Full'])
    .default('Filter')
    .describe('Filter: our policies deny alone, and what we allow meets the policies below. Full: they accept'),
  layout: z
    .enum(['Class', 'Group'])
    .default('Class')
    .describe(
      'Class: a complete block of policies for each class. Group: fewer policies, and steps that say what they expose',
    ),
  securityProfile: name
    .optional()
    .describe('with Full: the profile group that inspects what we accept, or none, which is told as Uninspected'),
  log: z.enum(['All', 'None']).optional().describe('with Full: whether what we accept is logged; denials always are'),
});
export type FortigateOptions = z.infer<typeof fortigateOptions>;

/** What a BorderFirewall says that a FortiGate cannot be, found without asking it. */
export function checkFortigateSettings(settings: Settings): readonly Diagnostic[] {
  const found: Diagnostic[] = [
    ...checkHttpsAddress(settings.address),
    ...checkTls(settings.tls),
    ...optionMistakes(fortigateOptions, settings.options),
  ];
  const say = (code: Diagnostic['code'], path: string, message: string): void => {
    found.push({ severity: 'error', code, path: `spec.${path}`, message });
  };
  const { data: options } = fortigateOptions.safeParse(settings.options ?? {});
  if (settings.credentialsRef === undefined)
    say(
      'DEVICE_SETTING',
      'credentialsRef',
      'a FortiGate lets nobody in without the token of an API administrator; name where it is, under the key "token"',
    );
  if (options?.form === 'Full') {
    if (options.securityProfile === undefined)
      say(
        'DEVICE_OPTIONS',
        'options.securityProfile',
        'with form Full our policies accept: name the profile group that inspects what they do, or write none',
      );
    if (options.log === undefined)
      say(
        'DEVICE_OPTIONS',
        'options.log',
        'with form Full our policies accept: say whether that is logged, All or None',
      );
  }
  return found;
}

/** The options of a BorderFirewall that `checkFortigateSettings` found right. */
export function optionsOf(firewall: Pick<BorderFirewall, 'options'>): FortigateOptions {
  return fortigateOptions.parse(firewall.options ?? {});
}
