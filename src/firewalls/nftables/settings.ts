import type { BorderFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { SallyportError } from '../../base/error.ts';
import { optionMistakes } from '../driver-options.ts';
import { nftablesOptions } from './options.ts';
import { parseDeviceAddress } from './reach/transport.ts';

type Settings = Pick<BorderFirewall, 'address' | 'options' | 'credentialsRef' | 'tls' | 'adopt' | 'approximate'>;

/**
 * What a BorderFirewall says that an nftables firewall cannot be, without asking the device. Errors are about what its author relies on:
 * the firewall is then left alone.
 */
export function checkSettings(settings: Settings): readonly Diagnostic[] {
  const found: Diagnostic[] = [
    ...addressMistakes(settings.address),
    ...optionMistakes(nftablesOptions, settings.options),
  ];
  const say = (severity: Diagnostic['severity'], code: Diagnostic['code'], path: string, message: string): void => {
    found.push({ severity, code, path, message });
  };
  if (settings.credentialsRef !== undefined)
    say(
      'error',
      'DEVICE_SETTING',
      'spec.credentialsRef',
      'the nftables driver has the rights of its process, or those that ssh gives it by its own keys; remove it',
    );
  if (settings.tls !== undefined)
    say(
      'error',
      'DEVICE_SETTING',
      'spec.tls',
      "the nftables driver speaks no TLS; ssh knows the far side by ~/.ssh/known_hosts of Sallyport's user; remove it",
    );
  if (settings.adopt.length > 0)
    say(
      'error',
      'DEVICE_SETTING',
      'spec.adopt',
      'the nftables driver takes nothing over: all that is ours lies in a table of our own; remove it',
    );
  if (settings.approximate !== 'Never')
    say(
      'warning',
      'DEVICE_SETTING_UNUSED',
      'spec.approximate',
      'the nftables driver approximates nothing; what it cannot say is refused, whatever stands here',
    );
  return found;
}

function addressMistakes(address: string): readonly Diagnostic[] {
  try {
    parseDeviceAddress(address);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof SallyportError)) throw thrown;
    return [{ severity: 'error', code: thrown.code, path: 'spec.address', message: thrown.message }];
  }
}
