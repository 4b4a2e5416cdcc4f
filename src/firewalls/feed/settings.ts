import { z } from 'zod';
import type { BorderFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { withoutPassword } from '../../base/without-password.ts';
import { quoteForMessage } from '../../ip/address.ts';
import { optionMistakes } from '../driver-options.ts';

type Settings = Pick<
  BorderFirewall,
  'name' | 'address' | 'options' | 'credentialsRef' | 'tls' | 'adopt' | 'approximate' | 'tiers'
>;

/** `spec.options` of a BorderFirewall with driver `feed`: nothing is left to choose. */
export const feedOptions = z.strictObject({});

/** The one address: the lists that this process gives out, those of the BorderFirewall with this name. */
export const FEED_ADDRESS = 'feeds';

/** What a BorderFirewall says that a firewall which fetches lists cannot be. Errors are about what its author relies on. */
export function checkFeedSettings(settings: Settings): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const say = (severity: Diagnostic['severity'], code: Diagnostic['code'], field: string, message: string): void => {
    found.push({ severity, code, path: `spec.${field}`, message });
  };
  if (settings.address !== FEED_ADDRESS)
    say(
      'error',
      'DEVICE_ADDRESS',
      'address',
      `${quoteForMessage(withoutPassword(settings.address))}: a firewall that fetches lists has the address "${FEED_ADDRESS}"`,
    );
  found.push(...optionMistakes(feedOptions, settings.options));
  if (settings.credentialsRef !== undefined)
    say(
      'error',
      'DEVICE_SETTING',
      'credentialsRef',
      'the firewall shows credentials, not we; name them in feeds.consumers of the configuration, and remove it',
    );
  if (settings.tls !== undefined)
    say(
      'error',
      'DEVICE_SETTING',
      'tls',
      'the firewall comes to us; its certificate belongs to feeds.tls.clientCA of the configuration; remove it',
    );
  if (settings.adopt.length > 0)
    say('error', 'DEVICE_SETTING', 'adopt', 'there is nothing to take over: all lists are ours; remove it');
  if (settings.tiers.length > 0) say('error', 'DEVICE_SETTING', 'policies.tiers', 'lists hold no rules; remove it');
  if (settings.approximate !== 'Never')
    say('warning', 'DEVICE_SETTING_UNUSED', 'approximate', 'lists are exact, whatever stands here');
  return found;
}
