import type { AllocationNetwork, Firewall } from '../../simulators/metal/index.ts';

type Allocation = Firewall['allocation'];

/** The network of the cluster behind it. */
export const NODES: AllocationNetwork = {
  networkid: 'nodes',
  networktype: 'privateprimaryunshared',
  vrf: 42,
  prefixes: ['10.0.0.0/22'],
  ips: ['10.0.0.1'],
};
export const INTERNET: AllocationNetwork = {
  networkid: 'internet',
  networktype: 'external',
  vrf: 104_009,
  prefixes: ['198.51.100.0/24'],
  ips: ['198.51.100.2'],
};

/** The machine `fw-1` of project `p-1`, as a metal-api has it; `rest`: what of its allocation is of interest. */
export function allocatedFirewall(rest: Partial<Allocation> = {}, id = 'm-1'): Firewall {
  return {
    id,
    allocation: { name: 'shop', hostname: 'fw-1', project: 'p-1', networks: [NODES, INTERNET], ...rest },
  };
}
