import type { BorderFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { checkHttpsAddress } from '../https/device-address.ts';
import { checkTls } from '../https/device-tls.ts';
import { optionMistakes } from '../driver-options.ts';
import { panosOptions } from './configuration/options.ts';

type Settings = Pick<BorderFirewall, 'address' | 'options' | 'credentialsRef' | 'tls' | 'approximate' | 'mode'>;

/** What a BorderFirewall says that a firewall with PAN-OS cannot be, without asking it. */
export function checkPanosSettings(settings: Settings): readonly Diagnostic[] {
  const { address, options, credentialsRef, tls, approximate } = settings;
  const say = (
    severity: Diagnostic['severity'],
    code: Diagnostic['code'],
    path: string,
    message: string,
  ): Diagnostic => ({
    severity,
    code,
    path,
    message,
  });
  return [
    ...checkHttpsAddress(address),
    ...checkTls(tls),
    ...optionMistakes(panosOptions, options),
    ...scopeMistakes(settings),
    ...peerMistakes(settings),
    ...blockMistakes(settings),
    ...(credentialsRef === undefined
      ? [
          say(
            'error',
            'DEVICE_SETTING',
            'spec.credentialsRef',
            'a firewall with PAN-OS lets nobody in without them; name a Secret, file or variable with "user" and "password", or "user" and "key"',
          ),
        ]
      : []),
    ...(approximate === 'Never'
      ? []
      : [
          say(
            'warning',
            'DEVICE_SETTING_UNUSED',
            'spec.approximate',
            'the panos driver approximates nothing; what it cannot say is refused, whatever stands here',
          ),
        ]),
  ];
}

/** What has to be said before rules are written (design 8.8): they overrule what stands below them. */
function blockMistakes({ options, mode }: Settings): readonly Diagnostic[] {
  const parsed = panosOptions.safeParse(options ?? {});
  if (!parsed.success || mode !== 'Enforce') return [];
  const { position, form, securityProfile, log } = parsed.data;
  const missing = (key: string, why: string): Diagnostic => ({
    severity: 'error',
    code: 'DEVICE_SETTING',
    path: `spec.options.${key}`,
    message: why,
  });
  return [
    ...(position === undefined
      ? [
          missing(
            'position',
            'say where our rules stand among those of others: First, Last, {before: RULE} or {after: RULE}',
          ),
        ]
      : []),
    ...(form === 'Full' && securityProfile === undefined
      ? [
          missing(
            'securityProfile',
            'form Full lets traffic pass for good: name the profile group that inspects it, or write none',
          ),
        ]
      : []),
    ...(form === 'Full' && log === undefined
      ? [missing('log', 'form Full lets traffic pass for good: say whether it is logged, All or None')]
      : []),
  ];
}

/** A firewall has vsys, a Panorama device groups. */
function scopeMistakes({ options }: Settings): readonly Diagnostic[] {
  const parsed = panosOptions.safeParse(options ?? {});
  if (!parsed.success) return [];
  const { deviceGroup, peer } = parsed.data;
  const written = new Set(Object.keys(options ?? {}));
  const wrong = (key: string, message: string): Diagnostic => ({
    severity: 'error',
    code: 'DEVICE_SETTING',
    path: `spec.options.${key}`,
    message,
  });
  if (deviceGroup === undefined)
    return written.has('rulebase')
      ? [
          wrong(
            'rulebase',
            'only a Panorama has rules above and below those of firewalls; name a deviceGroup, or remove it',
          ),
        ]
      : [];
  return [
    ...(written.has('vsys')
      ? [wrong('vsys', 'the device group says which vsys of which firewall it reaches; remove it')]
      : []),
    ...(peer === undefined
      ? []
      : [
          wrong(
            'peer',
            'pairs of Panoramas are not followed; name the active one alone, or an address that moves with it',
          ),
        ]),
  ];
}

function peerMistakes({ options, tls }: Settings): readonly Diagnostic[] {
  const parsed = panosOptions.safeParse(options ?? {});
  const peer = parsed.data?.peer;
  if (peer === undefined) return [];
  const at = (list: readonly Diagnostic[], path: string): readonly Diagnostic[] =>
    list.map((one) => ({ ...one, path }));
  const isPinned = tls !== undefined && 'pin' in tls && tls.pin !== undefined;
  return [
    ...at(checkHttpsAddress(peer.address), 'spec.options.peer.address'),
    ...(peer.pin === undefined ? [] : at(checkTls({ pin: peer.pin }), 'spec.options.peer.pin')),
    ...(isPinned && peer.pin === undefined
      ? [
          {
            severity: 'error',
            code: 'DEVICE_SETTING',
            path: 'spec.options.peer.pin',
            message: 'each of a pair has a certificate of its own; name the fingerprint of this one too',
          } as const,
        ]
      : []),
  ];
}
