import type { Diagnostic } from '../../base/diagnostic.ts';
import type { FirewallSpec } from '../kinds/firewall.ts';
import type { Network } from '../kinds/network.ts';
import { scopeOf } from '../subject.ts';
import { type RuleUnit, sortedUnits } from './text.ts';

/** The highest rate that kernels take: the nanoseconds of a second times its bytes have to fit 64 bits. In MiB a second. */
const HIGHEST = 17_592;

/** What comes in from a network beyond its rate is dropped. */
export function rateLimitRules(
  firewall: FirewallSpec,
  networks: readonly Network[],
  diagnostics: Diagnostic[],
): readonly RuleUnit[] {
  const scope = scopeOf(firewall.subject, diagnostics).at('rateLimits');
  return sortedUnits(
    firewall.rateLimits.flatMap(({ networkId, rate, index }): readonly RuleUnit[] => {
      const network = networks.find(({ id }) => id === networkId);
      if (network === undefined || network.role === 'underlay') {
        scope.warning(
          'MACHINE_NETWORK',
          `this machine is not attached to a network "${networkId}" that can be limited, so nothing is`,
          index,
          'networkID',
        );
        return [];
      }
      if (rate > HIGHEST)
        scope.warning(
          'FIELD_INVALID',
          `kernels limit to ${HIGHEST} MiB a second at most; that is the limit`,
          index,
          'rate',
        );
      const most = Math.min(rate, HIGHEST);
      const line = `meta iifname "vrf${network.vrf}" limit rate over ${most} mbytes/second counter name drop_ratelimit drop`;
      return [{ lines: [line], owner: `Firewall rateLimits ${networkId}` }];
    }),
  );
}
