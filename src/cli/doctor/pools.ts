import type { LiveWorld } from '../../controller/world/live-world.ts';
import { poolsByName } from '../address-holders.ts';
import type { Check } from './checks.ts';

/** What IP pools mean for what firewalls see. */
export function checkPools({ inventory }: LiveWorld): readonly Check[] {
  const pools = poolsByName(inventory.pools);
  if (pools.length === 0) {
    const silent = [...inventory.borderFirewalls.values()].filter(({ sees }) => sees === undefined);
    const message = 'there are no IP pools, so nobody knows by itself with which address pods leave';
    if (silent.length === 0)
      return [{ check: 'pools', result: 'OK', message: `${message}; every firewall says what it sees` }];
    const names = silent.map(({ name }) => name).toSorted();
    return [
      {
        check: 'pools',
        result: 'Warning',
        message: `${message}; ${names.join(', ')} ${names.length === 1 ? 'does' : 'do'} not say it either`,
        fix: 'Say `sees: Pod` or `sees: Node` in each BorderFirewall.',
      },
    ];
  }
  return pools.map(({ name, cidr, natOutgoing, disabled, workloads }) => {
    const use = disabled ? ', disabled: nobody gets addresses of it' : workloads ? '' : ', not for pods';
    const seen = natOutgoing
      ? "natOutgoing: beyond all pools its pods have their node's address, which they share (blind)"
      : 'its pods are seen by their own addresses';
    return { check: 'pools', subject: name, result: 'OK', message: `${cidr.toString()}${use}; ${seen}` };
  });
}
