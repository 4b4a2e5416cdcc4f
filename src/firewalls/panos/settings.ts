import type { BorderFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { checkHttpsAddress } from '../https/device-address.ts';
import { checkTls } from '../https/device-tls.ts';
import { checkOptions } from './options.ts';

type Settings = Pick<
  BorderFirewall,
  'address' | 'options' | 'credentialsRef' | 'tls' | 'approximate' | 'mode' | 'adopt'
>;

/** What a BorderFirewall says that a firewall with PAN-OS cannot be, without asking it. */
export function checkPanosSettings(settings: Settings): readonly Diagnostic[] {
  const { address, options, credentialsRef, tls, approximate, adopt } = settings;
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
    ...checkOptions(options, 'spec.options'),
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
    ...(adopt.length === 0
      ? []
      : [
          say(
            'error',
            'DEVICE_SETTING',
            'spec.adopt',
            'the panos driver takes nothing over yet; choose other names (`spec.name` of an AddressGroup) and remove it',
          ),
        ]),
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
